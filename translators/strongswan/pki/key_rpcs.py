"""The rpcs of private keys: made, imported, deleted, and asked a certificate for."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
from collections.abc import Awaitable, Callable, Mapping

from agent.errors import DataExists, DataMissing, InvalidValue, OperationFailed, ResourceDenied, RpcError
from agent.translator import Json, Settings
from translators.strongswan.charon.session import CharonSession
from translators.strongswan.charon.shared import Shared
from translators.strongswan.charon.vici import ViciError, ViciUnavailable
from translators.strongswan.model import CERTIFICATE_STATE_ROOT, PKI
from translators.strongswan.pki import key_store
from translators.strongswan.pki.charon_keys import CharonKeys
from translators.strongswan.pki.key_store import KeyStore, PrivateKey
from translators.strongswan.pki.signing_request import alt_names, bad_subject, subject_name
from translators.strongswan.translation.refusals import Refused

log = logging.getLogger(__name__)


class KeyRpcs:
    """``readmit`` is called when a tunnel that charon does not hold may have got the key that it lacked."""

    def __init__(
        self,
        settings: Settings,
        shared: Shared,
        *,
        store: KeyStore,
        keys: CharonKeys,
        readmit: Callable[[CharonSession], Awaitable[None]],
    ) -> None:
        self._settings = settings
        self._shared = shared
        self._store = store
        self._keys = keys
        self._readmit = readmit
        self._rpcs: Mapping[str, Callable[[Json], Awaitable[Json]]] = {
            "generate-key-pair": self._generate,
            "import-private-key": self._import,
            "delete-private-key": self._delete,
            "generate-signing-request": self._request,
        }

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
            raise kind(error.message, path=f"/{PKI}:{name}/{error.leaf}", app_tag=error.app_tag) from None
        except OSError as error:
            log.error("the folder of private keys: %s", error)
            raise _not_written(error) from None

    async def take_back(self, rpc: str, input: Json) -> None:
        """Delete the key that ``rpc`` has made: nobody has got the public half of it."""
        if rpc == "generate-key-pair":
            await self._delete({"name": input["name"]})

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
        # charon may have taken the key before its reply is read, and only the reply says how to take it away.
        giving = asyncio.create_task(self._keep(key))
        try:
            await asyncio.shield(giving)
        except asyncio.CancelledError:
            await asyncio.shield(self._undo(giving, key))
            raise
        finally:
            del giving  # what it raised holds this frame, and the key

    async def _keep(self, key: PrivateKey) -> None:
        async with self._shared.changing:
            self._store.keep(key)
            try:
                await self._give_charon(key)
            except BaseException:
                try:
                    self._store.delete(key.name)
                except OSError as error:
                    log.error("the private key '%s', of which nobody was told, stays: %s", key.name, error)
                self._tell_changed()
                await self._keys.take_back(key)
                raise

    async def _undo(self, giving: asyncio.Task[None], key: PrivateKey) -> None:
        await asyncio.wait([giving])
        if giving.cancelled() or giving.exception() is not None:
            return  # that has undone itself
        try:
            await self._delete({"name": key.name})
        except (RpcError, OSError) as error:
            log.error("the private key '%s', of which nobody was told, stays: %s", key.name, error)

    async def _give_charon(self, key: PrivateKey) -> None:
        log.info("the private key '%s' (%s, %d bits) was added", key.name, key.algorithm, key.bits)
        self._tell_changed()
        if (session := self._shared.session) is None:
            return
        try:
            await self._keys.load(session, key)
        except ViciUnavailable:
            return  # all keys are loaded once there is a charon again
        except ViciError as error:
            raise OperationFailed(
                f"charon refused the private key: {error.reason}", app_tag="backend-refused"
            ) from None
        if not self._shared.desired.refused:
            return
        try:
            await self._readmit(session)
        except ViciError as error:
            log.error("after the private key '%s' was added: %s; the session begins anew", key.name, error)
            session.lost.set()

    async def _delete(self, input: Json) -> Json:
        async with self._shared.changing:
            await self._delete_unneeded(self._found("delete-private-key", "name", input))
        return {}

    async def _delete_unneeded(self, key: PrivateKey) -> None:
        path = f"/{PKI}:delete-private-key/name"
        if self._settings.rollback_pending():
            raise OperationFailed(
                f"a commit is under way or waits to be confirmed, and what was in force before may need the "
                f"private key '{key.name}': confirm or cancel it first",
                path=path,
                app_tag="private-key-in-use",
            )
        if needing := next(self._keys.needing(key), None):
            raise OperationFailed(
                f"tunnel {needing[0]} needs the private key '{key.name}' for its certificate '{needing[1]}': "
                "disable the tunnel, or give it another certificate",
                path=path,
                app_tag="private-key-in-use",
            )
        self._store.delete(key.name)
        self._tell_changed()
        await self._keys.take_back(key)
        log.info("the private key '%s' was deleted", key.name)

    async def _request(self, input: Json) -> Json:
        key = self._found("generate-signing-request", "private-key", input)
        subject = subject_name(str(input["subject"]))
        names = alt_names(input.get("subject-alt-name", ()))
        try:
            return {"pem": key.request(subject, names)}
        except (ValueError, TypeError) as error:
            log.info("no signing request for %s: %s", subject.rfc4514_string(), error)
            raise bad_subject("subject", "no certificate can hold these names") from None

    def _found(self, rpc: str, leaf: str, input: Json) -> PrivateKey:
        key = self._store.get(str(input[leaf]))
        if key is None:
            message, path = f"there is no private key '{input[leaf]}'", f"/{PKI}:{rpc}/{leaf}"
            raise DataMissing(message, path=path, app_tag="private-key-missing")
        return key

    def _tell_changed(self) -> None:
        self._settings.state_changed([CERTIFICATE_STATE_ROOT])


def _not_written(error: OSError) -> RpcError:
    """Return what is said where no key could be kept or deleted, on a full disk the same as of a commit."""
    passes = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
    kind = ResourceDenied if passes else OperationFailed
    reason = error.strerror or os.strerror(error.errno or 0)
    message = f"nothing was changed: the folder of private keys could not be written: {reason}"
    return kind(message, app_tag="private-key-not-written")
