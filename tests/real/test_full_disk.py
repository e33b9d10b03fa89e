"""A file system that takes nothing more: what was committed is in force, and commits wait for room."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.agent_process import AgentProcess, running_agent
from tests.lab import Lab, carries, charon_folder
from tests.real.gateways import gateway, on, problems, text
from tests.real.test_netconf_to_charon import Pair, spis, tunnel, up
from translators.strongswan.charon.place import stand_in

pytestmark = pytest.mark.real

ROOT = Path(__file__).parents[2]
SIZE = "4m"
HOLD = f'mount -t tmpfs -o size={SIZE} none "$1" && echo mounted && exec sleep infinity'
FILLER = "filler"
LOOK = """
import sys
from pathlib import Path
from translators.strongswan.charon.daemon import leftover_pids
print(*leftover_pids([Path(sys.argv[1])]))
"""
AGENT = "urn:yangswan:params:xml:ns:yang:agent"
READ_ONLY = f'<get><filter><agent xmlns="{AGENT}"><history-read-only/></agent></filter></get>'


@dataclass(frozen=True)
class Disk:
    """A small file system, mounted at ``folder`` in a mount namespace of its own."""

    folder: Path
    holder: int

    @property
    def seen(self) -> Path:
        """Where it is seen from outside of that namespace."""
        return Path(f"/proc/{self.holder}/root{self.folder}")

    @property
    def exec(self) -> tuple[str, ...]:
        of = f"/proc/{self.holder}"  # its root, too: in a chroot that is not the one of its mounts
        return (
            "nsenter",
            f"--mount={of}/ns/mnt",
            f"--root={of}/root",
            f"--wd={of}/root{ROOT}",
            "--",
        )

    def fill(self) -> None:
        with suppress(OSError), open(self.seen / FILLER, "wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    def make_room(self) -> None:
        (self.seen / FILLER).unlink()

    def forbid(self) -> None:
        self._remount("ro")

    def permit(self) -> None:
        self._remount("rw")

    def _remount(self, how: str) -> None:
        subprocess.run([*self.exec, "mount", "-o", f"remount,{how}", str(self.folder)], check=True)


@contextmanager
def small_disk(folder: Path) -> Iterator[Disk]:
    """Yield a disk that is gone, with the charon that an agent left on it, when the block ends."""
    folder.mkdir()
    command = ["unshare", "--mount", "sh", "-c", HOLD, "sh", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "mounted\n"
        disk = Disk(folder, holder.pid)
        try:
            yield disk
        finally:
            end_charon_on(disk)
            holder.kill()


@contextmanager
def bob_on(disk: Disk, lab: Lab) -> Iterator[AgentProcess]:
    """A running agent whose data folder is on ``disk``."""
    prefix = (*lab.bob_ns.exec, *disk.exec)  # the last mount namespace counts
    with running_agent(disk.folder / "agent", prefix=prefix, charon="managed") as agent:
        agent.data_dir = disk.seen / "agent"
        yield agent


def charon_on(disk: Disk) -> list[int]:
    """Look for it in the mounts of the disk: in a chroot its folder has another name outside."""
    command = [*disk.exec, sys.executable, "-c", LOOK, str(charon_folder(disk.folder / "agent"))]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    return [int(pid) for pid in found.stdout.split()]


def end_charon_on(disk: Disk) -> None:
    """Kill it, and wait until it holds no file any more."""
    for pid in charon_on(disk):
        handle = os.pidfd_open(pid)
        os.kill(pid, signal.SIGKILL)
        select.select([handle], [], [])
        os.close(handle)


def ended_by(agent: AgentProcess, number: signal.Signals) -> int:
    agent.process.send_signal(number)
    return agent._end()


def why_read_only(pair: Pair) -> str:
    reply = on(pair.lab.bob_ns, pair.bob, lambda o: o.do(READ_ONLY))
    return reply.findtext(f".//{{{AGENT}}}history-read-only", default="")


@pytest.mark.parametrize(
    ("spoil", "mend", "reason"),
    [
        (Disk.fill, Disk.make_room, "No space left on device"),
        (Disk.forbid, Disk.permit, "Read-only file system"),
    ],
)
def test_a_boot_brings_up_what_was_committed_and_commits_wait_for_room(
    lab: Lab, tmp_path: Path, spoil: Callable[[Disk], None], mend: Callable[[Disk], None], reason: str
) -> None:
    change = "<ipsec><id>1</id><description>changed</description></ipsec>"
    with gateway(lab.alice_ns, tmp_path / "alice-agent") as alice, small_disk(tmp_path / "disk") as disk:
        with bob_on(disk, lab) as bob:
            up(Pair(lab, alice, bob), 1)
            bob.kill()  # as a power failure does: its journal may be left, too
        end_charon_on(disk)
        spoil(disk)

        with bob_on(disk, lab) as bob:
            pair = Pair(lab, alice, bob)
            before = spis(pair.bob_until(1, "installed"))
            assert carries(lab.alice_ns, "10.1.0.1", lab.bob_ns, "10.2.0.1")
            assert why_read_only(pair) == reason
            assert any(f"history.db cannot be written ({reason})" in line for line in bob.log)
            for _ in range(2):
                ((tag, app_tag, _path, message),) = problems(lab.bob_ns, bob, change)
                assert (tag, app_tag) == ("resource-denied", "history-read-only")
                assert f"history.db: {reason}; free some space and commit again" in message
            # The next agent finds charon, whose files are not on that disk.
            charon = charon_on(disk)
            assert len(charon) == 1
            assert stand_in(charon_folder(disk.folder / "agent")).is_dir()
            assert ended_by(bob, signal.SIGUSR1) == 0

        with bob_on(disk, lab) as bob:
            pair = Pair(lab, alice, bob)
            assert spis(pair.bob_until(1, "installed")) == before
            assert charon_on(disk) == charon
            assert why_read_only(pair) == reason
            mend(disk)
            pair.on_bob(change, tunnel(2, "bob", "alice", initiator=False))
            assert why_read_only(pair) == ""
            assert any("history.db can be written again" in line for line in bob.log)
            bob.kill()
        end_charon_on(disk)

        with bob_on(disk, lab) as bob:
            pair = Pair(lab, alice, bob)
            state = pair.bob_until(1, "installed")
            assert text(state, "status") == "installed"
            reply = on(
                lab.bob_ns, bob, lambda o: o.do("<get-config><source><running/></source></get-config>")
            )
            assert [e.text for e in reply.iterfind(".//{*}ipsec/{*}description")] == ["changed", "to alice"]
            assert not stand_in(charon_folder(disk.folder / "agent")).exists()
