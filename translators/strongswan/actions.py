"""The actions of a tunnel, and the rpcs about charon: what clients ask for beside configuration."""

from __future__ import annotations

from agent.errors import InUse, OperationFailed, OperationNotSupported
from agent.translator import Json
from translators.strongswan.charon.keeper import Keeper, NotRestarted, Unavailable
from translators.strongswan.charon.service import ServiceError, restart_unit
from translators.strongswan.charon.session import CharonSession
from translators.strongswan.charon.shared import Shared
from translators.strongswan.charon.vici import ViciError
from translators.strongswan.diagnosis.logs import TunnelLogs
from translators.strongswan.diagnosis.monitor import Monitors
from translators.strongswan.diagnosis.packet_owners import PacketOwners
from translators.strongswan.model import entry_path
from translators.strongswan.options import Options
from translators.strongswan.status.facts import Reason
from translators.strongswan.upkeep.executor import end_all
from translators.strongswan.upkeep.tunnels import LiveTunnels

AVAILABLE_LIMIT_S = 5.0


class Actions:
    """``keeper`` is None without charon."""

    def __init__(
        self,
        options: Options,
        shared: Shared,
        *,
        live: LiveTunnels,
        keeper: Keeper | None,
        packet_owners: PacketOwners,
        monitors: Monitors,
        logs: TunnelLogs,
    ) -> None:
        self._options = options
        self._shared = shared
        self._live = live
        self._keeper = keeper
        self._packet_owners = packet_owners
        self._monitors = monitors
        self._logs = logs
        self._restarting = False

    async def stop(self) -> None:
        """End monitors and logs. Safe to call twice."""
        await self._monitors.close()
        self._logs.close()

    async def action(self, tunnel: str, name: str) -> Json:
        """Run ``restart``, ``initiate`` or ``terminate`` on one tunnel.

        Raises:
            RpcError: the tunnel is not enabled, there is no charon, or it cannot be done.
        """
        path = entry_path(tunnel)
        session = await self._session_or_error()
        messages = self._shared.desired.messages.get(tunnel)
        if messages is None:
            raise OperationFailed("the tunnel is not enabled", path=path, app_tag="tunnel-disabled")
        if name == "initiate" and messages.peer is None:
            raise OperationFailed(
                "without a peer there is nobody to initiate to", path=path, app_tag="no-peer"
            )
        if name not in ("restart", "initiate", "terminate"):
            raise OperationNotSupported(f"there is no action '{name}'", path=path)
        async with self._shared.changing:
            self._live.supervisor.forget(messages.name)
            try:
                if name != "initiate":
                    self._live.ending([messages.name], Reason.TERMINATED, f"the action {name} was called")
                    await end_all([messages.name], session, self._live.silent)
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

    async def take_back(self, rpc: str, output: Json) -> None:
        """End what an rpc began of which nobody gets the ``output``."""
        if rpc == "start-monitor":
            await self._monitors.take_back(int(output["monitor-id"]))
        elif rpc == "start-log":
            self._logs.stop(int(output["log-id"]))

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
