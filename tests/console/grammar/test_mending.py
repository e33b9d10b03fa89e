"""What to type about an error of the server."""

from __future__ import annotations

import re

import pytest

from console.grammar.values import Changes, Path, SecretMissing
from tests.console.grammar.lab import context, grammar

TUNNEL = "/ipsec:tunnels/ipsec:ipsec[ipsec:id='2']"
AT_TOP: Path = ()

LINES = [
    (
        (TUNNEL, "a case is mandatory", "missing-choice authentication"),
        "type 'tunnel', 'ipsec 2', 'secret SECRET' or 'certificate own OWN'",
    ),
    (
        (f"{TUNNEL}/ipsec:local-address", "the mandatory node 'local-address' is missing", ""),
        "type 'tunnel', 'ipsec 2', 'local-address ADDRESS'",
    ),
    (
        (f"{TUNNEL}/ipsec:peer", "peer must be another address than local-address", ""),
        "type 'tunnel', 'ipsec 2', 'peer ADDRESS', 'local-address ADDRESS' or 'no peer'",
    ),
    (
        (f"{TUNNEL}/ipsec:certificate", "name at least one authority: set trusted-ca", ""),
        "type 'tunnel', 'ipsec 2', 'certificate trusted-ca TRUSTED-CA'",
    ),
    (
        (f"{TUNNEL}/ipsec:ike/ipsec:proposal[ipsec:priority='1']/ipsec:auth", "auth is missing", ""),
        "type 'tunnel', 'ipsec 2', 'ike cipher CIPHER (auth AUTH|prf PRF) dh DH [ke KE]...'",
    ),
    (
        (f"{TUNNEL}/ipsec:initiator", "an initiator needs the address of its peer: set peer", ""),
        "type 'tunnel', 'ipsec 2', 'peer ADDRESS' or 'no initiator'",
    ),
    (
        (f"{TUNNEL}/ipsec:certificate/ipsec:own", "there is no certificate 'nix' in /certificates", ""),
        "type 'tunnel', 'ipsec 2', 'certificate own OWN'; "
        "'certificates certificate NAME' at the top of the configuration makes what it names",
    ),
    (
        ("/nacm:nacm/nacm:rule-list[nacm:name='a b']/nacm:rule[nacm:name='r']/nacm:action", "is missing", ""),
        "type 'nacm', 'rule-list \"a b\"', 'rule r', 'action (permit|deny)'",
    ),
    (
        ("/nacm:nacm/nacm:enable-nacm", "no", ""),
        "type 'nacm', 'enable-nacm (true|false)' or 'no enable-nacm'",
    ),
    ((f"{TUNNEL}/ipsec:state", "no configuration", ""), ""),
    (("/no:such/node", "no", ""), ""),
    (("", "no", ""), ""),
    (("/" * 100_000, "no", ""), ""),
]


@pytest.mark.parametrize(("error", "said"), LINES)
def test_an_error_says_what_to_type_in_the_words_of_the_grammar(
    error: tuple[str, str, str], said: str
) -> None:
    assert grammar().mending(error, AT_TOP) == said


@pytest.mark.parametrize(
    ("at", "begins"),
    [
        (None, "type 'config', 'tunnel', 'ipsec 2', "),
        (context("tunnel", "ipsec 2"), "type 'secret SECRET'"),
        (context("tunnel", "ipsec 1"), "type 'end', 'ipsec 2', "),
        (context("nacm", "rule-list x"), "type 'end', 'end', 'tunnel', 'ipsec 2', "),
    ],
)
def test_the_way_begins_where_one_is(at: Path | None, begins: str) -> None:
    error = (TUNNEL, "a case is mandatory", "missing-choice authentication")
    assert grammar().mending(error, at).startswith(begins)


@pytest.mark.parametrize(("error", "said"), [one for one in LINES if one[1]])
def test_the_lines_are_lines_of_the_grammar(error: tuple[str, str, str], said: str) -> None:
    at: Path = ()
    *way, last = re.split(r"(?<='), (?=')", grammar().mending(error, at).removeprefix("type "), maxsplit=20)
    lines = [*way, *last.split(" or ")]
    for line in (one.partition(";")[0].strip("'").replace(*CIPHERS) for one in lines):
        if line.endswith("..."):
            assert grammar().suggest(line.removesuffix("..."), at)
            continue
        for placeholder, value in VALUES.items():
            line = line.replace(placeholder, value)
        meaning = grammar().read(line, at)
        assert isinstance(meaning, (Changes, SecretMissing))
        at = getattr(meaning, "enters", None) or at


CIPHERS = ("CIPHER (auth AUTH|prf PRF) dh DH [ke KE]...", "aes128 auth sha256 dh x25519")
VALUES = {
    "ADDRESS": "192.0.2.1",
    "SECRET": "Zebra-Crossing-7",
    "TRUSTED-CA": "ca",
    "OWN": "gw",
    "(permit|deny)": "deny",
    "(true|false)": "true",
}
