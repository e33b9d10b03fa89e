"""Every command of the manual's page "Instance configuration syntax", with its form with ``no``."""

from __future__ import annotations

import pytest

from console.grammar.manual import ROWS
from console.grammar.reading import Grammar
from console.grammar.rows import Manual, row_nodes
from console.grammar.values import Changes, SecretMissing
from console.model.compiled import compile_schema
from tests.console.grammar.lab import context, grammar, in_tunnel, path_of, said
from tests.console.served import schema, texts

MERGE, REMOVE, REPLACE, EXPECT = "merge", "remove", "replace", "expect"

LINES = [
    ("enable", [(MERGE, "enabled", "true")]),
    ("no enable", [(MERGE, "enabled", "false")]),
    ("dpd-action clear", [(REMOVE, "dpd/enabled", None), (MERGE, "dpd/action", "clear")]),
    ("dpd-action trap", [(REMOVE, "dpd/enabled", None), (MERGE, "dpd/action", "trap")]),
    ("dpd-action restart", [(REMOVE, "dpd/enabled", None), (MERGE, "dpd/action", "restart")]),
    ("no dpd-action", [(MERGE, "dpd/enabled", "false"), (REMOVE, "dpd/action", None)]),
    (
        "no dpd-action clear",
        [(EXPECT, "dpd/action", "clear"), (MERGE, "dpd/enabled", "false"), (REMOVE, "dpd/action", None)],
    ),
    ("dpd-delay 10", [(MERGE, "dpd/delay", "10")]),
    ("no dpd-delay", [(REMOVE, "dpd/delay", None)]),
    ("no dpd-delay 10", [(EXPECT, "dpd/delay", "10"), (REMOVE, "dpd/delay", None)]),
    ("initiator", [(MERGE, "initiator", "true")]),
    ("no initiator", [(REMOVE, "initiator", None)]),
    (
        "ike cipher aes128 auth sha256 dh x25519",
        [
            (REPLACE, "ike/proposal[1]", None),
            (MERGE, "ike/proposal[1]/cipher", "aes128"),
            (MERGE, "ike/proposal[1]/auth", "sha256"),
            (MERGE, "ike/proposal[1]/dh", "x25519"),
        ],
    ),
    (
        "ike cipher aes128gcm16 prf prfsha256 dh x25519",
        [
            (REPLACE, "ike/proposal[1]", None),
            (MERGE, "ike/proposal[1]/cipher", "aes128gcm16"),
            (MERGE, "ike/proposal[1]/prf", "prfsha256"),
            (MERGE, "ike/proposal[1]/dh", "x25519"),
        ],
    ),
    ("no ike cipher", [(REMOVE, "ike/proposal", None)]),
    (
        "no ike cipher aes128 auth sha256 dh x25519",
        [
            (EXPECT, "ike/proposal[1]/cipher", "aes128"),
            (EXPECT, "ike/proposal[1]/auth", "sha256"),
            (EXPECT, "ike/proposal[1]/dh", "x25519"),
            (REMOVE, "ike/proposal[1]", None),
        ],
    ),
    (
        "ike proposal 2 cipher aes256 auth sha512 dh ecp384 ke mlkem768 ke mlkem1024",
        [
            (REPLACE, "ike/proposal[2]", None),
            (MERGE, "ike/proposal[2]/cipher", "aes256"),
            (MERGE, "ike/proposal[2]/auth", "sha512"),
            (MERGE, "ike/proposal[2]/dh", "ecp384"),
            (MERGE, "ike/proposal[2]/ke", "mlkem768"),
            (MERGE, "ike/proposal[2]/ke", "mlkem1024"),
        ],
    ),
    ("ike proposal 2 dh ecp384", [(MERGE, "ike/proposal[2]/dh", "ecp384")]),
    ("no ike proposal 2", [(REMOVE, "ike/proposal[2]", None)]),
    ("no ike proposal 2 cipher", [(REMOVE, "ike/proposal[2]/cipher", None)]),
    (
        "esp cipher aes128 auth sha256 dh modp3072",
        [
            (REPLACE, "esp/proposal[1]", None),
            (MERGE, "esp/proposal[1]/cipher", "aes128"),
            (MERGE, "esp/proposal[1]/auth", "sha256"),
            (MERGE, "esp/proposal[1]/dh", "modp3072"),
        ],
    ),
    (
        "esp cipher aes256gcm16 dh x25519",
        [
            (REPLACE, "esp/proposal[1]", None),
            (MERGE, "esp/proposal[1]/cipher", "aes256gcm16"),
            (MERGE, "esp/proposal[1]/dh", "x25519"),
        ],
    ),
    ("no esp cipher", [(REMOVE, "esp/proposal", None)]),
    ("secret s3cr3t-of-two", [(MERGE, "secret", "s3cr3t-of-two")]),
    ("""secret it's"both\\""", [(MERGE, "secret", """it's"both\\""")]),
    ("no secret", [(REMOVE, "secret", None)]),
    ("peer 192.0.2.1", [(MERGE, "peer", "192.0.2.1")]),
    ("peer 2001:db8::1", [(MERGE, "peer", "2001:db8::1")]),
    ("no peer", [(REMOVE, "peer", None)]),
    ("no peer 192.0.2.1", [(EXPECT, "peer", "192.0.2.1"), (REMOVE, "peer", None)]),
    ("local-address 192.0.2.1", [(MERGE, "local-address", "192.0.2.1")]),
    ("no local-address", [(REMOVE, "local-address", None)]),
    ("local-id inet 192.168.1.10", [(MERGE, "local-id/inet", "192.168.1.10")]),
    ("local-id name server.example.com", [(MERGE, "local-id/name", "server.example.com")]),
    ("local-id email user@example.com", [(MERGE, "local-id/email", "user@example.com")]),
    ("local-id key my_vpn_key", [(MERGE, "local-id/key", "my_vpn_key")]),
    ("local-id dn CN=John Doe, OU=IT, O=Company", [(MERGE, "local-id/dn", "CN=John Doe, OU=IT, O=Company")]),
    ('local-id dn "CN=John Doe"', [(MERGE, "local-id/dn", "CN=John Doe")]),
    ("no local-id", [(REMOVE, "local-id", None)]),
    ("no local-id name alice", [(EXPECT, "local-id/name", "alice"), (REMOVE, "local-id", None)]),
    ("remote-id name bob", [(MERGE, "remote-id/name", "bob")]),
    ("no remote-id", [(REMOVE, "remote-id", None)]),
    ("local-subnet 10.0.0.0/8", [(REMOVE, "local-subnet", None), (MERGE, "local-subnet", "10.0.0.0/8")]),
    (
        "local-subnet 10.1.2.3 255.255.0.0",
        [(REMOVE, "local-subnet", None), (MERGE, "local-subnet", "10.1.0.0/16")],
    ),
    ("local-subnet 10.1.2.3", [(REMOVE, "local-subnet", None), (MERGE, "local-subnet", "10.1.2.3/32")]),
    (
        "local-subnet 2001:db8::1",
        [(REMOVE, "local-subnet", None), (MERGE, "local-subnet", "2001:db8::1/128")],
    ),
    ("local-subnet 0.0.0.0 0.0.0.0", [(REMOVE, "local-subnet", None), (MERGE, "local-subnet", "0.0.0.0/0")]),
    (
        "local-subnet 10.1.2.3 255.255.255.255 10.2.0.1/16 10.3.0.0/32",
        [
            (REMOVE, "local-subnet", None),
            (MERGE, "local-subnet", "10.1.2.3/32"),
            (MERGE, "local-subnet", "10.2.0.0/16"),
            (MERGE, "local-subnet", "10.3.0.0/32"),
        ],
    ),
    ("local-subnet add 10.1.0.0 255.255.0.0", [(MERGE, "local-subnet", "10.1.0.0/16")]),
    ("no local-subnet", [(REMOVE, "local-subnet", None)]),
    (
        "no local-subnet 10.1.0.0 255.255.0.0",
        [(EXPECT, "local-subnet", "10.1.0.0/16"), (REMOVE, "local-subnet", "10.1.0.0/16")],
    ),
    ("remote-subnet 10.0.0.0/8", [(REMOVE, "remote-subnet", None), (MERGE, "remote-subnet", "10.0.0.0/8")]),
    ("no remote-subnet", [(REMOVE, "remote-subnet", None)]),
    (
        "no remote-subnet 10.0.0.0/8",
        [(EXPECT, "remote-subnet", "10.0.0.0/8"), (REMOVE, "remote-subnet", "10.0.0.0/8")],
    ),
    ("description Branch office north", [(MERGE, "description", "Branch office north")]),
    ("description it's the 'old' one  # since 2019", [(MERGE, "description", "it's the 'old' one")]),
    ('description "two  blanks # and no comment"', [(MERGE, "description", "two  blanks # and no comment")]),
    ("no description", [(REMOVE, "description", None)]),
    (
        "no description Branch office north",
        [(EXPECT, "description", "Branch office north"), (REMOVE, "description", None)],
    ),
]


