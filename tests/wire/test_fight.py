"""Two clients in each other's way: locks, commits, windows of confirmation, kill-session, sudden deaths.

The first test plays random games step by step against a model of what RFC 6241 says and compares the server
with it after each step. The second lets both loose at the same time and counts what each of them achieved.
"""

from __future__ import annotations

import asyncio
import random
import re
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from lxml import etree

from tests.agent_process import AgentProcess, running_agent
from tests.requests import IPSEC, edit_candidate, tunnel
from tests.wire.raw_client import EOM, LIMIT_S, RawClient, chunked, hello, raw_client, rpc
from tests.wire.test_notifications import subscribe

SEEDS = (1, 2, 3, 5, 8, 13)
STEPS = 150
KEYS = (1, 2, 3)
WEIGHTS = {
    "edit": 8,
    "delete": 2,
    "commit": 8,
    "cancel": 2,
    "discard": 2,
    "lock": 3,
    "unlock": 3,
    "subscribe": 1,
    "kill": 1,
    "die": 1,
    "close": 1,
}
MONITORING = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"
SEEN = f'<netconf-state xmlns="{MONITORING}"><datastores/><sessions/></netconf-state>'
STATE = f"<get><filter>{SEEN}</filter></get>"

Tunnels = dict[int, str]


@dataclass
class Window:
    owner: int
    persist: bool
    rollback: Tunnels


@dataclass
class Model:
    """What the server should hold. Clients are 0 and 1; each step returns the expected error-tag or "ok"."""

    running: Tunnels = field(default_factory=dict)
    candidate: Tunnels = field(default_factory=dict)
    locks: dict[str, int] = field(default_factory=dict)
    window: Window | None = None
    subscribed: set[int] = field(default_factory=set)

    def locked_by_other(self, datastore: str, client: int) -> bool:
        return self.locks.get(datastore, client) != client

    def edit(self, client: int, key: int, text: str) -> str:
        if self.locked_by_other("candidate", client):
            return "in-use"
        self.candidate[key] = text
        return "ok"

    def delete(self, client: int, key: int) -> str:
        if self.locked_by_other("candidate", client):
            return "in-use"
        return "ok" if self.candidate.pop(key, None) is not None else "data-missing"

    def discard(self, client: int) -> str:
        if self.locked_by_other("candidate", client):
            return "in-use"
        self.candidate = dict(self.running)
        return "ok"

    def commit(self, client: int, *, confirmed: bool, persist: bool, persist_id: bool) -> str:
        if self.locked_by_other("candidate", client) or self.locked_by_other("running", client):
            return "in-use"
        if refused := self._window_refuses(client, persist_id):
            return refused
        rollback = self.window.rollback if self.window else dict(self.running)
        self.running = dict(self.candidate)
        self.window = Window(client, persist, rollback) if confirmed else None
        return "ok"

    def cancel(self, client: int, *, persist_id: bool) -> str:
        if self.window is None:
            return "invalid-value" if persist_id else "operation-failed"
        if refused := self._window_refuses(client, persist_id):
            return refused
        self._roll_back()
        return "ok"

    def _window_refuses(self, client: int, persist_id: bool) -> str:
        if persist_id:
            return "" if self.window is not None and self.window.persist else "invalid-value"
        if self.window is None or (not self.window.persist and self.window.owner == client):
            return ""
        return "in-use"

    def _roll_back(self) -> None:
        assert self.window is not None
        for key in KEYS:  # the candidate follows where nobody was editing
            if self.candidate.get(key) == self.running.get(key):
                self.candidate.pop(key, None)
                if key in self.window.rollback:
                    self.candidate[key] = self.window.rollback[key]
        self.running = dict(self.window.rollback)
        self.window = None

    def lock(self, client: int, datastore: str) -> str:
        if datastore in self.locks:
            return "lock-denied"
        window = self.window
        if datastore == "running" and window is not None and window.owner != client:
            return "lock-denied"
        if datastore == "candidate" and self.candidate != self.running:
            return "lock-denied"
        self.locks[datastore] = client
        return "ok"

    def unlock(self, client: int, datastore: str) -> str:
        if self.locks.get(datastore) != client:
            return "operation-failed"
        del self.locks[datastore]
        if datastore == "candidate":
            self.candidate = dict(self.running)
        return "ok"

    def subscribe(self, client: int) -> str:
        if client in self.subscribed:
            return "operation-failed"
        self.subscribed.add(client)
        return "ok"

    def end(self, client: int) -> None:
        if self.window is not None and not self.window.persist and self.window.owner == client:
            self._roll_back()
        if self.window is not None and self.window.owner == client:
            self.window.owner = -1  # it survives its session, and is nobody's
        if self.locks.get("candidate") == client:
            self.candidate = dict(self.running)
        self.locks = {name: owner for name, owner in self.locks.items() if owner != client}
        self.subscribed.discard(client)


