"""A machine in an emulator: what it prints, the status it ends with, and a limit on its time."""

from __future__ import annotations

import os
import selectors
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from script.machines.apart import LimitReached, die_with_parent
from script.machines.progress import Trouble, last_lines

# Of hardware virtualisation nothing is used: where it is offered, guests have been seen to hang at boot.
ALWAYS = (
    "qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-smp", "2", "-no-reboot", "-nic", "none",
    "-display", "none", "-monitor", "none", "-device", "virtio-serial-pci",
)  # fmt: skip
KERNEL_WORDS = "console=ttyS0 panic=-1"
PORTS = ("output", "status")
CHUNK_OCTETS = 65536
END_LIMIT_S = 60.0

# Runs COMMAND and sends its output and its status through ports of the emulator. A port can be opened
# once at a time, so a FIFO stands before it; what COMMAND leaves running may keep that open for ever.
START = """\
#!/bin/bash
exec </dev/null
port() {{
    local found
    for found in /sys/class/virtio-ports/*; do
        [ "$(cat "$found/name")" = "$1" ] && echo "/dev/${{found##*/}}"
    done
}}
mkdir -p /run/machine
mkfifo /run/machine/output
cat /run/machine/output >"$(port output)" &
carrier=$!
cd {place} && env -i {variables} {command} >/run/machine/output 2>&1
status=$?
for _ in $(seq 100); do
    kill -0 $carrier 2>/dev/null || break
    sleep 0.1
done
sync
echo $status >"$(port status)"
echo o >/proc/sysrq-trigger
sleep infinity
"""


@dataclass(frozen=True, slots=True)
class Machine:
    """What the emulator is started with; ``devices`` are its own words."""

    kernel: Path
    initrd: Path
    words: str
    memory_mb: int
    devices: Sequence[str]


def start_script(command: Sequence[str], environment: Mapping[str, str], place: str) -> str:
    """Return the script that a machine runs once it is up."""
    variables = shlex.join(f"{name}={value}" for name, value in environment.items())
    return START.format(place=shlex.quote(place), variables=variables, command=shlex.join(command))


def run_machine(machine: Machine, folder: Path, *, limit_s: float, console: Path | None) -> int:
    """Return the status of COMMAND in ``machine``; its output goes to this process's.

    Raises:
        Trouble: the machine ended without one.
        LimitReached: it took longer than ``limit_s`` seconds from the start of the emulator.
    """
    log = folder / "console.log"
    here, there = zip(*(socket.socketpair() for _ in PORTS), strict=True)
    command = [
        *ALWAYS, "-m", str(machine.memory_mb), "-kernel", str(machine.kernel), "-initrd", str(machine.initrd),
        "-append", f"{KERNEL_WORDS} {machine.words}", "-serial", f"file:{log}", *machine.devices,
    ]  # fmt: skip
    for name, end in zip(PORTS, there, strict=True):
        command += ["-chardev", f"socket,id={name},fd={end.fileno()}"]
        command += ["-device", f"virtserialport,chardev={name},name={name}"]
    with (folder / "emulator.log").open("wb") as messages:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=messages, stderr=messages,
            pass_fds=[end.fileno() for end in there], preexec_fn=die_with_parent,
            env=os.environ | {"TMPDIR": str(folder)},
        )  # fmt: skip
    try:
        for end in there:
            end.close()
        status = _carry(*here, time.monotonic() + limit_s)
        process.wait(END_LIMIT_S)
    except TimeoutError:
        raise LimitReached(f"the machine was ended after the limit of {limit_s:.0f} s") from None
    except subprocess.TimeoutExpired:
        pass  # it has said everything, and is thrown away
    finally:
        process.kill()
        process.wait()
        for end in here:
            end.close()
        if console is not None and log.exists():
            shutil.copy(log, console)
    if status is None:
        shown = log if log.exists() and log.stat().st_size else folder / "emulator.log"
        said = last_lines(shown.read_text(encoding="utf-8", errors="replace"))
        raise Trouble(f"the machine ended without a status of the command (--console FILE keeps all):\n{said}")
    return status


def _carry(output: socket.socket, status: socket.socket, deadline: float) -> int | None:
    """Copy ``output`` until it ends; return the number that came from ``status``, if one did.

    Raises:
        TimeoutError: ``deadline`` came first.
    """
    said = b""
    with selectors.DefaultSelector() as selector:
        for end in (output, status):
            selector.register(end, selectors.EVENT_READ)
        # With the status all is said: the output came before it.
        while selector.get_map() and not _whole(said):
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready and time.monotonic() >= deadline:
                raise TimeoutError
            # The output first, when both have come.
            for end in sorted((output if key.fileobj is output else status for key, _ in ready),
                              key=lambda end: end is status):  # fmt: skip
                octets = _received(end)
                if not octets:
                    selector.unregister(end)
                elif end is output:
                    _write_all(octets)
                else:
                    said += octets
    return int(said) if _whole(said) else None


def _received(end: socket.socket) -> bytes:
    try:
        return end.recv(CHUNK_OCTETS)
    except ConnectionResetError:
        return b""


def _whole(said: bytes) -> bool:
    return said.endswith(b"\n") and said.strip().isdigit()


def _write_all(octets: bytes) -> None:
    while octets:
        octets = octets[os.write(1, octets) :]
