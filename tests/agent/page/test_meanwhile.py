"""What changes while somebody waits to be known, or for what his stream or his edit needs."""

from __future__ import annotations

import asyncio
import json
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from agent.http.tls import Tls
from agent.page.sessions import Over
from agent.restconf.login import Logins
from agent.restconf.passwords import hash_of, is_right
from agent.transport.limits import Limits
from tests.agent.handlers import Lab
from tests.agent.http.door_lab import PATIENCE_S, Authority, all_of, status_of
from tests.agent.page.client import Visitor, visiting
from tests.agent.page.logins import AT, ENTRY, settings
from tests.agent.restconf.client import DATA, HASH, LIMITS, WORD

STREAM = "/restconf/streams/NETCONF/json"


@dataclass
class Held:
    """What looks at a password, which takes until ``go_on``; ``begun`` is set meanwhile."""

    begun: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    def is_right(self, password: bytes, written: str) -> bool:
        self.begun.set()
        assert self.go_on.wait(PATIENCE_S)
        return is_right(password, written)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Held:
    made = Held()
    monkeypatch.setattr("agent.restconf.passwords.is_right", made.is_right)
    return made


@pytest.mark.parametrize("by", ["the page", "a password with the request"])
@pytest.mark.parametrize("secure", [False, True])
async def test_who_is_gone_before_his_password_is_known_has_no_place(
    lab: Lab, tmp_path: Path, held: Held, secure: bool, by: str
) -> None:
    authority = Authority(tmp_path)
    tls = Tls(*authority.issue_server()) if secure else None
    async with asyncio.timeout(PATIENCE_S):
        async with visiting(lab, tmp_path, tls=tls, limits=replace(LIMITS, close_s=PATIENCE_S)) as visitor:
            client = replace(visitor.client, fields={}, tls=authority.trusting() if secure else None)
            if by == "the page":
                _, writer = await client.send("POST", "/session", LOGIN, Content_Type="application/json")
            else:
                _, writer = await client.as_user("bob").send("GET", DATA)
            assert await asyncio.to_thread(held.begun.wait, PATIENCE_S)
            writer.transport.abort()
            door = client.door
            await lab.until(lambda: len(door.hall) == 0)
            held.go_on.set()
            assert door._server is not None
            tasks = door._server.server_state.tasks
            await lab.until(lambda: not tasks)
            assert len(door.hall) == 0
            assert len(visitor.sessions) == 0


LOGIN = json.dumps({"user": "bob", "password": WORD})


OTHERS = {"bob": hash_of(b"another")}


@pytest.mark.parametrize("now", [{}, OTHERS], ids=["gone", "changed"])
async def test_a_password_that_is_none_any_more_opens_no_session(
    visitor: Visitor, held: Held, now: dict[str, str]
) -> None:
    login = asyncio.create_task(visitor.try_login("bob"))
    asking = asyncio.create_task(visitor.client.as_user("bob").ask("GET", DATA))
    assert await asyncio.to_thread(held.begun.wait, PATIENCE_S)
    await visitor.client.lab.until(lambda: visitor.client.passwords._waiting == 2)
    visitor.web_door().take_over(settings(now), Limits())
    held.go_on.set()
    assert ((await login).status, (await asking).status) == (401, 401)
    assert len(visitor.sessions) == 0
    assert not visitor.client.passwords.is_known("bob", WORD.encode())


@dataclass
class Groups:
    """What tells the groups of a user, which takes until ``go_on``."""

    begun: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def of(self, _logins: Logins, _user: str) -> tuple[str, ...]:
        self.begun.set()
        await asyncio.wait_for(self.go_on.wait(), PATIENCE_S)
        return ()


@pytest.fixture
def groups(monkeypatch: pytest.MonkeyPatch) -> Groups:
    made = Groups()
    monkeypatch.setattr(Logins, "groups_of", lambda logins, user: made.of(logins, user))
    return made


@pytest.mark.parametrize(
    ("now", "status"), [({}, 401), (OTHERS, 503), ({"bob": HASH}, 200)], ids=["gone", "changed", "the same"]
)
async def test_a_stream_of_restconf_does_not_begin_for_who_is_gone(
    visitor: Visitor, groups: Groups, now: dict[str, str], status: int
) -> None:
    reader, writer = await visitor.client.as_user("bob").send("GET", STREAM)
    await asyncio.wait_for(groups.begun.wait(), PATIENCE_S)
    visitor.web_door().take_over(settings(now), Limits())
    groups.go_on.set()
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
    assert status_of(head) == status
    writer.transport.abort()
    await visitor.client.lab.until(lambda: not visitor.client.app._following)


async def test_nor_for_who_has_logged_out(visitor: Visitor, groups: Groups) -> None:
    await visitor.log_in("bob")
    asking = asyncio.create_task(visitor.ask("GET", STREAM))
    await asyncio.wait_for(groups.begun.wait(), PATIENCE_S)
    visitor.sessions.end_all(Over.LOGOUT)
    groups.go_on.set()
    assert (await asking).status == 401


@pytest.mark.parametrize("by", ["session", "password"])
@pytest.mark.parametrize("now", [{}, OTHERS], ids=["gone", "changed"])
async def test_a_stream_of_the_page_tells_nothing_to_who_is_gone(
    visitor: Visitor, groups: Groups, now: dict[str, str], by: str
) -> None:
    if by == "session":
        await visitor.log_in("bob")
        events = await visitor.follow()
    else:
        events = await visitor.follow(**visitor.client.as_user("bob").fields)
    await asyncio.wait_for(groups.begun.wait(), PATIENCE_S)
    visitor.web_door().take_over(settings(now), Limits())
    groups.go_on.set()
    assert await events.until("over") == {"reason": "changed"}
    assert [name for name, _ in events.seen] == ["hello", "over"]
    assert await events.ended()


@pytest.mark.parametrize("by", ["session", "password"])
async def test_an_edit_whose_body_comes_late_is_refused_to_who_is_gone(visitor: Visitor, by: str) -> None:
    lab = visitor.client.lab
    if by == "session":
        await visitor.log_in("bob")
        fields = {"Cookie": visitor.cookie, "X-CSRF-Token": visitor.token}
        client = replace(visitor.client, fields=fields)
    else:
        client = visitor.client.as_user("bob")
    lab.context.nacm._recovery = frozenset({"tester", "bob"})
    length, bodies = str(len(ENTRY)), client.app._bodies
    for method, target in (("PUT", f"{DATA}{AT}=1"), ("POST", "/restconf/operations/every-construct:sum")):
        visitor.web_door().take_over(settings({"bob": HASH}), Limits())
        reader, writer = await client.send(method, target, ENTRY[:-1], Content_Length=length)
        await lab.until(lambda: bodies.held == len(ENTRY) - 1)
        if by == "session":
            visitor.sessions.end_all(Over.LOGOUT)
        else:
            visitor.web_door().take_over(settings({}), Limits())
        writer.write(ENTRY[-1:].encode())
        assert status_of(await asyncio.wait_for(all_of(reader), PATIENCE_S)) == 401
        writer.transport.abort()
        if by == "session":
            await visitor.log_in("bob")
            client.fields |= {"Cookie": visitor.cookie, "X-CSRF-Token": visitor.token}
    assert "<id>" not in lab.running
