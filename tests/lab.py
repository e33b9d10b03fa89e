"""Two gateways, alice and bob: a network namespace each, joined by a cable, with a network behind each.

    10.1.0.0/16 - alice 192.168.0.1 ------ 192.168.0.2 bob - 10.2.0.0/16

Each gateway is a translator with a charon of its own, run by a thread that has entered the namespace; what
that thread starts stays in it. Everything a lab makes has a random name, and goes when it is closed.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from agent.translator import EntryChange, Json, Notification, Settings
from script.demonstration.laboratory import enter, in_namespace
from translators.strongswan.assembly import make
from translators.strongswan.charon.daemon import leftover_pids
from translators.strongswan.charon.vici import Connection, Section
from translators.strongswan.model import BYPASS_PATH, LEAK_PROTECTION_PATH
from translators.strongswan.planning import StrongSwanPlan
from translators.strongswan.translation.plan import Phase, Request
from translators.strongswan.translator import NAME, StrongSwanTranslator

T = TypeVar("T")

CALL_LIMIT_S = 180.0
STATUS_LIMIT_S = 120.0
PAYLOAD = b"through the tunnel"

# Short enough that a dead peer is declared dead within a test: 1 + 1.5 + 2.25 + 3.4 s.
FAST_RETRANSMIT = {"retransmit-timeout": 1.0, "retransmit-base": 1.5, "retransmit-tries": 3}


class Namespace:
    """A named network namespace; ``exec`` before a command runs it inside."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.exec = ("ip", "netns", "exec", name)
        run("ip", "netns", "add", name)

    def ip(self, *arguments: str) -> None:
        run("ip", "-n", self.name, *arguments)

    def addresses(self, addresses: Iterable[str], device: str) -> None:
        """Give ``device`` many addresses, each written with its length."""
        lines = "".join(f"address add {address} dev {device}\n" for address in addresses)
        subprocess.run(("ip", "-n", self.name, "-batch", "-"), input=lines, text=True, check=True)

    def enter(self) -> None:
        """Move the calling thread into the namespace; threads and processes it starts follow."""
        enter(self.name)

    def call(self, function: Callable[[], T]) -> T:
        """Return ``function()``, run inside the namespace; raises what it raises."""
        return in_namespace(self.name, function)

    def close(self) -> None:
        run("ip", "netns", "delete", self.name)


