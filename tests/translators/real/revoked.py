"""Two gateways with certificates, and the changes that say which of these are revoked and who is asked."""

from __future__ import annotations

from agent.translator import EntryChange
from tests.lab import FAST_RETRANSMIT, Gateway, Lab
from tests.translators.real.pairs import failed_for
from tests.translators.real.test_certificates import NAMES, ROOT, Equipped, alices, bobs, certificate, subject
from tests.translators.tunnels import Json
from translators.strongswan.model import (
    CERTIFICATE_STATE_ROOT,
    CERTIFICATES_PATH,
    CRLS_PATH,
    FETCH_PATH,
    REVOCATION_PATH,
)

AS_BOB_SEES_ALICE = {"remote_id": {"dn": "O=ACME, CN=alice"}}


def crl(name: str, pem: str | None, before: str | None = None) -> EntryChange:
    old, new = (None if text is None else {"name": name, "pem": text} for text in (before, pem))
    return EntryChange((name,), f"{CRLS_PATH}[name='{name}']", old, new, CRLS_PATH)


def revocation(mode: str, before: str = "off") -> EntryChange:
    return EntryChange((), REVOCATION_PATH, {"revocation": before}, {"revocation": mode}, REVOCATION_PATH)


def fetch(enabled: bool, timeout: int = 5) -> EntryChange:
    after = {"enabled": enabled, "timeout": timeout}
    return EntryChange((), FETCH_PATH, {"enabled": True, "timeout": 5}, after, FETCH_PATH)


def places(**uris: list[str]) -> EntryChange:
    """Return the change by which the certificate ``root`` gets places to fetch from."""
    before = {"name": "root", "pem": ROOT.pem}
    after = before | {leaf.replace("_", "-"): uri for leaf, uri in uris.items()}
    return EntryChange(("root",), f"{CERTIFICATES_PATH}[name='root']", before, after, CERTIFICATES_PATH)


class Both:
    """Alice and bob with certificates and, after ``up``, a tunnel."""

    def __init__(self, lab: Lab) -> None:
        self.alice = Equipped(lab.alice(FAST_RETRANSMIT), "alice")
        self.bob = Equipped(lab.bob(FAST_RETRANSMIT), "bob")

    def up(self) -> None:
        self.begin()
        self.bob.gateway.wait_status("installed")

    def begin(self) -> None:
        self.alice.tunnel(alices())
        self.bob.tunnel(bobs(**AS_BOB_SEES_ALICE))

    def again(self) -> None:
        """Have bob authenticate anew."""
        self.bob.gateway.run(self.bob.gateway.translator.action(("1",), "restart", {}))

    def is_refused(self, reason: str) -> None:
        self.alice.gateway.wait_for(failed_for(reason))
        self.bob.gateway.wait_for(failed_for("authentication-failed"))
        assert self.alice.gateway.state()["status"] != "installed"

    def renew(self, **places: str) -> str:
        """Give bob another certificate, which says where to look, and return it."""
        pem = ROOT.certify(self.bob.key, subject("bob"), *NAMES["bob"], **places)  # type: ignore[arg-type]
        self.bob.commit(certificate("own", pem, self.bob.pem))
        self.bob.pem = pem
        return pem


def held(gateway: Gateway, kind: str = "X509", flag: str = "CA") -> set[str]:
    """Return the digests of what charon holds."""
    session = gateway.translator.parts.shared.session
    assert session is not None
    return set(gateway.run(session.held(kind, flag)))


def state(gateway: Gateway) -> Json:
    return gateway.run(gateway.translator.root_state(CERTIFICATE_STATE_ROOT))
