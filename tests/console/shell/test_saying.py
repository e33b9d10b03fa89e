"""What is said of a line that means nothing, and of help, in a terminal."""

from __future__ import annotations

import pytest

from console.grammar.values import Mistake
from console.shell import saying
from console.shell.commands.around import narrowed
from tests.console.grammar.lab import grammar, in_tunnel


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("peer 1.2.3", "peer takes an IP address"),
        ("peer", "ADDRESS is missing"),
        ("dpd-action x", "dpd-action takes clear, trap or restart"),
        ("ike cipher aes128 dh x25519", "'dh' is not known here; expected: auth, prf"),
    ],
)
def test_what_is_expected_is_said_once(line: str, said: str) -> None:
    with pytest.raises(Mistake) as problem:
        grammar().read(line, in_tunnel())
    assert saying.mistake(problem.value) == said


@pytest.mark.parametrize("width", [40, 80])
def test_help_is_cut_between_words_and_stays_as_far_in(width: int) -> None:
    told = grammar().about("ike cipher", in_tunnel())
    lines = list(narrowed(told, width))
    assert max(map(len, lines)) <= width
    assert " ".join(" ".join(lines).split()) == " ".join(told.split())


def test_help_about_a_command_fits_a_screen_and_what_comes_next_is_told_whole() -> None:
    told = grammar().about("ike", in_tunnel())
    assert len(list(narrowed(told, 80))) <= 40
    assert "AES in CBC mode" not in told
    assert "  CIPHER: The encryption algorithm" in told
    assert "AES in CBC mode with a 128 bit key" in grammar().about("ike cipher", in_tunnel())
    assert "HMAC with SHA2-256" in grammar().about("ike cipher aes128 auth", in_tunnel())
