"""Which commits give new transaction ids, and who is shown them."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.yang.schema import Schema
from tests.agent.handlers import Lab, running_lab
from tests.agent.lab import EC
from tests.agent.operations.guarded import JOE, path, rule, rule_list, ruled
from tests.agent.operations.test_txid import (
    DATA,
    WITH_ETAG,
    edit_config,
    entry,
    entry_id,
    filtered,
    get_config,
    ids,
    ids_in,
    in_top,
    root_id,
)

__all__ = ["ids"]


async def test_a_commit_that_changes_nothing_gives_no_new_id(lab: Lab, ids: list[str]) -> None:
    await lab.commit(in_top(entry("1", "<number>1</number>")))
    assert await root_id(lab) == ids[2]


async def test_only_the_changed_unit_and_what_it_lies_in_get_one(lab: Lab, ids: list[str]) -> None:
    await lab.commit(
        '<interfaces xmlns="http://example.com/ns/acme"><interface><name>a</name></interface></interfaces>'
    )
    assert await root_id(lab) != ids[2]
    reply = await lab.do(get_config(filtered(in_top(attributes='t:etag="?"'))))
    assert ids_in(reply) == [ids[2], ids[0], ids[1], ids[2]]


async def test_an_undone_commit_gives_none_and_its_number_is_not_given_again(
    lab: Lab, ids: list[str]
) -> None:
    lab.translator.refuse_apply = True
    await lab.edit(in_top(entry("1", "<number>5</number>")))
    await lab.refused("<commit/>")
    assert await root_id(lab) == ids[2]
    lab.translator.refuse_apply = False
    await lab.do("<commit/>")
    assert int((await root_id(lab)).split("-")[1]) == 5


async def test_a_rollback_gives_new_ids(lab: Lab, ids: list[str]) -> None:
    await lab.edit(in_top(entry("1", "<number>5</number>")))
    reply = await lab.do(f"<commit><confirmed/>{WITH_ETAG}</commit>")
    await lab.do("<cancel-commit/>")
    now = await root_id(lab)
    assert now not in (*ids, *ids_in(reply))
    assert await entry_id(lab, "1") == now
    assert await entry_id(lab, "2") == ids[1]


async def test_a_restart_keeps_them(schema: Schema, tmp_path: Path) -> None:
    request = get_config(filtered(in_top()), 't:etag="?"')
    async with running_lab(schema, tmp_path) as lab:
        for number in (1, 2):
            await lab.commit(in_top(entry("1", f"<number>{number}</number>") + entry(f"n{number}")))
        await lab.commit(in_top(entry("n2", attributes='nc:operation="delete"')))
        before = await lab.do(request)
        old = ids_in(before)
    async with running_lab(schema, tmp_path) as lab:
        assert await lab.do(request) == before
        assert await lab.do(get_config(attributes=f't:etag="{old[0]}"')) == f'{DATA} txid:etag="="/>'
        await lab.commit(in_top(entry("1", "<number>3</number>")))
        reply = await lab.do(get_config(filtered(in_top()), f't:etag="{old[0]}"'))
        assert '<entry txid:etag="="><id>n1</id></entry>' in reply
        assert "<id>1</id><number>3</number>" in reply


async def test_what_is_known_of_entries_that_are_gone_is_bounded(
    schema: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.datastore.txid_history.MANY_GONE", 3)
    monkeypatch.setattr("agent.datastore.snapshots.SNAPSHOT_MIN_OCTETS", 1)
    async with running_lab(schema, tmp_path) as lab:
        store = lab.context.configuration.store
        await lab.commit(in_top(entry("stays")))
        for number in range(20):
            await lab.commit(in_top(entry(f"n{number}", f"<number>{number}</number>")))
            await lab.commit(in_top(entry(f"n{number}", attributes='nc:operation="delete"')))
        assert store.history.units_count() < 10
        before = await lab.do(get_config(filtered(in_top()), 't:etag="?"'))
    async with running_lab(schema, tmp_path) as lab:
        assert await lab.do(get_config(filtered(in_top()), 't:etag="?"')) == before


async def test_another_history_gives_others(schema: Schema, tmp_path: Path) -> None:
    found = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        async with running_lab(schema, tmp_path / name) as lab:
            await lab.commit(in_top(entry("1")))
            found.append(await root_id(lab))
    assert found[0] != found[1]


async def test_who_may_not_read_a_node_sees_no_id_of_it(lab: Lab, ids: list[str]) -> None:
    readable = path("/ec:top/ec:entry[ec:id='1']", "read")
    hidden = path("/ec:top/ec:entry", "read")
    await ruled(lab, rule_list("l", ["limited"], rule("a", "permit", readable), rule("b", "deny", hidden)))
    for filter_ in (filtered(in_top(), 't:etag="?"'), filtered(in_top(attributes=f't:etag="{ids[1]}"'))):
        reply = await lab.do(get_config(filter_), JOE)
        assert "<id>1</id>" in reply
        assert "<id>2</id>" not in reply
        assert ids[1] not in reply
    shown = await lab.do(get_config(filtered(in_top(attributes=f't:etag="{ids[2]}"'))), JOE)
    assert shown == f'{DATA}><top xmlns="{EC}" txid:etag="="/></data>'


async def test_who_may_not_read_a_container_is_not_told_that_it_has_not_changed(
    lab: Lab, ids: list[str]
) -> None:
    await ruled(lab, rule_list("l", ["limited"], rule("a", "deny", path("/ec:top", "read"))))
    reply = await lab.do(get_config(filtered(in_top(attributes=f't:etag="{ids[2]}"'))), JOE)
    assert reply == f"{DATA}/>"


async def test_a_condition_tells_nothing_of_what_its_author_may_not_touch(lab: Lab, ids: list[str]) -> None:
    denied = path("/ec:top/ec:entry[ec:id='2']")
    await ruled(
        lab,
        rule_list("l", ["limited"], rule("a", "deny", denied), rule("b", "permit", path("/", "*"))),
        settings="<write-default>permit</write-default>",
    )
    (error,) = await lab.refused(edit_config(in_top(entry("2", attributes='t:etag="old"'))), JOE)
    assert (error.tag, error.info) == ("access-denied", {})
    # What somebody else demanded of it, he learns as little of.
    await lab.do(edit_config(in_top(entry("2", attributes='t:etag="old"'))))
    (error,) = await lab.refused("<commit/>", JOE)
    assert (error.tag, error.info) == ("operation-failed", {})
    assert "id='2'" not in (error.path or "")
    assert ids[1] not in error.message
