"""Yes or no."""

from __future__ import annotations

import pytest

from console.shell.asking import answered


@pytest.mark.parametrize(
    ("answers", "yes"),
    [
        (["y"], True), ([" YES "], True), ([""], False), (["n"], False), (["no"], False),
        (["what", "y"], True), (["what", "of", "y"], True), (["what", "of", "it"], False),
    ],
)  # fmt: skip
def test_an_answer_that_is_none_is_asked_for_twice_more_and_is_no(answers: list[str], yes: bool) -> None:
    given = iter(answers)
    assert answered(lambda: next(given)) is yes
    assert not list(given)
