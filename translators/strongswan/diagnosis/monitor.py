"""Watching packets on request: tcpdump as a child that drops its privileges, read until a bound is met.

A packet that may be of several tunnels is shown without one.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.at_work import unbound
from agent.errors import InvalidValue, OperationFailed, ResourceDenied
from agent.translator import Json, Notification
from translators.strongswan.diagnosis.packets import CaptureError, CaptureReader, Packet, Protocol
from translators.strongswan.model import DAEMON
from translators.strongswan.tasks import is_set_within

log = logging.getLogger(__name__)

MAX_MONITORS = 4
READ_OCTETS = 65536
HEADERS_OCTETS = 128
"""Enough of each packet for what is shown; all of it is taken only for a file."""
FILE_OCTETS_MAX = 64 * 1024 * 1024
FILES_MAX = 16
"""Captures that are kept: a gigabyte. Nobody can remove them over NETCONF."""
BEGIN_LIMIT_S = 10.0
END_LIMIT_S = 5.0
UNPRIVILEGED_USER = "nobody"
PORTS = "(udp port 500 or udp port 4500 or ip proto 50 or ip6 proto 50)"

Owners = Callable[[Packet], Sequence[str]]
"""Returns the tunnels that a packet may belong to, none if that is not known."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """When a monitor ends by itself."""

    seconds: int
    packets: int


@dataclass(eq=False, slots=True)
class Monitor:
    """One capture. ``tunnels`` empty: of all. ``file``: where the packets are kept, if anywhere."""

    number: int
    tunnels: frozenset[str]
    bounds: Bounds
    file: Path | None
    process: asyncio.subprocess.Process
    task: asyncio.Task[None] | None = None
    shown: int = 0
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)


class Monitors:
    """All captures of this agent.

    Args:
        folder: where files of packets go (made private).
        notify: takes a ``packet`` or ``monitor-ended`` notification.
        owners: see Owners.
        program: the capture program, None to look for tcpdump.
    """

    def __init__(
        self,
        folder: Path,
        notify: Callable[[Notification], None],
        owners: Owners,
        program: str | None = None,
    ) -> None:
        self._folder = folder
        self._notify = notify
        self._owners = owners
        self._program = program
        self._numbers = itertools.count(1)
        self._running: dict[int, Monitor] = {}

    async def start(self, input: Json) -> Json:
        """Carry out ``start-monitor``; returns when packets are being captured.

        Raises:
            OperationFailed: tcpdump is missing, or does not start.
            ResourceDenied: there are too many monitors.
        """
        program = self._program or shutil.which("tcpdump")
        if program is None:
            raise OperationFailed(
                "packets are watched with tcpdump, which is not installed: apt-get install tcpdump",
                app_tag="tcpdump-missing",
            )
        if len(self._running) >= MAX_MONITORS:
            raise ResourceDenied(f"there are {MAX_MONITORS} monitors already: stop one first")
        number = next(self._numbers)
        file = self._new_file(number) if input.get("file", False) else None
        try:
            process = await self._spawn(program, whole=file is not None)
        except BaseException:  # also a cancellation
            if file is not None:
                file.unlink(missing_ok=True)
            raise
        monitor = Monitor(
            number=number,
            tunnels=frozenset(str(tunnel) for tunnel in input.get("tunnel", [])),
            bounds=Bounds(int(input.get("seconds", 60)), int(input.get("packets", 1000))),
            file=file,
            process=process,
        )
        self._running[number] = monitor
        monitor.task = asyncio.create_task(self._run(monitor), context=unbound())
        # What a client does once it has the answer must not be missed.
        try:
            await is_set_within(monitor.begun, BEGIN_LIMIT_S)
        except BaseException:
            await asyncio.shield(self._undo(monitor))
            raise
        output: Json = {"monitor-id": number}
        if file is not None:
            output["file"] = str(file)
        return output

    async def stop(self, number: int) -> None:
        """Carry out ``stop-monitor``; returns when the capture has ended.

        Raises:
            InvalidValue: there is no such monitor.
        """
        monitor = self._running.get(number)
        if monitor is None:
            raise InvalidValue(f"there is no monitor {number}", info={"bad-element": "monitor-id"})
        await self._end(monitor)

    async def take_back(self, number: int) -> None:
        """End a capture of which nobody knows, and remove its file."""
        monitor = self._running.get(number)
        if monitor is None:
            return  # it has ended, and told so
        await self._undo(monitor)

    async def _undo(self, monitor: Monitor) -> None:
        await self._end(monitor)
        if monitor.file is not None:
            monitor.file.unlink(missing_ok=True)

    async def close(self) -> None:
        """End every capture. Safe to call twice."""
        for monitor in list(self._running.values()):
            await self._end(monitor)

    async def _end(self, monitor: Monitor) -> None:
        monitor.stopping.set()
        if monitor.task is not None:
            await asyncio.wait([monitor.task])

    def _new_file(self, number: int) -> Path:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._make_room()
        for attempt in itertools.count(number):
            file = self._folder / f"monitor-{attempt}.pcap"
            with contextlib.suppress(FileExistsError):
                os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
                return file
        raise AssertionError("count never ends")

    def _make_room(self) -> None:
        in_use = {monitor.file for monitor in self._running.values() if monitor.file is not None}
        kept = [file for file in self._folder.glob("monitor-*.pcap") if file not in in_use]
        kept.sort(key=lambda file: file.stat().st_mtime_ns)
        for file in kept[: max(0, len(kept) + len(in_use) + 1 - FILES_MAX)]:
            log.info("more than %d captures: removing the oldest, %s", FILES_MAX, file)
            file.unlink()

    async def _spawn(self, program: str, *, whole: bool) -> asyncio.subprocess.Process:
        command = [program, "-i", "any", "-n", "-U", "-w", "-", "-s", "0" if whole else str(HEADERS_OCTETS)]
        if os.geteuid() == 0:
            command += ["-Z", UNPRIVILEGED_USER]
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                PORTS,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        except OSError as problem:
            raise OperationFailed(f"{program} cannot be started: {problem.strerror}") from None
        return process

    # -- one capture -----------------------------------------------------------------------

    async def _run(self, monitor: Monitor) -> None:
        reason = "stopped"
        try:
            async with asyncio.timeout(monitor.bounds.seconds):
                reason = await self._read(monitor)
        except TimeoutError:
            reason = "time"
        except (CaptureError, OSError) as problem:
            reason = "failed"
            log.error("monitor %d: %s", monitor.number, problem)
        finally:
            monitor.begun.set()
            await _terminate(monitor.process)
            del self._running[monitor.number]
            ended: Json = {"monitor-id": monitor.number, "reason": reason, "packets": monitor.shown}
            self._notify(Notification({f"{DAEMON}:monitor-ended": ended}))

    async def _read(self, monitor: Monitor) -> str:
        """Read packets until it is enough; returns why, in the words of the model."""
        assert monitor.process.stdout is not None
        reader, written = CaptureReader(), 0
        stopping = asyncio.ensure_future(monitor.stopping.wait())
        try:
            while True:
                read = asyncio.ensure_future(monitor.process.stdout.read(READ_OCTETS))
                await asyncio.wait({read, stopping}, return_when=asyncio.FIRST_COMPLETED)
                if not read.done():
                    read.cancel()
                    return "stopped"
                data = read.result()
                monitor.begun.set()  # the first is a header, which tcpdump writes as soon as it captures
                if not data:
                    return await _why_it_ended(monitor.process)
                if monitor.file is not None:
                    written += len(data)
                    if written > FILE_OCTETS_MAX:
                        return "octets"
                    await asyncio.to_thread(_append, monitor.file, data)
                for packet in reader.feed(data):
                    self._show(monitor, packet)
                    if monitor.shown >= monitor.bounds.packets:
                        return "packets"
        finally:
            stopping.cancel()

    def _show(self, monitor: Monitor, packet: Packet) -> None:
        owners = self._owners(packet)
        if monitor.tunnels and monitor.tunnels.isdisjoint(owners):
            return
        monitor.shown += 1
        tunnel = owners[0] if len(owners) == 1 else None
        content = packet_content(monitor.number, tunnel, packet)
        self._notify(Notification({f"{DAEMON}:packet": content}))


def packet_content(number: int, tunnel: str | None, packet: Packet) -> Json:
    """Return the leaves of a ``packet`` notification."""
    content: Json = {
        "monitor-id": number,
        "protocol": packet.protocol.value,
        "source": packet.source,
        "destination": packet.destination,
        "sequence": packet.sequence,
        "length": packet.length_octets,
    }
    if tunnel is not None:
        content["tunnel"] = int(tunnel)
    if packet.protocol is Protocol.ESP:
        content["spi"] = packet.spi
    else:
        content["initiator-spi"] = packet.initiator_spi
        content["responder-spi"] = packet.responder_spi
        content["exchange"] = packet.exchange
        content["response"] = packet.response
    return content


def _append(file: Path, data: bytes) -> None:
    with file.open("ab") as target:
        target.write(data)


async def _why_it_ended(process: asyncio.subprocess.Process) -> str:
    """Return how a capture ended that nobody ended; its last words go to the log."""
    assert process.stderr is not None
    words = (await process.stderr.read()).decode("utf-8", "replace").strip().splitlines()
    log.error("tcpdump ended by itself: %s", words[-1] if words else "without a word")
    return "failed"


async def _terminate(process: Any) -> None:
    """End a process of asyncio's, which has no way of its own to read no more."""
    try:
        process.terminate()
    except ProcessLookupError:
        pass
    except PermissionError:
        log.error(
            "tcpdump (process %d) may not be ended by an agent without CAP_KILL: the next packet ends it",
            process.pid,
        )
        with contextlib.suppress(PermissionError):
            process._transport.close()  # nobody reads what it writes then
        return
    try:
        await asyncio.wait_for(process.wait(), END_LIMIT_S)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
