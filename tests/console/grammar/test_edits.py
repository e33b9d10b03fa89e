"""Changes to one <edit-config>: what was said last counts."""

from __future__ import annotations

import pytest
from lxml import etree

from console.grammar import edits
from console.grammar.values import Change, Changes, Mistake, Operation, Path, Step
from tests.console.grammar.lab import config_of, context, grammar, mistake, read_all
from tests.console.served import schema

NC = "{urn:ietf:params:xml:ns:netconf:base:1.0}"


def told(config: etree._Element) -> str:
    """Return an edit as short text: names, "!" for remove, "=" for replace, values in quotes."""
    marks = {"remove": "!", "replace": "=", None: ""}

    def one(element: etree._Element) -> str:
        inner = " ".join(one(child) for child in element)
        text = f"'{element.text}'" if element.text else f"({inner})" if inner else ""
        return f"{marks[element.get(f'{NC}operation')]}{etree.QName(element).localname}{text}"

    return " ".join(one(child) for child in config)


def edit(*lines: str, present: str = "") -> str:
    changes = read_all(["tunnel", "ipsec 1", *lines, "end", "end"], grammar())
    data = etree.fromstring(f"<data>{present}</data>") if present else None
    whole = told(edits.edit_config(changes, schema(), data))
    assert whole.startswith("tunnels(ipsec(id'1'"), whole
    return whole.removeprefix("tunnels(ipsec(id'1'").removesuffix("))").strip()


EDITS = [
    (["enable"], "enabled'true'"),
    (["enable", "no enable"], "enabled'false'"),
    (["no peer", "peer 10.0.0.1"], "peer'10.0.0.1'"),
    (["peer 10.0.0.1", "no peer"], "!peer"),
    (["peer 10.0.0.1", "no peer", "peer 10.0.0.2"], "peer'10.0.0.2'"),
    (["no ike", "ike rekey-time 60"], "=ike(rekey-time'60')"),
    (["ike rekey-time 60", "no ike"], "!ike"),
    (["no ike", "ike rekey-time 60", "no ike rekey-time"], "=ike"),
    (["no ike", "ike rekey-time 60", "no ike mobike"], "=ike(rekey-time'60')"),
    (["no ike", "no ike rekey-time"], "!ike"),
    (["local-id name a", "local-id email a@b"], "local-id(email'a@b')"),
    (["local-id name a", "no local-id"], "!local-id"),
    (["no local-id", "local-id name a"], "=local-id(name'a')"),
    (["dpd-action clear"], "dpd(!enabled action'clear')"),
    (["dpd-action clear", "no dpd-action"], "dpd(enabled'false' !action)"),
    (["no dpd-action", "dpd-action clear"], "dpd(!enabled action'clear')"),
    (["certificate own a trusted-ca b", "secret abcdefgh"], "secret'abcdefgh'"),
    (["secret abcdefgh", "certificate own a trusted-ca b"], "certificate(own'a' trusted-ca'b')"),
    (["no secret", "certificate own a"], "!secret certificate(own'a')"),
    (
        ["ike cipher aes128 auth sha256 dh x25519"],
        "ike(=proposal(priority'1' cipher'aes128' auth'sha256' dh'x25519'))",
    ),
    (
        ["ike cipher aes128 auth sha256 dh x25519", "ike cipher aes128gcm16 prf prfsha256 dh ecp256"],
        "ike(=proposal(priority'1' cipher'aes128gcm16' prf'prfsha256' dh'ecp256'))",
    ),
    (["ike cipher aes128 auth sha256 dh x25519", "no ike cipher"], "ike"),
    (["no ike proposal 2", "ike proposal 2 dh x25519"], "ike(=proposal(priority'2' dh'x25519'))"),
    (["bypass network 10.0.0.0/8", "no bypass network 10.0.0.0/8"], "bypass(!network'10.0.0.0/8')"),
    (["no bypass network 10.0.0.0/8", "bypass network 10.0.0.0/8"], "bypass(network'10.0.0.0/8')"),
    (["description a", "description b"], "description'b'"),
    (["description\tto\tpeer\t192.0.2.77"], "description'to peer 192.0.2.77'"),
    (['description it\'s\t "a\tb" peer 192.0.2.77'], "description'it's  \"a b\" peer 192.0.2.77'"),
    (["local-id dn\tCN=a,\tO=b name\tc"], "local-id(dn'CN=a, O=b name c')"),
    (["peer\t192.0.2.77"], "peer'192.0.2.77'"),
    (["local-subnet 10.0.0.0/8", "local-subnet 10.1.0.0/16"], "local-subnet'10.1.0.0/16'"),
    (
        ["local-subnet 10.0.0.0/8", "local-subnet add 10.1.0.0/16"],
        "local-subnet'10.0.0.0/8' local-subnet'10.1.0.0/16'",
    ),
    (["local-subnet 10.0.0.0/8", "no local-subnet"], ""),
]


