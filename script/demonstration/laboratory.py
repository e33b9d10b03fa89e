"""Network namespaces, the wire between them, and the agents in them: made, and removed without a trace."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from script import apparmor
from script.demonstration.interrupts import Interrupts

T = TypeVar("T")

AGENT_HOST, AGENT_PORT = "127.0.0.1", 8300
COMMAND_LIMIT_S = 20.0
# On an emulated machine an agent takes a minute to start; one that ends is noticed at once.
READY_LIMIT_S = 300.0
# An agent that stops gives its charon ten seconds to say good-bye to the peers.
STOP_LIMIT_S = 20.0
KILL_LIMIT_S = 10.0
POLL_S = 0.05
LOG_LINES_SHOWN = 30
LOGS = ("agent.log", "strongswan/charon.log")
_CLONE_NEWNET = 0x40000000


class Failure(Exception):
    """The demonstration cannot go on; the message says why."""


@dataclass(frozen=True, slots=True)
class Site:
    """One gateway: its name, its address on the wire, and its address in the network behind it."""

    name: str
    outside: str
    inside: str


@dataclass(frozen=True, slots=True)
class Gateway:
    """A site whose agent accepts clients at ``AGENT_HOST``:``AGENT_PORT`` of its ``namespace``."""

    site: Site
    namespace: str
    client_key: Path
    hints: tuple[str, ...]
    """The agent's own words on how to connect, to be run inside the namespace."""

    @property
    def command_line(self) -> tuple[str, ...]:
        """The command that opens the operator's command line."""
        program = str(Path(sys.executable).with_name("yangswan"))
        return (program, "--name", self.site.name, "--socket", str(self.client_key.with_name("netconf.sock")))

    def type(self, *words: str) -> str:
        """Return what a command of the operator shows.

        Raises:
            Failure: it failed.
        """
        # What it keeps of the YANG modules goes with the demonstration.
        cache = f"XDG_CACHE_HOME={self.client_key.parent}"
        enter = ("ip", "netns", "exec", self.namespace)
        return run_command((*enter, "env", cache, *self.command_line, *words))


def wait_for(what: str, condition: Callable[[], T | None], limit_s: float) -> T:
    """Return the first value of ``condition`` that is not None.

    Raises:
        Failure: there was none within ``limit_s`` seconds.
    """
    deadline = time.monotonic() + limit_s
    while (value := condition()) is None:
        if time.monotonic() > deadline:
            raise Failure(f"{what}: not within {limit_s:.0f} s")
        time.sleep(POLL_S)
    return value


