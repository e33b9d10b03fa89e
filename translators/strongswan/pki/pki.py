"""Certificates and private keys of this gateway: rpcs, state, what charon is given, and the word that one
expires."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from agent.errors import DataExists, DataMissing, InvalidValue, OperationFailed, RpcError
from agent.translator import EntryChange, Json, Keys, Notification
from translators.strongswan.charon.session import CharonSession, try_request
from translators.strongswan.charon.vici import ViciError, ViciUnavailable
from translators.strongswan.pki import key_store
from translators.strongswan.pki.expiry import Told
from translators.strongswan.pki.key_store import KeyStore, PrivateKey
from translators.strongswan.status.operational import date_and_time
from translators.strongswan.translation import certificates, distinguished_name
from translators.strongswan.translation.certificates import Certificate
from translators.strongswan.translation.desired import Desired
from translators.strongswan.translation.refusals import Refused

log = logging.getLogger(__name__)

LIST_PATH = "/yangswan-ipsec:certificates/certificate"
STATE_ROOT = "/yangswan-ipsec:certificate-state"
LOOK_INTERVAL_S = 3600.0


@dataclass(frozen=True, slots=True)
class Parsed:
    """What changes make of certificates, and what stands against it."""

    changed: Mapping[str, Certificate | None]
    before: Mapping[str, Certificate | None]
    errors: tuple[RpcError, ...]


class Pki:
    """``session`` returns the session in use or None; ``lock`` is that of all changes. ``readmit`` is called
    when a tunnel that charon does not hold may have got the key that it lacked, ``state_changed`` when the
    state here may be another; ``rollback_pending`` returns whether an earlier configuration may come back."""

    def __init__(
        self,
        folder: Path,
        desired: Callable[[], Desired],
        session: Callable[[], CharonSession | None],
        notify: Callable[[Notification], None],
        lock: asyncio.Lock,
        readmit: Callable[[CharonSession], Awaitable[None]],
        state_changed: Callable[[], None],
        rollback_pending: Callable[[], bool],
    ) -> None:
        self._store = KeyStore(folder)
        self._desired = desired
        self._session = session
        self._notify = notify
        self._lock = lock
        self._readmit = readmit
        self._state_changed = state_changed
        self._rollback_pending = rollback_pending
        self._handles: dict[str, str] = {}
        self._deleted: set[str] = set()
        """Handles of keys that charon may still have."""
        self._told = Told()
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._rpcs: Mapping[str, Callable[[Json], Awaitable[Json]]] = {
            "generate-key-pair": self._generate,
            "import-private-key": self._import,
            "delete-private-key": self._delete,
            "generate-signing-request": self._request,
        }

    def start(self) -> None:
        """Read the keys, and begin to watch for certificates that expire."""
        self._store.load()
        self._task = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Stop. Safe to call twice."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def digests(self) -> frozenset[bytes]:
        """Return the digests of the public keys of which there is the private half."""
        return frozenset(key.digest for key in self._store)

    # --- configuration ---

    def know(self, entries: Mapping[Keys, Json]) -> None:
        """Take all certificates; one that cannot be read, though it is committed, is left out."""
        known: dict[str, Certificate] = {}
        for (name,), entry in entries.items():
            try:
                known[name] = certificates.parse(str(entry["pem"]))
            except Refused as error:
                log.error("the certificate '%s', which is committed, cannot be used: %s", name, error.message)
        self._desired().certificates = known
        self._changed.set()

    def parse(self, changes: list[EntryChange]) -> Parsed:
        """Return what ``changes`` of the list of certificates mean."""
        changed: dict[str, Certificate | None] = {}
        errors: list[RpcError] = []
        for change in changes:
            try:
                pem = None if change.after is None else str(change.after["pem"])
                changed[change.keys[0]] = None if pem is None else certificates.parse(pem)
            except Refused as error:
                path = f"{change.path}/{error.leaf}"
                errors.append(InvalidValue(error.message, path=path, app_tag=error.app_tag))
        known = self._desired().certificates
        paths = {change.keys[0]: change.path for change in changes}
        for name, other in _twice(self._desired().with_certificates(changed), changed):
            errors.append(
                InvalidValue(
                    f"the certificates '{name}' and '{other}' are of one authority with one key, and charon "
                    f"could not tell them apart: replace the content of '{other}' instead",
                    path=f"{paths[name]}/pem",
                    app_tag="certificate-authority-twice",
                )
            )
        return Parsed(changed, {name: known.get(name) for name in changed}, tuple(errors))

    def put(self, changed: Mapping[str, Certificate | None]) -> None:
        """Set or (None) remove certificates."""
        self._desired().certificates = dict(self._desired().with_certificates(changed))
        if changed:
            self._changed.set()
            self._state_changed()

    async def load_keys(self, session: CharonSession) -> None:
        """Give charon every key.

        Raises:
            ViciUnavailable: charon is lost.
        """
        self._handles = {}
        for key in self._store:
            try:
                await self._load(session, key)
            except ViciUnavailable:
                raise
            except ViciError as error:
                log.error("charon refused the private key '%s': %s", key.name, error.reason)
        for handle in sorted(self._deleted):
            await try_request(session, "unload-key", {"id": handle})
        self._deleted.clear()

    async def give_missing(self, session: CharonSession) -> list[str]:
        """Give charon the keys again that somebody has unloaded; return the tunnels that need them.

        Raises:
            ViciError: charon refused it, or is lost.
        """
        if not self._handles:
            return []
        found = (await session.request("get-keys")).get("keys", [])
        needing: list[str] = []
        for key in self._store:
            if self._handles.get(key.name, "") not in ("", *found):
                log.warning("the private key '%s' was unloaded; it is loaded again", key.name)
                await self._load(session, key)
                needing += (tunnel for tunnel, _certificate in self._needing(key))
        return needing

    async def _load(self, session: CharonSession, key: PrivateKey) -> None:
        reply = await session.request("load-key", {"type": "any", "data": key.pem})
        self._handles[key.name] = handle = str(reply.get("id", ""))
        self._deleted.discard(handle)

    # --- rpcs ---

    def serves(self, rpc: str) -> bool:
        """Return whether ``rpc`` is one of those here."""
        return rpc in self._rpcs

    async def rpc(self, name: str, input: Json) -> Json:
        """Run one of the rpcs.

        Raises:
            RpcError: it cannot be done, with the reason.
        """
        try:
            return await self._rpcs[name](input)
        except Refused as error:
            kind = DataExists if error.app_tag == "private-key-exists" else InvalidValue
            raise kind(error.message, path=_leaf(name, error.leaf), app_tag=error.app_tag) from None
        except OSError as error:
            log.error("the folder of private keys: %s", error)
            raise OperationFailed(f"the private key could not be kept on disk: {error.strerror}") from None

    async def _generate(self, input: Json) -> Json:
        name, algorithm = str(input["name"]), str(input.get("algorithm", "ecdsa-p256"))
        self._store.demand_free(name)
        # Before the lock: one of RSA takes long, and commits need not wait for it.
        key = await asyncio.to_thread(key_store.generate, name, algorithm)
        await self._give(key)
        return {"public-key": key.public_pem}

    async def _import(self, input: Json) -> Json:
        name, pem, passphrase = str(input["name"]), str(input["pem"]), input.get("passphrase")
        self._store.demand_free(name)
        # A passphrase may be made to take long.
        await self._give(await asyncio.to_thread(key_store.parse, name, pem, passphrase))
        return {}

    async def _give(self, key: PrivateKey) -> None:
        async with self._lock:
            self._store.keep(key)
            await self._give_charon(key)

    async def _give_charon(self, key: PrivateKey) -> None:
        log.info("the private key '%s' (%s, %d bits) was added", key.name, key.algorithm, key.bits)
        self._state_changed()
        if (session := self._session()) is None:
            return
        try:
            await self._load(session, key)
        except ViciUnavailable:
            return  # all keys are loaded once there is a charon again
        except ViciError as error:
            self._store.delete(key.name)
            raise OperationFailed(
                f"charon refused the private key: {error.reason}", app_tag="backend-refused"
            ) from None
        if not self._desired().refused:
            return
        try:
            await self._readmit(session)
        except ViciError as error:
            log.error("after the private key '%s' was added: %s; the session begins anew", key.name, error)
            session.lost.set()

    async def _delete(self, input: Json) -> Json:
        async with self._lock:
            await self._delete_unneeded(self._found(input, "name"))
        return {}

    async def _delete_unneeded(self, key: PrivateKey) -> None:
        if self._rollback_pending():
            raise OperationFailed(
                f"a commit is under way or waits to be confirmed, and what was in force before may need the "
                f"private key '{key.name}': confirm or cancel it first",
                app_tag="private-key-in-use",
            )
        if needing := next(self._needing(key), None):
            raise OperationFailed(
                f"tunnel {needing[0]} needs the private key '{key.name}' for its certificate '{needing[1]}': "
                "disable the tunnel, or give it another certificate",
                app_tag="private-key-in-use",
            )
        self._store.delete(key.name)
        self._state_changed()
        handle, session = self._handles.pop(key.name, ""), self._session()
        if handle:
            self._deleted.add(handle)
        if session is not None and handle:
            try:
                await session.request("unload-key", {"id": handle})
                self._deleted.discard(handle)
            except ViciError as error:
                log.warning("charon keeps the private key '%s' for now: %s", key.name, error)
        log.info("the private key '%s' was deleted", key.name)

    def _needing(self, key: PrivateKey) -> Iterator[tuple[str, str]]:
        """Yield each tunnel that needs ``key``, and for which of its certificates."""
        desired = self._desired()
        for name, certificate in desired.certificates.items():
            if certificate.key_digest == key.digest:
                users = (tunnel for tunnel in desired.users(name) if tunnel in desired.messages)
                yield from ((tunnel, name) for tunnel in users if _owns(desired, tunnel, name))

    async def _request(self, input: Json) -> Json:
        key = self._found(input, "private-key")
        subject = x509.Name(
            [_attribute(part) for part in distinguished_name.parse(str(input["subject"]))]
        )
        names = [_alt_name(one) for one in input.get("subject-alt-name", ())]
        try:
            return {"pem": key.request(subject, names)}
        except (ValueError, TypeError) as error:
            log.info("no signing request for %s: %s", subject.rfc4514_string(), error)
            raise _bad_subject("subject", "no certificate can hold these names") from None

    def _found(self, input: Json, leaf: str) -> PrivateKey:
        key = self._store.get(str(input[leaf]))
        if key is None:
            raise DataMissing(f"there is no private key '{input[leaf]}'", app_tag="private-key-missing")
        return key

    # --- state ---

    def state(self, now: datetime) -> Json:
        """Return the content of ``/yangswan-ipsec:certificate-state``."""
        desired = self._desired()
        found: Json = {
            "certificate": [
                self._certificate(name, certificate, now)
                for name, certificate in sorted(desired.certificates.items())
            ],
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
            "tunnel": [int(tunnel) for tunnel in self._desired().users(name)],
        }
        return {leaf: value for leaf, value in found.items() if value not in (None, [])}

    async def _watch(self) -> None:
        while True:
            self._changed.clear()
            try:
                self.look(datetime.now(UTC))
            except Exception:
                log.exception("defect while looking for certificates that expire")
            try:
                async with asyncio.timeout(LOOK_INTERVAL_S):
                    await self._changed.wait()
            except TimeoutError:
                pass

    def look(self, now: datetime) -> None:
        """Tell of the certificates that expire, or have expired, by ``now``."""
        desired = self._desired()
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
            self._notify(Notification({"yangswan-ipsec:certificate-expiring": content}))


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


def _owns(desired: Desired, tunnel: str, certificate: str) -> bool:
    node = desired.entries[tunnel].get("certificate")
    return isinstance(node, Mapping) and node.get("own") == certificate


def _leaf(rpc: str, leaf: str) -> str:
    return f"/yangswan-ipsec:{rpc}/{leaf}"


def _bad_subject(leaf: str, message: str) -> InvalidValue:
    return InvalidValue(message, path=_leaf("generate-signing-request", leaf), app_tag="bad-subject")


def _attribute(part: distinguished_name.Part) -> x509.NameAttribute[str]:
    ((oid, value),) = distinguished_name.oids([part])
    if part.type == "C" and not (len(value) == 2 and value.isascii() and value.isalpha()):
        raise _bad_subject("subject", f"C is the two letters of a country, not '{value}'")
    if part.type in distinguished_name.ASCII_ALONE and not value.isascii():
        raise _bad_subject("subject", f"{part.type} takes ASCII characters alone, not '{value}'")
    try:
        return x509.NameAttribute(x509.ObjectIdentifier(oid), value)
    except ValueError as error:
        raise _bad_subject("subject", f"{part.type} cannot be '{value}': {error}") from None


def _alt_name(identity: Json) -> x509.GeneralName:
    (kind, value), *_more = identity.items()
    match kind:
        case "inet":
            return x509.IPAddress(ipaddress.ip_address(str(value)))
        case "name":
            return x509.DNSName(str(value))
        case "email":
            return x509.RFC822Name(str(value))
        case _:
            message = "a subject alternative name is an address (inet), a name or an email"
            raise _bad_subject("subject-alt-name", message)
