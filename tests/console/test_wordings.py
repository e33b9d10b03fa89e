"""One of something is said in the singular."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from console.grammar.typed import expectation
from console.model.schema import Type
from console.shell.commands.candidate import _totals
from console.show.daemon import _retransmission
from console.show.data import AGENT, DAEMON, Hidden, missed
from console.show.layout import counted
from tests.console.fakes import data

CONSOLE = Path(__file__).parents[2] / "console"
# What is counted here is always more than one, or a limit.
_MANY = frozenset({
    "{len(lines)} lines are more than can be pasted",
    "{len(some)} words",
    "{len(events)} events",
    "{count} lines behind it that were",
})  # fmt: skip
_COUNT = re.compile(r"\{(?:len\([^{}]*\)|[^{}]*\b(?:count|total|size)\b[^{}]*)[^{}]*\} [a-z]+s\b")


def counts(text: str) -> list[str]:
    """Return where a count stands before a plural, whatever the count is."""
    found = (text[one.start() : one.start() + 80] for one in _COUNT.finditer(text))
    return [one for one in found if not one.startswith(tuple(_MANY))]


def test_no_count_stands_before_a_plural_whatever_it_is() -> None:
    assert counts('f"{count} entries"') == ['{count} entries"']
    assert counts("f'{len(found) - 3} tunnels'") == ["{len(found) - 3} tunnels'"]
    assert {path.name: found for path in CONSOLE.rglob("*.py") if (found := counts(path.read_text()))} == {}


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 entries"), (1, "1 entry"), (2, "2 entries"), (1000, "1000 entries")]
)
def test_counted(count: int, said: str) -> None:
    assert counted(count, "entry", "entries") == said
    assert counted(count, "tunnel") == f"{count} tunnel" + ("" if count == 1 else "s")


@pytest.mark.parametrize(("count", "said"), [("1", "1 event was missed"), ("2", "2 events were missed")])
def test_what_was_missed(count: str, said: str) -> None:
    (content,) = data(f'<notifications-missed xmlns="{AGENT}"><count>{count}</count></notifications-missed>')
    assert missed(content) == said


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        (1, "1 changed or affected, 1 message to the IKE daemon, 1 interrupted"),
        (2, "1 changed or affected, 2 messages to the IKE daemon, 1 interrupted"),
    ],
)
def test_what_a_commit_would_do(messages: int, said: str) -> None:
    totals = f"<entries>1</entries><messages>{messages}</messages><interrupted>1</interrupted>"
    assert _totals(data(f'<totals xmlns="{AGENT}">{totals}</totals>')) == [said]


@pytest.mark.parametrize(
    ("type_", "said"),
    [
        (Type("string", "", lengths=(("1", "1"),)), "1 character"),
        (Type("string", "", lengths=(("0", "1"),)), "0..1 character"),
        (Type("string", "", lengths=(("1", "2"),)), "1..2 characters"),
        (Type("decimal64", "", fraction_digits=1), "a number with up to 1 decimal"),
        (Type("decimal64", "", fraction_digits=2), "a number with up to 2 decimals"),
    ],
)
def test_what_is_expected(type_: Type, said: str) -> None:
    assert expectation(type_, "") == said


@pytest.mark.parametrize(("secrets", "nodes", "said"), [
    (1, 1, "1 secret and 1 node that no module of the server has"),
    (2, 2, "2 secrets and 2 nodes that no module of the server has"),
])  # fmt: skip
def test_what_is_hidden(secrets: int, nodes: int, said: str) -> None:
    assert Hidden(secrets, nodes).words() == said


@pytest.mark.parametrize(("tries", "said"), [(1, "asked again 1 time,"), (5, "asked again 5 times,")])
def test_how_long_a_peer_may_be_silent(tries: int, said: str) -> None:
    leafs = f"<tries>{tries}</tries><timeout>4.0</timeout><base>1.8</base>"
    (found,) = data(f'<retransmission xmlns="{DAEMON}">{leafs}</retransmission>')
    assert _retransmission(found).startswith(said)
