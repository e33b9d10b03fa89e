"""What was typed before is kept, for its user alone, and never with a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.grammar.reading import Grammar
from console.shell.recall import MOST_OCTETS, Recall, file_of, keeping, secret_names
from console.shell.table import COMMANDS
from tests.console.served import schema


@pytest.fixture(scope="module")
def grammar() -> Grammar:
    return Grammar(schema(), COMMANDS)


def kept(grammar: Grammar, line: str, *lines: str) -> str:
    """Return what is kept of ``line`` after ``lines`` led into a context."""
    context = ()
    for before in lines:
        meaning = grammar.read(before, context)
        context = meaning.enters  # type: ignore[union-attr]
    return keeping(grammar, context, False)(line)


IN_TUNNEL = ("tunnel", "ipsec 1")


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("secret Zebra-Crossing-7", "secret"),
        ("sec Zebra-Crossing-7", "sec"),
        ('secret "Zebra Crossing"', ""),
        ("secret short", ""),
        ("secrte Zebra-Crossing-7", ""),
        ("no secret", "no secret"),
        ("secret", "secret"),
        ("peer 192.0.2.1", "peer 192.0.2.1"),
        ("peer 1.2.3", "peer 1.2.3"),
        ("foo sec Zebra-Crossing-7", ""),
        ('secret "Zebra', ""),
        ("no secret Zebra-Crossing-7", ""),
        ("no sec Zebra-Crossing-7", ""),
        ("no description Zebra-Crossing-7", "no description"),
        ("SECRET Zebra-Crossing-7", "SECRET"),
        ("Secret Zebra-Crossing-7", "Secret"),
        ("SECRTE Zebra-Crossing-7", ""),
        ("NO SECRET Zebra-Crossing-7", ""),
        ("NO S Zebra-Crossing-7", ""),
        ("S Zebra-Crossing-7", ""),
        ("DO S Zebra-Crossing-7", ""),
        ("PEER 192.0.2.1 SECRET Zebra-Crossing-7", "PEER 192.0.2.1 SECRET"),
        ("DESCRIPTION x SECRET Zebra-Crossing-7", ""),
        ("initiator secret Zebra-Crossing-7", ""),
        ("local-id name a secret Zebra-Crossing-7", ""),
        ("s Zebra-Crossing-7", ""),
        ("no s Zebra-Crossing-7", ""),
        ("do s Zebra-Crossing-7", ""),
        ("do secret Zebra-Crossing-7", ""),
        ("psk Zebra-Crossing-7", ""),
        ("ipsec 2 psk Zebra-Crossing-7", ""),
        ("peer 192.0.2.1 secret Zebra-Crossing-7", "peer 192.0.2.1 secret"),
        ("peer 192.0.2.1 secret Zebra-Crossing-7 description x", "peer 192.0.2.1 secret"),
        ("peer 192.0.2.1 psk Zebra-Crossing-7", ""),
        ("peer 192.0.2.1 Zebra-Crossing-7", ""),
        ("peer 1.2.3 Zebra-Crossing-7", ""),
        ("description x secret Zebra-Crossing-7", ""),
        ("description to Bern", "description to Bern"),
        ("commit comment the secret Zebra-Crossing-7", ""),
        ("commit comment to Bern", "commit comment to Bern"),
        ("peer 192.0.2.1 # Zebra-Crossing-7", "peer 192.0.2.1"),
        ("# secret Zebra-Crossing-7", ""),
        ("Zebra-Crossing-7", ""),
        ("-----BEGIN PRIVATE KEY-----", ""),
        ("MC4CAQAwBQYDK2VwBCIEIJZebraCrossing7k8s3ZWnVjQ0LzYy5Kf9M3u+a/b=", ""),
        ("show ipsce", "show ipsce"),
        ("show psk Zebra-Crossing-7", ""),
        ("dpd-action rstart", "dpd-action rstart"),
        ("local-id key alice", "local-id key alice"),
    ],
)
def test_no_secret_is_kept(grammar: Grammar, line: str, left: str) -> None:
    found = kept(grammar, line, *IN_TUNNEL)
    assert "Zebra" not in found
    assert found == left


def test_the_names_of_secrets_come_from_the_modules(grammar: Grammar) -> None:
    assert "secret" in secret_names(grammar.schema)
    assert "peer" not in secret_names(grammar.schema)


def test_the_file_is_of_its_user_alone_and_has_an_end(tmp_path: Path) -> None:
    file = tmp_path / "state" / "yangswan" / "history"
    recall = Recall(file, lambda line: line)
    recall.append_string("one\ntwo\n\n")
    assert list(recall.load_history_strings()) == ["two", "one"]
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    file.write_text("x" * 50 + "\n" + ("y" * 99 + "\n") * (MOST_OCTETS // 100 + 10))
    recall.append_string("three")
    assert file.stat().st_size <= MOST_OCTETS
    assert next(iter(recall.load_history_strings())) == "three"


def test_what_cannot_be_kept_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    Recall(tmp_path / "file" / "history", lambda line: line).append_string("one")


def test_where_it_is(tmp_path: Path) -> None:
    assert file_of({"XDG_STATE_HOME": str(tmp_path)}) == tmp_path / "yangswan" / "history"
    assert file_of({"XDG_STATE_HOME": "relative"}) == Path.home() / ".local/state/yangswan/history"
