"""Whether another program has the ports of IKE: found out without charon, and named with what to do."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from translators.strongswan.charon import ports


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A port that this process has, in place of those of IKE."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as charon does
        holder.bind(("127.0.0.1", 0))
        port: int = holder.getsockname()[1]
        monkeypatch.setattr(ports, "PORTS", (port,))
        yield port


def test_a_port_of_another_is_refused_with_the_process_that_has_it(taken: int) -> None:
    refusal = ports.refusal()
    assert refusal is not None
    assert refusal.startswith(f"UDP port {taken} is taken by ")
    assert f"process {os.getpid()}" in refusal


def test_free_ports_are_not_refused_and_stay_free(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind(("", 0))
        monkeypatch.setattr(ports, "PORTS", (found.getsockname()[1],))
    assert ports.refusal() is None
    assert ports.refusal() is None


def proc(folder: Path, name: str, cgroup: str) -> Path:
    """Return a /proc of one process, 42, which has port 500."""
    process, net = folder / "42", folder / "thread-self" / "net"
    (process / "fd").mkdir(parents=True)
    net.mkdir(parents=True)
    (process / "fd" / "7").symlink_to("socket:[4711]")
    (process / "comm").write_text(f"{name}\n")
    (process / "cgroup").write_text(cgroup)
    head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
    line = "  1: 00000000:{:04X} 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 {}"
    (net / "udp").write_text("\n".join([head, line.format(53, 1), line.format(500, 4711)]))
    return folder


@pytest.mark.parametrize(
    ("name", "cgroup", "told"),
    [
        (
            "charon",
            "0::/system.slice/strongswan-starter.service\n",
            "UDP port 500 is taken by charon, process 42 of strongswan-starter.service: end it "
            "(systemctl disable --now strongswan-starter), or have the agent use that charon "
            '(charon = "external")',
        ),
        ("racoon", "0::/init.scope\n", "UDP port 500 is taken by racoon, process 42: end it (kill 42)"),
    ],
)
def test_a_unit_is_named_with_its_command_and_a_charon_with_external(
    tmp_path: Path, name: str, cgroup: str, told: str
) -> None:
    assert ports.holders(500, proc(tmp_path, name, cgroup)) == [42]
    assert ports._sentence(500, [42], tmp_path) == told
    assert ports.holders(4500, tmp_path) == []


def test_a_holder_that_proc_does_not_show_is_another_program(tmp_path: Path, taken: int) -> None:
    told = f"UDP port {taken} is taken by another program, which /proc does not show"
    assert ports.refusal(tmp_path) == told