@pytest.mark.parametrize(("lines", "expected"), EDITS, ids=["; ".join(lines) for lines, _ in EDITS])
def test_lines_of_one_batch_are_one_edit(lines: list[str], expected: str) -> None:
    assert edit(*lines) == expected


PRESENT = """
<tunnels xmlns="urn:yangswan:params:xml:ns:yang:ipsec">
  <ipsec><id>2</id><local-subnet>10.9.0.0/16</local-subnet></ipsec>
  <ipsec><id>1</id>
    <local-subnet>10.0.0.0/8</local-subnet><local-subnet>10.1.0.0/16</local-subnet>
    <ike><proposal><priority>1</priority></proposal><proposal><priority>7</priority></proposal></ike>
  </ipsec>
</tunnels>"""

WITH_PRESENT = [
    (["no local-subnet"], "!local-subnet'10.0.0.0/8' !local-subnet'10.1.0.0/16'"),
    (["local-subnet 10.1.0.0/16"], "!local-subnet'10.0.0.0/8' local-subnet'10.1.0.0/16'"),
    (
        ["local-subnet 10.2.0.0/16", "no local-subnet"],
        "!local-subnet'10.0.0.0/8' !local-subnet'10.1.0.0/16'",
    ),
    (["no ike cipher"], "ike(!proposal(priority'1') !proposal(priority'7'))"),
    (
        ["no ike cipher", "ike cipher aes128 auth sha256 dh x25519"],
        "ike(=proposal(priority'1' cipher'aes128' auth'sha256' dh'x25519') !proposal(priority'7'))",
    ),
    (["no ike", "no ike cipher"], "!ike"),
]


@pytest.mark.parametrize(
    ("lines", "expected"), WITH_PRESENT, ids=["; ".join(lines) for lines, _ in WITH_PRESENT]
)
def test_what_is_there_is_removed_one_by_one(lines: list[str], expected: str) -> None:
    assert edit(*lines, present=PRESENT) == expected


def test_an_entry_that_is_made_anew_has_nothing_of_the_old_one() -> None:
    lines = [
        "tunnel",
        "no ipsec 1",
        "ipsec 1",
        "peer 10.0.0.1",
        "no local-subnet",
        "no initiator",
        "end",
        "end",
    ]
    data = etree.fromstring(f"<data>{PRESENT}</data>")
    changes = read_all(lines, grammar())
    assert told(edits.edit_config(changes, schema(), data)) == "tunnels(=ipsec(id'1' peer'10.0.0.1'))"


def test_an_entry_is_removed_whatever_was_said_of_it_before() -> None:
    lines = ["tunnel", "ipsec 1", "peer 10.0.0.1", "end", "no ipsec 1", "no ipsec 1 peer", "end"]
    assert told(config_of(lines)) == "tunnels(!ipsec(id'1'))"


