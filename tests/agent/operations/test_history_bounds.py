"""Of a long history, a large commit and a damaged row as much is told as can be."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import pytest

from agent.datastore.records import UnitChange
from agent.history import commits
from agent.operations import history
from tests.agent.handlers import Lab
from tests.agent.lab import EC
from tests.agent.operations.guarded import ONE_ONLY, SAM, rule_list, ruled
from tests.agent.operations.recorded import EVE, TIME, ids, leaf, one, subtree, targets, xpath


def many(lab: Lab, sizes: Sequence[int]) -> None:
    store = lab.context.configuration.store
    for size in sizes:
        units = [UnitChange(f"/every-construct:top/entry[id='{n}']", b"", b"<x/>") for n in range(size)]
        store.finish(store.begin(EVE, units, TIME))


async def test_a_get_of_all_shows_the_newest_commits_and_how_many_there_are(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MAX_LISTED", 3)
    many(lab, [1] * 6)
    reply = await lab.do("<get/>")
    assert ids(reply) == [6, 5, 4]
    assert leaf(reply, "commit-count") == ["6"]
    assert ids(await lab.do(xpath("/a:agent/a:history/a:commit[a:id < 4]"))) == [3, 2, 1]
    named = "".join(f"<commit><id>{n}</id></commit>" for n in range(1, 7))
    assert ids(await lab.do(subtree(named))) == [1, 2, 3, 4, 5, 6]
    monkeypatch.setattr(history, "MAX_BY_ID", 4)
    assert ids(await lab.do(subtree(named))) == [3, 4, 5, 6]


async def test_a_large_commit_shows_some_changes_and_how_many_there_were(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(lab, [1500, 30])
    reply = await lab.do(one(1))
    assert (len(targets(reply)), leaf(reply, "changed-count")) == (commits.MAX_CHANGES, ["1500"])
    assert len(targets(await lab.do(one(2)))) == 30
    reply = await lab.do(subtree(""))
    assert len(targets(reply)) == 2 * commits.MAX_CHANGES_LISTED
    assert leaf(reply, "changed-count") == ["30", "1500"]
    monkeypatch.setattr(history, "MAX_CHANGES_IN_ALL", 25)
    assert len(targets(await lab.do(subtree("")))) == 25


async def test_of_a_large_commit_who_may_not_read_all_is_told_no_count(lab: Lab) -> None:
    many(lab, [1001])
    await ruled(lab, rule_list("sam", ["admin"], *ONE_ONLY))
    reply = await lab.do(one(1), SAM)
    assert targets(reply) == ["/top/entry[id='1']"]
    assert leaf(reply, "changed-count") == []


async def test_what_has_no_path_today_is_counted_and_not_shown(lab: Lab) -> None:
    store = lab.context.configuration.store
    paths = (
        "/gone:top/entry[id='1']", "/every-construct:top/entry['a\\'\"']", "/every-construct:top/gone",
        "/every-construct:top/entry[id='1']",
    )  # fmt: skip
    units = [UnitChange(path, b"", b"<x/>") for path in paths]
    store.finish(store.begin(EVE, units, TIME))
    reply = await lab.do(one(1))
    assert targets(reply) == ["/top/entry[id='1']"]
    assert leaf(reply, "changed-count") == ["4"]


async def test_a_history_that_cannot_be_read_takes_nothing_else_away(
    three: Lab, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr("agent.datastore.history.History.newest", broken)
    reply = await three.do("<get/>")
    assert f'<top xmlns="{EC}">' in reply
    assert ids(reply) == []
    assert "the history cannot be read" in caplog.text


async def test_a_commit_that_is_damaged_is_left_out(three: Lab) -> None:
    with sqlite3.connect(three.context.configuration.store.path) as disk:
        disk.execute("UPDATE commits SET user = 'x' WHERE id = 2")
    disk.close()
    assert ids(await three.do(subtree(""))) == [3, 1]
