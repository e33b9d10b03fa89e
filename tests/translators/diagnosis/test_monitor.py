"""Monitors with a stand-in for tcpdump that writes what it is told: bounds, owners, files, ends."""

from __future__ import annotations

import asyncio
import logging
import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agent import at_work
from agent.errors import InvalidValue, OperationFailed, ResourceDenied
from agent.translator import Notification
from tests.translators.diagnosis.test_packets import ESP, IKE, capture, ipv4, udp
from tests.translators.upkeep.test_supervisor import until
from translators.strongswan.diagnosis import monitor
from translators.strongswan.diagnosis.monitor import MAX_MONITORS, Monitors
from translators.strongswan.diagnosis.packets import Packet, Protocol

LIMIT_S = 30


class Told:
    """Takes notifications and waits for them."""

    def __init__(self) -> None:
        self.all: list[dict[str, Any]] = []
        self.arrived = asyncio.Event()

    def __call__(self, notification: Notification) -> None:
        self.all.append(dict(notification.content))
        self.arrived.set()

    async def until(self, name: str, count: int = 1) -> dict[str, Any]:
        async with asyncio.timeout(LIMIT_S):
            while True:
                found = [c[f"yangswan-daemon:{name}"] for c in self.all if f"yangswan-daemon:{name}" in c]
                if len(found) >= count:
                    return dict(found[count - 1])
                self.arrived.clear()
                await self.arrived.wait()


def program(folder: Path, data: bytes, *, then: str = "import time; time.sleep(3600)") -> str:
    """Return a program that writes ``data`` as tcpdump would, and then goes on as it is told."""
    file = folder / "capture-program"
    file.write_text(
        f"#!{sys.executable}\nimport sys\nsys.stdout.buffer.write({data!r})\nsys.stdout.flush()\n{then}\n"
    )
    file.chmod(0o700)
    return str(file)


def nobody(_packet: Packet) -> Sequence[str]:
    return ()


PACKETS = capture(ipv4(17, udp(500, IKE)), ipv4(50, ESP), ipv4(50, ESP))


async def test_packets_are_told_until_it_is_stopped(tmp_path: Path) -> None:
    told = Told()
    monitors = Monitors(tmp_path / "captures", told, lambda _: ["7"], program(tmp_path, PACKETS))
    assert await monitors.start({}) == {"monitor-id": 1}
    packet = await told.until("packet")
    assert packet == {
        "monitor-id": 1,
        "protocol": "ike",
        "source": "192.0.2.1",
        "destination": "198.51.100.1",
        "sequence": 1,
        "length": 76,
        "tunnel": 7,
        "initiator-spi": "1" * 16,
        "responder-spi": "2" * 16,
        "exchange": "ike-auth",
        "response": True,
    }
    assert (await told.until("packet", 3))["spi"] == "c0ffee01"
    await monitors.stop(1)
    assert await told.until("monitor-ended") == {"monitor-id": 1, "reason": "stopped", "packets": 3}
    with pytest.raises(InvalidValue):
        await monitors.stop(1)


async def test_it_is_no_work_of_the_session_that_began_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Which may have ended long ago when it fails."""
    about: list[dict[str, str]] = []

    def heard(record: logging.LogRecord) -> bool:
        if record.name == monitor.log.name:
            about.append(at_work.ids())
        return True

    caplog.handler.addFilter(heard)
    told = Told()
    monitors = Monitors(tmp_path, told, nobody, program(tmp_path, PACKETS, then="raise SystemExit(1)"))

    async def session() -> None:
        at_work.bind_session(12, "ann")
        await monitors.start({})

    await asyncio.create_task(session())
    assert (await told.until("monitor-ended"))["reason"] == "failed"
    assert about == [{}]


async def test_it_is_over_also_where_its_process_may_not_be_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root without CAP_KILL ends no process of another user: it ends itself when nobody reads any more."""
    told = Told()
    on_and_on = "while True: sys.stdout.buffer.write(bytes(65536))"
    monitors = Monitors(tmp_path, told, nobody, program(tmp_path, PACKETS, then=on_and_on))
    made: list[asyncio.subprocess.Process] = []
    begin = asyncio.create_subprocess_exec

    async def begun(*command: Any, **options: Any) -> asyncio.subprocess.Process:
        made.append(await begin(*command, **options))
        return made[-1]

    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(asyncio, "create_subprocess_exec", begun)
    monkeypatch.setattr(monitor.os, "geteuid", lambda: 1000)  # who is root gives tcpdump a user
    monkeypatch.setattr("subprocess.Popen.send_signal", refused)
    await monitors.start({"packets": 2})
    assert (await told.until("monitor-ended"))["reason"] == "packets"
    with pytest.raises(InvalidValue):
        await monitors.stop(1)
    async with asyncio.timeout(LIMIT_S):
        await made[0].wait()