class Game:
    """Two fighters and an observer on one agent."""

    def __init__(self, agent: AgentProcess, stack: AsyncExitStack, seed: int) -> None:
        self.agent = agent
        self.stack = stack
        self.random = random.Random(seed)
        self.model = Model()
        self.clients: list[RawClient] = []
        self.ids: list[int] = []
        self.observer: RawClient | None = None

    async def start(self) -> None:
        self.observer = await self.stack.enter_async_context(raw_client(self.agent, greet="1.1"))
        for number in (0, 1):
            self.clients.append(RawClient.__new__(RawClient))
            self.ids.append(0)
            await self.connect(number)

    async def connect(self, number: int) -> None:
        client = await self.stack.enter_async_context(raw_client(self.agent))
        client.send(hello("1.1") + EOM)
        self.ids[number] = int(etree.fromstring(await client.message()).findtext("{*}session-id") or 0)
        self.clients[number] = client

    async def ask(self, number: int, body: str) -> str:
        """Return "ok" or the error-tag of the reply; events that come before it are passed over."""
        self.clients[number].send(chunked(rpc(body)))
        reply = await self.clients[number].until_message(b"<rpc-reply")
        found = re.search(rb"<error-tag>([\w-]+)</error-tag>", reply)
        return found[1].decode() if found else "ok"

    async def step(self) -> str:
        """Let one client do something; returns what, for the failure message."""
        number, key = self.random.randrange(2), self.random.choice(KEYS)
        datastore = self.random.choice(("candidate", "running"))
        name = self.random.choices(tuple(WEIGHTS), tuple(WEIGHTS.values()))[0]
        if name == "edit":
            text = f"text {self.random.randrange(1000)}"
            expected = self.model.edit(number, key, text)
            got = await self.ask(number, edit_candidate(tunnel(key, text)))
        elif name == "delete":
            expected = self.model.delete(number, key)
            got = await self.ask(number, edit_candidate(removal(key)))
        elif name == "commit":
            return await self.commit(number)
        elif name == "cancel":
            token = self.random.random() < 0.4
            expected = self.model.cancel(number, persist_id=token)
            body = "<persist-id>token</persist-id>" if token else ""
            got = await self.ask(number, f"<cancel-commit>{body}</cancel-commit>")
        elif name == "discard":
            expected = self.model.discard(number)
            got = await self.ask(number, "<discard-changes/>")
        elif name in ("lock", "unlock"):
            name = f"{name} {datastore}"
            act = self.model.lock if name.startswith("lock") else self.model.unlock
            expected = act(number, datastore)
            verb = name.split()[0]
            got = await self.ask(number, f"<{verb}><target><{datastore}/></target></{verb}>")
        elif name == "subscribe":
            expected = self.model.subscribe(number)
            got = await self.ask(number, subscribe_body())
        else:
            expected = got = await self.leave(number, name)
        assert got == expected, f"client {number}: {name}"
        return f"{number} {name}: {got}"

    async def commit(self, number: int) -> str:
        confirmed, token = self.random.random() < 0.5, self.random.random() < 0.25
        persist = confirmed and self.random.random() < 0.4
        expected = self.model.commit(number, confirmed=confirmed, persist=persist, persist_id=token)
        body = "<confirmed/>" if confirmed else ""
        body += "<persist>token</persist>" if persist else ""
        body += "<persist-id>token</persist-id>" if token else ""
        got = await self.ask(number, f"<commit>{body}</commit>")
        assert got == expected, f"client {number}: commit {body}"
        return f"{number} commit {body}: {got}"

    async def leave(self, number: int, how: str) -> str:
        """End a session in one of three ways and begin a new one."""
        gone = self.ids[number]
        if how == "kill":
            body = f"<kill-session><session-id>{gone}</session-id></kill-session>"
            assert await self.ask(1 - number, body) == "ok"
        elif how == "close":
            assert await self.ask(number, "<close-session/>") == "ok"
        else:
            # In the middle of a request, and of a chunk.
            self.clients[number].send(chunked(rpc(edit_candidate(tunnel(1, "never"))))[:-40])
            self.clients[number].process.channel.abort()
        await self.wait_for_end(gone)
        self.model.end(number)
        await self.connect(number)
        return "ok"

    async def wait_for_end(self, session_id: int) -> None:
        async with asyncio.timeout(LIMIT_S):
            while f"<session-id>{session_id}</session-id>".encode() in await self.observe(STATE):
                pass

    async def observe(self, body: str) -> bytes:
        assert self.observer is not None
        return await self.observer.ask(body)

    async def check(self) -> None:
        """Compare datastores and locks with the model; no lock belongs to nobody."""
        for name, expected in (("running", self.model.running), ("candidate", self.model.candidate)):
            filter_ = f'<filter><tunnels xmlns="{IPSEC}"/></filter>'
            reply = await self.observe(f"<get-config><source><{name}/></source>{filter_}</get-config>")
            entries = etree.fromstring(reply).iter(f"{{{IPSEC}}}ipsec")
            found = {int(e.findtext("{*}id") or 0): e.findtext("{*}description") for e in entries}
            assert found == expected, name
        state = etree.fromstring(await self.observe(STATE))
        locks = {}
        for datastore in state.iter(f"{{{MONITORING}}}datastore"):
            owner = datastore.findtext(".//{*}locked-by-session")
            if owner is not None:
                locks[datastore.findtext("{*}name")] = self.ids.index(int(owner))
        assert locks == self.model.locks


