"""Private keys between disk and a charon that refuses, is lost, or holds what it should not."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.errors import RpcError
from agent.translator import EntryChange, Settings
from tests.lab import change
from tests.translators.authority import Authority, key_pem, new_key
from tests.translators.tunnels import at_alice
from translators.strongswan.assembly import make
from translators.strongswan.charon.shared import Shared
from translators.strongswan.charon.vici import ViciError
from translators.strongswan.model import CERTIFICATE_STATE_ROOT, CERTIFICATES_PATH, CRLS_PATH
from translators.strongswan.pki.charon_keys import CharonKeys
from translators.strongswan.pki.key_rpcs import KeyRpcs
from translators.strongswan.pki.key_store import KeyStore

KEY = {"name": "gw", "pem": key_pem(new_key())}


def certificate(name: str, pem: str | None, before: str | None = None) -> EntryChange:
    path = f"{CERTIFICATES_PATH}[name='{name}']"
    old, new = (None if text is None else {"name": name, "pem": text} for text in (before, pem))
    return EntryChange((name,), path, old, new, CERTIFICATES_PATH)


class FakeSession:
    """A charon with keys; ``refuses`` is a command that it refuses."""

    def __init__(self, refuses: str = "") -> None:
        self.refuses = refuses
        self.keys: set[str] = set()
        self.lost = asyncio.Event()

    async def request(self, command: str, message: dict[str, Any] | None = None) -> dict[str, Any]:
        if command == self.refuses:
            raise ViciError(command, "not today")
        match command:
            case "load-key":
                self.keys.add("handle")
                return {"id": "handle"}
            case "unload-key":
                self.keys.discard((message or {})["id"])
            case "get-keys":
                return {"keys": sorted(self.keys)}
        return {}


class Made:
    def __init__(self, folder: Path) -> None:
        self.shared = Shared()
        self.session = FakeSession()
        self.readmit: Callable[[Any], Any] = self.agree
        self.folder = folder
        store = KeyStore(folder)
        self.keys = CharonKeys(store, self.shared)
        self.rpcs = KeyRpcs(
            Settings(folder),
            self.shared,
            store=store,
            keys=self.keys,
            readmit=lambda session: self.readmit(session),
        )

    @property
    def session(self) -> FakeSession | None:
        return self.shared.session  # type: ignore[return-value]

    @session.setter
    def session(self, session: FakeSession | None) -> None:
        self.shared.session = session  # type: ignore[assignment]

    async def agree(self, _session: Any) -> None:
        pass

    @property
    def files(self) -> list[str]:
        return sorted(file.name for file in self.folder.glob("*"))


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path)


async def test_a_key_that_charon_refuses_is_not_kept(made: Made) -> None:
    made.session = FakeSession("load-key")
    with pytest.raises(RpcError) as caught:
        await made.rpcs.rpc("import-private-key", KEY)
    assert (caught.value.app_tag, made.files) == ("backend-refused", [])


RPCS = [("import-private-key", KEY), ("generate-key-pair", {"name": "gw"})]


@pytest.mark.parametrize(("rpc", "input"), RPCS)
async def test_a_key_of_which_nobody_is_told_is_not_kept(made: Made, rpc: str, input: dict[str, Any]) -> None:
    """charon may have it by the time that the caller is gone."""
    charon = made.session
    assert charon is not None
    given, to_go_on, request = asyncio.Event(), asyncio.Event(), charon.request

    async def slow(command: str, message: dict[str, Any] | None = None) -> dict[str, Any]:
        reply = await request(command, message)
        given.set()
        await to_go_on.wait()
        return reply

    charon.request = slow  # type: ignore[method-assign]
    call = asyncio.create_task(made.rpcs.rpc(rpc, input))
    await given.wait()
    assert (made.files, charon.keys) == (["gw.pem"], {"handle"})
    call.cancel()
    await asyncio.sleep(0)
    to_go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert (made.files, charon.keys) == ([], set())


async def test_a_key_is_not_kept_if_a_defect_stops_its_way_to_charon(made: Made) -> None:
    async def defect(_session: Any) -> None:
        raise RuntimeError("a defect")

    charon = made.session
    assert charon is not None
    made.shared.desired.refused.add("1")
    made.readmit = defect
    with pytest.raises(RuntimeError):
        await made.rpcs.rpc("import-private-key", KEY)
    assert (made.files, charon.keys) == ([], set())


async def test_what_is_wrong_with_another_tunnel_is_not_the_keys_fault(made: Made) -> None:
    async def disagree(_session: Any) -> None:
        raise ViciError("load-shared", "another tunnel's secret is refused")

    assert made.session is not None
    made.shared.desired.refused.add("1")
    made.readmit = disagree
    await made.rpcs.rpc("import-private-key", KEY)
    assert (made.files, made.session.keys) == (["gw.pem"], {"handle"})
    assert made.session.lost.is_set()


@pytest.mark.parametrize("reachable", [False, True])
async def test_a_deleted_key_is_taken_from_charon_when_that_can_be(made: Made, reachable: bool) -> None:
    await made.rpcs.rpc("import-private-key", KEY)
    charon, made.session = made.session, FakeSession("unload-key") if reachable else None
    assert charon is not None
    await made.rpcs.rpc("delete-private-key", {"name": "gw"})
    assert (made.files, charon.keys) == ([], {"handle"})
    made.session = charon
    await made.keys.load_all(charon)  # type: ignore[arg-type]
    assert charon.keys == set()


async def test_a_key_that_came_back_meanwhile_stays(made: Made) -> None:
    await made.rpcs.rpc("import-private-key", KEY)
    charon, made.session = made.session, None
    assert charon is not None
    await made.rpcs.rpc("delete-private-key", {"name": "gw"})
    await made.rpcs.rpc("import-private-key", KEY)
    await made.keys.load_all(charon)  # type: ignore[arg-type]
    assert charon.keys == {"handle"}


@pytest.mark.parametrize(
    ("reason", "tag"),
    [
        (errno.ENOSPC, "resource-denied"),
        (errno.EDQUOT, "resource-denied"),
        (errno.EROFS, "resource-denied"),
        (errno.EIO, "operation-failed"),
    ],
)
async def test_a_disk_that_takes_no_key_is_told_as_of_a_commit(
    made: Made, monkeypatch: pytest.MonkeyPatch, reason: int, tag: str
) -> None:
    await made.rpcs.rpc("import-private-key", KEY)

    def broken(*_: object, **__: object) -> None:
        raise OSError(reason, os.strerror(reason))

    monkeypatch.setattr(KeyStore, "_write", broken)
    monkeypatch.setattr(Path, "unlink", broken)
    for rpc, given in (
        ("generate-key-pair", {"name": "new"}),
        ("import-private-key", {"name": "new", "pem": key_pem(new_key())}),
        ("delete-private-key", {"name": "gw"}),
    ):
        with pytest.raises(RpcError) as caught:
            await made.rpcs.rpc(rpc, given)
        assert (caught.value.tag, caught.value.app_tag) == (tag, "private-key-not-written")
        assert os.strerror(reason) in caught.value.message
    assert made.files == ["gw.pem"]


@pytest.mark.parametrize("again", [True, False])
def test_an_authority_has_one_certificate_whether_tunnels_use_it_or_not(tmp_path: Path, again: bool) -> None:
    root = Authority()
    translator = make(Settings(tmp_path, "none"))
    translator.know(CERTIFICATES_PATH, {("root",): {"name": "root", "pem": root.pem}})
    pem = root.pem if again else root.renewed()
    errors = translator.check([certificate("other", pem)])
    assert [error.app_tag for error in errors] == ([] if again else ["certificate-authority-twice"])


async def test_who_removes_an_authority_is_told_of_all_that_needs_it(tmp_path: Path) -> None:
    root, listed = Authority(), Authority("CN=other")
    translator = make(Settings(tmp_path, "none"))
    await translator.start({})
    own = new_key()
    await translator.rpc("import-private-key", {"name": "own", "pem": key_pem(own)})
    pems = {"root": root.pem, "other": listed.pem, "own": root.certify(own, "CN=gw")}
    known = {(name,): {"name": name, "pem": pem} for name, pem in pems.items()}
    translator.know(CERTIFICATES_PATH, known)
    translator.know(CRLS_PATH, {("crl",): {"name": "crl", "pem": root.revoke()}})
    named = {"own": "own", "trusted-ca": ["root"]}
    entry = at_alice(7, secret=None, certificate=named, local_id=None)
    assert translator.check([change(None, entry)]) == []
    translator.parts.shared.desired.replace({"7": entry})
    touched = translator.to_work([certificate("own", root.certify(own, "CN=gw"), pems["own"])])
    assert touched == {("7",): entry}, "a tunnel has to work again when its certificate is another"
    gone = certificate("root", None, root.pem)
    tunnel, crl = translator.check([gone])
    assert (tunnel.path, tunnel.app_tag) == (
        "/yangswan-ipsec:tunnels/ipsec[id='7']/certificate/trusted-ca[.='root']",
        "certificate-missing",
    )
    assert (crl.path, crl.app_tag) == (f"{CRLS_PATH}[name='crl']/pem", "crl-issuer-missing")
    assert crl.message.endswith("that is to be removed: remove the CRL, too")
    replaced = certificate("root", Authority().pem, root.pem)
    assert [error.message for error in translator.check([replaced]) if error.path == crl.path] == [
        "the CRL 'crl' needs the certificate of O=ACME, CN=root that is to be another one: "
        "replace or remove the CRL, too"
    ]


async def test_which_tunnels_name_a_certificate_is_state_that_changes_with_them(tmp_path: Path) -> None:
    told: list[str] = []
    root, own = Authority(), new_key()
    translator = make(Settings(tmp_path, "none", state_changed=told.extend))
    await translator.start({})
    await translator.rpc("import-private-key", {"name": "own", "pem": key_pem(own)})
    pems = {"root": root.pem, "own": root.certify(own, "CN=gw")}
    known = {(name,): {"name": name, "pem": pem} for name, pem in pems.items()}
    translator.know(CERTIFICATES_PATH, known)
    without = at_alice(7)
    named = at_alice(7, secret=None, certificate={"own": "own", "trusted-ca": ["root"]}, local_id=None)
    described = {**named, "description": "for people"}
    for before, after, is_told in (
        (None, without, False),
        (without, named, True),
        (named, described, False),
        (described, without, True),
        (without, None, False),
    ):
        told.clear()
        await translator.apply(await translator.prepare([change(before, after)]))
        assert (CERTIFICATE_STATE_ROOT in told) is is_told
        state = await translator.root_state(CERTIFICATE_STATE_ROOT)
        users = {one["name"]: one.get("tunnel") for one in state["certificate"]}
        assert users == dict.fromkeys(pems, [7] if after and "certificate" in after else None)
    await translator.stop()
