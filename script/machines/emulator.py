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
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from script.machines.apart import LimitReached, die_with_parent
from script.machines.progress import Trouble, last_lines, tell

# Of hardware virtualisation nothing is used: where it is offered, guests have been seen to hang at boot.
ALWAYS = (
    "qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-smp", "2", "-no-reboot", "-nic", "none",
    "-display", "none", "-monitor", "none", "-device", "virtio-serial-pci",
)  # fmt: skip
# Where others keep the processors busy, the emulated timer is late and the kernel takes it for a broken one.
KERNEL_WORDS = "console=ttyS0 panic=-1 no_timer_check"
PORTS = ("output", "status")
CHUNK_OCTETS = 65536
END_LIMIT_S = 60.0
LONGEST_WAIT_S = 3600.0
PANIC = "Kernel panic"
BOOTS = 3
"""How often a kernel may panic before it has run anything: it rewrites its own code while it boots, and the
emulator, where others keep the processors busy, has been seen to run what is half written."""

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
    for boot in range(1, BOOTS + 1):
        status, said = _boot(machine, folder, limit_s=limit_s, console=console)
        if status is not None or said or boot == BOOTS or PANIC not in _log(folder / "console.log"):
            break
        tell("the kernel panicked while it booted: once more")
    if status is None:
        raise Trouble(f"the machine ended by itself (--console FILE keeps all):\n{_said(folder)}")
    return status


def _boot(machine: Machine, folder: Path, *, limit_s: float, console: Path | None) -> tuple[int | None, bool]:
    """Return the status of COMMAND, None if the machine ended without one, and whether anything was said."""
    log = folder / "console.log"
    with ExitStack() as ends:
        pairs = [socket.socketpair() for _ in PORTS]
        here, there = ([ends.enter_context(pair[side]) for pair in pairs] for side in (0, 1))
        process = _start(machine, folder, there)
        try:
            for end in there:
                end.close()
            status, said = carry(here, time.monotonic() + limit_s)
            process.wait(END_LIMIT_S)
        except TimeoutError:
            raise LimitReached(f"the machine was ended after the limit of {limit_s:.0f} s") from None
        except subprocess.TimeoutExpired:
            pass  # it has said everything, and is thrown away
        finally:
            process.kill()
            process.wait()
            if console is not None and log.exists():
                shutil.copy(log, console)
    return status, said


def _log(log: Path) -> str:
    return log.read_text(errors="replace") if log.exists() else ""


def _start(machine: Machine, folder: Path, ports: Sequence[socket.socket]) -> subprocess.Popen[bytes]:
    command = [
        *ALWAYS, "-m", str(machine.memory_mb), "-kernel", str(machine.kernel), "-initrd", str(machine.initrd),
        "-append", f"{KERNEL_WORDS} {machine.words}", "-serial", f"file:{folder}/console.log",
        *machine.devices,
    ]  # fmt: skip
    for name, end in zip(PORTS, ports, strict=True):
        command += ["-chardev", f"socket,id={name},fd={end.fileno()}"]
        command += ["-device", f"virtserialport,chardev={name},name={name}"]
    with (folder / "emulator.log").open("wb") as messages:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=messages, stderr=messages,
            pass_fds=[end.fileno() for end in ports], preexec_fn=die_with_parent,
            env=os.environ | {"TMPDIR": str(folder)},
        )  # fmt: skip


def _said(folder: Path) -> str:
    logs = [folder / "console.log", folder / "emulator.log"]
    return last_lines("".join(map(_log, logs)))


def carry(ports: Sequence[socket.socket], deadline: float) -> tuple[int | None, bool]:
    """Copy the output until the status is there; return it, or None if the machine ended without one.

    With it: whether there was any output.

    Raises:
        TimeoutError: ``deadline`` came first.
    """
    output, status = ports
    said, any_output = b"", False
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ, 0)
        selector.register(status, selectors.EVENT_READ, 1)
        # With the status all is said: the output came before it, and is read before it.
        while selector.get_map() and not said.endswith(b"\n"):
            ready = selector.select(min(LONGEST_WAIT_S, max(0.0, deadline - time.monotonic())))
            if not ready and time.monotonic() >= deadline:
                raise TimeoutError
            for key, _ in sorted(ready, key=lambda found: found[0].data):
                octets = _received(ports[key.data])
                if not octets:
                    selector.unregister(key.fileobj)
                elif ports[key.data] is status:
                    said += octets
                else:
                    any_output = True
                    _write_all(octets)
        if said and output in {key.fileobj for key in selector.get_map().values()}:
            _drain(output)
    return int(said) if said.endswith(b"\n") else None, any_output


def _drain(output: socket.socket) -> None:
    output.setblocking(False)
    try:
        while octets := _received(output):
            _write_all(octets)
    except BlockingIOError:
        pass


def _received(end: socket.socket) -> bytes:
    try:
        return end.recv(CHUNK_OCTETS)
    except ConnectionResetError:
        return b""


def _write_all(octets: bytes) -> None:
    while octets:
        octets = octets[os.write(1, octets) :]
