"""Which id a node has, and which ids a client is believed (draft-ietf-netconf-transaction-id, 3.2 to 3.5)."""

from __future__ import annotations

import sys

import pytest

from agent.datastore import txids as module
from agent.datastore.txids import Mechanism, Txids, fault_of, shells_of, superfluous, view

ETAG, TIME = Mechanism.ETAG, Mechanism.LAST_MODIFIED
DAY = "2026-11-27T10:00:00.{:03d}+00:00"


def history(origin: str = "h") -> Txids:
    """Return the ids after three commits: 2 was undone, 4 changed something that 1 had."""
    txids = Txids(origin)
    txids.changed(1, DAY.format(1), ["/m:tunnels/ipsec[id='1']", "/m:tunnels/ipsec[id='2']", "/n:flag"])
    txids.changed(3, DAY.format(3), ["/m:tunnels/deep/ike[name='a/b[c]']"])
    txids.changed(4, DAY.format(4), ["/m:tunnels/ipsec[id='2']"])
    return txids


@pytest.mark.parametrize(
    ("unit", "shells"),
    [
        ("/m:tunnels/ipsec[id='1']", ["/m:tunnels"]),
        ("/m:tunnels/deep/ike[name='a/b[c]']", ["/m:tunnels", "/m:tunnels/deep"]),
        ("/m:entry['both \\' and \"', 'x/y']", []),
        ("/n:flag", []),
        ("/n:box/flag", ["/n:box"]),
    ],
)
def test_the_shells_of_a_unit_are_read_from_its_path(unit: str, shells: list[str]) -> None:
    assert list(shells_of(unit)) == shells


def test_a_node_has_the_id_of_the_last_commit_that_changed_it_or_something_in_it() -> None:
    now = view(history())
    assert now.of_unit("/m:tunnels/ipsec[id='1']") == 1
    assert now.of_unit("/m:tunnels/ipsec[id='2']") == 4
    assert now.of_unit("/m:tunnels/ipsec[id='3']") == 0, "no commit has changed it"
    assert now.of_shell("/m:tunnels") == 4
    assert now.of_shell("/m:tunnels/deep") == 3
    assert now.root == 4


def test_where_a_datastore_differs_it_has_no_id_yet() -> None:
    differing = view(history(), {"/m:tunnels/deep/ike[name='new']"}, {"/m:tunnels", "/m:tunnels/deep"})
    assert differing.of_unit("/m:tunnels/deep/ike[name='new']") is None
    assert differing.of_unit("/m:tunnels/ipsec[id='2']") == 4
    assert (differing.of_shell("/m:tunnels/deep"), differing.of_shell("/m:tunnels")) == (None, None)
    assert differing.root is None
    assert differing.written(ETAG, None) == "!"
    assert not differing.is_known(ETAG, "!", None)


@pytest.mark.parametrize("mechanism", list(Mechanism))
@pytest.mark.parametrize(("given", "commit_id", "known"), [
    (1, 1, True), (4, 4, True), (4, 1, True), (3, 1, True), (0, 0, True),
    (1, 4, False), (3, 4, False), (0, 1, False),
])  # fmt: skip
def test_an_id_is_up_to_date_if_it_is_that_of_the_node_or_a_later_one(
    mechanism: Mechanism, given: int, commit_id: int, known: bool
) -> None:
    txids = history()
    assert txids.is_known(mechanism, txids.written(mechanism, given), commit_id) is known


@pytest.mark.parametrize(
    "value", ["?", "!", "=", "x", "h-4", "h-4-0", "h-4-", "other-4-1", "h-²-1", "h--1-1"]
)
def test_what_no_commit_has_as_its_etag_is_never_up_to_date(value: str) -> None:
    assert not history().is_known(ETAG, value, 0)


def test_the_number_of_a_commit_that_was_undone_is_no_id() -> None:
    txids = history()
    assert not txids.is_known(ETAG, txids.written(ETAG, 2), 0)


def test_two_histories_never_give_the_same_etag() -> None:
    one, other = history("a"), history("b")
    assert not one.is_known(ETAG, other.written(ETAG, 4), 0)
    # A copy of the first from before commit 4, put back: it gives the number 4 again, at another time.
    again = Txids("a")
    again.changed(4, DAY.format(700), ["/m:tunnels/ipsec[id='1']"])
    assert not again.is_known(ETAG, one.written(ETAG, 4), 1)
    assert not again.is_known(TIME, one.written(TIME, 4), 1)


