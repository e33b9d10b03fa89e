"""The actions of a tunnel, and the rpcs about charon: what clients ask for beside configuration."""

from __future__ import annotations

import asyncio
from pathlib import Path

from agent.errors import InUse, OperationFailed, OperationNotSupported
from agent.translator import Json, Settings
from translators.strongswan.charon.keeper import Keeper, NotRestarted, Unavailable
from translators.strongswan.charon.service import ServiceError, restart_unit
from translators.strongswan.charon.session import CharonSession
from translators.strongswan.charon.vici import Section, ViciError
from translators.strongswan.diagnosis.logs import TunnelLogs
from translators.strongswan.diagnosis.monitor import Monitors
from translators.strongswan.diagnosis.packet_owners import PacketOwners, owners_of_ends
from translators.strongswan.options import Options
from translators.strongswan.status.facts import Reason
from translators.strongswan.translation.desired import Desired
from translators.strongswan.translation.plan import Phase, Step
from translators.strongswan.upkeep.executor import end_sas
from translators.strongswan.upkeep.tunnels import LiveTunnels

AVAILABLE_LIMIT_S = 5.0


class Actions:
    """``lock`` is that of all changes, ``keeper`` None without charon; ``captures`` is the folder of the
    monitor's files."""

    def __init__(
        self,
        settings: Settings,
        options: Options,
        desired: Desired,
        live: LiveTunnels,
        keeper: Keeper | None,
        lock: asyncio.Lock,
        captures: Path,
    ) -> None:
        self._options = options
        self._desired = desired
        self._live = live
        self._keeper = keeper
        self._lock = lock
        self._restarting = False
        self._packet_owners = PacketOwners(lambda: keeper.session if keeper is not None else None, desired)
        self._monitors = Monitors(captures, settings.notify, self._packet_owners.of)
        self._logs = TunnelLogs(settings.notify, lambda ends: owners_of_ends(desired, ends))

    async def stop(self) -> None:
        """End monitors and logs. Safe to call twice."""
        await self._monitors.close()
        self._logs.close()

    def on_event(self, session: CharonSession, event: str, message: Section) -> None:
        """Take one VICI event of ``session``."""
        self._logs.on_event(session, event, message)

    async def action(self, tunnel: str, name: str) -> Json:
        """Run ``restart``, ``initiate`` or ``terminate`` on one tunnel.

        Raises:
            RpcError: the tunnel is not enabled, there is no charon, or it cannot be done.
        """
        path = f"/yangswan-ipsec:tunnels/ipsec[id='{tunnel}']"
        session = await self._session_or_error()
        messages = self._desired.messages.get(tunnel)
        if messages is None:
            raise OperationFailed("the tunnel is not enabled", path=path, app_tag="tunnel-disabled")
        known_peer = messages.ike.get("remote_addrs") != ["%any"]
        if name == "initiate" and not known_peer:
            raise OperationFailed(
                "without a peer there is nobody to initiate to", path=path, app_tag="no-peer"
            )
        if name not in ("restart", "initiate", "terminate"):
            raise OperationNotSupported(f"there is no action '{name}'", path=path)
        async with self._lock:
            self._live.supervisor.forget(messages.name)
            try:
                if name != "initiate":
                    self._live.ending([messages.name], Reason.TERMINATED, f"the action {name} was called")
                    await end_sas([Step(Phase.END, messages.name)], session, self._live.silent)
            except ViciError as error:
                raise OperationFailed(str(error), path=path, app_tag="daemon-unavailable") from None
            if name == "initiate" or (name == "restart" and messages.initiator):
                self._live.want(messages.name)
        return {}

    async def rpc(self, name: str, input: Json) -> Json:
        """Run ``restart-daemon``, or an rpc of the monitor or of the log.

        Raises:
            RpcError: charon is not ours, the rpc is not known, or it cannot be carried out.
        """
        if self._keeper is None:
            raise OperationNotSupported(f"'{name}' takes a charon, and this agent runs without one")
        match name:
            case "start-monitor":
                await self._packet_owners.refresh()
                return await self._monitors.start(input)
            case "stop-monitor":
                await self._monitors.stop(int(input["monitor-id"]))
            case "start-log":
                return self._logs.start(input)
            case "stop-log":
                self._logs.stop(int(input["log-id"]))
            case "restart-daemon":
                await self._restart(self._keeper)
            case _:
                raise OperationNotSupported(f"'{name}' is not implemented in this version")
        return {}

    async def _restart(self, keeper: Keeper) -> None:
        if self._restarting:
            raise InUse("charon is being restarted already")
        unit, limit_s = self._options.charon_unit, self._options.restart_limit
        self._restarting = True
        self._live.all_ending("the daemon is restarted on request")
        try:
            await keeper.restart(lambda: restart_unit(unit, limit_s), limit_s)
        except ServiceError as error:
            raise OperationFailed(str(error), app_tag=error.app_tag) from None
        except NotRestarted as error:
            message = f"systemctl restart {unit} was done, but {error}: set charon-unit to its unit"
            raise OperationFailed(message, app_tag="daemon-not-restarted") from None
        except Unavailable as error:
            raise OperationFailed(f"after the restart, {error}", app_tag="daemon-unavailable") from None
        finally:
            self._restarting = False

    async def _session_or_error(self) -> CharonSession:
        if self._keeper is None:
            raise OperationNotSupported("this agent runs without charon")
        try:
            return await self._keeper.available(AVAILABLE_LIMIT_S)
        except Unavailable as error:
            raise OperationFailed(str(error), app_tag="daemon-unavailable") from None