def removal(key: int) -> str:
    return (
        f'<tunnels xmlns="{IPSEC}"><ipsec xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" '
        f'nc:operation="delete"><id>{key}</id></ipsec></tunnels>'
    )


def subscribe_body() -> str:
    return subscribe().decode().split("#")[1].partition("\n")[2].partition(">")[2].rpartition("</rpc>")[0]


@pytest.mark.parametrize("seed", SEEDS)
async def test_every_step_of_a_fight_is_as_the_rfc_says(agent: AgentProcess, seed: int) -> None:
    async with AsyncExitStack() as stack:
        game = Game(agent, stack, seed)
        await game.start()
        await clean(game)
        played: list[str] = []
        try:
            for _ in range(STEPS):
                played.append(await game.step())
                await game.check()
        except AssertionError as problem:
            raise AssertionError(f"seed {seed} after {played[-8:]}: {problem}") from problem
        await clean(game)


async def clean(game: Game) -> None:
    """Leave nothing for the next game."""
    for number in (0, 1):
        await game.leave(number, "close")
    await game.observe("<cancel-commit><persist-id>token</persist-id></cancel-commit>")
    await game.observe("<discard-changes/>")
    for key in KEYS:
        await game.observe(edit_candidate(removal(key).replace('"delete"', '"remove"')))
    assert b"<ok/>" in await game.observe("<commit/>")
    game.model = Model()
    await game.check()


ROUNDS = 40


async def fighter(agent: AgentProcess, key: int, seed: int) -> int:
    """Add 1 to a number again and again under a lock, dying now and then; returns how often it worked."""
    chance = random.Random(seed)
    done = 0
    while done < ROUNDS:
        async with raw_client(agent, greet="1.1") as client:
            client.send(subscribe())
            await client.until_message(b"<rpc-reply")
            while done < ROUNDS:
                client.send(chunked(rpc("<lock><target><candidate/></target></lock>")))
                if b"<ok/>" not in await client.until_message(b"<rpc-reply"):
                    continue
                client.send(chunked(rpc(edit_candidate(tunnel(key, f"number {done + 1}")))))
                assert b"<ok/>" in await client.until_message(b"<rpc-reply")
                if chance.random() < 0.1:
                    client.process.channel.abort()  # with the lock held and the edit not committed
                    break
                client.send(chunked(rpc("<commit/>")))
                assert b"<ok/>" in await client.until_message(b"<rpc-reply")
                done += 1
                client.send(chunked(rpc("<unlock><target><candidate/></target></unlock>")))
                assert b"<ok/>" in await client.until_message(b"<rpc-reply")
    return done


async def test_no_update_is_lost_and_no_lock_leaks_when_both_run_at_once(tmp_path: Path) -> None:
    with running_agent(tmp_path / "data") as agent:
        async with asyncio.timeout(120):
            done = await asyncio.gather(*(fighter(agent, key, key) for key in (1, 2)))
        assert done == [ROUNDS, ROUNDS]
        async with raw_client(agent, greet="1.1") as client:
            reply = await client.ask("<get-config><source><running/></source></get-config>")
            assert reply.count(f"number {ROUNDS}".encode()) == 2
            for datastore in ("candidate", "running"):
                async with asyncio.timeout(LIMIT_S):
                    lock = f"<lock><target><{datastore}/></target></lock>"
                    while b"<ok/>" not in await client.ask(lock):
                        pass
