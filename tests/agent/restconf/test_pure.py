"""URIs, queries, media types and statuses, by tables."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent import errors
from agent.errors import OperationFailed, RpcError
from agent.restconf.media import Media, sent, wanted
from agent.restconf.problems import STATUS, Problem, problem_of
from agent.restconf.queries import Field, edit_query, parameters, read_fields, stream_query
from agent.restconf.uris import Place, Step, place_of
from agent.yang.schema import Schema

ENTRY = "/every-construct:top/entry"


def place(schema: Schema, path: str) -> Place:
    return place_of(schema, [part for part in path.split("/") if part])


@pytest.mark.parametrize(
    ("path", "instance"),
    [
        ("", None),
        ("/every-construct:top", "/every-construct:top"),
        (f"{ENTRY}=1", f"{ENTRY}[id='1']"),
        (f"{ENTRY}=a%2Fb%27/number", f'{ENTRY}[id="a/b\'"]/number'),
        (f"{ENTRY}=/number", f"{ENTRY}[id='']/number"),
        (f"{ENTRY}=1/address=x,080", f"{ENTRY}[id='1']/address[ip='x'][port='80']"),
        (f"{ENTRY}=1/tag=%2C", f"{ENTRY}[id='1']/tag[.=',']"),
        ("/every-augment:outer/every-construct:from-here", "/every-augment:outer/every-construct:from-here"),
    ],
)
def test_a_path_leads_somewhere(schema: Schema, path: str, instance: str | None) -> None:
    assert place(schema, path).path == instance


@pytest.mark.parametrize(
    ("path", "versioned"),
    [
        ("", None),
        ("/every-construct:top", ("/every-construct:top", True)),
        (ENTRY, ("/every-construct:top", True)),
        (f"{ENTRY}=1", (f"{ENTRY}[id='1']", False)),
        (f"{ENTRY}=1/plain/note", (f"{ENTRY}[id='1']", False)),
        (f"{ENTRY}=%27%22", None),
        ("/every-construct:order=x", ("/every-construct:order", False)),
        ("/every-construct:order", ("/every-construct:order", False)),
    ],
)
def test_a_place_has_the_id_of_what_is_kept(
    schema: Schema, path: str, versioned: tuple[str, bool] | None
) -> None:
    assert place(schema, path).versioned == versioned


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(min_size=1, max_size=16).filter(lambda text: "\0" not in text))
def test_a_key_of_any_characters_comes_back(schema: Schema, key: str) -> None:
    above, entry = place(schema, f"{ENTRY}=1").steps
    found = Place((above, Step(entry.node, (key,))))
    assert place(schema, found.uri()) == found


def written(fields: list[Field]) -> Iterator[str]:
    for one in fields:
        below = ",".join(written(one.below))
        yield f"{one.node.name}({below})" if below else one.node.name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id", "id"),
        ("id;number", "id,number"),
        ("plain/note", "plain(note)"),
        ("plain(note;speed);id", "plain(note,speed),id"),
        ("every-construct:plain(every-construct:note)", "plain(note)"),
        ("stage(name);address(ip;port)", "stage(name),address(ip,port)"),
    ],
)
def test_fields_are_read(schema: Schema, text: str, expected: str) -> None:
    assert ",".join(written(read_fields(schema, place(schema, f"{ENTRY}=1"), text))) == expected


@pytest.mark.parametrize(
    "text",
    [
        "", ";", "id;", "(id)", "plain(", "plain(note", "plain(note))", "plain/", "/id", "plain()", "poke",
        "id(number)", "nowhere", "other:id", "id id", "plain(note)speed", "plain(" * 100,
        ";".join(["id"] * 600),
    ],
)  # fmt: skip
def test_fields_that_are_none_are_refused(schema: Schema, text: str) -> None:
    with pytest.raises(Problem) as caught:
        read_fields(schema, place(schema, f"{ENTRY}=1"), text)
    assert caught.value.status == 400


def test_queries_are_decoded() -> None:
    assert parameters("a=%2Fb%20c+d&b", ("a", "b")) == {"a": "/b c+d", "b": ""}
    assert edit_query("insert=after&point=%2Fa").point == "/a"
    assert stream_query("start-time=2026-11-27T10:00:00+01:00").start == "2026-11-27T10:00:00+01:00"
    for query in ("a=1&a=2", "c=1"):
        with pytest.raises(Problem):
            parameters(query, ("a", "b"))


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("", Media.JSON),
        ("text/html, application/xml;q=0.9, */*;q=0.8", Media.XML),
        ("APPLICATION/YANG-DATA+XML", Media.XML),
        ("application/yang-data+json;q=2", None),
        ("application/yang-data+json;q=x", None),
        (",,;", Media.JSON),
        ("a/b," * 70 + "*/*", None),
    ],
)
def test_accept(accept: str, media: Media | None) -> None:
    assert wanted(accept) is media


def test_content_type() -> None:
    assert sent("application/yang-data+json; charset=utf-8") is Media.JSON
    assert sent("application/yang-data+jsonx") is None


def test_every_error_has_a_status() -> None:
    """All tags of RFC 6241 appendix A are in the table of RFC 8040 section 7."""
    kinds = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, RpcError)]
    assert {one.tag for one in kinds} <= set(STATUS)
    assert problem_of([OperationFailed("x")]).status == 412
    assert problem_of([OperationFailed("x", app_tag="internal-error")]).status == 500
    assert set(STATUS.values()) <= {400, 403, 409, 412, 413, 500, 501}
