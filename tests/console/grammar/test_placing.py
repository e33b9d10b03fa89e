"""The columns of a line that an error of the server is about."""

from __future__ import annotations

import pytest

from console.grammar.placing import place
from console.grammar.values import Changes
from tests.console.grammar.lab import grammar

LINE = "tunnel ipsec 1 dpd action trap delay 10"
IPSEC = "/ipsec:tunnels/ipsec:ipsec[ipsec:id='1']"

PLACES = [
    (LINE, f"{IPSEC}/ipsec:dpd/ipsec:action", "trap"),
    (LINE, f"{IPSEC}/ipsec:dpd/ipsec:delay", "10"),
    (LINE, f"{IPSEC}/ipsec:dpd", "10"),
    (LINE, '/tunnels/ipsec[id="1"]/dpd/action', "trap"),
    (LINE, "/x:tunnels/x:ipsec[x:id=1]/x:dpd/x:action", "trap"),
    (LINE, IPSEC, "10"),
    (LINE, "/ipsec:tunnels/ipsec:ipsec[ipsec:id='2']", None),
    (LINE, f"{IPSEC}/ipsec:peer", None),
    (LINE, "/nacm:nacm", None),
    (LINE, "", None),
    (LINE, "no path at all", None),
    (LINE, "/" * 100_000, None),
    ("tunnel ipsec 1", f"{IPSEC}/ipsec:local-address", "ipsec 1"),
    ("tunnel ipsec 1", IPSEC, "ipsec 1"),
    ("no tunnel ipsec 1", IPSEC, "ipsec 1"),
    (
        "tunnel ipsec 1 local-subnet 10.0.0.0/8 10.1.0.0/16",
        f"{IPSEC}/ipsec:local-subnet[.='10.0.0.0/8']",
        "10.0.0.0/8",
    ),
    (
        "tunnel ipsec 1 local-subnet 10.0.0.0/8 10.1.0.0/16",
        f"{IPSEC}/ipsec:local-subnet[.='10.1.0.0/16']",
        "10.1.0.0/16",
    ),
    (
        "tunnel ipsec 1 ike cipher aes128 auth sha256 dh x25519",
        f"{IPSEC}/ipsec:ike/ipsec:proposal[ipsec:priority='1']/ipsec:auth",
        "sha256",
    ),
    (
        "tunnel ipsec 1 ike cipher aes128 auth sha256 dh x25519",
        f"{IPSEC}/ipsec:ike/ipsec:proposal[ipsec:priority='1']/ipsec:prf",
        "ike cipher aes128 auth sha256 dh x25519",
    ),
    (
        'nacm rule-list "a\'b]" group x',
        "/nacm:nacm/nacm:rule-list[nacm:name=\"a'b]\"]/nacm:group[.='x']",
        "x",
    ),
]


@pytest.mark.parametrize(("line", "path", "piece"), PLACES)
def test_an_error_is_about_a_piece_of_the_line(line: str, path: str, piece: str | None) -> None:
    meaning = grammar().read(line, ())
    assert isinstance(meaning, Changes)
    span = place(path, meaning.changes)
    assert (None if span is None else line[span.start : span.end]) == piece
