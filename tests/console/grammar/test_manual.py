"""Every command of the manual's page "Instance configuration syntax", with its form with ``no``."""

from __future__ import annotations

import pytest

from console.grammar.manual import ROWS
from console.grammar.reading import Grammar
from console.grammar.rows import Manual, row_nodes
from console.grammar.values import Changes, Mistake, SecretMissing
from console.model.compiled import compile_schema
from tests.console.grammar.lab import context, grammar, in_tunnel, mistake, path_of, said
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


ANOTHER = "another command begins here: it needs a line of its own"
MISTAKES = [
    ('description "a\tb"', "a description has only printable characters", '"a\tb"'),
    ("description to\x07 peer 192.0.2.77", "description takes no control characters", "to\x07"),
    ("dpd-action stop", "dpd-action takes clear, trap or restart", "stop"),
    ("dpd-action", "ACTION is missing", ""),
    ("dpd-delay 0", "dpd delay is 1 to 86400 seconds", "0"),
    ("dpd-delay 99999", "dpd delay is 1 to 86400 seconds", "99999"),
    ("dpd-delay soon", "dpd-delay takes a number 1..86400", "soon"),
    ("peer alice", "peer takes an IP address", "alice"),
    ("peer 10.0.0.1%eth0", "peer takes an IP address", "10.0.0.1%eth0"),
    ("local-address 10.0.0.256", "local-address takes an IP address", "10.0.0.256"),
    ("local-subnet", "SUBNET or add is missing", ""),
    (
        "local-subnet 10.0.0.0/33",
        "local-subnet takes ADDRESS/LENGTH, ADDRESS NETMASK or ADDRESS",
        "10.0.0.0/33",
    ),
    (
        "local-subnet 10.0.0.0/8 255.0.0.0",
        "local-subnet takes a netmask behind an IPv4 address without a length",
        "255.0.0.0",
    ),
    (
        "local-subnet 2001:db8:: 255.0.0.0",
        "local-subnet takes a netmask behind an IPv4 address without a length",
        "255.0.0.0",
    ),
    ("dpd-action restart dpd-delay 30", ANOTHER, "dpd-delay"),
    ("dpd-action restart dpd-d 30", ANOTHER, "dpd-d"),
    ("enable initiator", ANOTHER, "initiator"),
    ("local-id name bob key x", ANOTHER, "key"),
    ("peer 192.0.2.1 peer 192.0.2.2", ANOTHER, "peer"),
    ("enabled true enabled false", ANOTHER, "enabled"),
    ("initiator peer 192.0.2.1", ANOTHER, "peer"),
    ("no peer description a", ANOTHER, "description"),
    ("local-id name alice remote-id name bob", ANOTHER, "remote-id"),
    ("ike cipher aes128 auth sha256 dh x25519 esp cipher aes128gcm16 dh x25519", ANOTHER, "esp"),
    ("peer enable", "peer takes an IP address", "enable"),
    ("enable foo", "nothing is expected here: 'foo' is too much", "foo"),
    (
        "peer 192.0.2.1 description a bc",
        "'bc' is not known here: a description of several words stands in quotes",
        "bc",
    ),
    ("local-id name John Doe", "'Doe' is not known here: a name of several words stands in quotes", "Doe"),
    ("local-id name 'John' Doe", "'Doe' is not known here", "Doe"),
    ("local-id name John 'Doe'", "'Doe' is not known here", "'Doe'"),
    ("IKE CIPHER AES128", "auth or prf is missing", ""),
    ('"ENABLE"', "'ENABLE' is not known here", '"ENABLE"'),
    ("LOCAL-ID FAX 1", "'FAX' is not known here", "FAX"),
    ("SECRET SHORT", "a secret has 8 to 63 characters", "SHORT"),
    ("D foo", None, "D"),
    ("ike cipher aes128", "auth or prf is missing", ""),
    ("ike cipher aes128 auth sha256", "dh is missing", ""),
    ("ike cipher des auth sha256 dh x25519", None, "des"),
    ("ike cipher aes256g auth", "'aes256g' could be aes256gcm12 or aes256gcm16", "aes256g"),
    ("ike proposal 0 cipher aes128", "priority takes a number 1..255", "0"),
    ("esp cipher", "CIPHER is missing", ""),
    (
        "secret abc def ghi",
        "there are blanks in this: a secret has only ASCII characters 33 to 126, without '#'",
        "abc",
    ),
    ("secret short", "a secret has 8 to 63 characters", "short"),
    (
        "secret has#number#sign",
        "a secret has only ASCII characters 33 to 126, without '#'",
        "has#number#sign",
    ),
    ("secret pässword1", "a secret has only ASCII characters 33 to 126, without '#'", "pässword1"),
    ("local-id email alice", "an email is USER@DOMAIN: exactly one '@', and no blanks", "alice"),
    ("local-id name", "NAME is missing", ""),
    ("local-id fax 1", "'fax' is not known here", "fax"),
    ("initiator yes", "initiator takes true or false", "yes"),
    ("peer 10.0.0.1 10.0.0.2", "'10.0.0.2' is not known here", "10.0.0.2"),
    ("dpd-action clear now", "nothing is expected here: 'now' is too much", "now"),
    ("local", "'local' could be local-address, local-id or local-subnet", "local"),
    ("no", "a word is missing", ""),
    ("no ike", None, None),
    ("nonsense", "'nonsense' is not known here", "nonsense"),
    ('description "open', "the quote is not closed", '"open'),
    ("ipsec 2", "this is for /config/tunnel: type end before it", "ipsec"),
    ("no ipsec 2", "this is for /config/tunnel: type end before it", "no"),
    ("tunnel", "this is for /config: type end twice before it", "tunnel"),
]


