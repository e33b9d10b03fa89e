"""Locks are refused at once, with the owner (RFC 6241 section 7.5)."""

from __future__ import annotations

import pytest

from agent.datastore.locks import Locks
from agent.errors import InUse, LockDenied, OperationFailed


def test_a_second_lock_is_denied_with_the_owner() -> None:
    locks = Locks()
    locks.lock("candidate", 4, "t")
    with pytest.raises(LockDenied) as caught:
        locks.lock("candidate", 5, "t")
    assert caught.value.info == {"session-id": "4"}


def test_only_the_owner_unlocks() -> None:
    locks = Locks()
    locks.lock("running", 4, "t")
    with pytest.raises(OperationFailed):
        locks.unlock("running", 5)
    locks.unlock("running", 4)
    with pytest.raises(OperationFailed):
        locks.unlock("running", 4)


def test_others_are_refused_and_the_owner_is_not() -> None:
    locks = Locks()
    locks.lock("candidate", 4, "t")
    locks.refuse_others("candidate", 4)
    with pytest.raises(InUse):
        locks.refuse_others("candidate", 5)


def test_the_locks_of_a_session_go_with_it() -> None:
    locks = Locks()
    locks.lock("candidate", 4, "t")
    locks.lock("running", 5, "t")
    assert locks.release_all(4) == ["candidate"]
    assert locks.owner("candidate") is None
    assert locks.owner("running") == (5, "t")
