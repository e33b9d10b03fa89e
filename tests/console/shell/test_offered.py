"""What completion in a shell is told: words, values that are there now, and nothing late."""

from __future__ import annotations

import argparse
import signal
import socket
from collections.abc import Sequence
from pathlib import Path

import pytest

from console.client.connection import Connection
from console.client.session import Gone
from console.client.unix import UnixStream
from console.grammar.values import Suggestion
from console.shell import offered


def known(source: object, prefix: str) -> Sequence[Suggestion]:
    """A gateway with the tunnels 1, 10 and 2."""
    assert source == "tunnel"
    return [Suggestion(one, "to Bern") for one in ("1", "10", "2") if one.startswith(prefix)]


def nothing(source: object, prefix: str) -> Sequence[Suggestion]:
    return ()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["show", "ipsec", "1"], {"1", "10"}),
        (["show", "ipsec", ""], {"up", "down", "1", "10", "2"}),
        (["show", "running-config", "j"], {"json"}),
        (["ipsec", "2", "re"], {"restart"}),
        (["sh"], {"show"}),
        (["sho", "ips", "2", ""], {"log"}),
        (["nonsense", ""], set()),
        (["show", "ipsec", "'"], set()),
    ],
)
def test_the_last_word_is_completed(words: list[str], expected: set[str]) -> None:
    assert {one.text for one in offered.offers(words, known)} == expected


def test_before_the_first_word_there_are_the_commands_outside_of_the_configuration() -> None:
    words = {one.text for one in offered.offers([""], nothing)}
    assert words == {one.text for one in offered.offers([], nothing)}
    assert {"show", "ipsec", "config", "watch"} <= words
    assert "leave" not in words


def test_without_an_agent_there_are_no_values() -> None:
    def refuse() -> Connection:
        raise Gone("nobody is there")

    assert offered.values_of(refuse)("tunnel", "") == ()


def test_an_agent_that_says_nothing_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offered, "LIMIT_S", 0.05)
    path = tmp_path / "netconf.sock"
    before = signal.getsignal(signal.SIGALRM)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen()
        assert offered.values_of(lambda: Connection(lambda: UnixStream(path), "x"))("tunnel", "") == ()
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) is before


def test_a_word_of_a_gateway_does_nothing_to_a_terminal_and_stays_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        offered, "values_of", lambda _connect: lambda _source, _prefix: [Suggestion("7", "to\tBern\n\x1b[2J")]
    )
    options = argparse.Namespace(host=None, socket=None, words=["show", "ipsec", "7"])
    assert offered.run(options) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.split("\t")[0] == "7"
    assert line.count("\t") == 1
    assert "\x1b" not in line


@pytest.mark.parametrize("text", ["$(reboot)", "a b", "`x`", "1;2", "~", "*"])
def test_what_a_shell_would_carry_out_is_not_offered(text: str) -> None:
    words = offered.offers(
        ["show", "ipsec", ""], lambda _source, _prefix: [Suggestion(text), Suggestion("3")]
    )
    assert {one.text for one in words} == {"up", "down", "3"}


def test_nothing_goes_over_a_network(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(_connect: object) -> None:
        raise AssertionError

    monkeypatch.setattr(offered, "values_of", refuse)
    options = argparse.Namespace(host="gateway.example", socket=None, words=["show", "ipsec", ""])
    assert offered.run(options) == 0
    assert set(capsys.readouterr().out.split()) >= {"up", "down"}
