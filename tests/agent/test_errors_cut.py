"""However long what a client wrote is: what he is told of it is short, and there are 100 errors at most."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from agent.errors import (
    FIND_ERRORS,
    KEY_CHARACTERS_MAX,
    MAX_ERRORS,
    MESSAGE_CHARACTERS_MAX,
    MORE,
    PATH_CHARACTERS_MAX,
    UNSEEN,
    InvalidValue,
    RpcError,
    RpcErrors,
    UnknownElement,
    first_of,
    raise_all,
)
from agent.netconf.messages import error_reply
from agent.restconf.media import Media
from agent.restconf.problems import report

LONG = "x" * 1_000_000


def test_a_long_key_is_left_out_of_a_path() -> None:
    error = InvalidValue("m", path=f"/m:list[name='{LONG}'][other=\"1\"]/leaf[.='{LONG}']")
    assert error.path == '/m:list[other="1"]/leaf'
    assert error.path_cut


def test_a_path_that_is_set_later_is_cut_too() -> None:
    error = InvalidValue("m")
    error.path = f"/m:list[name='{LONG}']"
    assert error.path == "/m:list"
    assert error.path_cut
    error.path = "/m:list[name='x']"
    assert not error.path_cut


@pytest.mark.parametrize("value", ["]", "/", "a]/b[", "'" * 3])
def test_a_path_with_signs_in_its_values_stays_as_it_is(value: str) -> None:
    path = f'/m:list[name="{value}"]/leaf'
    assert InvalidValue("m", path=path).path == path
    assert InvalidValue("m", path=f"{path}/m:l[k='{LONG}']").path == f"{path}/m:l"


def test_a_path_of_many_steps_ends_somewhere() -> None:
    assert len(InvalidValue("m", path="/m:a" * 1_000_000).path or "") <= PATH_CHARACTERS_MAX


def test_messages_and_what_they_name_are_cut() -> None:
    error = UnknownElement(LONG, LONG)
    assert len(error.message) < MESSAGE_CHARACTERS_MAX + 10
    assert len(str(error.info)) < 1000
    assert len(repr(InvalidValue("m", info={"bad-element": (LONG,) * 1000}).info)) < 100_000


def test_errors_are_looked_for_until_there_are_100() -> None:
    asked = 0

    def endless() -> Iterator[RpcError]:
        nonlocal asked
        while True:
            asked += 1
            yield InvalidValue(str(asked))

    with pytest.raises(RpcErrors) as caught:
        raise_all(endless())
    assert len(caught.value.errors) == MAX_ERRORS == asked - 1
    assert len(RpcErrors(endless()).errors) == MAX_ERRORS
    assert KEY_CHARACTERS_MAX < PATH_CHARACTERS_MAX


def many(count: int) -> list[RpcError]:
    return [InvalidValue(str(number)) for number in range(count)]


def test_the_last_error_says_how_many_are_left_out() -> None:
    *others, last = RpcErrors(many(MAX_ERRORS + 4_900)).errors
    assert last.told == "99 (4900 more errors are left out)"
    assert last.message == "99"
    assert [error.told for error in others] == [str(number) for number in range(99)]


@pytest.mark.parametrize(
    "errors",
    [iter(many(MAX_ERRORS + 50)), many(FIND_ERRORS)],
    ids=["not all are looked for", "as many as are"],
)
def test_it_says_no_number_that_is_not_known(errors: Iterable[RpcError]) -> None:
    assert RpcErrors(errors).errors[-1].told == "99 (more errors are left out)"


def test_who_knows_all_errors_says_so() -> None:
    assert RpcErrors(many(FIND_ERRORS), all_known=True).errors[-1].told == "99 (1 more error is left out)"
    assert first_of(many(FIND_ERRORS), all_known=True)[-1].left_out == 1
    cut = RpcErrors(iter(many(200))).errors
    assert RpcErrors([*cut, *many(1)], all_known=True).errors[-1].left_out == MORE


@pytest.mark.parametrize("count", [1, MAX_ERRORS])
def test_it_says_nothing_where_nothing_is_left_out(count: int) -> None:
    assert RpcErrors(many(count)).errors[-1].told == str(count - 1)
    assert RpcErrors(iter(many(count))).errors[-1].told == str(count - 1)


def test_what_was_left_out_before_is_not_forgotten() -> None:
    some = RpcErrors(many(MAX_ERRORS + 10)).errors
    assert RpcErrors(RpcErrors(some).errors).errors[-1].left_out == 10
    found = RpcErrors([*some, *many(MAX_ERRORS)]).errors
    assert [error.left_out for error in found] == [0] * 99 + [10 + MAX_ERRORS]
    assert RpcErrors([*RpcErrors(iter(many(200))).errors, *many(7)]).errors[-1].left_out == MORE


def unseen(count: int) -> list[RpcError]:
    found = many(count)
    found[-1].left_out = UNSEEN
    return found


def test_what_nobody_has_looked_at_is_not_said_to_be_wrong() -> None:
    assert RpcErrors(unseen(3)).errors[-1].told == "2 (the rest was not looked at)"
    found = RpcErrors([*unseen(3), *many(2)]).errors
    assert [error.left_out for error in found] == [0, 0, 0, 0, UNSEEN]
    assert RpcErrors([*unseen(MAX_ERRORS), *many(7)]).errors[-1].left_out == MORE
    assert RpcErrors([*unseen(3), *RpcErrors(many(120)).errors]).errors[-1].left_out == MORE
    some = RpcErrors(many(120)).errors[-1:]
    assert RpcErrors([*unseen(3), *some]).errors[-1].left_out == MORE


@pytest.mark.parametrize(
    "told",
    [
        error_reply(b"", RpcErrors(many(102)).errors, {}),
        report(RpcErrors(many(102)).errors, Media.XML, {}),
        report(RpcErrors(many(102)).errors, Media.JSON, {}),
    ],
    ids=["NETCONF", "RESTCONF in XML", "RESTCONF in JSON"],
)
def test_clients_read_it_once(told: bytes) -> None:
    assert told.count(b"99 (2 more errors are left out)") == told.count(b"left out") == 1


def test_none_is_no_fault() -> None:
    raise_all(iter(()))