def enter(namespace: str) -> None:
    """Move the calling thread into the network namespace; threads and processes that it starts follow.

    Raises:
        OSError: there is none of this name, or it may not be entered.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/run/netns/{namespace}", "rb") as handle:
        if libc.setns(handle.fileno(), _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"cannot enter the network namespace {namespace}")


def in_namespace(namespace: str, make: Callable[[], T]) -> T:
    """Return ``make()`` called in the network namespace: a socket made there stays there.

    A thread of its own enters the namespace and ends; the rest of the process never leaves its own.
    """

    def enter_and_make() -> T:
        enter(namespace)
        return make()

    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(enter_and_make).result()


class Laboratory:
    """Makes gateways; ``remove`` takes away everything that was made, whatever happened to it."""

    def __init__(self, interrupts: Interrupts) -> None:
        self._interrupts = interrupts
        self._namespaces: list[str] = []
        self._agents: list[subprocess.Popen[bytes]] = []
        self._folder: Path | None = None
        self._confinement = contextlib.ExitStack()

    def namespace_of(self, site: Site) -> str:
        return f"yangswan-{site.name}-{os.getpid()}"

    def build_network(self, left: Site, right: Site) -> None:
        """Join two new namespaces by a wire; behind each stands the network of its site.

        Raises:
            Failure: the system refuses (not root, or no network namespaces here).
        """
        for site in (left, right):
            self._add_namespace(self.namespace_of(site))
        # Both ends are born inside: nothing ever shows up in the namespace of the machine.
        self._ip("link", "add", "wan", "netns", self.namespace_of(left), "type", "veth",
                 "peer", "name", "wan", "netns", self.namespace_of(right))  # fmt: skip
        for site in (left, right):
            at = ("-netns", self.namespace_of(site))
            # A veth pair stands for the switch of the inner network: it needs no module of its own.
            self._ip(*at, "link", "add", "lan", "type", "veth", "peer", "name", "switch")
            self._ip(*at, "address", "add", f"{site.outside}/24", "dev", "wan")
            self._ip(*at, "address", "add", f"{site.inside}/16", "dev", "lan")
            for link in ("lo", "switch", "lan", "wan"):
                self._ip(*at, "link", "set", link, "up")

    def start_agent(self, site: Site) -> Gateway:
        """Start an agent with a charon of its own and wait until it accepts clients.

        Raises:
            Failure: it ended or is not ready in time; the message holds the end of its log.
        """
        namespace, folder = self.namespace_of(site), self._data_folder(site)
        output, log = folder / "agent.out", folder / "agent.log"
        command = [
            "ip", "netns", "exec", namespace, sys.executable, "-m", "agent", "--charon", "managed",
            "--listen", f"{AGENT_HOST}:{AGENT_PORT}", "--data-dir", str(folder),
        ]  # fmt: skip
        with self._interrupts.held(), output.open("wb") as out, log.open("wb") as err:
            # A session of its own: Ctrl-C is for the demonstration, which then ends the agents.
            agent = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
            )
            self._agents.append(agent)

        def hints() -> tuple[str, ...] | None:
            lines = output.read_text().splitlines()
            if agent.poll() is not None:
                raise Failure(f"{site.name}: the agent ended at once")
            return tuple(lines[:-1]) if lines and lines[-1].startswith("ready ") else None

        try:
            return Gateway(site, namespace, folder / "client_key",
                           wait_for(f"{site.name}: the agent", hints, READY_LIMIT_S))  # fmt: skip
        except Failure as failure:
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:])
            raise Failure(f"{failure}; the end of its log:\n{tail}") from None

    def keep_logs(self) -> Path | None:
        """Copy the logs of agents and charons out of what ``remove`` takes away; return where to."""
        if self._folder is None:
            return None
        logs = [file for name in LOGS for file in self._folder.glob(f"*/{name}")]
        if not logs:
            return None
        kept = Path(tempfile.mkdtemp(prefix="yangswan-logs-"))
        for file in logs:
            site = file.relative_to(self._folder).parts[0]
            shutil.copyfile(file, kept / f"{site}-{file.name}")
        return kept

    def remove(self) -> list[str]:
        """Remove everything, in bounded time; return what could not be removed, in words."""
        problems = []
        for agent in self._agents:
            agent.terminate()
        deadline = time.monotonic() + STOP_LIMIT_S
        for agent in self._agents:
            try:
                agent.wait(max(deadline - time.monotonic(), POLL_S))
            except subprocess.TimeoutExpired:
                problems.append(f"the agent {agent.pid} did not stop in {STOP_LIMIT_S:.0f} s and was killed")
        for namespace in self._namespaces:
            problems += self._remove_namespace(namespace)
        for agent in self._agents:
            agent.poll()
        try:
            self._confinement.close()
        except apparmor.Refused as refused:
            problems.append(f"the rules of AppArmor: {refused}")
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            if self._folder.exists():
                problems.append(f"the folder {self._folder} could not be removed")
        return problems

    # --- namespaces ---

    def _add_namespace(self, namespace: str) -> None:
        with self._interrupts.held():
            self._namespaces.append(namespace)
            self._ip("netns", "add", namespace)

    def _remove_namespace(self, namespace: str) -> list[str]:
        """A namespace lives as long as a process in it: whatever an agent left there ends first."""
        if not os.path.exists(f"/run/netns/{namespace}"):
            return []
        deadline = time.monotonic() + KILL_LIMIT_S
        while (pids := self._processes(namespace)) and time.monotonic() < deadline:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            for agent in self._agents:
                agent.poll()
            time.sleep(POLL_S)
        problems = [f"process {pid} in {namespace} does not end" for pid in pids]
        try:
            self._ip("netns", "delete", namespace)
        except Failure as failure:
            problems.append(str(failure))
        return problems

    def _processes(self, namespace: str) -> list[int]:
        return [int(pid) for pid in self._ip("netns", "pids", namespace).split()]

    def _data_folder(self, site: Site) -> Path:
        with self._interrupts.held():
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="yangswan-demo-"))
                self._let_charon_work_in(self._folder)
        folder = self._folder / site.name
        folder.mkdir(mode=0o700)
        return folder

    def _let_charon_work_in(self, folder: Path) -> None:
        try:
            self._confinement.enter_context(apparmor.allowed_below(folder))
        except apparmor.Refused as refused:
            raise Failure(f"AppArmor confines charon: {refused}") from None

    def _ip(self, *arguments: str) -> str:
        return run_command(("ip", *arguments))


def run_command(command: Sequence[str]) -> str:
    """Return what ``command`` prints.

    Raises:
        Failure: it failed, or did not end within ``COMMAND_LIMIT_S`` seconds.
    """
    try:
        # A session of its own, so that Ctrl-C does not stop it half way.
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=COMMAND_LIMIT_S,
            stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise Failure(f"{' '.join(command)}: {problem}") from None
    if done.returncode != 0:
        raise Failure(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")
    return done.stdout
