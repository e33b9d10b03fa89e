"""The state table of confirmed commit, row by row (RFC 6241 section 8.4)."""

from __future__ import annotations

import pytest

from agent.datastore.confirmed import (
    Request,
    Verify,
    Window,
    after_commit,
    cancel_refusal,
    ends_with,
    refusal,
    timeout_of,
    too_late,
)
from agent.errors import BadElement, InUse, InvalidParameter, OperationFailed, RpcError

OURS, OTHER = 7, 8
PLAIN = Window(3, 600, 1000.0, OURS, "ann", "192.0.2.1")
PERSISTENT = Window(3, 600, 1000.0, OURS, "ann", "192.0.2.1", "token")


@pytest.mark.parametrize(
    ("window", "request_", "session_id", "expected"),
    [
        (None, Request(), OURS, None),
        (None, Request(confirmed=True), OURS, None),
        (None, Request(confirmed=True, persist="t"), OURS, None),
        (None, Request(persist_id="token"), OURS, InvalidParameter),
        (None, Request(confirmed=True, persist_id="token"), OURS, InvalidParameter),
        (None, Request(persist="t"), OURS, BadElement),
        (PLAIN, Request(), OURS, None),
        (PLAIN, Request(confirmed=True), OURS, None),
        (PLAIN, Request(), OTHER, InUse),
        (PLAIN, Request(confirmed=True), OTHER, InUse),
        (PLAIN, Request(persist_id="token"), OURS, InvalidParameter),
        (PLAIN, Request(persist_id="token"), OTHER, InvalidParameter),
        (PERSISTENT, Request(), OURS, InUse),
        (PERSISTENT, Request(), OTHER, InUse),
        (PERSISTENT, Request(confirmed=True), OTHER, InUse),
        (PERSISTENT, Request(persist_id="token"), OURS, None),
        (PERSISTENT, Request(persist_id="token"), OTHER, None),
        (PERSISTENT, Request(confirmed=True, persist_id="token"), OTHER, None),
        (PERSISTENT, Request(persist_id="tokem"), OURS, InvalidParameter),
        (PERSISTENT, Request(persist_id=""), OURS, InvalidParameter),
    ],
)
def test_who_may_commit(
    window: Window | None, request_: Request, session_id: int, expected: type[RpcError] | None
) -> None:
    problem = refusal(window, request_, session_id, 999.0)
    assert (None if problem is None else type(problem)) is expected


def test_after_the_deadline_nobody_may_confirm() -> None:
    assert refusal(PLAIN, Request(), OURS, 999.9) is None
    assert isinstance(refusal(PLAIN, Request(), OURS, 1000.0), InUse)
    assert isinstance(refusal(PERSISTENT, Request(persist_id="token"), OURS, 1000.0), InUse)


@pytest.mark.parametrize(
    ("window", "persist_id", "session_id", "expected"),
    [
        (None, None, OURS, OperationFailed),
        (None, "token", OURS, InvalidParameter),
        (PLAIN, None, OURS, None),
        (PLAIN, None, OTHER, InUse),
        (PLAIN, "token", OURS, InvalidParameter),
        (PERSISTENT, None, OURS, InUse),
        (PERSISTENT, "token", OTHER, None),
        (PERSISTENT, "other", OTHER, InvalidParameter),
    ],
)
def test_who_may_cancel(
    window: Window | None, persist_id: str | None, session_id: int, expected: type[RpcError] | None
) -> None:
    problem = cancel_refusal(window, persist_id, session_id, now_s=999.0)
    assert (None if problem is None else type(problem)) is expected


@pytest.mark.parametrize(
    ("window", "persist_id", "expected"),
    [
        (None, None, OperationFailed),
        (PLAIN, None, None),
        (PERSISTENT, None, None),
        (PLAIN, "token", InvalidParameter),
        (PERSISTENT, "token", None),
        (PERSISTENT, "other", InvalidParameter),
    ],
)
def test_a_recovery_session_may_cancel_what_is_of_another(
    window: Window | None, persist_id: str | None, expected: type[RpcError] | None
) -> None:
    problem = cancel_refusal(window, persist_id, OTHER, now_s=999.0, recovery=True)
    assert (None if problem is None else type(problem)) is expected


@pytest.mark.parametrize(
    ("window", "words"),
    [
        (PLAIN, "session 7 of ann has a confirmed commit pending for 2 s: wait for its end, or have a "),
        (
            PERSISTENT,
            "session 7 of ann has a persistent confirmed commit pending for 2 s: give its persist-id, "
            "wait for its end, or have a ",
        ),
    ],
)
def test_who_is_held_up_is_told_by_whom_and_what_to_do(window: Window, words: str) -> None:
    told = words + "recovery user cancel it with <cancel-commit/>"
    for problem in (
        refusal(window, Request(), OTHER, 998.5),
        cancel_refusal(window, None, OTHER, now_s=998.5),
    ):
        assert problem is not None
        assert problem.message == told