def test_a_time_tells_two_commits_of_one_millisecond_apart_and_is_a_value() -> None:
    txids = history()
    txids.changed(5, DAY.format(4), ["/n:flag"])
    assert txids.written(TIME, 4) == "2026-11-27T10:00:00.004004Z"
    assert txids.written(TIME, 5) == "2026-11-27T10:00:00.004005Z"
    assert txids.is_known(TIME, "2026-11-27T11:00:00.004004+01:00", 4)
    assert not txids.is_known(TIME, "2026-11-27T11:00:00.004004+01:00", 5)
    assert not txids.is_known(TIME, "2026-11-27T10:00:00.005Z", 4), "no commit was then"
    assert txids.written(TIME, 0) == "1970-01-01T00:00:00.000000Z"


@pytest.mark.parametrize(("mechanism", "value", "right"), [
    *((mechanism, value, True) for mechanism in Mechanism for value in "?!="),
    (ETAG, "W/abc", True), (ETAG, "x" * 255, True), (ETAG, "x" * 256, False), (ETAG, "", False),
    (ETAG, "a b", False), (ETAG, 'a"b', False), (ETAG, "a\\b", False), (ETAG, "ü", False),
    (ETAG, "a\tb", False),
    (TIME, "2026-11-27T10:00:00Z", True), (TIME, "2026-11-27T10:00:00.1234567-05:30", True),
    (TIME, "2026-11-27T23:59:60Z", True), (TIME, "2026-11-27", False), (TIME, "2026-11-27T10:00:00", False),
    (TIME, "now", False), (TIME, "", False), (TIME, "٢026-11-27T10:00:00Z", False),
])  # fmt: skip
def test_what_may_be_an_id(mechanism: Mechanism, value: str, right: bool) -> None:
    assert (fault_of(mechanism, value) is None) is right
    assert not history().is_known(mechanism, value, 0)


def test_ids_that_are_in_use_are_never_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_KNOWN", 3)
    txids = history()
    for commit_id in range(5, 50):
        txids.changed(commit_id, DAY.format(commit_id), ["/n:flag"])
    assert len(txids.times) < 20
    assert txids.is_known(ETAG, txids.written(ETAG, 1), 1), "the id of ipsec 1"
    assert txids.is_known(TIME, txids.written(TIME, 49), 49)
    assert not txids.is_known(ETAG, history().written(ETAG, 5), 0)


def test_of_what_is_gone_only_the_last_change_of_each_container_is_kept_in_mind() -> None:
    rows = [
        ("/m:tunnels/ipsec[id='1']", 9), ("/m:tunnels/ipsec[id='2']", 4), ("/m:tunnels/ipsec[id='3']", 9),
        ("/m:tunnels/deep/ike[name='a']", 5), ("/m:tunnels/deep/ike[name='b']", 7), ("/n:flag", 1),
        ("/o:entry['both \\' and \"']", 8), ("/n:box/item[k='1']", 2),
    ]  # fmt: skip
    gone = set(superfluous(rows, {"/m:tunnels/ipsec[id='1']"}))
    assert gone == {
        "/m:tunnels/ipsec[id='2']",
        "/m:tunnels/deep/ike[name='a']",
        "/o:entry['both \\' and \"']",
    }
    before, after = Txids("h"), Txids("h")
    for txids, dropped in ((before, set()), (after, gone)):
        for path, commit_id in rows:
            if path not in dropped:
                txids.changed(commit_id, DAY.format(commit_id), [path])
    assert (after.shells, after.root) == (before.shells, before.root)


def test_when_many_units_are_gone_the_room_that_their_ids_took_is_free() -> None:
    paths = [f"/m:tunnels/ipsec[id='{n}']" for n in range(1_000)]
    txids = Txids("h")
    txids.changed(1, DAY.format(1), paths)
    full = sys.getsizeof(txids.units)
    txids.forget(paths[:10])
    assert sys.getsizeof(txids.units) == full
    txids.forget(paths[:-10])
    assert txids.units == dict.fromkeys(paths[-10:], 1)
    assert sys.getsizeof(txids.units) < full / 10
