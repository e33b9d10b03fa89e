"""Who may log in."""

from __future__ import annotations

import pytest

from agent.transport.users import misnamed


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "it is empty"),
        ("bo b", "white space"),
        ("bob ", "white space"),
        ("bo\u00a0b", "white space"),
        ("bo\nb", "white space"),
        ("bo\u200bb", "cannot be seen"),
        ("\ue000", "cannot be seen"),
        ("b" * 256, "longer than 255"),
        ("\ufb01n", "SSH makes it 'fin'"),
        ("a\u0308", "SSH makes it '\u00e4'"),
    ],
)
def test_a_name_with_which_nobody_can_log_in_is_refused(name: str, reason: str) -> None:
    (sentence,) = misnamed([name, "ann", name])
    assert sentence.startswith(f"{name!r} cannot be the name of a user: ")
    assert reason in sentence


@pytest.mark.parametrize("name", ["ann", "b\u00e4r", "ann@example.org", "0", "-", "DOM\\ann", "b" * 255])
def test_other_names_can_be_given(name: str) -> None:
    assert misnamed([name]) == []
