"""How long a session of the page lasts, how many there are of a user, and what ends with one."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

from agent.page.sessions import IDLE_S, OF_USER, Over
from agent.restconf.passwords import hash_of
from agent.transport.limits import Limits
from tests.agent.http.door_lab import PATIENCE_S, all_of
from tests.agent.page.client import Visitor
from tests.agent.page.logins import error, settings
from tests.agent.restconf.client import DATA, HASH


async def test_a_logout_ends_the_session_and_takes_the_cookie(visitor: Visitor) -> None:
    await visitor.log_in()
    answer = await visitor.change("DELETE", "/session")
    assert (answer.status, answer.body) == (204, b"")
    assert answer.fields["set-cookie"] == "yangswan=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"
    assert len(visitor.sessions) == 0
    assert (await visitor.ask("GET", "/session")).status == 204
    assert error(await visitor.ask("GET", "/events"))["tag"] == "access-denied"
    assert (await visitor.ask("GET", DATA)).status == 401
    assert (await visitor.change("DELETE", "/session")).status == 401


async def test_a_session_expires(visitor: Visitor) -> None:
    await visitor.log_in()
    visitor.clock.time += IDLE_S - 1
    assert (await visitor.ask("GET", DATA)).status == 200
    visitor.clock.time += IDLE_S
    assert (await visitor.ask("GET", DATA)).status == 401
    assert len(visitor.sessions) == 0


async def test_sessions_of_a_user_have_a_bound(visitor: Visitor) -> None:
    others = [visitor.other() for _ in range(OF_USER + 1)]
    for one in others:
        await one.log_in()
    found = [(await one.ask("GET", "/session")).status for one in others]
    assert found == [204] + [200] * OF_USER
    assert len(visitor.sessions) == OF_USER


async def test_who_logs_in_anew_has_one_session(visitor: Visitor) -> None:
    await visitor.log_in()
    before = visitor.cookie
    await visitor.log_in("bob")
    assert len(visitor.sessions) == 1
    assert (await visitor.ask("GET", "/session", Cookie=before)).status == 204
    assert json.loads((await visitor.ask("GET", "/session")).body)["user"] == "bob"


async def test_sessions_end_with_the_password_or_the_user(visitor: Visitor) -> None:
    stays, changes, goes = visitor.other(), visitor.other(), visitor.other()
    for one, user in ((stays, "tester"), (changes, "bob"), (goes, "reader")):
        await one.log_in(user)
    now = settings({"tester": HASH, "bob": hash_of(b"another")}, "reader")
    visitor.web_door().take_over(now, Limits())
    found = [(await one.ask("GET", "/session")).status for one in (stays, changes, goes)]
    assert found == [200, 204, 204]
    assert len(visitor.sessions) == 1


async def test_a_session_that_is_over_is_over_for_restconf_s_streams(visitor: Visitor) -> None:
    await visitor.log_in()
    client = replace(visitor.client, fields={"Cookie": visitor.cookie})
    reader, writer = await client.send("GET", "/restconf/streams/NETCONF/json")
    await reader.readuntil(b": follows")
    visitor.sessions.end_all(Over.LOGOUT)
    assert (await reader.read()).endswith(b"0\r\n\r\n")
    writer.close()


async def test_streams_of_restconf_end_when_their_session_expires(visitor: Visitor) -> None:
    """Though nobody comes who would look for sessions that have expired."""
    await visitor.log_in()
    (session,) = visitor.sessions._all.values()
    session.until = visitor.clock.time + 0.2  # which does not go on
    client = replace(visitor.client, fields={"Cookie": visitor.cookie})
    reader, writer = await client.send("GET", "/restconf/streams/NETCONF/json")
    found = await asyncio.wait_for(all_of(reader), PATIENCE_S)
    assert b": follows" in found
    assert found.endswith(b"0\r\n\r\n")
    assert session.over is Over.EXPIRED
    assert len(visitor.sessions) == 0
    writer.close()


async def test_a_stream_that_has_ended_leaves_no_timer(visitor: Visitor) -> None:
    await visitor.log_in()
    (session,) = visitor.sessions._all.values()
    with visitor.client.logins.ends_with(session, lambda _why: None):
        session.until = visitor.clock.time
    assert session.over is None
    loop = asyncio.get_running_loop()
    going_on = [one for one in loop._scheduled if not one.cancelled()]  # type: ignore[attr-defined]
    assert not [one for one in going_on if one._args and one._args[0] is session]
