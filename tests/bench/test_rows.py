"""Each row gives sane figures, at a tiny size: what they are is not looked at, only that they can be."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from bench.figures import Report, Row
from bench.options import BESIDE, GROUPS, Options
from bench.peers.netconfd import SYSTEM
from bench.run import Run
from bench.site import TINY, Plan

TUNNELS = 3


def ran(only: Iterable[str], beside: Iterable[str] = (), plan: Plan = TINY) -> Report:
    report = Report(machine={}, command="", began="")
    options = Options(
        only=frozenset(only),
        sizes=(TUNNELS,),
        charon_sizes=(TUNNELS,),
        plan=plan,
        limit_s=200.0,
        beside=frozenset(beside),
        json=None,
    )
    Run(options=options, report=report, say=lambda _: None, deadline=time.monotonic() + 200).all()
    return report


def names(rows: Iterable[Row], subject: str) -> set[str]:
    return {row.name for row in rows if row.subject == subject}


# A test fetches nothing from elsewhere.
PEERS = BESIDE if shutil.which("netconfd", path=SYSTEM) else BESIDE - {"netconfd"}
WITHOUT_CHARON = sorted(set(GROUPS) - {"charon", "delays"})
NOT_THERE = "with doors, 3 tunnels: needs root"


@pytest.fixture(scope="module")
def report() -> Report:
    return ran(WITHOUT_CHARON, PEERS)


def test_everything_is_measured(report: Report) -> None:
    # Rows of subscribers are measured with a charon, too, where there can be one.
    assert [one for one in report.missing if not one.startswith(NOT_THERE)] == []
    assert {row.subject for row in report.rows} == PEERS | {"yangswan"}


@pytest.mark.parametrize("group", WITHOUT_CHARON)
def test_each_group_has_rows_of_the_agent(report: Report, group: str) -> None:
    rows = [row for row in report.rows if row.name.startswith(group + ".") and row.subject == "yangswan"]
    assert rows
    for row in rows:
        assert row.tunnels == TUNNELS
        assert row.values
        # What is resident may be given back meanwhile.
        assert all(value >= 0 or row.name == "idle.session" for value in row.values)
        assert row.cpu_ms is None or row.cpu_ms >= 0


def test_all_tunnels_are_more_to_keep_than_none(report: Report) -> None:
    found = {row.name: row.median for row in report.rows if row.subject == "libyang"}
    assert 0 < found["memory.start"] <= found["memory.loaded"]


def test_memory_is_looked_at_once_more_where_there_is_time(report: Report) -> None:
    later = {"memory.loaded-later", "memory.cycles-later"}
    assert later <= names(report.rows, "yangswan")
    assert later.isdisjoint(names(ran(["memory"], plan=replace(TINY, later_s=0)).rows, "yangswan"))


def test_beside_the_agent_the_same_is_measured(report: Report) -> None:
    ours = names(report.rows, "yangswan")
    assert names(report.rows, "stub") <= ours
    assert names(report.rows, "libyang") <= ours
    assert "rpc.serial" in names(report.rows, "stub")
    assert "load.total" in names(report.rows, "libyang")


def test_rows_that_were_not_chosen_are_not_there() -> None:
    found = ran(["one"])
    assert names(found.rows, "yangswan") == {"one.get-config"}


def test_what_cannot_be_measured_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.messages.Words.one", lambda words, _: words.change(1, "<no-such-leaf/>"))
    found = ran(["one", "whole"])
    assert [sentence.partition(":")[0] for sentence in found.missing] == ["yangswan one, 3 tunnels"]
    assert names(found.rows, "yangswan") == {"whole.plain", "whole.filter"}


@pytest.mark.real
def test_with_a_charon_its_socket_alone_is_measured_too() -> None:
    found = ran(["charon"])
    assert found.missing == []
    both = {"charon.load", "charon.loading", "charon.state"}
    assert both <= names(found.rows, "yangswan")
    assert names(found.rows, "vici") == both
    assert {"charon.leaf", "charon.subnet", "charon.up"} <= names(found.rows, "yangswan")
    (loaded,) = (row for row in found.rows if (row.name, row.subject) == ("charon.load", "vici"))
    assert loaded.note == f"{2 * TUNNELS} messages"  # a connection and a secret each
    (up,) = (row for row in found.rows if row.name == "charon.up")
    assert up.note.startswith(f"{TUNNELS} of {TUNNELS} came up"), "each with its CHILD_SA"


@pytest.mark.real
def test_all_doors_tell_of_a_live_tunnel_that_is_cut() -> None:
    found = ran(["delays"])
    doors = {"push", "dampened", "rfc5277", "restconf", "page", "scrape", "at-once"}
    told = {row.name.split(".")[1]: row for row in found.rows}
    # There may be no page; then that is said.
    assert doors - told.keys() == {"page" for one in found.missing if one.startswith("the page's stream")}
    assert {row.name.split(".")[2] for row in found.rows} == {"cut", "up"}
    assert all(value > 0 for row in found.rows for value in row.values)


def test_without_root_it_is_said_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    found = ran(["delays"])
    assert found.rows == []
    assert found.missing == ["with doors, 3 tunnels: needs root and the command ip, for network namespaces"]
