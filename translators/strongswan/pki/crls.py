"""Changes of the configured CRLs, and what stands against them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from agent.errors import InvalidValue, RpcError
from agent.translator import EntryChange
from translators.strongswan.model import CRLS_PATH
from translators.strongswan.translation import revocation
from translators.strongswan.translation.certificates import Certificate
from translators.strongswan.translation.refusals import Refused
from translators.strongswan.translation.revocation import Crl


class Crls:
    """CRLs by name, ``known``, beside the ``certificates`` that are to be."""

    def __init__(self, known: Mapping[str, Crl], certificates: Mapping[str, Certificate]) -> None:
        self._known = known
        self._authorities = [one for one in certificates.values() if one.is_authority]

    def changed(
        self, changes: Sequence[EntryChange], *, certificates_changed: bool
    ) -> tuple[dict[str, Crl | None], list[RpcError]]:
        """Return what ``changes`` mean, and what stands against them."""
        changed: dict[str, Crl | None] = {}
        errors: list[RpcError] = []
        for change in changes:
            try:
                pem = None if change.after is None else str(change.after["pem"])
                changed[change.keys[0]] = None if pem is None else revocation.parse(pem)
            except Refused as error:
                errors.append(_error(change.keys[0], error))
        merged = {**self._known, **changed}
        there = {name: crl for name, crl in merged.items() if crl is not None}
        # One whose authority is gone, too.
        names = there if certificates_changed else there.keys() & changed.keys()
        errors += self._unsigned(names, there, changed.keys())
        errors += [_error(name, error) for name, error in _twice(there, changed)]
        return changed, errors

    def _unsigned(
        self, names: Iterable[str], crls: Mapping[str, Crl], changed: Collection[str]
    ) -> Iterator[RpcError]:
        for name in names:
            try:
                revocation.check_issuer(crls[name], self._authorities)
            except Refused as error:
                yield _error(name, error if name in changed else _left_behind(name, crls[name], error))


def _left_behind(name: str, crl: Crl, refused: Refused) -> Refused:
    """Return ``refused`` for who has changed the certificate of the authority, and not the CRL."""
    missing = refused.app_tag == "crl-issuer-missing"
    what = "removed: remove the CRL, too" if missing else "another one: replace or remove the CRL, too"
    message = f"the CRL '{name}' needs the certificate of {crl.issuer} that is to be {what}"
    return Refused(refused.leaf, message, refused.app_tag)


def _twice(crls: Mapping[str, Crl], changed: Mapping[str, Crl | None]) -> Iterator[tuple[str, Refused]]:
    by_issuer: dict[bytes, str] = {}
    for name, crl in sorted(crls.items(), key=lambda one: one[0] in changed):
        other = by_issuer.setdefault(crl.issuer_key_id, name)
        if other != name and name in changed:
            message = (
                f"the CRLs '{other}' and '{name}' are of one authority, and charon keeps one: replace the "
                f"content of '{other}' instead"
            )
            yield name, Refused("pem", message, "crl-twice")


def _error(name: str, refused: Refused) -> RpcError:
    path = f"{CRLS_PATH}[name='{name}']/{refused.leaf}"
    return InvalidValue(refused.message, path=path, app_tag=refused.app_tag)