def program_that_waits(folder: Path, here: Path, go: Path) -> str:
    """Return a program that makes ``here``, and writes what it then reads from the pipe ``go``."""
    os.mkfifo(go)
    then = (
        f"open({str(here)!r}, 'w').close()\nsys.stdout.buffer.write(open({str(go)!r}, 'rb').read())\n"
        "sys.stdout.flush()\nimport time; time.sleep(3600)"
    )
    return program(folder, b"", then=then)


async def test_it_is_begun_when_packets_are_captured(tmp_path: Path) -> None:
    here, go = tmp_path / "here", tmp_path / "go"
    monitors = Monitors(tmp_path, Told(), nobody, program_that_waits(tmp_path, here, go))
    starting = asyncio.create_task(monitors.start({}))
    await until(here.exists)
    assert not starting.done()
    await asyncio.to_thread(go.write_bytes, PACKETS)
    assert await starting == {"monitor-id": 1}
    await monitors.close()


async def test_it_ends_after_as_many_packets_as_were_asked_for(tmp_path: Path) -> None:
    told = Told()
    monitors = Monitors(tmp_path, told, nobody, program(tmp_path, PACKETS))
    await monitors.start({"packets": 2})
    assert await told.until("monitor-ended") == {"monitor-id": 1, "reason": "packets", "packets": 2}


async def test_it_ends_when_its_time_is_up(tmp_path: Path) -> None:
    told = Told()
    monitors = Monitors(tmp_path, told, nobody, program(tmp_path, PACKETS))
    await monitors.start({"seconds": 1})
    assert (await told.until("monitor-ended"))["reason"] == "time"


async def test_only_the_packets_of_the_tunnels_that_were_asked_for(tmp_path: Path) -> None:
    def owners(packet: Packet) -> Sequence[str]:
        return ["1", "2"] if packet.protocol is Protocol.IKE else ["3"]

    told = Told()
    monitors = Monitors(tmp_path, told, owners, program(tmp_path, PACKETS, then=""))
    await monitors.start({"tunnel": [2]})
    ended = await told.until("monitor-ended")
    assert ended["packets"] == 1
    assert "tunnel" not in await told.until("packet")  # it may be of 1 as well


def content_and_modes(file: Path) -> tuple[bytes, int, int]:
    modes = (stat.S_IMODE(path.stat().st_mode) for path in (file, file.parent))
    return file.read_bytes(), *modes


async def test_a_file_holds_the_capture_and_is_private(tmp_path: Path) -> None:
    told = Told()
    folder = tmp_path / "captures"
    monitors = Monitors(folder, told, nobody, program(tmp_path, PACKETS))
    output = await monitors.start({"file": True, "packets": 3})
    await told.until("monitor-ended")
    assert content_and_modes(Path(output["file"])) == (PACKETS, 0o600, 0o700)
    other = Monitors(folder, told, nobody, program(tmp_path, PACKETS))
    assert (await other.start({"file": True}))["file"] != output["file"]  # nothing is written over
    await other.close()


async def test_a_file_does_not_grow_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor, "FILE_OCTETS_MAX", 10)
    told = Told()
    monitors = Monitors(tmp_path / "captures", told, nobody, program(tmp_path, PACKETS))
    await monitors.start({"file": True})
    assert (await told.until("monitor-ended"))["reason"] == "octets"


def captures(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.glob("monitor-*.pcap"))


def old_captures(folder: Path) -> None:
    """Put three there; from the oldest on: 8, 9, 7."""
    for number, age in ((7, 3), (8, 1), (9, 2)):
        (folder / f"monitor-{number}.pcap").touch()
        os.utime(folder / f"monitor-{number}.pcap", (age, age))


