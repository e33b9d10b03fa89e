"""However long what a client wrote is: what he is told of it is short, and there are 100 errors at most."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agent.errors import (
    KEY_CHARACTERS_MAX,
    MAX_ERRORS,
    MESSAGE_CHARACTERS_MAX,
    PATH_CHARACTERS_MAX,
    InvalidValue,
    RpcError,
    RpcErrors,
    UnknownElement,
    raise_all,
)

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
    assert len(caught.value.errors) == asked == MAX_ERRORS
    assert len(RpcErrors(endless()).errors) == MAX_ERRORS
    assert KEY_CHARACTERS_MAX < PATH_CHARACTERS_MAX


def test_none_is_no_fault() -> None:
    raise_all(iter(()))