def test_what_is_asked_for_is_what_has_to_be_removed_one_by_one() -> None:
    def asked(*lines: str) -> str | None:
        found = edits.asks(read_all(["tunnel", *lines, "end"], grammar()))
        return None if found is None else told(found)

    assert asked("ipsec 1", "peer 10.0.0.1", "end", "no ipsec 2") is None
    assert asked("no ipsec 2 description") == "tunnels(ipsec(id'2' description))"
    assert asked("no ipsec 2 secret") == "tunnels(ipsec(id'2' enabled))"
    assert asked("no ipsec 2 ike ppk key") == "tunnels(ipsec(id'2' ike(ppk(id))))"
    assert asked("ipsec 1", "no local-subnet 10.0.0.0/8", "end") == "tunnels(ipsec(id'1' local-subnet))"
    assert asked("no ipsec 1 local-subnet") == "tunnels(ipsec(id'1' local-subnet))"
    assert (
        asked("no ipsec 1 local-subnet", "no ipsec 1 ike cipher", "no ipsec 2 remote-subnet")
        == "tunnels(ipsec(id'1' local-subnet ike(proposal(priority))) ipsec(id'2' remote-subnet))"
    )
    assert asked("no ipsec 1 dpd-action trap") == "tunnels(ipsec(id'1' dpd(action)))"
    assert asked("no leak-protection true") == "tunnels(leak-protection)"
    many = [f"no ipsec {number} local-subnet" for number in range(1, 400)]
    assert asked(*many) == "tunnels(ipsec(id local-subnet))"


def test_what_is_in_an_entry_that_is_not_there_is_not_removed_from_it() -> None:
    data = etree.fromstring(f"<data>{PRESENT}</data>")

    def edited(*lines: str) -> str:
        return told(edits.edit_config(read_all(lines, grammar()), schema(), data))

    assert edited("no tunnel ipsec 9 peer") == ""
    assert edited("no tunnel ipsec 9 ike cipher", "no tunnel ipsec 1 ike proposal 3 dh") == ""
    assert (
        edited("no tunnel ipsec 9 peer", "tunnel ipsec 9 description a")
        == "tunnels(ipsec(id'9' description'a'))"
    )
    assert edited("tunnel ipsec 9 description a", "no tunnel ipsec 9 peer") == (
        "tunnels(ipsec(id'9' description'a' !peer))"
    )
    assert edited("no tunnel ipsec 1 peer") == "tunnels(ipsec(id'1' !peer))"
    assert edited("no tunnel ipsec 9") == "tunnels(!ipsec(id'9'))"


@pytest.mark.parametrize("line", ["no certificate own", "no certificate trusted-ca"])
def test_to_remove_what_a_tunnel_with_a_secret_has_not_does_not_take_its_secret(line: str) -> None:
    """To name the container of certificates is to make it, in the place of the secret."""
    plain = "<tunnels xmlns='urn:yangswan:params:xml:ns:yang:ipsec'><ipsec><id>1</id>{}</ipsec></tunnels>"
    secret = plain.format("<secret>s3cr3t-of-alice</secret>")
    assert edit(line, present=secret) == ""
    certificate = plain.format("<certificate><own>g</own><trusted-ca>a</trusted-ca></certificate>")
    assert edit(line, present=certificate).startswith("certificate(!")