def after(window: Window | None, request: Request, session_id: int = OTHER) -> Window | None:
    return after_commit(
        window, request, latest=9, session_id=session_id, user="bob", source="192.0.2.2", now_s=500.0
    )


def test_a_first_confirmed_commit_opens_a_window_before_itself() -> None:
    assert after(None, Request(True, 30)) == Window(9, 30, 530.0, OTHER, "bob", "192.0.2.2")


def test_rfc6241_8_4_1_a_follow_up_keeps_the_first_rollback_point_and_resets_the_timer() -> None:
    opened = after(PLAIN, Request(True, 30), OURS)
    assert opened is not None
    assert (opened.rollback_to, opened.deadline_s) == (PLAIN.rollback_to, 530.0)


def test_a_follow_up_may_give_a_new_token_or_none() -> None:
    opened = after(PERSISTENT, Request(True, persist="next", persist_id="token"))
    assert opened is not None
    assert opened.persist == "next"
    # It survives its session only if the *last* confirmed commit had <persist> (RFC 6241 section 8.4.1).
    bound = after(PERSISTENT, Request(True, persist_id="token"))
    assert bound is not None
    assert (bound.persist, bound.session_id) == (None, OTHER)


def test_a_plain_commit_closes_the_window() -> None:
    assert after(PLAIN, Request(), OURS) is None


def test_the_deadline_itself_is_too_late() -> None:
    assert not too_late(PLAIN, 999.9)
    assert too_late(PLAIN, 1000.0)


def test_only_a_window_without_token_ends_with_its_session() -> None:
    assert ends_with(PLAIN, OURS)
    assert not ends_with(PLAIN, OTHER)
    assert not ends_with(PERSISTENT, OURS)


def test_a_token_is_in_no_repr() -> None:
    assert "token" not in repr(PERSISTENT)
    assert "tok" not in repr(Request(True, persist="tok", persist_id="tok"))


WAITS = Verify(10)


@pytest.mark.parametrize(
    ("request_", "expected", "words"),
    [
        (Request(confirmed=True, verify=WAITS), None, ""),
        (Request(confirmed=True, timeout_s=10, verify=WAITS), None, ""),
        (Request(verify=WAITS), BadElement, "add <confirmed/>"),
        (Request(confirmed=True, timeout_s=9, verify=WAITS), InvalidParameter, "confirm-timeout (9)"),
    ],
)
def test_verify_needs_a_confirmed_commit_that_is_open_for_so_long(
    request_: Request, expected: type[RpcError] | None, words: str
) -> None:
    for window in (None, PLAIN):
        problem = refusal(window, request_, OURS, 0.0)
        assert (None if problem is None else type(problem)) is expected
        assert problem is None or words in problem.message


def test_without_confirm_timeout_there_is_time_for_what_has_to_work() -> None:
    assert timeout_of(None, None) == 600
    assert timeout_of(None, Verify(60)) == 600
    assert timeout_of(None, Verify(3600)) == 3600
    assert timeout_of(20, Verify(3600)) == 20


def opened(before: Window | None, request_: Request, *touched: str) -> Window | None:
    return after_commit(
        before,
        request_,
        latest=3,
        session_id=OURS,
        user="ann",
        source="192.0.2.1",
        now_s=0.0,
        touched=frozenset(touched),
    )


def test_what_is_not_named_is_all_that_was_touched() -> None:
    window = opened(None, Request(confirmed=True, verify=WAITS), "/b", "/a")
    assert window is not None
    assert window.verify == Verify(10, ("/a", "/b"))
    assert window.touched == {"/a", "/b"}


def test_what_is_named_is_all_that_has_to_work() -> None:
    window = opened(None, Request(confirmed=True, verify=Verify(10, ("/c",))), "/a")
    assert window is not None
    assert window.verify == Verify(10, ("/c",))


def test_with_nothing_to_wait_for_it_is_a_plain_commit() -> None:
    assert opened(None, Request(confirmed=True, verify=WAITS)) is None
    assert opened(PLAIN, Request(confirmed=True, verify=WAITS)) is None


def test_what_the_newest_commit_asks_for_counts() -> None:
    first = opened(None, Request(confirmed=True, verify=WAITS), "/a")
    second = opened(first, Request(confirmed=True), "/a", "/b")
    assert second is not None
    assert second.verify is None
    third = opened(second, Request(confirmed=True, verify=WAITS), *second.touched)
    assert third is not None
    assert third.verify == Verify(10, ("/a", "/b"))
    assert third.rollback_to == 3
