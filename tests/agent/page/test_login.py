"""Who may log in on the page, what a cookie is good for, and what is refused."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.http.tls import Tls
from agent.page.app import LOGIN_OCTETS_MAX
from agent.page.sessions import IDLE_S, LONGEST_S, OF_USER, Over
from agent.restconf import login as room
from agent.restconf.passwords import hash_of
from agent.settings import Settings
from agent.transport.limits import Limits
from agent.web import WebDoor
from agent.web_settings import Web
from tests.agent.handlers import Lab
from tests.agent.http.door_lab import PATIENCE_S, Authority, all_of
from tests.agent.lab import entry
from tests.agent.operations.guarded import interface
from tests.agent.page.client import Visitor, visiting
from tests.agent.restconf.client import DATA, HASH, WORD, Answer, basic

AT = "/every-construct:top/entry"
ENTRY = json.dumps({"every-construct:entry": [{"id": "1", "number": 1}]})
LOGIN = f'{{"user": "bob", "password": "{WORD}"}}'
NO_LOGINS = (
    LOGIN.replace("{", '{"user": "bob", '),
    LOGIN.replace("{", '{"user": "tester", '),
    LOGIN.replace("{", '{"password": "other", '),
    LOGIN.replace("{", '{"otp": "1", '),
    LOGIN.replace("{", '{"@user": {}, '),
    '{"user": "bob"}',
    f"{LOGIN} {LOGIN}",
    f"[{LOGIN}]",
    LOGIN.encode("utf-8-sig"),
    *(LOGIN.encode(f"utf-{width}{order}") for width in (16, 32) for order in ("", "-le", "-be")),
    LOGIN.encode().replace(b"bob", b"b\xf6b"),
)


def error(answer: Answer) -> Any:
    assert answer.fields["content-type"] == "application/json"
    found = json.loads(answer.body)
    assert list(found) == ["error"]
    assert "www-authenticate" not in answer.fields
    return found["error"]


async def test_a_login_is_told_who_it_is(visitor: Visitor) -> None:
    answer = await visitor.log_in()
    told = json.loads(answer.body)
    assert (told["user"], told["by"]) == ("tester", "password")
    left = datetime.fromisoformat(told["expires"]) - datetime.now(UTC)
    assert LONGEST_S - 60 < left.total_seconds() <= LONGEST_S
    again = await visitor.ask("GET", "/session")
    assert {**json.loads(again.body), "expires": ""} == {**told, "expires": ""}
    assert "set-cookie" not in again.fields
    assert again.fields["cache-control"] == "no-store"


async def test_the_cookie_is_nothing_that_a_script_or_another_site_gets(visitor: Visitor) -> None:
    answer = await visitor.log_in()
    cookie, *flags = answer.fields["set-cookie"].split("; ")
    name, _, value = cookie.partition("=")
    assert name == "yangswan"
    assert len(value) == 43
    assert flags == ["Path=/", "HttpOnly", "SameSite=Strict"]
    assert value not in answer.text
    other = await visitor.other().log_in()
    assert other.fields["set-cookie"].partition(";")[0] != cookie


async def test_with_tls_it_is_of_this_host_and_of_tls_alone(lab: Lab, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with visiting(lab, tmp_path, tls=Tls(*authority.issue_server())) as visitor:
        secure = replace(visitor, client=replace(visitor.client, tls=authority.trusting()))
        answer = await secure.log_in()
        cookie, *flags = answer.fields["set-cookie"].split("; ")
        assert cookie.startswith("__Host-yangswan=")
        assert flags == ["Path=/", "HttpOnly", "SameSite=Strict", "Secure"]
        assert (await secure.ask("GET", "/session")).status == 200
        renamed = await secure.ask("GET", "/session", Cookie=cookie.removeprefix("__Host-"))
        assert renamed.status == 204


@pytest.mark.parametrize(("user", "password"), [("tester", "wrong"), ("nobody", WORD), ("", ""), ("bob", "")])
async def test_a_wrong_password_is_refused(visitor: Visitor, user: str, password: str) -> None:
    answer = await visitor.try_login(user, password)
    assert (answer.status, error(answer)["tag"]) == (401, "access-denied")
    assert "set-cookie" not in answer.fields
    assert len(visitor.sessions) == 0


async def test_tries_count_as_those_of_restconf_do(lab: Lab, tmp_path: Path) -> None:
    async with visiting(lab, tmp_path, tries=3) as visitor:
        assert (await visitor.try_login("bob", "wrong")).status == 401
        assert (await visitor.client.as_user("bob", "wrong").ask("GET", DATA)).status == 401
        assert (await visitor.try_login("bob", "wrong")).status == 401
        refused = await visitor.try_login("bob")
        assert (refused.status, error(refused)["tag"]) == (429, "access-denied")
        assert 0 < int(refused.fields["retry-after"]) <= 30
        assert (await visitor.client.as_user("bob").ask("GET", DATA)).status == 429


async def test_who_is_locked_out_costs_nothing(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with visiting(lab, tmp_path, tries=1) as visitor:
        assert (await visitor.try_login("bob", "wrong")).status == 401
        monkeypatch.setattr("agent.restconf.passwords.is_right", None)
        assert (await visitor.try_login("bob")).status == 429


async def test_a_cookie_goes_on_where_a_password_is_refused(lab: Lab, tmp_path: Path) -> None:
    async with visiting(lab, tmp_path, tries=1) as visitor:
        await visitor.log_in()
        assert (await visitor.other().try_login("tester", "wrong")).status == 401
        assert (await visitor.other().try_login("tester")).status == 429
        assert (await visitor.ask("GET", DATA)).status == 200


async def test_too_many_passwords_at_once_wait_for_no_place(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.restconf.passwords.WAITING_MAX", 0)
    refused = await visitor.try_login("bob")
    assert (refused.status, refused.fields["retry-after"], error(refused)["tag"]) == (
        503, "1", "resource-denied",
    )  # fmt: skip


async def test_a_log_holds_no_password_and_no_name_that_harms_it(
    visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    name = "eve\n2026-11-28 INFO agent: all is well\x1b[31m" + "x" * 2000
    assert (await visitor.try_login(name, "s3cret-guess")).status == 401
    answer = await visitor.log_in()
    for secret in ("s3cret-guess", WORD, visitor.cookie.partition("=")[2], visitor.token):
        assert secret not in caplog.text
    assert answer.status == 200
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("agent.")]
    assert any("'tester' has logged in to the page" in line for line in lines)
    assert all("\n" not in line and "\x1b" not in line and len(line) < 300 for line in lines)


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        ("{}", "application/json", 400),
        ("[]", "application/json", 400),
        ("1", "application/json", 400),
        ("{", "application/json", 400),
        ("", "application/json", 400),
        (b"\xff", "application/json", 400),
        ('{"user": 1, "password": "x"}', "application/json", 400),
        ('{"user": "bob", "password": null}', "application/json", 400),
        ('{"user": "\\ud800", "password": "x"}', "application/json", 400),
        ('{"user": "bob", "password": "\\udfff"}', "application/json", 400),
        ("[" * 4000, "application/json", 400),
        *((body, "application/json", 400) for body in NO_LOGINS),
        (f'{{"user": "bob", "password": "{WORD}"}}', "text/plain", 415),
        (f"user=bob&password={WORD}", "application/x-www-form-urlencoded", 415),
        (f'{{"user": "bob", "password": "{WORD}"}}', "multipart/form-data; boundary=x", 415),
        (f'{{"user": "bob", "password": "{WORD}"}}'.ljust(LOGIN_OCTETS_MAX + 1), "application/json", 413),
        (f'{{"user": "bob", "password": "{WORD}"}}'.ljust(LOGIN_OCTETS_MAX), "application/json", 200),
        (f'{{"user": "bob", "password": "{WORD}"}}', "Application/JSON; charset=utf-8", 200),
    ],
)
async def test_a_login_is_an_object_of_two_texts(
    visitor: Visitor, body: str | bytes, kind: str, status: int
) -> None:
    answer = await visitor.ask("POST", "/session", body, Content_Type=kind)
    assert answer.status == status
    if status != 200:
        assert error(answer)["message"]
        assert visitor.client.lockout.total == 0


async def test_a_login_that_breaks_off_is_none(visitor: Visitor) -> None:
    client = replace(visitor.client, fields={})
    _, writer = await client.send("POST", "/session", "{", Content_Length="100")
    writer.transport.abort()
    await visitor.client.lab.until(lambda: len(visitor.client.door.hall) == 0)
    assert (await visitor.try_login("bob")).status == 200


@pytest.mark.parametrize(
    "fields",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://127.0.0.1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
async def test_a_page_of_another_origin_gets_nothing(visitor: Visitor, fields: dict[str, str]) -> None:
    assert (await visitor.try_login("bob", **fields)).status == 403
    await visitor.log_in()
    for method, path in (("GET", "/session"), ("DELETE", "/session"), ("GET", "/events")):
        refused = await visitor.change(method, path, **fields)
        assert (refused.status, error(refused)["tag"]) == (403, "access-denied")
    assert (await visitor.change("PUT", f"{DATA}{AT}=1", ENTRY, **fields)).status == 403
    assert (await visitor.ask("GET", DATA, **fields)).status == 403
    own = {"Origin": "http://127.0.0.1", "Sec_Fetch_Site": "same-origin"}
    assert (await visitor.change("PUT", f"{DATA}{AT}=1", ENTRY, **own)).status == 201


async def test_a_cookie_alone_changes_nothing(visitor: Visitor) -> None:
    await visitor.log_in()
    assert (await visitor.ask("GET", DATA)).status == 200
    assert (await visitor.ask("OPTIONS", DATA)).status == 204
    other = visitor.other()
    await other.log_in()
    for fields in ({}, {"X_CSRF_Token": ""}, {"X_CSRF_Token": "x" * 43}, {"X_CSRF_Token": other.token}):
        for method, path in (
            ("PUT", f"{DATA}{AT}=1"),
            ("POST", "/restconf/operations/every-construct:sum"),
            ("PATCH", DATA),
            ("DELETE", f"{DATA}{AT}=1"),
        ):
            refused = await visitor.ask(method, path, ENTRY, **fields)
            assert (refused.status, refused.error["error-tag"]) == (403, "access-denied")
        refused = await visitor.ask("DELETE", "/session", **fields)
        assert (refused.status, error(refused)["tag"]) == (403, "access-denied")
    assert "<id>" not in visitor.client.lab.running
    assert (await visitor.change("PUT", f"{DATA}{AT}=1", ENTRY)).status == 201
    assert (await visitor.change("POST", "/restconf/operations/every-construct:sum")).status == 200


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


DESTINATIONS = ("empty", "document", "iframe", "script", "image", "style", "worker", "object", "")
"""Of a request of a browser, Sec-Fetch-Dest; the last is none that anybody knows."""


@pytest.mark.parametrize(
    "fields",
    [
        *({"Sec_Fetch_Dest": one} for one in DESTINATIONS),
        {"Sec_Fetch_Site": "none"},
        {"Sec_Fetch_Mode": "navigate"},
        {"X_CSRF_Token": ""},
    ],
)
async def test_a_browser_with_a_certificate_is_sent_no_secrets(
    lab: Lab, tmp_path: Path, fields: dict[str, str]
) -> None:
    authority = Authority(tmp_path)
    await lab.commit(interface("eth0", "<password>hush-eth</password>"))
    async with visiting(lab, tmp_path, tls=Tls(*authority.issue_server(), clients=authority.file)) as visitor:
        shown = authority.trusting(authority.issue("tester"))
        certified = replace(visitor, client=replace(visitor.client, tls=shown))
        for path in (DATA, f"{DATA}/acme:interfaces", "/restconf/ds/ietf-datastores:running"):
            assert "hush-eth" in (await certified.ask("GET", path)).text
            found = await certified.ask("GET", path, **fields)
            assert (found.status, "hush-eth" in found.text) == (200, False)


async def test_a_browser_is_never_told_to_ask_for_a_password(visitor: Visitor) -> None:
    plain = await visitor.ask("GET", DATA)
    assert (plain.status, "www-authenticate" in plain.fields) == (401, True)
    said = [{"Sec_Fetch_Dest": one} for one in DESTINATIONS] + [{"Sec_Fetch_Mode": "navigate"}]
    for fields in ({"X_CSRF_Token": ""}, {"Cookie": "yangswan=gone"}, *said):
        for more in ({}, {"Authorization": basic("bob", "wrong")["Authorization"]}):
            refused = await visitor.ask("GET", DATA, **fields, **more)
            assert (refused.status, "www-authenticate" in refused.fields) == (401, False)


@pytest.mark.parametrize(
    ("cookie", "status"),
    [
        ("{}", 200),
        ("a=b; {}; c=d", 200),
        ("a=b;{}", 200),
        ("x{}", 204),
        ("{}x", 204),
        ("__Host-{}", 204),
        ('"{}"', 204),
        ("yangswan", 204),
        ("yangswan=", 204),
        ("yangswan=; {}", 204),
    ],
)
async def test_only_our_cookie_counts(visitor: Visitor, cookie: str, status: int) -> None:
    await visitor.log_in()
    found = await visitor.ask("GET", "/session", Cookie=cookie.format(visitor.cookie))
    assert found.status == status


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


async def test_a_certificate_is_a_login(lab: Lab, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    tls = Tls(*authority.issue_server(), clients=authority.file)
    async with visiting(lab, tmp_path, tls=tls) as visitor:
        shown = authority.trusting(authority.issue("bob"))
        certified = replace(visitor, client=replace(visitor.client, tls=shown))
        found = await certified.ask("GET", "/session")
        assert json.loads(found.body) == {
            "user": "bob", "csrf-token": "", "expires": None, "by": "certificate",
        }  # fmt: skip
        assert len(visitor.sessions) == 0
        assert (await certified.ask("DELETE", "/session")).status == 204
        # A login on the page says more than what a browser shows to whoever asks.
        await certified.log_in("reader")
        assert json.loads((await certified.ask("GET", "/session")).body)["user"] == "reader"
        assert (await certified.ask("DELETE", "/session")).status == 403
        eve = replace(certified.other(), client=replace(visitor.client, tls=authority.trusting()))
        assert (await eve.ask("GET", "/session")).status == 204


async def test_who_has_not_logged_in_is_told_so_and_has_tried_nothing(visitor: Visitor) -> None:
    for fields in ({}, {"Cookie": "yangswan=gone"}, basic("bob"), basic("bob", "wrong")):
        answer = await visitor.ask("GET", "/session", **fields)
        assert (answer.status, answer.body) == (204, b"")
    assert visitor.client.lockout.total == 0


async def test_places_of_those_who_are_known_have_a_bound(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.http.arrival.Guest.vouch", lambda guest, user: False)
    refused = await visitor.try_login("bob")
    assert (refused.status, error(refused)["tag"]) == (503, "resource-denied")
    assert len(visitor.sessions) == 0


def web_door(visitor: Visitor) -> WebDoor:
    client = visitor.client
    return WebDoor(
        client.door,
        client.app,
        logins=client.logins,
        passwords=client.passwords,
        tries=client.logins._tries,
        secure=False,
        page=visitor.page,
    )


def settings(passwords: dict[str, str], *users: str) -> Settings:
    return Settings(
        users={user: Path(f"{user}.pub") for user in users},
        web=Web("127.0.0.1", 0, passwords=passwords),
    )


async def test_sessions_end_with_the_password_or_the_user(visitor: Visitor) -> None:
    stays, changes, goes = visitor.other(), visitor.other(), visitor.other()
    for one, user in ((stays, "tester"), (changes, "bob"), (goes, "reader")):
        await one.log_in(user)
    now = settings({"tester": HASH, "bob": hash_of(b"another")}, "reader")
    web_door(visitor).take_over(now, Limits())
    found = [(await one.ask("GET", "/session")).status for one in (stays, changes, goes)]
    assert found == [200, 204, 204]
    assert len(visitor.sessions) == 1


async def test_a_fault_is_told_without_a_word_of_it(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_anything: object, **_more: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(room.Logins, "refuse_wrong", broken)
    answer = await visitor.try_login("bob", "s3cret")
    assert (answer.status, answer.body) == (500, b"the server failed to carry this out; its log says why\n")
    assert answer.fields["content-type"].startswith("text/plain")
    assert "content-security-policy" in answer.fields
    (record,) = [one for one in caplog.records if one.levelno >= logging.ERROR]
    assert record.name == "agent.page.app"
    assert "a defect" in caplog.text
    assert "s3cret" not in caplog.text


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


async def test_what_a_page_is_shown_has_a_tag_of_its_own(visitor: Visitor) -> None:
    """What it has kept is not what a program gets, which may be sent secrets, too."""
    await visitor.client.lab.commit(entry("<number>1</number>"))
    await visitor.log_in()
    path = f"{DATA}{AT}=1?content=config"
    page = await visitor.ask("GET", path)
    program = await visitor.client.ask("GET", path)
    assert page.body == program.body
    assert page.fields["vary"] == "Accept, Authorization, Cookie"
    assert page.fields["etag"] != program.fields["etag"]
    assert (await visitor.ask("GET", path, If_None_Match=page.fields["etag"])).status == 304
    assert (await visitor.ask("GET", path, If_None_Match=program.fields["etag"])).status == 200