@pytest.mark.parametrize(("line", "changes"), LINES, ids=[line for line, _ in LINES])
def test_a_line_of_the_manual_means(line: str, changes: list[tuple[str, str, str | None]]) -> None:
    assert said(line, in_tunnel()) == changes


@pytest.mark.parametrize(("line", "changes"), LINES, ids=[line for line, _ in LINES])
def test_it_means_the_same_from_the_level_above(
    line: str, changes: list[tuple[str, str, str | None]]
) -> None:
    words = line.removeprefix("no ")
    negated = "no " if words != line else ""
    assert said(f"{negated}ipsec 1 {words}", context("tunnel")) == changes
    assert said(f"{negated}tunnel ipsec 1 {words}") == changes


@pytest.mark.parametrize(
    ("line", "small"),
    [
        ("ENABLE", "enable"),
        ("No Initiator", "no initiator"),
        ("Ike Ciph AES128 Auth Sha256 DH X25519", "ike cipher aes128 auth sha256 dh x25519"),
        ("Local-ID Name Alice", "local-id name Alice"),
        ("Secret ABCDEFGHIJ", "secret ABCDEFGHIJ"),
        ("DESC To BERN", "description To BERN"),
        ("DESCRIPTION ENABLE", "description ENABLE"),
        ("PEER 2001:DB8::A", "peer 2001:DB8::A"),
        ("DPD-Action CLEAR", "dpd-action clear"),
        ("INITIATOR False", "initiator false"),
    ],
)
def test_words_may_be_in_capitals_and_names_keep_theirs(line: str, small: str) -> None:
    assert said(line, in_tunnel()) == said(small, in_tunnel())