@pytest.mark.parametrize(("line", "message", "at"), MISTAKES, ids=[line for line, *_ in MISTAKES])
def test_a_mistake_is_told_at_its_columns(line: str, message: str | None, at: str | None) -> None:
    if at is None:
        assert said(line, in_tunnel()) == [("remove", "ike", None)]
        return
    told, piece = mistake(line, in_tunnel())
    assert piece == at
    assert message is None or told == message


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("dpd-action", ["clear", "trap", "restart"]),
        ("dpd-action stop", ["clear", "trap", "restart"]),
        ("dpd-delay 0", ["SEC"]),
        ("ike cipher aes128", ["auth", "prf"]),
        ("local", ["local-address", "local-id", "local-subnet"]),
        ("local-subnet", ["add", "SUBNET"]),
    ],
)
def test_a_mistake_says_what_could_stand_there(line: str, expected: list[str]) -> None:
    with pytest.raises(Mistake) as refused:
        grammar().read(line, in_tunnel())
    assert [one.text for one in refused.value.expected] == expected


@pytest.mark.parametrize(
    ("line", "message", "at"),
    [
        ("ipsec", "ID is missing", ""),
        ("ipsec 0", "id takes a number 1..65535", "0"),
        ("ipsec 70000", "id takes a number 1..65535", "70000"),
        ("ipsec alice", "id takes a number 1..65535", "alice"),
        ("no ipsec", "ID is missing", ""),
        ("ipsec -1", "id takes a number 1..65535", "-1"),
    ],
)
def test_a_mistake_in_the_number_of_a_tunnel(line: str, message: str, at: str) -> None:
    assert mistake(line, context("tunnel")) == (message, at)


@pytest.mark.parametrize(
    "line", ["secret abcdefgh ijklmnop", "no secret abcdefgh ijklmnop", "secret abc defghijk"]
)
def test_no_piece_of_what_may_be_a_secret_is_in_what_is_said(line: str) -> None:
    message, _ = mistake(line, in_tunnel())
    assert not {piece for piece in ("abc", "defg", "ijk") if piece in message}


