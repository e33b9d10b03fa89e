"""Runs that are ended, and runs beside each other: nothing is left, and nobody is disturbed."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.machines.running import CACHE, GUEST_LIMIT, machine, runs_of, started

pytestmark = pytest.mark.machine

END_LIMIT_S = 60.0
# A word to look for among the processes of this machine, whose list shows those of all namespaces.
WORD = "left-by-a-killed-run"
READ = ("sh", "-c", f"echo up; cat; : {WORD}")
# Nothing but a signal ends it.
WAIT = ("sh", "-c", f"trap 'echo ended politely; exit 9' TERM; echo up; sleep infinity & wait; : {WORD}")


def mounts() -> list[str]:
    text = Path("/proc/self/mounts").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if str(CACHE) in line]


def processes(word: str) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if word in (folder / "cmdline").read_text(errors="replace"):
                found.append(int(folder.name))
        except OSError:
            continue  # it has ended meanwhile
    return found


def up(*arguments: str, command: Sequence[str] = READ) -> subprocess.Popen[str]:
    process = started(*arguments, "--", *command)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    return process


def test_a_run_mounts_nothing_that_this_machine_sees() -> None:
    process = up("chroot", "12")
    assert runs_of(process)
    assert mounts() == []
    process.communicate()
    assert process.returncode == 0
    assert runs_of(process) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_reaches_the_command_and_nothing_is_left(number: signal.Signals) -> None:
    process = up("chroot", "12", command=WAIT)
    process.send_signal(number)
    output, _ = process.communicate()
    assert process.returncode == 128 + number
    assert "ended politely" in output or number != signal.SIGTERM
    assert (runs_of(process), mounts(), processes(WORD)) == ([], [], [])


def test_after_kill_9_no_process_and_no_mount_is_left_and_the_next_run_removes_the_files() -> None:
    process = up("chroot", "12")
    process.kill()
    process.communicate()  # until the command's end of the pipe is closed: it has ended too
    assert (mounts(), processes(WORD)) == ([], [])
    assert runs_of(process)
    assert machine("clean").status == 0
    assert runs_of(process) == []


def test_a_guest_ends_with_kill_9_too() -> None:
    process = started("guest", *GUEST_LIMIT, "--", "sh", "-c", "echo up; sleep infinity")
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    (emulator,) = processes(f"{runs_of(process)[0]}/initrd")
    handle = os.pidfd_open(emulator)
    process.kill()
    process.communicate()
    assert select.select([handle], [], [], END_LIMIT_S)[0]
    os.close(handle)
    assert machine("clean").status == 0
    assert runs_of(process) == []


def test_runs_at_once_have_a_root_each() -> None:
    first = up("chroot", "12")
    second = machine("chroot", "12", "--", "sh", "-c", "ls /written; touch /written; exit 4")
    third = machine("chroot", "13", "--", "true")
    output, _ = first.communicate("still here\n")
    assert (second.status, second.output, third.status) == (4, "", 0)
    assert (first.returncode, output) == (0, "still here\n")


def test_two_runs_that_need_the_same_layer_make_it_once() -> None:
    look = ("--layer", "together", "cat /proc/sys/kernel/random/uuid >/stamp", "--", "cat", "/stamp")
    runs = [started("chroot", "12", *look) for _ in range(2)]
    outputs = {run.communicate()[0] for run in runs}
    assert len(outputs) == 1
    assert [run.returncode for run in runs] == [0, 0]


def test_clean_keeps_what_is_in_use() -> None:
    process = up("chroot", "12")
    kept = runs_of(process)
    assert machine("clean").status == 0
    assert runs_of(process) == kept
    process.communicate()
