"""Which units of the candidate differ: what is touched is looked at again, and nothing else."""

from __future__ import annotations

import pytest

from agent.datastore.differing import Differing


def test_what_was_not_touched_is_not_looked_at() -> None:
    found, looked = Differing(), list[str]()

    def look(*differing: str) -> None:
        looked.clear()
        found.look(lambda path: (looked.append(path), path in differing)[1])

    found.touch(["/a:b/c[id='1']", "/a:b/c[id='2']"])
    look("/a:b/c[id='1']", "/a:b/c[id='2']")
    assert (len(looked), dict(found.shells)) == (2, {"/a:b": 2})
    found.touch(["/a:b/c[id='2']"])
    look("/a:b/c[id='1']")
    assert (looked, found.units, dict(found.shells)) == (["/a:b/c[id='2']"], {"/a:b/c[id='1']"}, {"/a:b": 1})
    look()
    assert (looked, found.units) == ([], {"/a:b/c[id='1']"})
    found.touch(["/a:b/c[id='1']"])
    look()
    assert (found.units, dict(found.shells)) == (set(), {})


def test_what_a_look_did_not_come_to_is_looked_at_by_the_next() -> None:
    found = Differing()
    found.touch(["/a:b", "/a:c"])

    def fails(path: str) -> bool:
        raise RuntimeError(path)

    with pytest.raises(RuntimeError):
        found.look(fails)
    found.look(lambda path: True)
    assert found.units == {"/a:b", "/a:c"}


def test_once_all_agrees_nothing_is_kept_of_what_was_touched() -> None:
    found = Differing()
    found.touch(["/a:b/c[id='1']"])
    found.look(lambda path: True)
    found.touch(["/a:b/c[id='2']"])
    assert found.unlooked == 1
    found.agree()
    assert (found.unlooked, found.units, dict(found.shells)) == (0, set(), {})
    found.look(lambda path: pytest.fail(path))