NOT_IN_ONE_PIECE = "is no netmask, for its bits are not in one piece, and the address of no host"
WILDCARD = "is a wildcard mask: the netmask meant is"
MASKS = [
    ("10.1.0.0 255.255.0.255", f"255.255.0.255 {NOT_IN_ONE_PIECE}"),
    ("10.1.0.0 255.0.255.0", f"255.0.255.0 {NOT_IN_ONE_PIECE}"),
    ("10.1.0.0 0.255.0.255", f"0.255.0.255 {NOT_IN_ONE_PIECE}"),
    ("10.1.0.0 0.0.255.255", f"0.0.255.255 {WILDCARD} 255.255.0.0 (/16)"),
    ("10.1.0.0 0.0.0.255", f"0.0.0.255 {WILDCARD} 255.255.255.0 (/24)"),
    ("10.1.0.0 15.255.255.255", f"15.255.255.255 {WILDCARD} 240.0.0.0 (/4)"),
    ("10.1.0.0/16 10.2.0.0 0.0.255.255", f"0.0.255.255 {WILDCARD} 255.255.0.0 (/16)"),
    ("10.1.0.0 25.255.0.0", "10.1.0.0 stands beside another one without its length: 10.1.0.0/32 is that"),
    ("10.1.0.0 255.255.0.0 255.255.0.0", "255.255.0.0 is a netmask (/16), which stands behind an address"),
    ("10.1.0.0/16 10.2.0.0", "10.2.0.0 stands beside another one without its length: 10.2.0.0/32 is"),
    ("10.2.0.0 10.1.0.0/16", "10.2.0.0 stands beside another one without its length: 10.2.0.0/32 is"),
    ("255.255.0.0", "255.255.0.0 is a netmask (/16), which stands behind an address without a length"),
    ("0.0.255.255", f"0.0.255.255 {WILDCARD} 255.255.0.0 (/16)"),
    ("0.0.0.0", "0.0.0.0 is the address of no host: 0.0.0.0/0 is every address"),
    ("10.1.0.0 0.0.0.0", "takes the netmask 0.0.0.0 for 0.0.0.0 only: one host is 10.1.0.0/32"),
    ("0.0.0.0 255.255.255.255", "takes a netmask for the address of a network: 0.0.0.0/0 is every address"),
    ("2001:db8:: ffff:ffff::", "an IPv6 network takes its length: ffff:ffff:: is /32"),
    ("2001:db8:: ::ffff:ffff", "stands beside another one without its length"),
    ("2001:db8::1 2001:db8::2", "stands beside another one without its length: 2001:db8::1/128 is"),
    ("ffff:ffff::", "an IPv6 network takes its length: ffff:ffff:: is /32"),
    ("::", ":: is the address of no host: ::/0 is every address"),
]


@pytest.mark.parametrize("command", ["{}-subnet", "{}-subnet add", "no {}-subnet"])
@pytest.mark.parametrize("side", ["local", "remote"])
@pytest.mark.parametrize(("typed", "message"), MASKS)
def test_no_mask_that_is_none_is_taken_for_a_host(command: str, side: str, typed: str, message: str) -> None:
    assert message in mistake(f"{command.format(side)} {typed}", in_tunnel())[0]


@pytest.mark.parametrize("typed", ["10.1.0.0 255.255.0.255", "10.1.0.0 0.0.255.255", "10.1.0.0"])
@pytest.mark.parametrize(
    ("command", "levels"), [("bypass network", ("tunnel", "ipsec 1")), ("bypass", ("tunnel",))]
)
def test_what_bypasses_tunnels_takes_lengths_only(command: str, levels: tuple[str, ...], typed: str) -> None:
    for no in ("", "no "):
        assert mistake(f"{no}{command} {typed}", context(*levels))[0].startswith("network takes ")


def test_a_mask_behind_a_length_is_none() -> None:
    assert mistake("bypass network 10.1.0.0/16 255.255.0.0", in_tunnel())[1] == "255.255.0.0"