class Gateway:
    """A translator and its charon in a namespace. Calls block the caller, with a bound."""

    def __init__(
        self, namespace: Namespace, data_dir: Path, options: Json | None = None, charon: str = "managed"
    ) -> None:
        self.namespace = namespace
        self.data_dir = data_dir
        self.entries: dict[str, Json] = {}
        self.notifications: list[Json] = []
        self.changed_paths: set[str] = set()
        self.clients: list[str] = []
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        quick = {"retry-first": 0.2, "retry-max": 2.0, **(options or {})}
        settings = Settings(
            data_dir,
            charon=charon,
            options=quick,
            notify=self._notified,
            state_changed=self.changed_paths.update,
            clients=lambda: self.clients,
        )
        self.translator: StrongSwanTranslator = self.run(_made(settings))

    def _serve(self) -> None:
        self.namespace.enter()
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def _notified(self, notification: Notification) -> None:
        self.notifications.append(notification.content)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Return the result of ``coroutine``, run on the gateway's event loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(CALL_LIMIT_S)

    def start(self, *entries: Json) -> None:
        self.entries = {str(entry["id"]): entry for entry in entries}
        self.run(self.translator.start({(key,): entry for key, entry in self.entries.items()}))

    def commit(self, *entries: Json | None, delete: tuple[int, ...] = ()) -> list[str]:
        """Commit changed ``entries`` and deletions as the agent does; return the plan's description."""
        wanted: dict[str, Json | None] = {str(e["id"]): e for e in entries if e is not None}
        wanted |= {str(key): None for key in delete}
        changes = [change(self.entries.get(key), entry) for key, entry in wanted.items()]
        described = self.run(self._commit(changes))
        for key, entry in wanted.items():
            if entry is None:
                del self.entries[key]
            else:
                self.entries[key] = entry
        return described

    def gateway_commit(
        self, bypass: dict[str, bool] | None = None, leak_protection: bool | None = None
    ) -> None:
        """Commit what is for all tunnels: networks of bypass, which come or (False) go, and the leaf."""
        changes = [
            EntryChange(
                (network,),
                f"{BYPASS_PATH}[network='{network}']",
                before=None if comes else {"network": network},
                after={"network": network} if comes else None,
                list_path=BYPASS_PATH,
            )
            for network, comes in (bypass or {}).items()
        ]
        if leak_protection is not None:
            before, after = ({"leak-protection": value} for value in (not leak_protection, leak_protection))
            changes.append(
                EntryChange(
                    (), LEAK_PROTECTION_PATH, before=before, after=after, list_path=LEAK_PROTECTION_PATH
                )
            )
        self.run(self._commit(changes))

    async def _commit(self, changes: list[EntryChange]) -> list[str]:
        plan = await self.translator.prepare(changes)
        await self.translator.apply(plan)
        return list(plan.describe())

    def commit_and_undo(self, *entries: Json) -> None:
        """Apply changed ``entries`` and undo them, as the agent does when a later part fails."""
        self.run(self._commit_and_undo([change(self.entries.get(str(e["id"])), e) for e in entries]))

    async def _commit_and_undo(self, changes: list[EntryChange]) -> None:
        plan = await self.translator.prepare(changes)
        await self.translator.apply(plan)
        await self.translator.undo(plan)

    def commit_broken(self, entries: list[Json], step_name: str) -> None:
        """Commit ``entries`` with a plan in which charon has to refuse the connection ``step_name``."""
        self.run(self._commit_broken([change(self.entries.get(str(e["id"])), e) for e in entries], step_name))

    async def _commit_broken(self, changes: list[EntryChange], step_name: str) -> None:
        plan = await self.translator.prepare(changes)
        assert isinstance(plan, StrongSwanPlan)
        refused = Request("load-conn", {step_name: {"no-such-option": "x"}})
        steps = tuple(
            replace(step, do=refused)
            if step.name == step_name and step.phase in (Phase.LOAD_CONNECTION, Phase.LOAD_OPEN_CONNECTION)
            else step
            for step in plan.steps
        )
        await self.translator.apply(replace(plan, steps=steps))

    def state(self, tunnel: int = 1) -> Json:
        key = (str(tunnel),)
        return dict(self.run(self.translator.entry_state([key]))[key])

    def wait_for(self, condition: Callable[[Json], object], tunnel: int = 1) -> Json:
        """Return the first state of the tunnel that meets ``condition``."""
        deadline = time.monotonic() + STATUS_LIMIT_S
        while time.monotonic() < deadline:
            found = self.state(tunnel)
            if condition(found):
                return found
            time.sleep(0.05)
        raise AssertionError(f"the state did not come, but stayed {found}\n{self.log_tail()}")

    def wait_status(self, status: str, tunnel: int = 1) -> Json:
        return self.wait_for(lambda state: state["status"] == status, tunnel)

    def vici(self, command: str, message: Json | None = None) -> Section:
        """Run a command on the charon behind the translator's back."""
        return self.run(self._ask(lambda charon: charon.request(command, message)))

    def sas(self, name: str | None = None) -> list[Json]:
        """Return the IKE_SAs of the connection ``name``, or all, each with its connection's name added."""
        found = self.stream("list-sas", "list-sa", {"ike": name} if name else {})
        return [{"name": of, **sa} for reply in found for of, sa in reply.items()]  # type: ignore[dict-item]

    def stream(self, command: str, event: str, message: Json) -> list[Section]:
        """Return what a streaming command of the charon says, asked behind the translator's back."""
        return self.run(self._ask(lambda charon: charon.stream(command, event, message)))

    async def _ask(self, question: Callable[[Connection], Awaitable[T]]) -> T:
        async with charon_of(self.data_dir) as charon:
            return await question(charon)

    @property
    def folder(self) -> Path:
        """The folder of its charon."""
        return charon_folder(self.data_dir)

    @property
    def vici_socket(self) -> Path:
        return self.folder / "vici.sock"

    @property
    def charon_pid(self) -> int:
        (pid,) = leftover_pids([self.folder])
        return pid

    @property
    def strongswan(self) -> int:
        """The major version of its charon."""
        return int(str(self.vici("version")["version"]).partition(".")[0])

    def charon_pid_or_none(self) -> int | None:
        return next(iter(leftover_pids([self.folder])), None)

    def log(self) -> str:
        return (self.folder / "charon.log").read_text(errors="replace")

    def log_tail(self) -> str:
        with suppress(OSError):
            return "\n".join(self.log().splitlines()[-15:])
        return ""

    def stop(self) -> None:
        self.run(self.translator.stop())

    def crash(self) -> None:
        """End the translator as a killed agent ends: nothing is told to charon, which goes on."""
        self.run(_cancel_all())
        self._end_loop()

    def close(self) -> None:
        if self._thread.is_alive():
            with suppress(Exception):
                self.stop()
            self.run(_cancel_all())
            self._end_loop()
        end_charon(self.data_dir)

    def _end_loop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()


