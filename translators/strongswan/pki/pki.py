"""Certificates of this gateway: what is configured of them, their state, and the word that one expires."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TypeVar

from agent.errors import InvalidValue, RpcError
from agent.translator import EntryChange, Json, Keys, Notification, Settings
from translators.strongswan.charon.shared import Shared
from translators.strongswan.model import (
    CERTIFICATE_STATE_ROOT,
    CERTIFICATES_PATH,
    CRLS_PATH,
    PKI,
    entry_path,
)
from translators.strongswan.pki.crls import Crls
from translators.strongswan.pki.expiry import Told
from translators.strongswan.pki.key_store import KeyStore
from translators.strongswan.status.operational import date_and_time
from translators.strongswan.tasks import Background, is_set_within
from translators.strongswan.translation import certificates, revocation
from translators.strongswan.translation.certificates import Certificate
from translators.strongswan.translation.refusals import Refused
from translators.strongswan.translation.revocation import Crl

log = logging.getLogger(__name__)

T = TypeVar("T")

LOOK_INTERVAL_S = 3600.0


@dataclass(frozen=True, slots=True)
class Parsed:
    """What changes make of certificates and of CRLs, and what stands against it.

    Without ``errors`` it is known which certificates there will be, whatever is wrong with CRLs.
    """

    changed: Mapping[str, Certificate | None]
    before: Mapping[str, Certificate | None]
    errors: tuple[RpcError, ...]
    crls: Mapping[str, Crl | None] = field(default_factory=dict)
    crls_before: Mapping[str, Crl | None] = field(default_factory=dict)
    crl_errors: tuple[RpcError, ...] = ()


class Pki:
    """The certificates of ``shared.desired``, and the private keys of ``store`` that belong to them."""

    def __init__(self, settings: Settings, shared: Shared, store: KeyStore) -> None:
        self._settings = settings
        self._desired = shared.desired
        self._store = store
        self._told, self._crls_told = Told(), Told()
        self._task = Background()
        self._changed = asyncio.Event()

    def start(self) -> None:
        """Read the keys, and begin to watch for certificates that expire."""
        self._store.load()
        self._task.start(self._watch())

    async def stop(self) -> None:
        """Stop. Safe to call twice."""
        await self._task.stop()

    def look_at_keys(self) -> list[str]:
        """Read the keys, and change nothing; returns a sentence if there are any."""
        self._store.load(tidy=False)
        return self._store.told()

    # --- configuration ---

    def know_crls(self, entries: Mapping[Keys, Json]) -> None:
        """Take all CRLs; one that cannot be read, though it is committed, is left out."""
        self._desired.crls = _readable("CRL", entries, lambda entry: revocation.parse(str(entry["pem"])))
        self._changed.set()

    def know(self, entries: Mapping[Keys, Json]) -> None:
        """Take all certificates; one that cannot be read, though it is committed, is left out."""
        self._desired.certificates = _readable("certificate", entries, certificates.of_entry)
        self._changed.set()

    def parse(self, changes: list[EntryChange], crl_changes: list[EntryChange]) -> Parsed:
        """Return what ``changes`` of the list of certificates mean, and ``crl_changes`` of that of CRLs."""
        if not changes and not crl_changes:
            return Parsed({}, {}, ())
        parsed = self._parse(changes)
        crls = Crls(self._desired.crls, self._desired.with_certificates(parsed.changed))
        changed, errors = crls.changed(crl_changes, certificates_changed=bool(parsed.changed))
        before = {name: self._desired.crls.get(name) for name in changed}
        return replace(parsed, crl_errors=tuple(errors), crls=changed, crls_before=before)

    def _parse(self, changes: list[EntryChange]) -> Parsed:
        changed: dict[str, Certificate | None] = {}
        errors: list[RpcError] = []
        for change in changes:
            try:
                after = change.after
                changed[change.keys[0]] = None if after is None else certificates.of_entry(after)
            except Refused as error:
                path = f"{change.path}/{error.leaf}"
                errors.append(InvalidValue(error.message, path=path, app_tag=error.app_tag))
        known = self._desired.certificates
        paths = {change.keys[0]: change.path for change in changes}
        for name, other in _twice(self._desired.with_certificates(changed), changed):
            errors.append(
                InvalidValue(
                    f"the certificates '{name}' and '{other}' are of one authority with one key, and charon "
                    f"could not tell them apart: replace the content of '{other}' instead",
                    path=f"{paths[name]}/pem",
                    app_tag="certificate-authority-twice",
                )
            )
        return Parsed(changed, {name: known.get(name) for name in changed}, tuple(errors))

    def put(self, changed: Mapping[str, Certificate | None], crls: Mapping[str, Crl | None]) -> None:
        """Set or (None) remove certificates and CRLs."""
        self._desired.certificates = dict(self._desired.with_certificates(changed))
        self._desired.crls = dict(self._desired.with_crls(crls))
        if changed or crls:
            self._desired.version += 1
            self._changed.set()
            self._settings.state_changed([CERTIFICATE_STATE_ROOT])

    def users_changed(self) -> None:
        """Hear that other tunnels name a certificate, or others are named."""
        self._settings.state_changed([CERTIFICATE_STATE_ROOT])

    # --- state ---

    def state(self, now: datetime) -> Json:
        """Return the content of CERTIFICATE_STATE_ROOT."""
        desired = self._desired
        found: Json = {
            "certificate": [
                self._certificate(name, certificate, now)
                for name, certificate in sorted(desired.certificates.items())
            ],
            "crl": [_crl(name, crl, now) for name, crl in sorted(desired.crls.items())],
            "private-key": [
                {
                    "name": key.name,
                    "algorithm": key.algorithm,
                    "key-bits": key.bits,
                    "public-key-fingerprint": key.digest.hex(),
                }
                for key in self._store
            ],
        }
        return {name: value for name, value in found.items() if value}

    def _certificate(self, name: str, certificate: Certificate, now: datetime) -> Json:
        key = self._store.of(certificate.key_digest)
        found: Json = {
            "name": name,
            "subject": certificate.subject,
            "subject-alt-name": list(dict.fromkeys(one.text for one in certificate.alt_names)),
            "issuer": certificate.issuer,
            "serial-number": certificate.serial_number,
            "not-before": date_and_time(certificate.not_before.timestamp()),
            "not-after": date_and_time(certificate.not_after.timestamp()),
            "expired": certificate.not_after <= now,
            "authority": certificate.is_authority,
            "private-key": None if key is None else key.name,
            "tunnel": [int(tunnel) for tunnel in self._desired.users(name)],
        }
        return {leaf: value for leaf, value in found.items() if value not in (None, [])}

    def _look_at_crls(self, now: datetime) -> None:
        crls = self._desired.crls
        for name in self._crls_told.due(crls, now):
            crl = crls[name]
            assert crl.next_update is not None
            until = date_and_time(crl.next_update.timestamp())
            expired = crl.is_expired(now)
            word = "is out of force since" if expired else "is in force only until"
            log.warning("the CRL '%s' (%s) %s %s", name, crl.issuer, word, until)
            content: Json = {"name": name, "issuer": crl.issuer, "next-update": until, "expired": expired}
            names = {"name": f"{CRLS_PATH}[name='{{}}']"}
            self._settings.notify(Notification({f"{PKI}:crl-expiring": content}, names))

    async def _watch(self) -> None:
        while True:
            self._changed.clear()
            try:
                self.look(datetime.now(UTC))
            except Exception:
                log.exception("defect while looking for certificates that expire")
            await is_set_within(self._changed, LOOK_INTERVAL_S)

    def look(self, now: datetime) -> None:
        """Tell of the certificates and CRLs that expire, or have expired, by ``now``."""
        self._look_at_crls(now)
        desired = self._desired
        for name in self._told.due(desired.certificates, now):
            certificate = desired.certificates[name]
            expired = certificate.not_after <= now
            until = date_and_time(certificate.not_after.timestamp())
            word = "has expired" if expired else "expires"
            log.warning("the certificate '%s' (%s) %s: %s", name, certificate.subject, word, until)
            content: Json = {
                "name": name,
                "subject": certificate.subject,
                "not-after": until,
                "expired": expired,
                "tunnel": [int(tunnel) for tunnel in desired.users(name)],
            }
            names = {"name": f"{CERTIFICATES_PATH}[name='{{}}']", "tunnel": entry_path("{}")}
            self._settings.notify(Notification({f"{PKI}:certificate-expiring": content}, names))


def _readable(what: str, entries: Mapping[Keys, Json], read: Callable[[Json], T]) -> dict[str, T]:
    """Return by name what ``read`` makes of each entry; the log names those of which it makes nothing."""
    known: dict[str, T] = {}
    for (name,), entry in entries.items():
        try:
            known[name] = read(entry)
        except Refused as error:
            log.error("the %s '%s', which is committed, cannot be used: %s", what, name, error.message)
    return known


def _crl(name: str, crl: Crl, now: datetime) -> Json:
    found: Json = {
        "name": name,
        "issuer": crl.issuer,
        "number": None if crl.number is None else str(crl.number),
        "this-update": date_and_time(crl.this_update.timestamp()),
        "next-update": None if crl.next_update is None else date_and_time(crl.next_update.timestamp()),
        "expired": crl.is_expired(now),
        "revoked": crl.revoked,
    }
    return {leaf: value for leaf, value in found.items() if value is not None}


def _twice(
    certificates: Mapping[str, Certificate], changed: Mapping[str, Certificate | None]
) -> Iterator[tuple[str, str]]:
    """Yield each changed authority that another certificate, which is not the same, is of too."""
    wanted = {name: one for name, one in changed.items() if one is not None and one.is_authority}
    if not wanted:
        return
    named: dict[tuple[str, bytes], dict[str, str]] = {}
    for name, one in certificates.items():
        if one.is_authority:
            named.setdefault((one.subject, one.key_digest), {})[name] = one.pem
    for name, one in wanted.items():
        same = named[one.subject, one.key_digest]
        if other := next((other for other, pem in same.items() if pem != one.pem), None):
            yield name, other
