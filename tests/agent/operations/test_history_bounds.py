"""Of a long history, a large commit and a damaged row as much is told as can be."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from agent.datastore.history import History
from agent.datastore.records import UnitChange
from agent.history import commits
from agent.operations import history
from tests.agent.handlers import Lab
from tests.agent.lab import EC
from tests.agent.operations.guarded import ONE_ONLY, SAM, rule_list, ruled
from tests.agent.operations.recorded import (
    EVE,
    TIME,
    ids,
    leaf,
    one,
    subtree,
    target_element,
    targets,
    xpath,
)


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


# -- in steps ------------------------------------------------------------------------------------


class Steps:
    """A worker that counts what each call reads of the history, and does what ``between`` says after it."""

    def __init__(self, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
        self.read: list[dict[str, int]] = []
        self.between: Callable[[], None] = lambda: None
        self._now: dict[str, int] = {}
        for name, count in {
            "commit": lambda *_: 1,
            "changed_units": lambda _, limit, *__: limit,
            "changed_among": lambda _, paths: len(paths),
            "newest": lambda any_of, limit: len(any_of) if limit > 1 else 0,
        }.items():
            monkeypatch.setattr(History, name, self._counted(name, getattr(History, name), count))
        monkeypatch.setattr(lab.context, "worker", self)

    def _counted(self, name: str, method: Callable[..., Any], count: Callable[..., int]) -> Any:
        def counted(history: History, *arguments: Any) -> Any:
            self._now[name] = self._now.get(name, 0) + count(*arguments)
            return method(history, *arguments)

        return counted

    async def __call__(self, function: Callable[..., Any], *arguments: Any) -> Any:
        self._now = {}
        done = function(*arguments)
        self.read += [self._now] if self._now else []
        self.between()
        return done

    def most(self, *names: str) -> int:
        return max(sum(step.get(name, 0) for name in names) for step in self.read)


def named(numbers: Sequence[int]) -> str:
    return "".join(f"<commit><id>{number}</id></commit>" for number in numbers)


def with_targets(numbers: Sequence[int]) -> str:
    return "".join(f"<commit><change>{target_element(number)}</change></commit>" for number in numbers)


@pytest.fixture
def long(lab: Lab) -> Lab:
    """300 commits of 3 changes, and 5 of 1200."""
    many(lab, [3] * 300 + [1200] * 5)
    return lab


@pytest.mark.parametrize(
    ("asked", "found", "changes"),
    [
        (subtree(named(range(1, 301))), 300, 900),
        (subtree(named(range(301, 306))), 5, commits.MAX_CHANGES_IN_ALL),
        (subtree(named(range(250, 306))), 56, commits.MAX_CHANGES_IN_ALL),
        (subtree(with_targets(range(60))), 100, 5 * 60 + 95 * 3),
        (subtree(with_targets(range(330))), 100, 5 * 200 + 95 * 3),
        (subtree(""), 100, 5 * commits.MAX_CHANGES_LISTED + 95 * 3),
        (xpath("/a:agent/a:history/a:commit[a:id > 3]"), 100, 5 * commits.MAX_CHANGES_LISTED + 95 * 3),
        ("<get/>", 100, 5 * commits.MAX_CHANGES_LISTED + 95 * 3),
    ],
    ids=["ids", "large", "both", "targets", "many-targets", "all", "xpath", "get"],
)
async def test_no_step_reads_much(
    long: Lab, monkeypatch: pytest.MonkeyPatch, asked: str, found: int, changes: int
) -> None:
    steps = Steps(long, monkeypatch)
    reply = await long.do(asked)
    assert (len(ids(reply)), len(targets(reply))) == (found, changes)
    # A commit that is read in several steps is looked for again.
    assert steps.most("commit") <= history.COMMITS_AT_ONCE + 1
    assert steps.most("changed_units", "changed_among") <= history.CHANGES_AT_ONCE
    assert steps.most("newest") <= history.SEARCHES_AT_ONCE


async def test_the_newest_comes_first_over_all_steps(long: Lab) -> None:
    everything = xpath("/a:agent/a:history/a:commit[" + " or ".join(f"a:id={n}" for n in range(1, 306)) + "]")
    assert ids(await long.do(everything)) == list(range(305, 0, -1))
    assert ids(await long.do(subtree(""))) == list(range(305, 205, -1))


async def test_what_is_committed_or_dropped_between_steps_is_not_shown(
    long: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = Steps(long, monkeypatch)
    db = long.context.configuration.store._db

    def meanwhile() -> None:
        if len(steps.read) == 1:
            many(long, [1])
            db.execute("DELETE FROM commits WHERE id < 230")

    steps.between = meanwhile
    reply = await long.do(subtree(""))
    assert ids(reply) == list(range(305, 229, -1))


async def test_a_commit_that_is_dropped_while_it_is_read_is_left_out(
    long: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = Steps(long, monkeypatch)
    db = long.context.configuration.store._db

    def meanwhile() -> None:
        db.execute("DELETE FROM commits WHERE id = 305")

    steps.between = meanwhile
    assert ids(await long.do(one(305))) == []
    assert steps.most("commit") == 1


async def test_what_has_no_room_for_its_targets_is_left_out_and_told(
    long: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MAX_CHANGES_IN_ALL", 45)
    reply = await long.do(subtree(f"{with_targets(range(10))}<looked-at-from/>"))
    assert ids(reply) == [305, 304]
    assert leaf(reply, "looked-at-from") == ["304"]
    await ruled(long, rule_list("sam", ["admin"], *ONE_ONLY))
    # What he may not read takes no room: else he would find out by how much is shown.
    reply = await long.do(subtree(f"{with_targets(range(10))}<looked-at-from/>"), SAM)
    assert ids(reply) == list(range(305, 260, -1))
    assert leaf(reply, "looked-at-from") == ["261"]


async def test_a_commit_that_does_not_fit_takes_no_change_from_others(
    long: Lab, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = history._Reading._fit

    def other(self: Any, commits: Sequence[dict[str, Any]]) -> bool:
        return all(commit["id"] != 302 for commit in commits) and fit(self, commits)

    monkeypatch.setattr(history._Reading, "_fit", other)
    reply = await long.do(subtree(""))
    assert len(ids(reply)) == 100
    assert len(targets(reply)) == 4 * commits.MAX_CHANGES_LISTED + 95 * 3
    assert "what commit 302 changed has no paths any more" in caplog.text