def test_identities_and_paths_have_the_prefixes_that_they_need() -> None:
    config = config_of(["nacm rule-list a rule b path /ipsec:tunnels/yangswan-pki:x[pki:y='nacm:z']"])
    leaf = next(config.iter("{*}path"))
    assert leaf.text == "/ipsec:tunnels/yangswan-pki:x[pki:y='nacm:z']"
    assert {prefix for prefix in leaf.nsmap if prefix} - {"nc"} == {"ipsec", "yangswan-pki", "pki"}
    # As a client puts it into its request, where lxml drops what it takes to be there twice.
    request = etree.Element("{urn:ietf:params:xml:ns:netconf:base:1.0}edit-config")
    request.append(config_of(["nacm rule-list a rule b path /ietf-netconf-acm:nacm"]))
    leaf = next(etree.fromstring(etree.tostring(request)).iter("{*}path"))
    assert leaf.nsmap["ietf-netconf-acm"] == "urn:ietf:params:xml:ns:yang:ietf-netconf-acm"
    config = config_of(["nacm rule-list a rule b path /ipsec:tunnels"])
    leaf = next(config.iter("{*}path"))
    assert leaf.nsmap["ipsec"] == "urn:yangswan:params:xml:ns:yang:ipsec"
    config = config_of(["zoo idref lion", "zoo cage zoo:cat note x"], "zoo", "zoo-more")
    assert [
        (one.text, one.nsmap.get((one.text or "").partition(":")[0]))
        for one in config.iter("{*}idref", "{*}kind")
    ] == [
        ("zoo-more:lion", "urn:zoo-more"),
        ("zoo:cat", "urn:zoo"),
    ]


def test_the_keys_of_an_entry_come_first_and_in_their_order() -> None:
    config = config_of(["top entry e address 10.0.0.1 80 alias web"], "every-construct", "every-augment")
    entry = next(config.iter("{*}address"))
    assert [etree.QName(child).localname for child in entry] == ["ip", "port", "alias"]


def test_an_order_is_the_order_of_lines() -> None:
    lines = ["order b", "order a", "no order b", "order b"]
    config = config_of(lines, "every-construct", "every-augment")
    assert [one.text for one in config.iter("{*}order")] == ["b", "a"]


def test_a_change_made_by_hand_needs_no_line() -> None:
    path: Path = (Step(schema().roots["yangswan-ipsec:tunnels"]),)
    config = edits.edit_config([Change(path, Operation.REMOVE)], schema())
    assert told(config) == "!tunnels"


def test_each_change_points_at_its_columns() -> None:
    line = "tunnel ipsec 1 local-subnet 10.0.0.0 255.0.0.0 10.1.0.0/16"
    meaning = grammar().read(line, ())
    assert isinstance(meaning, Changes)
    pieces = [line[change.span.start : change.span.end] for change in meaning.changes]
    assert pieces == ["local-subnet 10.0.0.0 255.0.0.0 10.1.0.0/16", "10.0.0.0 255.0.0.0", "10.1.0.0/16"]


SET = """
<tunnels xmlns="urn:yangswan:params:xml:ns:yang:ipsec">
  <ipsec><id>1</id><description>to  the branch</description><peer>192.0.2.1</peer>
    <local-address>2001:db8::1</local-address>
    <local-id><inet>192.0.2.2</inet></local-id>
    <local-subnet>10.0.0.0/8</local-subnet><local-subnet>10.1.0.0/16</local-subnet>
    <dpd><action>clear</action></dpd>
    <ike><proposal><priority>1</priority><cipher>aes128</cipher><auth>sha256</auth><dh>x25519</dh></proposal>
      <proposal><priority>2</priority><cipher>aes256</cipher><auth>sha256</auth><dh>x25519</dh></proposal></ike>
    <certificate><trusted-ca>b</trusted-ca></certificate>
  </ipsec>
</tunnels>"""

