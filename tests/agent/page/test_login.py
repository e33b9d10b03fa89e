"""Who may log in on the page, what its cookie is, and what is refused."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.http.tls import Tls
from agent.page.app import LOGIN_OCTETS_MAX
from agent.page.sessions import LONGEST_S
from agent.restconf import login as room
from tests.agent.handlers import Lab
from tests.agent.http.door_lab import Authority
from tests.agent.page.client import Visitor, visiting
from tests.agent.page.logins import error
from tests.agent.restconf.client import DATA, WORD, basic

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


"""Of a request of a browser, Sec-Fetch-Dest; the last is none that anybody knows."""


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
