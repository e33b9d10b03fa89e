"""Many units, validated in pieces on two threads, come to what they come to together."""

from __future__ import annotations

import gc
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.datastore.candidate import Candidate
from agent.datastore.edit import edit
from agent.datastore.preparation import Preparation, Prepared
from agent.errors import RpcErrors
from agent.served import SERVED, standard_modules
from agent.yang import piecewise
from agent.yang.beside import BESIDE, Beside
from agent.yang.nodes import XML, Defaults, print_node
from agent.yang.schema import Schema
from tests.agent.lab import config, empty_running
from tests.agent.recording_translator import RecordingTranslator

LIST = "/pieces:top/entry"
MODULE = """\
module pieces {
  yang-version 1.1;
  namespace "urn:yangswan:test:pieces";
  prefix p;
  container top {
    leaf beside { type uint8; }
    leaf-list ordered { type string; ordered-by user; }
    list entry {
      key "id";
      leaf id { type string; }
      leaf mode { type enumeration { enum a; enum b; } default "a"; }
      leaf number { type uint8; must ". != 13" { error-app-tag "unlucky"; } }
      leaf of-a { when "../mode = 'a'"; type string; default "there with a"; }
      leaf of-b { when "../mode = 'b'"; type string; }
      choice one { leaf left { type empty; } leaf right { type string; default "r"; } }
      leaf-list name { type string; }
      leaf chosen {
        type union { type leafref { path "../name"; } type enumeration { enum none; } }
      }
      container inner {
        leaf depth { type uint8; default "1"; }
        list part { key "n"; leaf n { type uint8; } leaf text { type string; } }
      }
      container kept { presence "it says something"; }
    }
    list other { key "k"; leaf k { type uint8; } leaf v { type string; mandatory true; } }
  }
  list single { key "k"; leaf k { type uint8; } }
}
"""
BODIES = (
    "",
    "<number>7</number>",
    "<mode>a</mode><of-a>x</of-a>",
    "<mode>b</mode><of-b>&lt;entry&gt;&#13;</of-b>",
    "<inner/>",
    '<inner><depth>1</depth><part><n>1</n><text>},{"id":</text></part></inner>',
    "<left/>",
    "<right>r</right><kept/>",
    "<name>one</name><name>two</name><chosen>two</chosen>",
    "<chosen>none</chosen><name></name>",
)
WRONG = (
    "<number>13</number>",
    "<mode>b</mode><of-a>only with a</of-a>",
    "<chosen>nobody</chosen>",
)
ENTRIES = st.dictionaries(st.sampled_from("abcdefgh'\""), st.sampled_from(BODIES), max_size=8)
BESIDES = st.sampled_from(
    (
        "",
        "<beside>1</beside>",
        "<ordered>b</ordered><ordered>a</ordered>",
        "<other><k>1</k><v>w</v></other><other><k>2</k><v/></other>",
    )
)


def document(entries: dict[str, str], beside: str = "", single: str = "") -> str:
    rows = "".join(f"<entry><id>{key}</id>{body}</entry>" for key, body in entries.items())
    return f'<top xmlns="urn:yangswan:test:pieces">{rows}{beside}</top>{single}'


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> Schema:
    file: Path = tmp_path_factory.mktemp("pieces") / "pieces.yang"
    file.write_text(MODULE)
    return Schema(standard_modules(), SERVED, [file])


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(piecewise, "PIECE", 2)
    monkeypatch.setattr(piecewise, "LEAST", 1)
    monkeypatch.setattr("agent.yang.many.FEW", 1)
    return monkeypatch


def translator() -> RecordingTranslator:
    made = RecordingTranslator()
    made.config_list = LIST
    return made


def both_ways(
    schema: Schema, there: str, brought: str, monkeypatch: pytest.MonkeyPatch, operation: str = "merge"
) -> list[object]:
    """Return what is prepared, or what is wrong, with all together and in pieces."""
    running = Candidate(empty_running(schema))
    edit(running, config(there))
    results: list[object] = []
    for least in (10**9, 1):
        monkeypatch.setattr(piecewise, "LEAST", least)
        candidate = Candidate(running.tree)
        edit(candidate, config(brought), operation)
        try:
            prepared = Preparation(schema, [translator()]).prepare(candidate, running.tree)
        except RpcErrors as problem:
            results.append([(e.tag, e.app_tag, e.path, e.message) for e in problem.errors])
        else:
            results.append(told(prepared))
    return results


def told(prepared: Prepared) -> object:
    assert not prepared.complete, "the module is local"
    nodes = [
        [print_node(node, XML, Defaults.REPORT_ALL_TAGGED, True) for node in own] for own in prepared.found
    ]
    scratch = prepared.scratch.to_xml(Defaults.REPORT_ALL_TAGGED)
    return [u.path for u in prepared.units], prepared.records, prepared.changes, nodes, entries_in(scratch)


def entries_in(scratch: bytes) -> list[bytes]:
    return scratch.split(b"<entry")[1:]