def test_each_row_has_its_nodes_in_the_model() -> None:
    manual = Manual(schema())
    for row in ROWS:
        assert any(form.row is row for form in manual.forms(row.at))
    assert {row.syntax.removeprefix("[no] ").split()[0] for row in ROWS} >= {
        *("enable", "dpd-action", "dpd-delay", "initiator", "ike", "esp", "secret", "peer", "local-address"),
        *("local-id", "remote-id", "local-subnet", "remote-subnet", "description"),
    }


def test_a_row_of_which_a_node_is_missing_is_none() -> None:
    tunnel = schema().roots["yangswan-ipsec:tunnels"].children["ipsec"]
    row = next(row for row in ROWS if row.syntax.startswith("[no] dpd-action"))
    assert row_nodes(row, tunnel)
    assert row_nodes(row, tunnel.children["ike"]) is None


def test_without_the_modules_of_the_manual_there_is_no_word_of_it() -> None:
    foreign = Grammar(compile_schema(texts(["every-construct"])), ())
    assert {one.text for one in foreign.suggest("", ())} == {"top", "references", "order", "outer", "no"}


CONTEXTS = [
    ("tunnel", (), "/config/tunnel", []),
    ("tunnels", (), "/config/tunnel", []),
    ("tun", (), "/config/tunnel", []),
    ("yangswan-ipsec:tunnels", (), "/config/tunnel", []),
    ("ipsec 1", ("tunnel",), "/config/tunnel/ipsec-1", [("merge", "tunnels/ipsec[1]", None)]),
    ("ipsec 01", ("tunnel",), "/config/tunnel/ipsec-1", [("merge", "tunnels/ipsec[1]", None)]),
    ("tunnel ipsec 7", (), "/config/tunnel/ipsec-7", [("merge", "tunnels/ipsec[7]", None)]),
    ("ike", ("tunnel", "ipsec 1"), "/config/tunnel/ipsec-1/ike", []),
    (
        "certificate",
        ("tunnel", "ipsec 1"),
        "/config/tunnel/ipsec-1/certificate",
        [("merge", "certificate", None)],
    ),
    (
        "ipsec 2 ike",
        ("tunnel",),
        "/config/tunnel/ipsec-2/ike",
        [("merge", "tunnels/ipsec[2]", None)],
    ),
]


@pytest.mark.parametrize(("line", "before", "prompt", "changes"), CONTEXTS)
def test_a_name_alone_enters(
    line: str, before: tuple[str, ...], prompt: str, changes: list[tuple[str, str, str | None]]
) -> None:
    meaning = grammar().read(line, context(*before))
    assert isinstance(meaning, Changes)
    assert meaning.enters is not None
    assert grammar().prompt(meaning.enters) == prompt
    assert [(one.operation.value, path_of(one), one.value) for one in meaning.changes] == changes


def test_no_before_an_entry_removes_it_and_enters_nothing() -> None:
    meaning = grammar().read("no ipsec 1", context("tunnel"))
    assert isinstance(meaning, Changes)
    assert meaning.enters is None
    assert said("no ipsec 1", context("tunnel")) == [("remove", "tunnels/ipsec[1]", None)]


@pytest.mark.parametrize("line", ["secret", "secret  # asked for", "sec"])
def test_a_secret_that_is_not_on_the_line_is_asked_for(line: str) -> None:
    meaning = grammar().read(line, in_tunnel())
    assert isinstance(meaning, SecretMissing)
    assert path_of(meaning.change) == "secret"
    assert meaning.change.value is None


def test_a_secret_deeper_down_is_asked_for_too() -> None:
    meaning = grammar().read("ike ppk key", in_tunnel())
    assert isinstance(meaning, SecretMissing)
    assert path_of(meaning.change) == "ike/ppk/key"