async def test_the_oldest_file_goes_when_there_are_many_but_none_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitor, "FILES_MAX", 3)
    told = Told()
    monitors = Monitors(tmp_path, told, nobody, program(tmp_path, PACKETS))
    await monitors.start({"file": True})
    await monitors.start({"file": True})
    old_captures(tmp_path)
    os.utime(tmp_path / "monitor-1.pcap", (0, 0))
    await monitors.start({"file": True})
    assert captures(tmp_path) == ["monitor-1.pcap", "monitor-2.pcap", "monitor-3.pcap"]
    await monitors.close()


async def test_the_newest_of_the_old_files_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor, "FILES_MAX", 3)
    old_captures(tmp_path)
    monitors = Monitors(tmp_path, Told(), nobody, program(tmp_path, PACKETS))
    await monitors.start({"file": True})
    assert captures(tmp_path) == ["monitor-1.pcap", "monitor-7.pcap", "monitor-9.pcap"]
    await monitors.close()


async def test_a_capture_that_fails_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    told = Told()
    refuses = program(tmp_path, b"", then="sys.exit('tcpdump: any: no such device')")
    monitors = Monitors(tmp_path, told, nobody, refuses)
    await monitors.start({})
    assert (await told.until("monitor-ended"))["reason"] == "failed"
    assert "no such device" in caplog.text


async def test_nonsense_instead_of_a_capture_is_told(tmp_path: Path) -> None:
    told = Told()
    monitors = Monitors(tmp_path, told, nobody, program(tmp_path, b"x" * 100))
    await monitors.start({})
    assert (await told.until("monitor-ended"))["reason"] == "failed"


async def test_without_tcpdump_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OperationFailed, match="apt-get install tcpdump") as caught:
        await Monitors(tmp_path, Told(), nobody).start({})
    assert caught.value.app_tag == "tcpdump-missing"


async def test_a_program_that_cannot_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(OperationFailed, match="cannot be started"):
        await Monitors(tmp_path, Told(), nobody, str(tmp_path / "missing")).start({})


async def test_one_of_which_nobody_knows_is_taken_back_with_its_file(tmp_path: Path) -> None:
    told, folder = Told(), tmp_path / "captures"
    monitors = Monitors(folder, told, nobody, program(tmp_path, PACKETS))
    for number in range(1, MAX_MONITORS + 2):
        assert (await monitors.start({"file": True}))["monitor-id"] == number
        await monitors.take_back(number)
    assert await told.until("monitor-ended", MAX_MONITORS + 1)
    assert captures(folder) == []
    await monitors.take_back(1)  # it has ended


async def test_one_that_cannot_start_leaves_no_file(tmp_path: Path) -> None:
    monitors = Monitors(tmp_path, Told(), nobody, str(tmp_path / "missing"))
    with pytest.raises(OperationFailed):
        await monitors.start({"file": True})
    assert captures(tmp_path) == []


@pytest.mark.parametrize("waits_in", ["is_set_within", "_spawn"])
async def test_one_that_is_cancelled_while_it_begins_leaves_nothing(
    waits_in: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, folder, waiting = Told(), tmp_path / "captures", asyncio.Event()
    monitors = Monitors(folder, told, nobody, program(tmp_path, b""))

    async def wait(*_: Any, **__: Any) -> None:
        waiting.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(monitor if waits_in == "is_set_within" else monitors, waits_in, wait)
    start = asyncio.create_task(monitors.start({"file": True}))
    await waiting.wait()
    assert len(captures(folder)) == 1
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start
    assert captures(folder) == []
    monkeypatch.undo()
    with pytest.raises(InvalidValue):
        await monitors.stop(1)


async def test_monitors_are_limited_and_all_end_with_the_agent(tmp_path: Path) -> None:
    told = Told()
    monitors = Monitors(tmp_path, told, nobody, program(tmp_path, PACKETS))
    for _ in range(MAX_MONITORS):
        await monitors.start({})
    with pytest.raises(ResourceDenied):
        await monitors.start({})
    await monitors.close()
    await told.until("monitor-ended", MAX_MONITORS)
    await monitors.close()