@settings(max_examples=150, deadline=None)
@given(there=ENTRIES, brought=ENTRIES, beside=BESIDES, operation=st.sampled_from(("merge", "replace")))
def test_what_is_prepared_is_the_same(
    pieces: Schema, there: dict[str, str], brought: dict[str, str], beside: str, operation: str
) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(piecewise, "PIECE", 2)
        monkeypatch.setattr("agent.yang.many.FEW", 1)
        together, apart = both_ways(
            pieces, document(there), document(brought, beside), monkeypatch, operation
        )
        assert apart == together


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("at", [0, 3, 8])
def test_what_is_wrong_is_told_as_of_all_together(
    pieces: Schema, small: pytest.MonkeyPatch, wrong: str, at: int
) -> None:
    rows = {f"n{number}": wrong if number in (at, 5) else BODIES[number] for number in range(9)}
    together, apart = both_ways(pieces, document({}), document(rows), small)
    assert isinstance(together, list)
    assert len(together) == len({at, 5})
    assert apart == together


def test_they_are_where_they_were_in_the_edit_and_as_validation_leaves_them(
    pieces: Schema, small: pytest.MonkeyPatch
) -> None:
    """libyang takes out what a when has made wrong since it was right: after it is read what is recorded."""
    there = {f"n{number}": "<mode>b</mode><of-b>gone</of-b>" for number in range(5)}
    running = Candidate(empty_running(pieces))
    edit(running, config(document(there)))
    tree = Preparation(pieces, [translator()]).prepare(running, empty_running(pieces)).scratch
    candidate = Candidate(tree)
    edit(candidate, config(document({key: "<mode>a</mode>" for key in there})))
    prepared = Preparation(pieces, [translator()]).prepare(candidate, tree)
    assert [record.path for record in prepared.records] == [f"{LIST}[id='{key}']" for key in there]
    for record, change in zip(prepared.records, prepared.changes["recording"], strict=True):
        assert (b"gone" in record.before, b"gone" in record.after) == (True, False)
        assert change.after is not None
        assert change.after["of-a"] == "there with a"
        assert "of-b" not in change.after
    found = entries_in(prepared.scratch.to_xml())
    assert [f">n{number}<".encode() in text for number, text in enumerate(found)] == [True] * 5


def test_one_that_is_not_valid_has_all_validated_together(pieces: Schema, small: pytest.MonkeyPatch) -> None:
    seen: list[bool | None] = []

    def validated(*arguments: object, **named: object) -> object:
        made = piecewise.validated(*arguments, **named)  # type: ignore[arg-type]
        seen.append(made is not None)
        return made

    small.setattr("agent.datastore.preparation.validated", validated)
    for body, valid in ((BODIES[1], True), (WRONG[0], False)):
        candidate = Candidate(empty_running(pieces))
        edit(candidate, config(document({"a": "", "b": "", "c": body, "d": ""})))
        try:
            Preparation(pieces, []).prepare(candidate, empty_running(pieces))
        except RpcErrors:
            assert not valid
        assert seen.pop() == valid


def test_nothing_is_left_to_the_other_thread_when_something_goes_wrong(
    pieces: Schema, small: pytest.MonkeyPatch
) -> None:
    beside, held = Beside("beside"), threading.Event()
    small.setattr(piecewise, "BESIDE", beside)
    candidate = Candidate(empty_running(pieces))
    edit(candidate, config(document(dict.fromkeys("abcdefgh", ""))))
    found = candidate.differing_nodes(empty_running(pieces))
    occupied = beside.give(held.wait)

    def fails() -> None:
        raise MemoryError

    with pytest.raises(MemoryError):
        piecewise.validated(
            pieces,
            [unit for unit, _, _ in found],
            [own for _, own, _ in found],
            as_json=(),
            meanwhile=fails,
        )
    held.set()
    assert occupied.result()
    assert beside.give(threading.active_count).result() > 1, "and it works on"


def test_who_gave_work_does_himself_what_is_not_begun() -> None:
    beside, held, begun = Beside("beside"), threading.Event(), threading.Event()

    def hold() -> int:
        begun.set()
        held.wait(60)
        return threading.get_ident()

    first = beside.give(hold)
    assert begun.wait(60)
    second, third = beside.give(threading.get_ident), beside.give(threading.get_ident)
    assert second.result() == threading.get_ident()
    assert third.taken_back()
    assert not first.taken_back()
    assert not first.done
    held.set()
    assert first.result() not in (0, threading.get_ident())
    assert first.done


def test_nothing_is_left_for_the_collector(pieces: Schema, small: pytest.MonkeyPatch) -> None:
    candidate = Candidate(empty_running(pieces))
    edit(candidate, config(document(dict.fromkeys("abcdefgh", ""))))
    gc.collect()
    gc.disable()
    try:
        Preparation(pieces, [translator()]).prepare(candidate, empty_running(pieces))
        BESIDE.give(int).awaited()  # it has come by what was taken back
        assert not [one for one in gc.get_objects() if isinstance(one, piecewise._Piece)]
    finally:
        gc.enable()