class Lab:
    """The namespaces and addresses; gateways are made with ``alice`` and ``bob``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        suffix = secrets.token_hex(3)
        self.alice_ns = Namespace(f"ys-{suffix}-alice")
        self.bob_ns = Namespace(f"ys-{suffix}-bob")
        self._gateways: list[Gateway] = []
        run(
            "ip",
            "link",
            "add",
            f"ys{suffix}a",
            "netns",
            self.alice_ns.name,
            "type",
            "veth",
            "peer",
            "name",
            f"ys{suffix}b",
            "netns",
            self.bob_ns.name,
        )
        self.cable_of_alice, self.cable_of_bob = f"ys{suffix}a", f"ys{suffix}b"
        self._configure(self.alice_ns, f"ys{suffix}a", "192.168.0.1/24", "10.1.0.1/16", "10.3.0.1/16")
        self._configure(self.bob_ns, f"ys{suffix}b", "192.168.0.2/24", "10.2.0.1/16", "10.4.0.1/16")

    @staticmethod
    def _configure(namespace: Namespace, cable: str, outside: str, *inside: str) -> None:
        for address in inside:
            namespace.ip("address", "add", address, "dev", "lo")
        namespace.ip("link", "set", "lo", "up")
        namespace.ip("address", "add", outside, "dev", cable)
        namespace.ip("link", "set", cable, "up")

    def alice(self, options: Json | None = None) -> Gateway:
        return self._gateway(self.alice_ns, "alice", options)

    def bob(self, options: Json | None = None) -> Gateway:
        return self._gateway(self.bob_ns, "bob", options)

    def both(self, options: Json | None = None) -> tuple[Gateway, Gateway]:
        """Return alice and bob, begun without any tunnel."""
        alice, bob = self.alice(options), self.bob(options)
        alice.start()
        bob.start()
        return alice, bob

    def external(self, namespace: Namespace, name: str, options: Json) -> Gateway:
        """Return a gateway that uses the charon that ``options`` name."""
        return self._gateway(namespace, name, options, "external")

    def _gateway(
        self, namespace: Namespace, name: str, options: Json | None, charon: str = "managed"
    ) -> Gateway:
        gateway = Gateway(namespace, self._folder / name, options, charon)
        self._gateways.append(gateway)
        return gateway

    def join_networks(self) -> None:
        """Route the networks behind the gateways to each other in clear, so that what no tunnel takes and
        nothing drops arrives."""
        self.alice_ns.ip("route", "add", "10.2.0.0/15", "via", "192.168.0.2")
        self.bob_ns.ip("route", "add", "10.1.0.0/16", "via", "192.168.0.1")

    def cut(self) -> None:
        """Pull the cable."""
        self.bob_ns.ip("link", "set", self.cable_of_bob, "down")

    def mend(self) -> None:
        """Put the cable back."""
        self.bob_ns.ip("link", "set", self.cable_of_bob, "up")

    def close(self) -> None:
        for gateway in reversed(self._gateways):
            gateway.close()
        self.alice_ns.close()
        self.bob_ns.close()


@contextmanager
def open_lab(folder: Path) -> Iterator[Lab]:
    """Yield a lab and take everything down again."""
    lab = Lab(folder)
    try:
        yield lab
    finally:
        lab.close()


def charon_folder(data_dir: Path) -> Path:
    """Return where an agent with this data folder has its charon."""
    return data_dir / NAME


def end_charon(data_dir: Path) -> None:
    """End a charon that an agent left behind."""
    for pid in leftover_pids([charon_folder(data_dir)]):
        os.kill(pid, signal.SIGKILL)


@asynccontextmanager
async def charon_of(data_dir: Path) -> AsyncIterator[Connection]:
    """Connect to the charon of an agent, behind the agent's back."""
    connection = await Connection.open(charon_folder(data_dir) / "vici.sock")
    try:
        yield connection
    finally:
        await connection.close()


def change(before: Json | None, after: Json | None) -> EntryChange:
    """Return the change of one entry as the agent describes it."""
    entry = after if after is not None else before
    assert entry is not None
    key = str(entry["id"])
    return EntryChange((key,), f"/yangswan-ipsec:tunnels/ipsec[id='{key}']", before, after)


def carries(source: Namespace, source_ip: str, destination: Namespace, destination_ip: str) -> bool:
    """Send a packet and return whether the other side received what was sent."""
    receiver = destination.call(lambda: udp(destination_ip))
    sender = source.call(lambda: udp(source_ip))
    with receiver, sender:
        receiver.settimeout(STATUS_LIMIT_S)
        sender.sendto(PAYLOAD, (destination_ip, receiver.getsockname()[1]))
        return receiver.recv(100) == PAYLOAD


def udp(address: str, port: int = 0) -> socket.socket:
    """Return a socket at ``port`` of ``address``, by default a free one."""
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((address, port))
    return made


async def _made(settings: Settings) -> StrongSwanTranslator:
    return make(settings)


async def _cancel_all() -> None:
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def run(*command: str) -> None:
    """Run a command that must succeed."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
