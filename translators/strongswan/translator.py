"""The translator: joins one charon, what it is to hold, and what the agent asks.

One lock orders everything that changes charon. What is wanted is kept in memory, because charon cannot be
asked for it in full, and it changes only after charon has taken it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from agent.errors import (
    BackendError,
    BackendInconsistent,
    InvalidValue,
    OperationFailed,
    RpcError,
    RpcErrors,
)
from agent.translator import EntryChange, Json, Keys, Plan, Settings, TranslatorFactory
from translators.strongswan.actions import AVAILABLE_LIMIT_S, Actions
from translators.strongswan.charon.daemon import ManagedCharon
from translators.strongswan.charon.keeper import Keeper, Unavailable
from translators.strongswan.charon.session import CharonSession
from translators.strongswan.charon.vici import Section, ViciError
from translators.strongswan.options import Options
from translators.strongswan.pki import pki
from translators.strongswan.pki.pki import Parsed, Pki
from translators.strongswan.status import announcements, operational
from translators.strongswan.status.facts import Reason
from translators.strongswan.status.operational import Applied
from translators.strongswan.translation import overlaps
from translators.strongswan.translation.certificates import Certificate
from translators.strongswan.translation.connections import connection_name
from translators.strongswan.translation.desired import Desired, Refusal, is_enabled
from translators.strongswan.translation.plan import Step, plan_steps
from translators.strongswan.translation.refusals import Refused
from translators.strongswan.upkeep.audit import Audit
from translators.strongswan.upkeep.executor import execute
from translators.strongswan.upkeep.reconcile import reconcile
from translators.strongswan.upkeep.tunnels import LiveTunnels

log = logging.getLogger(__name__)

NAME = "strongswan"
YANG_FILE = "yangswan-ipsec.yang"
LIST_PATH = "/yangswan-ipsec:tunnels/ipsec"
STATE_PATH = f"{LIST_PATH}/state"
DAEMON_ROOT = "/yangswan-ipsec:daemon"
KEYS_FOLDER = "private-keys"

# Features by who runs charon: without any there is nothing to restart, there are no packets, and nothing
# happens that could be told.
_NOT_DONE: Mapping[str, Sequence[str]] = {
    "managed": (),
    "external": (),
    "none": ("restart-daemon", "monitor", "tunnel-log", "tunnel-notifications"),
}


def find_yang_file() -> Path:
    """Return our YANG module, in the installed package or in the checkout.

    Raises:
        FileNotFoundError: it is in neither.
    """
    here = Path(__file__).resolve()
    for folder in (here.parent / "yang", here.parents[2] / "yang"):
        if (folder / YANG_FILE).is_file():
            return folder / YANG_FILE
    raise FileNotFoundError(f"{YANG_FILE} is neither in the package nor in the checkout")


@dataclass(frozen=True, slots=True)
class StrongSwanPlan:
    """Steps for charon, their reverse, and the entries and certificates that are in force before and
    after."""

    steps: tuple[Step, ...]
    reverse: tuple[Step, ...]
    certificates: Parsed
    before: Mapping[str, Json | None] = field(repr=False)
    after: Mapping[str, Json | None] = field(repr=False)

    def describe(self) -> Sequence[str]:
        """Return one line per step, free of secrets."""
        return [str(step) for step in self.steps]


class StrongSwanTranslator:
    """Fulfils agent.translator.Translator for the tunnels of yangswan-ipsec."""

    def __init__(self, settings: Settings) -> None:
        if settings.charon not in _NOT_DONE:
            raise ValueError(f"charon is managed, external or none, not '{settings.charon}'")
        self.name = NAME
        self.yang_files: Sequence[Path] = (find_yang_file(),)
        self.disabled_features: Mapping[str, Sequence[str]] = {"yangswan-ipsec": _NOT_DONE[settings.charon]}
        self.config_list = LIST_PATH
        self.state_path = STATE_PATH
        self.further_lists: Sequence[str] = (pki.LIST_PATH,)
        self.state_roots: Sequence[str] = (DAEMON_ROOT, pki.STATE_ROOT)
        self._settings = settings
        self._options = options = Options.parse(settings.options)
        managed = settings.charon == "managed"
        self._lock = asyncio.Lock()
        keys = settings.data_dir / NAME / KEYS_FOLDER
        self._pki = Pki(
            keys,
            lambda: self._desired,
            lambda: self._session,
            settings.notify,
            self._lock,
            self._reconcile,
            lambda: settings.state_changed([pki.STATE_ROOT]),
            settings.rollback_pending,
        )
        self._desired = Desired(self._pki.digests)
        self._live = live = LiveTunnels(
            options, self._desired, lambda: self._session, settings.notify, managed, self._tunnel_changed
        )
        self._audit = Audit(
            options.audit_interval,
            self._desired,
            lambda: self._session,
            self._lock,
            live.repaired,
            self._pki.give_missing,
        )
        self._keeper: Keeper | None = None
        if settings.charon != "none":
            daemon = ManagedCharon(settings.data_dir / NAME, options) if managed else None
            self._keeper = Keeper(
                options, daemon, self._agree, self._on_event, live.on_notice, self._found, self._lost
            )
        captures = settings.data_dir / NAME / "captures"
        self._actions = Actions(settings, options, self._desired, live, self._keeper, self._lock, captures)

    @property
    def _session(self) -> CharonSession | None:
        return self._keeper.session if self._keeper is not None else None

    # --- life ---

    def know(self, list_path: str, entries: Mapping[Keys, Json]) -> None:
        """Take all committed certificates."""
        if list_path == pki.LIST_PATH:
            self._pki.know(entries)

    async def start(self, entries: Mapping[Keys, Json]) -> None:
        """Begin with ``entries``; return once charon agrees, or the first try to reach it has failed."""
        self._pki.start()
        self._desired.replace(_by_tunnel(entries))
        if self._keeper is not None:
            await self._live.start(self._audit.on_log)
            await self._keeper.start()
            self._audit.start()

    async def stop(self) -> None:
        """Stop; a managed charon ends, an external one keeps what it holds."""
        self._live.supervisor.forget_all()
        await self._actions.stop()
        await self._pki.stop()
        if self._keeper is not None:
            if self._settings.charon == "managed":
                self._live.all_ending("the agent stops, and its daemon with it")
            await self._audit.stop()
            await self._keeper.stop()
            await self._live.stop()

    def _on_event(self, session: CharonSession, event: str, message: Section) -> None:
        self._actions.on_event(session, event, message)
        self._live.on_event(session, event, message)

    def _tunnel_changed(self, tunnel: str) -> None:
        self._settings.state_changed([f"{LIST_PATH}[id='{tunnel}']/state"])

    def _found(self, session: CharonSession) -> None:
        self._settings.state_changed([DAEMON_ROOT])
        self._live.announcer.tell_at_once(announcements.daemon_started(session.version))

    def _lost(self, detail: str) -> None:
        self._settings.state_changed([DAEMON_ROOT])
        self._live.announcer.tell_at_once(announcements.daemon_stopped(detail))
        self._live.lost(detail)

    async def reconcile(self, entries: Mapping[Keys, Json]) -> None:
        """Make charon agree with exactly ``entries``; without charon, as soon as there is one again."""
        async with self._lock:
            self._desired.replace(_by_tunnel(entries))
            if self._session is not None:
                await self._reconcile(self._session)

    async def _reconcile(self, session: CharonSession) -> None:
        await reconcile(session, self._desired, self._live)

    async def _agree(self, session: CharonSession) -> None:
        async with self._lock:
            await self._pki.load_keys(session)
            await self._reconcile(session)

    # --- changes ---

    def check(self, changes: Sequence[EntryChange]) -> Sequence[RpcError]:
        """Return every reason why ``changes`` cannot be applied."""
        parsed, wanted = self._sorted(changes)
        if parsed.errors:
            return parsed.errors
        refusals = self._desired.refusals(
            list(wanted.items()), self._desired.with_certificates(parsed.changed)
        )
        return [*self._over_cap(wanted), *(_error(refusal) for refusal in refusals)]

    def _over_cap(self, wanted: Mapping[str, Json | None]) -> list[RpcError]:
        cap, entries = self._options.max_tunnels, self._desired.entries
        growth = sum((entry is not None) - (tunnel in entries) for tunnel, entry in wanted.items())
        count = len(entries) + growth
        # What was accepted before the setting was lowered may be changed and deleted.
        if cap is None or count <= cap or growth <= 0:
            return []
        message = (
            f"there would be {count} tunnels, and the setting max-tunnels permits {cap}: delete "
            f"{count - cap}, or raise it"
        )
        # RFC 7950 section 15.2 says this of a list with too many entries.
        return [OperationFailed(message, path=LIST_PATH, app_tag="too-many-elements")]

    def _sorted(self, changes: Sequence[EntryChange]) -> tuple[Parsed, dict[str, Json | None]]:
        """Return what happens to certificates, and to tunnels, also those whose certificates change."""
        parsed = self._pki.parse([change for change in changes if change.list_path == pki.LIST_PATH])
        wanted = {c.keys[0]: c.after for c in changes if c.list_path != pki.LIST_PATH}
        for name in parsed.changed:
            for tunnel in self._desired.users(name):
                wanted.setdefault(tunnel, dict(self._desired.entries[tunnel]))
        return parsed, wanted

    async def prepare(self, changes: Sequence[EntryChange]) -> Plan:
        """Plan ``changes``.

        Raises:
            RpcErrors: ``check`` found something, or there is no charon.
        """
        if self._keeper is not None:
            try:
                await self._keeper.available(AVAILABLE_LIMIT_S)
            except Unavailable as error:
                raise RpcErrors([OperationFailed(str(error), app_tag="daemon-unavailable")]) from None
        if errors := self.check(changes):
            raise RpcErrors(errors)
        parsed, wanted = self._sorted(changes)
        certificates = self._desired.with_certificates(parsed.changed)
        try:
            planned = [self._desired.change(tunnel, after, certificates) for tunnel, after in wanted.items()]
        except Refused as error:  # nothing of the automatic proposals is left with this charon
            raise RpcErrors([InvalidValue(error.message, app_tag=error.app_tag)]) from None
        return StrongSwanPlan(
            plan_steps(planned),
            plan_steps(change.reversed() for change in planned),
            parsed,
            {tunnel: self._desired.entries.get(tunnel) for tunnel in wanted},  # type: ignore[misc]
            wanted,
        )

    async def apply(self, plan: Plan) -> None:
        """Make ``plan`` real.

        Raises:
            BackendError: charon refused a step; everything done before it has been undone.
        """
        assert isinstance(plan, StrongSwanPlan)
        async with self._lock:
            await self._execute(plan.steps, plan.after, plan.certificates.changed)

    async def undo(self, plan: Plan) -> None:
        """Reverse ``plan``, which was applied in full. Raises: as ``apply``."""
        assert isinstance(plan, StrongSwanPlan)
        async with self._lock:
            await self._execute(plan.reverse, plan.before, plan.certificates.before)

    async def _execute(
        self,
        steps: Sequence[Step],
        entries: Mapping[str, Json | None],
        certificates: Mapping[str, Certificate | None],
    ) -> None:
        supervisor = self._live.supervisor
        touched = {step.name for step in steps}
        watched = {name for name in touched if name in supervisor}
        session = self._session
        if self._keeper is not None and steps and session is None:
            raise BackendError("there is no charon at the moment")
        for name in touched:
            supervisor.forget(name)
        self._live.ending(touched, Reason.CONFIGURATION_CHANGED, "its configuration was changed")
        try:
            if session is not None:
                await execute(steps, session, self._live.want, self._live.silent)
        except BaseException as error:
            for name in watched:
                supervisor.want(name)
            if isinstance(error, BackendInconsistent):
                session.lost.set() if session is not None else None  # begin again: everything is sent anew
            raise
        self._pki.put(certificates)
        for tunnel, entry in entries.items():
            met = self._desired.overlaps.of(tunnel)
            self._desired.put(tunnel, entry)
            for overlap in (*met, *self._desired.overlaps.of(tunnel)):
                self._tunnel_changed(overlap.tunnel)  # it shows this one among those that it meets
            if entry is None:
                self._live.forget(tunnel)
            elif connection_name(tunnel) in touched:
                self._live.reconfigured(tunnel)
            else:
                self._live.revive(tunnel)

    # --- operational data ---

    async def entry_state(self, keys: Sequence[Keys]) -> Mapping[Keys, Json]:
        """Return the state of each tunnel in ``keys`` that exists."""
        tunnels = [key for key in keys if key[0] in self._desired.entries]
        sas = await self._live.sas([connection_name(key[0]) for key in tunnels])
        now = time.time()
        return {
            key: self._state_of(key[0], sas.get(connection_name(key[0]), []), now)
            for key in tunnels
            if key[0] in self._desired.entries
        }

    def _state_of(self, tunnel: str, sas: Sequence[Section], now: float) -> Json:
        found = operational.tunnel_state(
            sas,
            self._live.facts(tunnel),
            self._applied(tunnel),
            self._live.supervisor.attempts(connection_name(tunnel)),
            self._live.local_address_is_there(tunnel),
            now,
            self._live.children(tunnel),
        )
        shared = overlaps.shown(self._desired.overlaps.of(tunnel))
        return found | ({"overlap": shared} if shared else {})

    def _applied(self, tunnel: str) -> Applied:
        if self._keeper is None:
            return Applied.NOT_APPLIED
        if not is_enabled(self._desired.entries[tunnel]):
            return Applied.DORMANT
        if tunnel in self._desired.refused:
            return Applied.REFUSED
        return Applied.APPLIED if self._session is not None else Applied.PENDING

    async def root_state(self, root: str) -> Json:
        """Return the content of ``/yangswan-ipsec:daemon``, or of the state of certificates."""
        if root == pki.STATE_ROOT:
            return self._pki.state(datetime.now(UTC))
        if root != DAEMON_ROOT:
            return {}
        session = self._session
        stats: Section = {}
        if session is not None:
            try:
                stats = await session.stats()
            except ViciError:
                session = None
        version = session.version if session is not None else None
        algorithms = session.algorithms if session is not None else {}
        source = session.source if session is not None else None
        return operational.daemon_state(
            self._settings.charon, version, algorithms, stats, source, self._options, time.time()
        )

    # --- actions and rpcs ---

    async def action(self, keys: Keys, name: str, input: Json) -> Json:
        """Run ``restart``, ``initiate`` or ``terminate`` on one tunnel.

        Raises:
            RpcError: the tunnel is not enabled, there is no charon, or it cannot be done.
        """
        return await self._actions.action(keys[0], name)

    async def rpc(self, name: str, input: Json) -> Json:
        """Run ``restart-daemon``, or an rpc of the monitor, of the log or of private keys.

        Raises:
            RpcError: charon is not ours, the rpc is not known, or it cannot be carried out.
        """
        if self._pki.serves(name):
            return await self._pki.rpc(name, input)
        return await self._actions.rpc(name, input)


def _by_tunnel(entries: Mapping[Keys, Json]) -> dict[str, Json]:
    return {keys[0]: entry for keys, entry in entries.items()}


def _error(refusal: Refusal) -> RpcError:
    path = f"{LIST_PATH}[id='{refusal.tunnel}']"
    where = f"{path}/{refusal.leaf}" if refusal.leaf else path
    return InvalidValue(refusal.message, path=where, app_tag=refusal.app_tag)


def make(settings: Settings) -> StrongSwanTranslator:
    """Return the translator (the entry point of the group ``yangswan.translators``)."""
    return StrongSwanTranslator(settings)


# Seen by the type checker: what is made fulfils the Protocol.
_factory: TranslatorFactory = make
