"""Lines that are no command of the manual: what is said of them, and at which columns."""

from __future__ import annotations

import pytest

from console.grammar.values import Mistake
from tests.console.grammar.lab import context, grammar, in_tunnel, mistake, said

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
