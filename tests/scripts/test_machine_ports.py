"""script/machines/emulator.py: what comes out of a machine through its two ports."""

from __future__ import annotations

import math
import shlex
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from script.machines import emulator
from script.machines.emulator import carry, start_script
from script.machines.progress import Trouble

Ports = tuple[list[socket.socket], list[socket.socket]]


@pytest.fixture
def ports() -> Iterator[Ports]:
    with ExitStack() as stack:
        pairs = [socket.socketpair() for _ in range(2)]
        yield tuple([stack.enter_context(pair[side]) for pair in pairs] for side in (0, 1))  # type: ignore[misc]


def test_all_of_the_output_comes_before_the_status(ports: Ports, capfd: pytest.CaptureFixture[str]) -> None:
    (output, status), machine = ports[0], ports[1]
    text = b"0123456789" * 100_000

    def run() -> None:
        output.sendall(text)
        status.sendall(b"7\n")

    sender = threading.Thread(target=run)
    sender.start()
    assert carry(machine, math.inf) == (7, True)
    sender.join()
    assert capfd.readouterr().out.encode() == text


def test_a_status_that_comes_in_pieces_is_read_whole(ports: Ports) -> None:
    (_, status), machine = ports[0], ports[1]

    def run() -> None:
        status.sendall(b"1")
        status.sendall(b"2")
        status.sendall(b"4\n")

    sender = threading.Thread(target=run)
    sender.start()
    assert carry(machine, math.inf)[0] == 124
    sender.join()


def test_a_machine_that_ends_without_a_status_has_none(ports: Ports) -> None:
    (output, status), machine = ports[0], ports[1]
    output.sendall(b"booting\n")
    status.sendall(b"1")
    for end in (output, status):
        end.close()
    assert carry(machine, math.inf) == (None, True)


def test_a_machine_whose_time_is_over_is_given_up(ports: Ports) -> None:
    with pytest.raises(TimeoutError):
        carry(ports[1], 0.0)


@pytest.mark.parametrize(("printed", "boots"), [("Kernel panic - not syncing: Fatal", 3), ("Power down", 1)])
def test_a_kernel_that_panics_before_it_has_run_anything_is_started_again(
    printed: str, boots: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    console = shlex.quote(str(tmp_path / "console.log"))
    emulator_of_nothing = ("sh", "-c", f"echo {shlex.quote(printed)} >{console}; echo >>{tmp_path}/boots")
    monkeypatch.setattr(emulator, "ALWAYS", emulator_of_nothing)
    machine = emulator.Machine(tmp_path / "kernel", tmp_path / "initrd", words="", memory_mb=1, devices=())
    with pytest.raises(Trouble, match=printed.split()[0]):
        emulator.run_machine(machine, tmp_path, limit_s=60, console=None)
    assert len((tmp_path / "boots").read_text().splitlines()) == boots


def test_what_the_command_is_given_survives_the_shell() -> None:
    command = ["sh", "-c", "echo \"$1\" '$2'; exit 3", "x y", "`id`\n"]
    script = start_script(command, {"NAME": "a 'b' $c"}, "/tmp/a b")
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0
    (line,) = [line for line in script.replace("`id`\n'", "`id`'").splitlines() if line.startswith("cd ")]
    assert line.startswith("cd '/tmp/a b' && env -i 'NAME=a '\"'\"'b'\"'\"' $c' sh -c ")
