"""Which modules a server says that it has, whatever way it has of saying so, and their texts."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.client.session import ServerErrors
from console.model import modules
from console.model.cache import Cache
from console.model.modules import LIBRARY, MONITORING, Listed, listed_modules, schema_of
from tests.console.model.fake_client import LIBRARY_1_0, LIBRARY_1_1, MONITORED, FakeClient, library

A = 'module a { namespace "urn:a"; prefix a; revision 2026-01-01; leaf x { type string; } }'
B = 'module b { namespace "urn:b"; prefix b; import a { prefix a; } leaf y { type string; } }'
NOTHING = Cache(None)


def test_the_yang_library_is_read() -> None:
    client = FakeClient(answers=library("a 2026-01-01 one,two", "b", "-c 2020-02-02"))
    assert listed_modules(client) == (
        Listed("a", "2026-01-01", True, ("one", "two")),
        Listed("b", "", True, ()),
        Listed("c", "2020-02-02", False, None),
    )


def test_the_older_library_is_read() -> None:
    rows = """<module><name>a</name><revision>2026-01-01</revision><feature>one</feature>
        <conformance-type>implement</conformance-type><deviation><name>d</name><revision/></deviation>
        <submodule><name>s</name><revision>2026-01-02</revision></submodule></module>
      <module><name>c</name><revision/><conformance-type>import</conformance-type></module>"""
    answers = {"modules-state": f'<modules-state xmlns="{LIBRARY}">{rows}</modules-state>'}
    client = FakeClient(capabilities=frozenset({LIBRARY_1_0}), answers=answers)
    assert listed_modules(client) == (
        Listed("a", "2026-01-01", True, ("one",), ("d",)),
        Listed("s", "2026-01-02", True),
        Listed("c", "", False),
    )


def test_without_a_library_the_schemas_are_read() -> None:
    rows = "".join(
        f"<schema><identifier>{name}</identifier><version>{version}</version></schema>"
        for name, version in [("a", "2026-01-01"), ("b", ""), ("a", "2025-01-01"), ("../etc", ""), ("", "")]
    )
    answers = {
        "netconf-state": f'<netconf-state xmlns="{MONITORING}"><schemas>{rows}</schemas></netconf-state>'
    }
    client = FakeClient(capabilities=frozenset({MONITORED}), answers=answers)
    assert listed_modules(client) == (Listed("a", "2026-01-01"), Listed("b"))


def test_without_either_the_capabilities_are_read() -> None:
    capabilities = {
        "urn:ietf:params:netconf:base:1.1",
        "urn:a?module=a&revision=2026-01-01&features=one,two&deviations=d",
        "urn:b?module=b",
        "urn:c?module=../c",
        f"{MONITORED}",
    }
    client = FakeClient(capabilities=frozenset(capabilities))
    assert sorted(listed_modules(client), key=lambda one: one.name) == [
        Listed("a", "2026-01-01", True, ("one", "two"), ("d",)),
        Listed("b", "", True, ()),
        Listed("ietf-netconf-monitoring", "2010-10-04", True, ()),
    ]


def test_a_server_that_answers_with_an_error_is_asked_in_another_way() -> None:
    client = FakeClient(capabilities=frozenset({LIBRARY_1_1, MONITORED, "urn:a?module=a"}))
    assert {one.name for one in listed_modules(client)} == {"a", "ietf-netconf-monitoring"}


def test_texts_are_fetched_and_what_is_imported_too() -> None:
    client = FakeClient({"a": A, "b": B}, answers=library("b"))
    made = schema_of(client, NOTHING)
    assert set(made.roots) == {"b:y"}
    assert made.left_out == {}
    assert client.fetched == [("b", ""), ("a", "")]


def test_progress_is_told() -> None:
    told: list[str] = []
    schema_of(FakeClient({"a": A, "b": B}, answers=library("a", "b")), NOTHING, told.append)
    assert told == ["a", "b"]


def test_what_cannot_be_had_is_named_and_does_nothing_to_a_terminal() -> None:
    client = FakeClient({"a": A, "t": "<html/>"}, answers=library("a", "gone", "t"))
    made = schema_of(client, NOTHING)
    assert set(made.roots) == {"a:x"}
    assert made.left_out == {
        "gone": "the server does not give it: there is no \ufffd[31mgone",
        "t": "what the server gives is no YANG",
    }


def test_modules_beyond_any_measure_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modules, "_MOST_CHARACTERS", len(A) + 5)
    made = schema_of(FakeClient({"a": A, "b": B}, answers=library("a", "b")), NOTHING)
    assert set(made.left_out) == {"b"}
    monkeypatch.setattr(modules, "LONGEST_MODULE", 10)
    assert schema_of(FakeClient({"a": A}, answers=library("a")), NOTHING).left_out.keys() == {"a"}


def test_texts_are_kept_for_the_next_session(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "modules")
    answers = library("a 2026-01-01")
    schema_of(FakeClient({"a": A}, answers=answers), cache)
    again = FakeClient({}, answers=answers)
    assert set(schema_of(again, cache).roots) == {"a:x"}
    assert again.fetched == []


@pytest.mark.parametrize(
    ("capabilities", "rows"),
    [
        ({LIBRARY_1_1}, ("a 2026-01-01 one",)),
        ({LIBRARY_1_1}, ("a 2026-01-02",)),
        ({LIBRARY_1_1}, ("a 2026-01-01", "b")),
        ({LIBRARY_1_1.replace("content-id=1", "content-id=2")}, ("a 2026-01-01",)),
        ({LIBRARY_1_1, "urn:other"}, ("a 2026-01-01",)),
    ],
)
def test_a_server_that_says_otherwise_is_asked_itself(
    tmp_path: Path, capabilities: set[str], rows: tuple[str, ...]
) -> None:
    cache = Cache(tmp_path / "modules")
    schema_of(FakeClient({"a": A}, answers=library("a 2026-01-01")), cache)
    other = FakeClient({"a": A, "b": B}, frozenset(capabilities), library(*rows))
    schema_of(other, cache)
    assert other.fetched


def test_what_was_not_whole_is_not_kept(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "modules")
    answers = library("a", "gone")
    schema_of(FakeClient({"a": A}, answers=answers), cache)
    again = FakeClient({"a": A}, answers=answers)
    schema_of(again, cache)
    assert again.fetched


def test_words_in_a_description_are_no_modules() -> None:
    text = A.replace("revision", 'description "for instance\n  import nothing;\n"; revision')
    assert schema_of(FakeClient({"a": text}, answers=library("a")), NOTHING).left_out == {}


def test_a_server_without_any_list_has_no_nodes() -> None:
    assert schema_of(FakeClient(capabilities=frozenset()), NOTHING).roots == {}
    with pytest.raises(ServerErrors):
        FakeClient().rpc(modules._filter(MONITORING, "get-schema"))
