"""The systemd scope of a charon of our own, so that systemd ends it with the agent's service, and only then.

A service that somebody stops takes this scope along (PartOf=, systemd.unit(5)), whatever became of the agent:
killed, failed, about to be started again. A restart would take it along, too, but a scope cannot be started
again, so systemd leaves it out. StopPropagatedFrom= would not do: it ends the scope when the service fails.
Moved out of the service's own control group, charon is also out of reach of what systemd does to that.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from translators.strongswan.charon import command

log = logging.getLogger(__name__)

LIMIT_S = 20.0
PROCESSES = Path("/proc")
# charon itself is killed by the agent after half of it.
STOP_LIMIT_US = 20_000_000
_MANAGER = ("org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager")


class Scope:
    """``service`` is the agent's own; with ``ends_with_service`` its stop ends the scope, too."""

    def __init__(self, service: str, *, ends_with_service: bool) -> None:
        self._service = service
        self._ends_with_service = ends_with_service

    def name(self, pid: int) -> str:
        """Return the name of the scope of charon ``pid``; in it is whether it ends with the service."""
        kept = "" if self._ends_with_service else "-kept"
        return f"{self._service.removesuffix('.service')}-charon{kept}-{pid}.scope"

    async def take(self, pid: int) -> None:
        """Move charon ``pid`` into its scope, unless it is there; what keeps it from that is logged."""
        if control_group(str(pid)).rpartition("/")[2] == self.name(pid):
            return
        try:
            code, words = await command.run(self._request(pid), LIMIT_S)
        except (OSError, TimeoutError) as problem:
            code, words = None, str(problem).encode()
        if code != 0:
            log.warning(
                "charon has no scope of its own, so that systemctl stop leaves it running if the agent "
                "does not run at that moment: busctl: %s",
                " ".join(words.decode(errors="replace").split()) or f"exit code {code}",
            )

    def _request(self, pid: int) -> tuple[str, ...]:
        service = ("as", "1", self._service)
        properties = [
            ("Description", "s", f"charon of {self._service}"),
            ("PIDs", "au", "1", str(pid)),
            # In this order they end: the agent, charon, the network.
            ("Before", *service),
            ("After", "as", "1", "network.target"),
            ("TimeoutStopUSec", "t", str(STOP_LIMIT_US)),
            ("CollectMode", "s", "inactive-or-failed"),
        ]
        if self._ends_with_service:
            properties.append(("PartOf", *service))
        return (
            *("busctl", "call", *_MANAGER, "StartTransientUnit", "ssa(sv)a(sa(sv))", self.name(pid), "fail"),
            str(len(properties)),
            *(word for each in properties for word in each),
            "0",
        )


def own_service() -> str | None:
    """Return the systemd service of the system whose main process this is, None if it is of none."""
    if os.environ.get("SYSTEMD_EXEC_PID") != str(os.getpid()):
        return None
    group = control_group("self")
    name = group.rpartition("/")[2]
    return name if name.endswith(".service") and not group.startswith("/user.slice/") else None


def control_group(pid: str) -> str:
    """Return the path of the control group that systemd knows a process by, "" if there is none."""
    try:
        lines = (PROCESSES / pid / "cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    groups = {kind: path for _, kind, path in (line.split(":", 2) for line in lines)}
    return groups.get("name=systemd") or groups.get("", "")
