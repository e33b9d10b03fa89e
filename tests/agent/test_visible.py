"""Nothing that is printed does anything to the terminal."""

from __future__ import annotations

import io
import json

import pytest

from agent.visible import comment_fault, escaped, escaped_json, replaced, say

HIDDEN = (
    "\x1b\x07\x7f\x9b\u061c\u200b\u200f\u202a\u202e\u2028\u2066\u2069\ufeff\u0378\u3164\u115f\udc80"
    "\U000e0001\U000e0002\U000e007f\U0001d173"
)
SEEN = "a \u00a0\u3000\u00e9\u05d0\u0301\ufe0f\u2603\U0001f600\ue000<&>"


@pytest.mark.parametrize("character", HIDDEN)
def test_what_is_not_seen_is_shown(character: str) -> None:
    for shown in (replaced(f"a{character}b"), escaped(f"a{character}b"), escaped_json(f'"a{character}b"')):
        assert character not in shown
    assert json.loads(escaped_json(f'"a{character}b"')) == f"a{character}b"
    assert comment_fault(f"a{character}b") is not None


def test_what_is_seen_is_as_it_was() -> None:
    assert replaced(SEEN) == escaped(SEEN) == escaped_json(SEEN) == SEEN
    assert comment_fault(SEEN) is None


def test_a_line_that_is_printed_is_one() -> None:
    to = io.StringIO()
    say("a\x1b]0;b\x07\nc", to)
    assert to.getvalue() == "a\\x1b]0;b\\x07\\nc\n"
