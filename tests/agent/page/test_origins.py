"""Whose requests carry a cookie to no effect: pages of other origins, and browsers with a certificate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from agent.http.tls import Tls
from tests.agent.handlers import Lab
from tests.agent.http.door_lab import Authority
from tests.agent.lab import entry
from tests.agent.operations.guarded import interface
from tests.agent.page.client import Visitor, visiting
from tests.agent.page.logins import AT, ENTRY, error
from tests.agent.restconf.client import DATA, basic


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


DESTINATIONS = ("empty", "document", "iframe", "script", "image", "style", "worker", "object", "")


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
