"""Tables that have lost most of what they held: when they are copied, and when not."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from agent.tables import SMALL_OCTETS, fitted

KINDS: list[Callable[[range], Any]] = [dict.fromkeys, set]


@pytest.mark.parametrize("made", KINDS, ids=["dict", "set"])
@pytest.mark.parametrize("left", [0, 1, 500])
def test_a_table_that_has_lost_most_is_copied_and_small(made: Callable[[range], Any], left: int) -> None:
    table = made(range(10_000))
    full = sys.getsizeof(table)
    for key in range(left, 10_000):
        table.pop(key) if isinstance(table, dict) else table.remove(key)
    assert sys.getsizeof(table) == full, "Python gives nothing back"
    found = fitted(table)
    assert type(found) is type(table)
    assert found == table == made(range(left))
    assert sys.getsizeof(found) <= max(SMALL_OCTETS, full // 8)
    assert fitted(found) is found


@pytest.mark.parametrize("made", KINDS, ids=["dict", "set"])
def test_a_table_that_grows_is_never_copied(made: Callable[[range], Any]) -> None:
    table = made(range(0))
    for key in range(100_000):
        table.setdefault(key) if isinstance(table, dict) else table.add(key)
        assert fitted(table) is table


@pytest.mark.parametrize("made", KINDS, ids=["dict", "set"])
def test_a_table_that_loses_one_key_after_another_is_copied_seldom(made: Callable[[range], Any]) -> None:
    table, copied = made(range(100_000)), 0
    for key in range(100_000):
        table.pop(key) if isinstance(table, dict) else table.remove(key)
        found = fitted(table)
        copied += 0 if found is table else len(found)
        table = found
    assert 0 < copied < 100_000
    assert not table
    assert sys.getsizeof(table) <= SMALL_OCTETS


def test_the_order_of_a_dict_stays() -> None:
    table = dict.fromkeys(range(10_000, 0, -1))
    for key in range(10_000, 100, -1):
        del table[key]
    assert list(fitted(table)) == list(range(100, 0, -1))
