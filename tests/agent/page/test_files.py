"""What is served without a login, what every answer says, and that no path leads out of the table."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.page import files
from agent.page.beside import HEADERS
from tests.agent.page.client import Visitor

PATHS = ["/", "/static/main.js", "/session", "/events", "/nowhere", "/restconf", "/.well-known/host-meta"]


async def test_the_page_and_its_files_are_there_for_anybody(visitor: Visitor) -> None:
    index, script = await visitor.ask("GET", "/"), await visitor.ask("GET", "/static/main.js")
    assert (index.status, index.body) == (200, b"<!doctype html>")
    assert index.fields["content-type"] == "text/html; charset=utf-8"
    assert (script.status, script.body) == (200, b"let x;")
    assert script.fields["content-type"] == "text/javascript; charset=utf-8"
    assert script.fields["cache-control"] == "no-cache"


@pytest.mark.parametrize("given", ['"2"', 'W/"2"', '"x", "2"', "*"])
async def test_a_file_that_is_known_is_not_sent_again(visitor: Visitor, given: str) -> None:
    found = await visitor.ask("GET", "/static/main.js", If_None_Match=given)
    assert (found.status, found.body, found.fields["etag"]) == (304, b"", '"2"')
    assert (await visitor.ask("GET", "/static/main.js", If_None_Match='"3"')).status == 200


async def test_a_head_has_no_body(visitor: Visitor) -> None:
    found = await visitor.ask("HEAD", "/static/main.js")
    assert (found.status, found.body, found.fields["content-length"]) == (200, b"", "6")


@pytest.mark.parametrize("path", PATHS)
async def test_every_answer_says_what_a_browser_may_do_with_it(visitor: Visitor, path: str) -> None:
    found = await visitor.ask("GET", path)
    said = {name: found.fields.get(name) for name in HEADERS if name != "cache-control"}
    assert said == {name: value for name, value in HEADERS.items() if name != "cache-control"}
    assert found.fields["cache-control"] in ("no-store", "no-cache", "private, no-cache")
    assert "server" not in found.fields
    assert "'unsafe" not in found.fields["content-security-policy"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/static/", 404),
        ("/static", 404),
        ("/static/other.js", 404),
        ("/static/main.js/", 404),
        ("/static/.", 400),
        ("/static/..", 400),
        ("/static/../app.py", 400),
        ("/static/%2e%2e/app.py", 400),
        ("/static/%2e%2e%2fapp.py", 400),
        ("/static/..%2fapp.py", 400),
        ("/static/%5c..%5capp.py", 400),
        ("/static/%252e%252e%252fapp.py", 404),
        ("/static//etc/passwd", 400),
        ("//etc/passwd", 400),
        ("/static/main.js%00", 400),
        ("/static/__init__.py", 404),
        ("/index.html", 404),
        ("/%72estconf/data", 404),
        ("/restconfs", 404),
        ("/session/", 404),
    ],
)
async def test_no_path_leads_elsewhere(visitor: Visitor, path: str, status: int) -> None:
    found = await visitor.ask("GET", path)
    assert found.status == status
    assert found.fields["content-type"].startswith("text/plain")
    assert b"import" not in found.body
    assert len(found.body) < 100


@pytest.mark.parametrize("path", ["/", "/static/main.js", "/events"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_other_methods_are_refused(visitor: Visitor, method: str, path: str) -> None:
    found = await visitor.ask(method, path)
    assert (found.status, found.body) == (405, b"this method is not allowed here\n")
    assert sorted(found.fields["allow"].split(", ")) == ["GET", "HEAD"]
    assert found.fields["content-security-policy"] == HEADERS["content-security-policy"]


async def test_a_stranger_s_name_for_this_machine_gets_nothing(visitor: Visitor) -> None:
    assert (await visitor.ask("GET", "/", Host="evil.example")).status == 421


async def test_restconf_is_where_it_was(visitor: Visitor) -> None:
    found = await visitor.client.get("")
    assert found.status == 200
    assert (await visitor.ask("GET", "/.well-known/host-meta")).status == 200
    assert (await visitor.ask("GET", "/restconf")).fields["www-authenticate"].startswith("Basic ")


def test_what_is_shipped_is_of_the_types_that_are_served() -> None:
    read = files.read()
    assert files.INDEX in read
    assert {file.name for file in files.FOLDER.iterdir()} == set(read)


def test_only_files_of_known_types_are_read(tmp_path: Path) -> None:
    for name in ("a.js", "b.py", ".hidden", "c.js~"):
        (tmp_path / name).write_text(name)
    (tmp_path / "folder.js").mkdir()
    assert {name: file.content for name, file in files.read(tmp_path).items()} == {"a.js": b"a.js"}
