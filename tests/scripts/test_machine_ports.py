"""script/machines/emulator.py: what comes out of a machine through its two ports."""

from __future__ import annotations

import math
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from script.machines.emulator import carry, start_script

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
    assert carry(machine, math.inf) == 7
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
    assert carry(machine, math.inf) == 124
    sender.join()


def test_a_machine_that_ends_without_a_status_has_none(ports: Ports) -> None:
    (output, status), machine = ports[0], ports[1]
    output.sendall(b"booting\n")
    status.sendall(b"1")
    for end in (output, status):
        end.close()
    assert carry(machine, math.inf) is None


def test_a_machine_whose_time_is_over_is_given_up(ports: Ports) -> None:
    with pytest.raises(TimeoutError):
        carry(ports[1], 0.0)


def test_what_the_command_is_given_survives_the_shell() -> None:
    command = ["sh", "-c", "echo \"$1\" '$2'; exit 3", "x y", "`id`\n"]
    script = start_script(command, {"NAME": "a 'b' $c"}, "/tmp/a b")
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0
    (line,) = [line for line in script.replace("`id`\n'", "`id`'").splitlines() if line.startswith("cd ")]
    assert line.startswith("cd '/tmp/a b' && env -i 'NAME=a '\"'\"'b'\"'\"' $c' sh -c ")
