"""What a change would do is found without doing it: validated, compared, and written down for the history."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.datastore.candidate import Candidate
from agent.datastore.edit import edit
from agent.datastore.preparation import Preparation, unvalidated
from agent.datastore.records import UnitChange
from agent.errors import RpcErrors
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from tests.agent.datastore.lab import ONE, commit, started
from tests.agent.lab import config, empty_running, entry
from tests.agent.recording_translator import RecordingTranslator

ENTRY = "/every-construct:top/entry"
INTERFACE = (
    '<interfaces xmlns="http://example.com/ns/acme"><interface><name>a</name>{}</interface></interfaces>'
)


def changed(running: Tree, *bodies: str) -> Candidate:
    candidate = Candidate(running)
    for body in bodies:
        edit(candidate, config(body))
    return candidate


def running_of(schema: Schema, body: str) -> Tree:
    running = changed(empty_running(schema), body).tree
    running.add_defaults()
    return running


def test_a_change_is_prepared_without_history_commit_or_backend(schema: Schema) -> None:
    running = running_of(schema, ONE)
    before = running.to_xml()
    candidate = changed(running, entry("<number>3</number>"))
    prepared = Preparation(schema, [RecordingTranslator()]).prepare(candidate, running)
    assert [unit.path for unit in prepared.units] == [f"{ENTRY}[id='1']"]
    (record,) = prepared.records
    assert b"<number>2</number>" in record.before
    assert b"<number>3</number>" in record.after
    (change,) = prepared.changes["recording"]
    assert (change.keys, change.path, change.list_path) == (("1",), f"{ENTRY}[id='1']", ENTRY)
    assert change.before is not None
    assert change.after is not None
    assert (change.before["number"], change.after["number"]) == (2, 3)
    assert running.to_xml() == before
    assert list(candidate.changed) == [f"{ENTRY}[id='1']"], "the candidate is as it was, too"


def test_what_is_made_has_no_before_and_what_is_deleted_no_after(schema: Schema) -> None:
    preparation = Preparation(schema, [RecordingTranslator()])
    empty, one = empty_running(schema), running_of(schema, ONE)
    made = preparation.prepare(changed(empty, ONE), empty)
    deleted = preparation.prepare(changed(one, entry("", 'nc:operation="delete"')), one)
    for prepared, there in ((made, ("after",)), (deleted, ("before",))):
        (record,) = prepared.records
        (change,) = prepared.changes["recording"]
        assert tuple(side for side in ("before", "after") if getattr(record, side)) == there
        assert tuple(side for side in ("before", "after") if getattr(change, side) is not None) == there


def test_a_change_that_no_translator_knows_is_recorded_all_the_same(schema: Schema) -> None:
    running = empty_running(schema)
    prepared = Preparation(schema, []).prepare(changed(running, ONE), running)
    assert prepared.changes == {}
    assert [type(record) for record in prepared.records] == [UnitChange]


def test_a_candidate_that_is_running_again_prepares_nothing(schema: Schema) -> None:
    running = running_of(schema, ONE)
    candidate = changed(running, entry("<number>3</number>"), ONE)
    prepared = Preparation(schema, [RecordingTranslator()]).prepare(candidate, running)
    assert (prepared.units, prepared.records, prepared.changes) == ([], [], {})


def test_where_no_rule_reaches_out_only_what_changed_is_looked_at(schema: Schema) -> None:
    running = running_of(schema, ONE)
    candidate = changed(running, INTERFACE.format("<mtu>5</mtu>"))
    prepared = Preparation(schema, []).prepare(candidate, running)
    assert not prepared.complete
    assert b"<mtu>5</mtu>" in prepared.scratch.to_xml()
    assert b"<number>" not in prepared.scratch.to_xml()


def test_where_a_rule_may_reach_out_the_whole_configuration_is_validated(schema: Schema) -> None:
    running = running_of(schema, INTERFACE.format("<mtu>5</mtu>"))
    prepared = Preparation(schema, []).prepare(changed(running, ONE), running)
    assert prepared.complete
    assert b"<mtu>5</mtu>" in prepared.scratch.to_xml()
    assert [unit.path for unit in prepared.units] == [f"{ENTRY}[id='1']"]


def test_what_is_not_validated_is_for_history_and_running_alone(schema: Schema) -> None:
    running = empty_running(schema)
    candidate = changed(running, entry("<twice>1</twice>"))
    with pytest.raises(RpcErrors):
        Preparation(schema, [RecordingTranslator()]).prepare(candidate, running)
    prepared = unvalidated(candidate, running)
    assert [record.path for record in prepared.records] == [f"{ENTRY}[id='1']"]
    assert prepared.changes == {}


async def test_validate_says_what_a_commit_would_and_changes_nothing(schema: Schema, tmp_path: Path) -> None:
    translator = RecordingTranslator(refuse_check=True)
    configuration = await started(schema, tmp_path, translator)
    for body, tag in ((ONE, None), (entry("<twice>1</twice>"), "twice-wrong")):
        edit(configuration.candidate, config(body))
        with pytest.raises(RpcErrors) as caught:
            await configuration.validate(configuration.candidate)
        assert caught.value.errors[0].app_tag == tag
    assert configuration.running.to_xml() == b""
    assert configuration.store.latest() == 0
    assert translator.holds == {}


async def test_an_invalid_candidate_changes_nothing(schema: Schema, tmp_path: Path) -> None:
    translator = RecordingTranslator()
    configuration = await started(schema, tmp_path, translator)
    await commit(configuration, ONE)
    before = configuration.running.to_xml()
    with pytest.raises(RpcErrors) as caught:
        await commit(configuration, entry("<twice>1</twice><present/>"))
    assert [e.app_tag for e in caught.value.errors] == ["twice-wrong", None]
    assert configuration.running.to_xml() == before
    assert configuration.store.latest() == 1


@pytest.mark.parametrize(
    "body", [entry("<step>a</step>"), "<ec:references><ec:chosen>1</ec:chosen></ec:references>"]
)
async def test_validation_covers_rules_that_reach_out(schema: Schema, tmp_path: Path, body: str) -> None:
    configuration = await started(schema, tmp_path, RecordingTranslator())
    await commit(configuration, ONE)
    await commit(configuration, body)
    with pytest.raises(RpcErrors) as caught:
        await commit(configuration, "<ec:references><ec:chosen>nobody</ec:chosen></ec:references>")
    assert caught.value.errors[0].app_tag == "instance-required"


async def test_deleting_what_a_leafref_needs_is_refused(schema: Schema, tmp_path: Path) -> None:
    configuration = await started(schema, tmp_path, RecordingTranslator())
    await commit(configuration, ONE + "<ec:references><ec:chosen>1</ec:chosen></ec:references>")
    with pytest.raises(RpcErrors) as caught:
        await commit(configuration, entry("", 'nc:operation="delete"'))
    assert [(e.tag, e.app_tag) for e in caught.value.errors] == [("data-missing", "instance-required")]