NOT_SET = [
    (["no dpd-action trap"], "dpd action is clear, and not trap"),
    (["no peer 192.0.2.9"], "peer is 192.0.2.1, and not 192.0.2.9"),
    (["no local-id name bob"], "local-id name is not set"),
    (["no local-id inet 192.0.2.3"], "local-id inet is 192.0.2.2, and not 192.0.2.3"),
    (["no description to the branch"], 'description is "to  the branch", and not "to the branch"'),
    (["no remote-id key k"], "remote-id key is not set"),
    (["no initiator true"], "initiator is not set"),
    (["no enabled false"], "enabled is not set"),
    (["no dpd-delay 11"], "dpd delay is not set"),
    (["no ike cipher aes256"], "cipher is aes128, and not aes256"),
    (["no ike cipher aes128 auth sha512 dh x25519"], "auth is sha256, and not sha512"),
    (["no ike cipher aes128 prf prfsha256"], "prf is not set"),
    (["no ike proposal 2 dh ecp256"], "dh is x25519, and not ecp256"),
    (["no esp cipher aes128"], "cipher is not set"),
    (["no local-subnet 10.2.0.0/16"], "local-subnet has 10.0.0.0/8, 10.1.0.0/16, and not 10.2.0.0/16"),
    (
        ["no local-subnet 10.0.0.0/8 10.2.0.0 255.255.0.0"],
        "local-subnet has 10.0.0.0/8, 10.1.0.0/16, and not",
    ),
    (["no remote-subnet 10.2.0.0/16"], "remote-subnet is not set"),
    (["no certificate trusted-ca a"], "certificate trusted-ca has b, and not a"),
    (["no bypass network 10.0.0.0/8"], "bypass network is not set"),
    (["dpd-action restart", "no dpd-action clear"], "dpd action is restart, and not clear"),
    (["no peer", "no peer 192.0.2.1"], "peer is not set"),
    (["no local-subnet 10.0.0.0/8", "no local-subnet 10.0.0.0/8"], "local-subnet has 10.1.0.0/16, and not"),
    (["local-id name alice", "no local-id inet 192.0.2.2"], "local-id inet is not set"),
    (["ike cipher aes256 auth sha256 dh x25519", "no ike cipher aes128"], "cipher is aes256, and not aes128"),
]


@pytest.mark.parametrize(("lines", "message"), NOT_SET, ids=["; ".join(lines) for lines, _ in NOT_SET])
def test_no_with_a_value_that_is_not_set_is_refused(lines: list[str], message: str) -> None:
    with pytest.raises(Mistake) as caught:
        edit(*lines, present=SET)
    assert caught.value.message.startswith(message)
    assert caught.value.message.endswith(": nothing is removed")


NO_VALUE = [
    (["no dpd-action clear"], "dpd(enabled'false' !action)"),
    (["no peer 192.0.2.1"], "!peer"),
    (["no local-address 2001:DB8:0::1"], "!local-address"),
    (["no local-id inet 192.0.2.2"], "!local-id"),
    (["no description to  the branch"], "!description"),
    (["no ike cipher aes128 auth sha256 dh x25519"], "ike(!proposal(priority'1'))"),
    (["no ike cipher aes128"], "ike(!proposal(priority'1'))"),
    (["no ike proposal 2 dh x25519"], "ike(proposal(priority'2' !dh))"),
    (["no local-subnet 10.0.0.9 255.0.0.0"], "!local-subnet'10.0.0.0/8'"),
    (["no certificate trusted-ca b"], "certificate(!trusted-ca'b')"),
    (["no enabled true"], "!enabled"),
    (["dpd-action trap", "no dpd-action trap"], "dpd(enabled'false' !action)"),
    (["local-subnet add 10.9.0.0/16", "no local-subnet 10.9.0.0/16"], "!local-subnet'10.9.0.0/16'"),
]


@pytest.mark.parametrize(("lines", "expected"), NO_VALUE, ids=["; ".join(lines) for lines, _ in NO_VALUE])
def test_no_with_the_value_that_is_set_removes_it(lines: list[str], expected: str) -> None:
    assert edit(*lines, present=SET) == expected


@pytest.mark.parametrize("line", ["no secret abcdefgh", "no secret x", "no ike ppk key abcdefgh"])
def test_no_compares_no_secret_and_shows_none(line: str) -> None:
    said, _ = mistake(line, context("tunnel", "ipsec 1"))
    assert "takes no value behind 'no'" in said
    assert "abcdefgh" not in said
