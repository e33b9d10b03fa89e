"""The translator: what the agent asks, and who of the parts answers it.

One lock (``Shared.changing``) orders everything that changes charon. What is wanted is kept in memory,
because charon cannot be asked for it in full, and it changes only after charon has taken it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from agent.errors import BackendError, OperationFailed, RpcError, RpcErrors
from agent.measures import Table
from agent.translator import (
    Captured,
    EntryChange,
    Foresight,
    Json,
    Keys,
    Move,
    Plan,
    Reader,
    Route,
    reads_all,
)
from translators.strongswan.actions import AVAILABLE_LIMIT_S, Actions
from translators.strongswan.changes import Changes
from translators.strongswan.charon import rights
from translators.strongswan.charon.keeper import Keeper, Unavailable
from translators.strongswan.charon.shared import Shared
from translators.strongswan.cut_off import CutOffs
from translators.strongswan.foresight import Foreseeing
from translators.strongswan.model import (
    ALWAYS_CHANGING,
    BYPASS_PATH,
    CERTIFICATE_STATE_ROOT,
    CERTIFICATES_PATH,
    CRLS_PATH,
    DAEMON,
    DAEMON_ROOT,
    FETCH_PATH,
    IPSEC,
    LEAK_PROTECTION_PATH,
    LIST_PATH,
    NAMES,
    PKI,
    REVOCATION_PATH,
    STATE_PATH,
)
from translators.strongswan.moves import MOVES
from translators.strongswan.pki.key_rpcs import KeyRpcs
from translators.strongswan.pki.pki import Pki
from translators.strongswan.planning import Planning, StrongSwanPlan
from translators.strongswan.protection import nft
from translators.strongswan.protection.keeping import Protection
from translators.strongswan.state_data import StateData
from translators.strongswan.status.measures import TABLES
from translators.strongswan.tasks import in_turns
from translators.strongswan.translation.guards import ForAll, is_protected, with_bypass
from translators.strongswan.upkeep.audit import Audit
from translators.strongswan.upkeep.reconcile import reconcile
from translators.strongswan.upkeep.trust import CharonTrust
from translators.strongswan.upkeep.tunnels import LiveTunnels

log = logging.getLogger(__name__)

NAME = "strongswan"

# Features, by module, by who runs charon: without any there is nothing to restart, there are no packets, and
# nothing happens that could be told.
NOT_DONE: Mapping[str, Mapping[str, Sequence[str]]] = {
    "managed": {},
    "external": {},
    "none": {
        IPSEC: ("tunnel-notifications",),
        DAEMON: ("restart-daemon", "monitor", "tunnel-log", "daemon-notifications"),
    },
}


def find_yang_files() -> tuple[Path, ...]:
    """Return the YANG modules that are served, in the installed package or in the checkout.

    Raises:
        FileNotFoundError: they are in neither.
    """
    here = Path(__file__).resolve()
    for folder in (here.parent / "yang", here.parents[2] / "yang"):
        files = tuple(folder / f"{module}.yang" for module in (IPSEC, PKI, DAEMON))
        if all(file.is_file() for file in files):
            return files
    raise FileNotFoundError("the YANG modules are neither in the package nor in the checkout")


@dataclass(frozen=True, slots=True)
class Parts:
    """What a translator consists of; ``keeper`` is None without charon. assembly puts them together."""

    shared: Shared
    live: LiveTunnels
    pki: Pki
    trust: CharonTrust
    key_rpcs: KeyRpcs
    audit: Audit
    keeper: Keeper | None
    planning: Planning
    foreseeing: Foreseeing
    changes: Changes
    cut_offs: CutOffs
    protection: Protection
    state_data: StateData
    actions: Actions


class StrongSwanTranslator:
    """Fulfils agent.translator.Translator for the tunnels of yangswan-ipsec. ``backend`` says who runs
    charon: "managed", "external" or "none"."""

    name = NAME
    moves: Sequence[Move] = MOVES
    names: Mapping[str, str] = NAMES
    config_list = LIST_PATH
    state_path = STATE_PATH
    further_lists: Sequence[str] = (
        CERTIFICATES_PATH,
        CRLS_PATH,
        REVOCATION_PATH,
        FETCH_PATH,
        LEAK_PROTECTION_PATH,
        BYPASS_PATH,
    )
    state_roots: Sequence[str] = (DAEMON_ROOT, CERTIFICATE_STATE_ROOT)
    always_changing: Sequence[str] = ALWAYS_CHANGING
    measures: Sequence[Table] = TABLES

    def __init__(
        self,
        backend: str,
        parts: Parts,
        *,
        unusable: Callable[[], list[str]],
        lacking: Callable[[], list[str]] = list,
    ) -> None:
        self.yang_files: Sequence[Path] = find_yang_files()
        self.disabled_features = NOT_DONE[backend]
        self.parts = parts
        self._backend = backend
        self._unusable = unusable
        self._lacking = lacking

    # --- life ---

    def unusable(self) -> Sequence[str]:
        """Return a sentence for each option that names what charon cannot be run with, or reached at."""
        return self._unusable()

    def lacking(self) -> Sequence[str]:
        """Return in sentences what this process may not of what is done with a charon of the system."""
        return self._lacking()

    def look(self) -> Sequence[str]:
        """Read the private keys of this gateway, which are no configuration."""
        return self.parts.pki.look_at_keys()

    def know(self, list_path: str, entries: Mapping[Keys, Json]) -> None:
        """Take all committed certificates, CRLs, and what is for all tunnels."""
        guards = self.parts.protection.guards
        desired, settings = self.parts.shared.desired, entries.get(())
        if list_path == CERTIFICATES_PATH:
            self.parts.pki.know(entries)
        elif list_path == CRLS_PATH:
            self.parts.pki.know_crls(entries)
        elif list_path == REVOCATION_PATH:
            desired.revocation = desired.revocation.changed(settings or {}, None)
        elif list_path == FETCH_PATH:
            desired.revocation = desired.revocation.changed(None, settings or {})
        elif list_path == LEAK_PROTECTION_PATH:
            guards.for_all = replace(guards.for_all, leak_protection=is_protected(settings))
        elif list_path == BYPASS_PATH:
            networks = dict.fromkeys((keys[0] for keys in entries), True)
            guards.for_all = with_bypass(replace(guards.for_all, bypass=()), networks)

    async def expect(self, entries: Mapping[Keys, Json]) -> None:
        """Translate ``entries``, for ``start``."""
        await in_turns(self.parts.shared.desired.expect_in_pieces(_by_tunnel(entries)), rest_s=0)

    async def start(self, entries: Mapping[Keys, Json]) -> None:
        """Begin with ``entries``; return once charon agrees, or the first try to reach it has failed.

        Raises:
            BackendError: charon is to be our own, and this process may not have one.
        """
        parts = self.parts
        if self._backend == "managed" and (refusal := rights.refusal()):
            raise BackendError(refusal)
        parts.pki.start()
        await in_turns(parts.shared.desired.replace_in_pieces(_by_tunnel(entries)), rest_s=0)
        if parts.keeper is not None:
            await parts.live.start(parts.audit.on_log)
            # Before there is a charon: what it lets through is none of its business.
            await parts.protection.start(parts.shared.desired.entries)
            await parts.keeper.start()
            parts.audit.start()

    async def protect(self, entries: Mapping[Keys, Json]) -> None:
        """Keep packets of the tunnels in ``entries`` from passing in clear; nothing else begins.

        Raises:
            BackendError: that cannot be put in force.
        """
        await self._protect(_by_tunnel(entries), None)

    async def _protect(self, entries: Mapping[str, Json], for_all: ForAll | None) -> None:
        protection = self.parts.protection
        await protection.replace(entries, for_all)
        if protection.trouble:
            raise BackendError(protection.trouble)

    async def withdraw(self) -> None:
        """Let packets pass again that were kept from it.

        Raises:
            BackendError: what is in force cannot be taken out.
        """
        if self.parts.keeper is not None and nft.program() is None:
            raise BackendError(f"what protects tunnels cannot be looked for: {nft.NOT_FOUND}")
        await self._protect({}, ForAll())
        log.info("nothing keeps packets of tunnels from passing in clear any more")

    async def stop(self, *, keep: bool = False) -> None:
        """Stop; a managed charon ends unless it is to be kept, an external one keeps what it holds."""
        parts = self.parts
        parts.live.supervisor.forget_all()
        await parts.actions.stop()
        await parts.pki.stop()
        if parts.keeper is not None:
            if self._backend == "managed" and not keep:
                parts.live.all_ending("the agent stops, and its daemon with it")
            await parts.audit.stop()
            await parts.keeper.stop(keep=keep)
            await parts.protection.stop()
            await parts.live.stop()

    async def reconcile(self, entries: Mapping[Keys, Json]) -> None:
        """Make charon agree with exactly ``entries``; without charon, as soon as there is one again."""
        shared = self.parts.shared
        async with shared.changing:
            await in_turns(shared.desired.replace_in_pieces(_by_tunnel(entries)), rest_s=0)
            await self.parts.protection.replace(shared.desired.entries)
            self.parts.live.daemon_changed()
            self.parts.pki.users_changed()
            if shared.session is not None:
                await self.parts.protection.agree(shared.session)
                await reconcile(shared.session, shared.desired, self.parts.live, trust=self.parts.trust)

    # --- changes ---

    def check(self, changes: Sequence[EntryChange], may_read: Reader = reads_all) -> Sequence[RpcError]:
        """Return every reason why ``changes`` cannot be applied."""
        return self.parts.planning.check(changes, may_read)

    async def check_in_turns(
        self, changes: Sequence[EntryChange], may_read: Reader = reads_all
    ) -> Sequence[RpcError]:
        """Return what ``check`` returns, while the event loop goes on."""
        return await self.parts.planning.check_in_turns(changes, may_read)

    async def prepare(self, changes: Sequence[EntryChange]) -> Plan:
        """Plan ``changes``.

        Raises:
            RpcErrors: ``check`` found something, or there is no charon.
        """
        if self.parts.keeper is not None:
            if self.parts.shared.session is None:
                plan = await self.parts.planning.plan_in_turns(changes)
                if not plan.asks_charon:
                    return plan
            try:
                await self.parts.keeper.available(AVAILABLE_LIMIT_S)
            except Unavailable as error:
                raise RpcErrors([OperationFailed(str(error), app_tag="daemon-unavailable")]) from None
        return await self.parts.planning.plan_in_turns(changes)

    async def foresee(self, changes: Sequence[EntryChange], may_read: Reader = reads_all) -> Foresight:
        """Return what a commit of ``changes`` would do, as far as it is known now."""
        return await self.parts.foreseeing.foresee(changes, may_read)

    async def captured(self, changes: Sequence[EntryChange], routes: Sequence[Route]) -> Sequence[Captured]:
        """Return which of the sessions on ``routes`` the changes would cut off."""
        return await self.parts.cut_offs.captured(changes, routes)

    async def apply(self, plan: Plan) -> None:
        """Make ``plan`` real.

        Raises:
            BackendError: charon refused a step; everything done before it has been undone.
        """
        assert isinstance(plan, StrongSwanPlan)
        await self.parts.changes.apply(plan)

    async def undo(self, plan: Plan) -> None:
        """Reverse ``plan``, which was applied in full. Raises: as ``apply``."""
        assert isinstance(plan, StrongSwanPlan)
        await self.parts.changes.undo(plan)

    # --- operational data ---

    async def entry_state(self, keys: Sequence[Keys]) -> Mapping[Keys, Json]:
        """Return the state of each tunnel in ``keys`` that exists."""
        return await self.parts.state_data.of_entries(keys)

    async def root_state(self, root: str) -> Json:
        """Return the content of one of ``state_roots``."""
        return await self.parts.state_data.of_root(root)

    async def measured(self, of: str) -> Sequence[Json]:
        """Return what ``measures`` is about of each tunnel, or of one of ``state_roots``."""
        return await self.parts.state_data.measured(of)

    def to_work(self, changes: Sequence[EntryChange]) -> Mapping[Keys, Json]:
        """Return the enabled tunnels that ``changes`` touch, also by a certificate that they use."""
        return self.parts.planning.to_work(changes)

    def cannot_tell(self, entry: Json) -> str | None:
        """Return why nobody can say whether the tunnel ``entry`` works, None if ``not_working`` can."""
        return self.parts.state_data.cannot_tell(entry)

    async def not_working(self, keys: Sequence[Keys]) -> Mapping[Keys, str]:
        """Return those of the tunnels ``keys`` that do not work as they are configured, and why."""
        return await self.parts.state_data.not_working(keys)

    # --- actions and rpcs ---

    async def action(self, keys: Keys, name: str, input: Json) -> Json:
        """Run ``restart``, ``initiate`` or ``terminate`` on one tunnel.

        Raises:
            RpcError: the tunnel is not enabled, there is no charon, or it cannot be done.
        """
        return await self.parts.actions.action(keys[0], name)

    async def rpc(self, name: str, input: Json) -> Json:
        """Run ``restart-daemon``, or an rpc of the monitor, of the log or of private keys.

        Raises:
            RpcError: charon is not ours, the rpc is not known, or it cannot be carried out.
        """
        if self.parts.key_rpcs.serves(name):
            return await self.parts.key_rpcs.rpc(name, input)
        return await self.parts.actions.rpc(name, input)

    async def take_back(self, rpc: str, input: Json, output: Json) -> None:
        """End the monitor or log that ``rpc`` began, or delete the key that it made."""
        if self.parts.key_rpcs.serves(rpc):
            await self.parts.key_rpcs.take_back(rpc, input)
        else:
            await self.parts.actions.take_back(rpc, output)


def _by_tunnel(entries: Mapping[Keys, Json]) -> dict[str, Json]:
    return {keys[0]: entry for keys, entry in entries.items()}
