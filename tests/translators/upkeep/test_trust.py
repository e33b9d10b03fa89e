"""Authorities and CRLs between the configuration and a charon that the test plays."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.translators.authority import Authority
from tests.translators.tunnels import tunnel
from translators.strongswan.charon.daemon import ManagedCharon
from translators.strongswan.charon.shared import Shared
from translators.strongswan.charon.vici import ViciError
from translators.strongswan.options import Options
from translators.strongswan.pki.charon_keys import CharonKeys
from translators.strongswan.pki.key_store import KeyStore
from translators.strongswan.translation import certificates, revocation
from translators.strongswan.translation.desired import Desired
from translators.strongswan.translation.revocation import Mode, Revocation, Trust
from translators.strongswan.upkeep import trust
from translators.strongswan.upkeep.trust import CharonTrust

ROOT, OTHER = Authority(), Authority("CN=other,O=Other")
CERTIFIED = {"secret": None, "local_id": {}}


class Charon:
    """Keeps what it is given as charon does; ``refuses`` is a command that it refuses."""

    def __init__(self, plugins: Sequence[str] = ("revocation", "curl")) -> None:
        self.plugins = plugins
        self.refuses = ""
        self.told: list[str] = []
        self.authorities: dict[str, str] = {}
        self.external: set[str] = set()
        self.crls: set[str] = set()
        self.negotiating = 0
        self.of_others: list[str] = []

    async def request(self, command: str, message: Mapping[str, Any] | None = None) -> dict[str, Any]:
        self.told.append(command)
        if command == self.refuses:
            raise ViciError(command, "not today")
        match command, message or {}:
            case "get-authorities", _:
                return {"authorities": [*self.authorities]}
            case "load-authority", loaded:
                ((name, section),) = loaded.items()
                self.authorities[name] = certificates.parse(section["cacert"]).digest
            case "unload-authority", unloaded:
                del self.authorities[unloaded["name"]]
            case "load-cert", crl:
                self.crls.add(hashlib.sha256(crl["data"]).hexdigest())
            case "clear-creds", _:
                self.external.clear()
                self.crls.clear()
        return {}

    async def together(self, requests: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        for command, message in requests:
            await self.request(command, message)

    async def held(self, kind: str, flag: str = "") -> frozenset[str]:
        return frozenset(self.crls if kind == "X509_CRL" else {*self.external, *self.authorities.values()})

    async def loaded(self) -> tuple[list[str], list[str]]:
        return [], ["ipsec-2", *self.of_others]

    async def list_sas(self) -> list[dict[str, Any]]:
        self.negotiating -= 1
        return [{"state": "CONNECTING"}] if self.negotiating >= 0 else [{"state": "ESTABLISHED"}]


class Made:
    def __init__(self, folder: Path, *, ours: bool = True) -> None:
        store = KeyStore(folder / "keys")
        self.desired = Desired(lambda: {certificates.parse(ROOT.pem).key_digest})
        self.desired.certificates = {
            "own": certificates.parse(ROOT.pem),
            "root": certificates.parse(ROOT.pem),
            "other": certificates.parse(OTHER.pem),
        }
        shared = Shared(self.desired)
        managed = ManagedCharon(folder, Options(), revocation=lambda: self.desired.revocation)
        daemon = managed if ours else None
        self.trust = CharonTrust(shared, CharonKeys(store, shared), daemon)
        self.charon: Any = Charon()

    def trusts(self, *authorities: str) -> Trust:
        """Have a tunnel that trusts ``authorities``; return what charon is to hold."""
        certificate = {"own": "own", "trusted-ca": [*authorities]}
        self.desired.put("1", tunnel(1, **CERTIFIED, certificate=certificate) if authorities else None)
        self.desired.put("2", tunnel(2, remote_id={"name": "b"}))
        return self.trust.wanted

    async def holds(self, *authorities: str) -> None:
        """Have charon hold what goes with such a tunnel."""
        self.trusts(*authorities)
        await self.trust.agree(self.charon)
        self.charon.external |= self.trust.wanted.certificates.keys()
        self.charon.told.clear()


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path)


def digests(*authorities: Authority) -> set[str]:
    return {certificates.parse(one.pem).digest for one in authorities}


async def test_a_new_charon_gets_everything_and_one_that_has_it_nothing_twice(made: Made) -> None:
    made.desired.crls = {"root": revocation.parse(ROOT.revoke())}
    made.trusts("root")
    await made.trust.agree(made.charon)
    assert set(made.charon.authorities.values()) == digests(ROOT)
    assert len(made.charon.crls) == 1
    made.charon.told.clear()
    await made.trust.agree(made.charon)
    assert "load-authority" not in made.charon.told, "charon 5.9 would keep the one before for ever"


async def test_what_is_taken_away_is_forgotten_and_secrets_are_given_again(made: Made) -> None:
    await made.holds("root", "other")
    before, after = made.trust.wanted, made.trusts("root")
    del made.desired.certificates["other"]
    await made.trust.add(made.charon, before, after)
    await made.trust.settle(made.charon)
    assert made.charon.external | set(made.charon.authorities.values()) == digests(ROOT)
    told = made.charon.told
    assert told[told.index("clear-creds") + 1] == "load-shared"


async def test_nothing_is_cleared_where_nothing_is_left(made: Made) -> None:
    await made.holds("root", "other")
    await made.trust.settle(made.charon)
    assert "clear-creds" not in made.charon.told
    made.trusts("root")
    await made.trust.settle(made.charon)
    assert set(made.charon.authorities.values()) == digests(ROOT)
    assert "clear-creds" not in made.charon.told, "the other one is configured, and may be needed again"


async def test_what_an_earlier_agent_left_goes_too(made: Made) -> None:
    made.charon.authorities["ipsec-ca-gone-0123456789abcdef"] = "an old one"
    made.charon.authorities["of-somebody-else"] = next(iter(digests(ROOT)))
    made.charon.external.add("another old one")
    made.trusts("root")
    await made.trust.agree(made.charon)
    await made.trust.settle(made.charon)
    assert made.charon.external == set()
    assert {name.rsplit("-", 1)[0] for name in made.charon.authorities} == {"ipsec-ca-root", "of-somebody"}


async def test_nobody_who_authenticates_is_disturbed(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust, "POLL_S", 0.0)
    await made.holds("root", "other")
    made.trusts("root")
    del made.desired.certificates["other"]
    made.charon.negotiating = 3
    await made.trust.settle(made.charon)
    assert made.charon.negotiating < 0
    assert "clear-creds" in made.charon.told


async def test_a_peer_that_never_answers_does_not_hold_it_up(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trust, "QUIET_LIMIT_S", 0.0)
    await made.holds("root", "other")
    made.trusts("root")
    del made.desired.certificates["other"]
    made.charon.negotiating = 1_000_000
    await made.trust.settle(made.charon)
    assert "clear-creds" in made.charon.told


async def test_what_others_gave_to_a_charon_that_is_not_ours_is_not_cleared(tmp_path: Path) -> None:
    made = Made(tmp_path, ours=False)
    made.charon.external.add("of somebody else")
    made.desired.crls = {"root": revocation.parse(ROOT.revoke())}
    await made.holds("root", "other")
    made.trusts("root")
    del made.desired.certificates["other"]
    made.desired.crls = {}
    await made.trust.settle(made.charon)
    assert "clear-creds" not in made.charon.told
    assert made.trust.kept == ["a CRL of O=ACME, CN=root", "the authority O=Other, CN=other"]
    made.charon.external -= digests(OTHER)
    made.charon.crls.clear()
    await made.trust.settle(made.charon)
    assert made.trust.kept == []


async def test_nor_are_secrets_of_others_in_our_own(made: Made) -> None:
    await made.holds("root", "other")
    made.charon.of_others = ["theirs"]
    made.trusts("root")
    del made.desired.certificates["other"]
    await made.trust.settle(made.charon)
    assert "clear-creds" not in made.charon.told
    assert made.trust.kept == ["the authority O=Other, CN=other"]
    made.charon.of_others = []
    await made.trust.settle(made.charon)
    assert made.charon.external | set(made.charon.authorities.values()) == digests(ROOT)
    assert made.trust.kept == []


async def test_what_is_refused_of_a_change_is_an_error_and_of_the_start_is_said(
    made: Made, caplog: pytest.LogCaptureFixture
) -> None:
    made.desired.crls = {"root": revocation.parse(ROOT.revoke())}
    made.charon.refuses = "load-cert"
    with pytest.raises(ViciError):
        await made.trust.add(made.charon, Trust(), made.trusts("root"))
    await made.trust.agree(made.charon)
    assert "the CRL 'root', which is committed" in caplog.text


async def test_a_crl_of_which_charon_has_a_newer_one_is_given_again_once(made: Made) -> None:
    made.desired.crls = {"root": revocation.parse(ROOT.revoke())}
    await made.holds("root")
    made.charon.crls.clear()
    await made.trust.mend(made.charon)
    (ours,) = made.charon.crls
    for _look in range(3):
        made.charon.crls = {"a newer one"}
        await made.trust.mend(made.charon)
    assert made.charon.told.count("load-cert") == 1
    for held in ({ours}, set()):
        made.charon.crls = held
        await made.trust.mend(made.charon)
    assert made.charon.told.count("load-cert") == 2


@pytest.mark.parametrize(
    ("plugins", "ours", "settings", "checked", "fetching"),
    [
        (("revocation", "curl"), True, Revocation(), False, "disabled"),
        (("revocation", "curl"), True, Revocation(Mode.STRICT), True, "enabled"),
        (("revocation", "curl"), True, Revocation(Mode.STRICT, fetch=False), True, "restart-needed"),
        (("revocation",), True, Revocation(Mode.STRICT, fetch=False), True, "disabled"),
        (("revocation",), True, Revocation(Mode.STRICT), True, "no-plugin"),
        ((), True, Revocation(Mode.IF_AVAILABLE), False, "no-plugin"),
        (("revocation", "curl"), False, Revocation(), True, "enabled"),
        (("revocation",), False, Revocation(), True, "no-plugin"),
    ],
)
def test_the_state_says_what_charon_does(
    tmp_path: Path, plugins: Sequence[str], ours: bool, settings: Revocation, checked: bool, fetching: str
) -> None:
    made = Made(tmp_path, ours=ours)
    made.desired.revocation = settings
    made.charon.plugins = plugins
    assert (made.trust.checked(made.charon), made.trust.fetching(made.charon)) == (checked, fetching)
