"""A configuration as lines: in the manual's words where it has some, and nothing that is lost in silence."""

from __future__ import annotations

import pytest
from lxml import etree

from console.grammar.lines import lines
from console.grammar.reading import Grammar
from console.model.compiled import compile_schema
from console.show.data import hide_secrets
from tests.console.grammar.lab import grammar
from tests.console.served import schema


def written(content: str, *more: str) -> list[str]:
    data = etree.fromstring(f"<data>{content}</data>", etree.XMLParser(remove_blank_text=True))
    return [line for line in lines(data, schema(*more))]


def tunnel(content: str) -> list[str]:
    """Return what is written inside of a tunnel."""
    found = written(
        f'<tunnels xmlns="urn:yangswan:params:xml:ns:yang:ipsec"><ipsec><id>1</id>{content}</ipsec></tunnels>'
    )
    assert found[:2] == ["tunnel", "  ipsec 1"]
    assert found[-2:] == ["  end", "end"]
    inside = [line.removeprefix("    ") for line in found[2:-2]]
    return [line for line in inside if line != UNKNOWN]


UNKNOWN = "# secret, if there is one, is not shown"
PROPOSAL = "<priority>{}</priority><cipher>aes128</cipher><auth>sha256</auth><dh>x25519</dh>"

TUNNELS = [
    ("<enabled>true</enabled>", []),
    ("<enabled>false</enabled>", ["no enable"]),
    ("<initiator>true</initiator>", ["initiator"]),
    ("<initiator>false</initiator>", []),
    ("<description>a b</description>", ["description a b"]),
    ("<description>two  blanks</description>", ['description "two  blanks"']),
    ("<description>a # b</description>", ['description "a # b"']),
    ("<description>'tis</description>", ['description "\'tis"']),
    ("<description>a;b</description>", ['description "a;b"']),
    ("<description>\u202ea</description>", ['description "\\u202ea"']),
    ("<secret>abcdefgh</secret>", ["secret abcdefgh"]),
    ('<secret>"a\\b;c\'"</secret>', ['secret "\\"a\\\\b;c\'\\""']),
    ("<local-id><name>alice</name></local-id>", ["local-id name alice"]),
    ("<remote-id><dn>CN=John Doe, O=x</dn></remote-id>", ["remote-id dn CN=John Doe, O=x"]),
    (
        "<local-subnet>10.0.0.0/8</local-subnet><local-subnet>2001:db8::/32</local-subnet>",
        ["local-subnet 10.0.0.0/8 2001:db8::/32"],
    ),
    ("<dpd><enabled>false</enabled></dpd>", ["no dpd-action"]),
    ("<dpd><action>trap</action><delay>30</delay></dpd>", ["dpd-action trap"]),
    ("<dpd><enabled>false</enabled><action>trap</action></dpd>", ["dpd enabled false", "dpd action trap"]),
    ("<dpd><delay>7</delay></dpd>", ["dpd-delay 7"]),
    (f"<ike><proposal>{PROPOSAL.format(1)}</proposal></ike>", ["ike cipher aes128 auth sha256 dh x25519"]),
    (
        f"<ike><proposal>{PROPOSAL.format(3)}<ke>mlkem768</ke><ke>mlkem512</ke></proposal></ike>",
        ["ike proposal 3 cipher aes128 auth sha256 dh x25519 ke mlkem768 ke mlkem512"],
    ),
    (
        "<ike><proposal><priority>1</priority><cipher>aes128</cipher></proposal></ike>",
        ["ike", "  proposal 1", "    cipher aes128", "  end", "end"],
    ),
    ("<esp><proposal><priority>1</priority><cipher>aes128</cipher></proposal></esp>", ["esp cipher aes128"]),
    ("<ike><version>ikev1</version><rekey-time>14400</rekey-time></ike>", ["ike version ikev1"]),
    ("<ike><ppk><id>a</id></ppk></ike>", ["ike ppk id a", "# key, if there is one, is not shown"]),
    ("<certificate/>", ["certificate", "end"]),
    (
        "<certificate><own>a</own><trusted-ca>b</trusted-ca><trusted-ca>c</trusted-ca></certificate>",
        ["certificate", "  own a", "  trusted-ca b", "  trusted-ca c", "end"],
    ),
    ("<ike/><state><status>down</status></state>", []),
    ("<made-up/><made-up/>", ["# made-up is not known: no module of the server has it"]),
    ('<other xmlns="urn:other"/>', ["# other is not known: no module of the server has it"]),
]


@pytest.mark.parametrize(("content", "expected"), TUNNELS, ids=[content for content, _ in TUNNELS])
def test_a_tunnel_is_written(content: str, expected: list[str]) -> None:
    assert tunnel(content) == expected


def secrets(content: str, *, readable: tuple[str, ...] = ()) -> list[str]:
    """Return what is said of the secrets of a tunnel; ``readable``: paths that the user may read."""
    whole = (
        f'<tunnels xmlns="urn:yangswan:params:xml:ns:yang:ipsec"><ipsec><id>1</id>{content}</ipsec></tunnels>'
    )
    data = etree.fromstring(f"<data>{whole}</data>")
    hide_secrets(data, schema(), marked=True)
    found = lines(data, schema(), may_read=readable.__contains__)
    return [line.strip() for line in found if "shown" in line or "abcdefgh" in line]


def test_what_is_said_of_a_secret_is_what_is_known_of_it() -> None:
    path = "/yangswan-ipsec:tunnels/ipsec[id='1']/secret"
    assert secrets("<secret>abcdefgh</secret>") == ["# secret is not shown"]
    assert secrets("") == [UNKNOWN]
    assert secrets("", readable=(path,)) == []
    assert secrets("<certificate/>") == []
    key = f"{path.rpartition('/')[0]}/ike/ppk/key"
    ppk = "<certificate/><ike><ppk><id>a</id>{}</ppk></ike>"
    assert secrets(ppk.format("<key>abcdefgh</key>")) == ["# key is not shown"]
    assert secrets(ppk.format("")) == ["# key, if there is one, is not shown"]
    assert secrets(ppk.format(""), readable=(key,)) == []


def test_a_comment_is_read_as_nothing() -> None:
    for line in written('<tunnels xmlns="urn:yangswan:params:xml:ns:yang:ipsec"><x/></tunnels>'):
        if line.strip().startswith("#"):
            assert grammar().read(line, ()).changes == ()  # type: ignore[union-attr]


def test_texts_of_several_lines_are_one_line() -> None:
    pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    content = f"<certificate><name>a</name><pem>{pem}</pem></certificate>"
    found = written(f'<certificates xmlns="urn:yangswan:params:xml:ns:yang:pki">{content}</certificates>')
    assert found == [
        "certificates",
        "  certificate a",
        '    pem "-----BEGIN CERTIFICATE-----\\nMIIB\\n-----END CERTIFICATE-----\\n"',
        "  end",
        "end",
    ]


def test_what_only_xml_can_say_is_named() -> None:
    content = "<anything><x/></anything><marker/><tag/>"
    found = written(
        f'<top xmlns="urn:yangswan:test:every-construct"><entry><id>e</id>{content}</entry></top>',
        *("every-construct", "every-augment"),
    )
    assert found == [
        "top",
        "  entry e",
        "    marker",
        '    tag ""',
        "    # anything cannot be written as commands",
        "  end",
        "end",
    ]


def test_identities_stand_without_their_module_where_that_is_enough() -> None:
    content = '<idref xmlns:a="urn:zoo-more">a:lion</idref><kinds xmlns:a="urn:zoo">a:cat</kinds>'
    assert written(f'<zoo xmlns="urn:zoo">{content}</zoo>', "zoo", "zoo-more") == [
        "zoo idref lion",
        "zoo kinds zoo:cat",
    ]


def test_a_default_that_says_which_case_it_is_stays() -> None:
    found = written('<box xmlns="urn:hostile"><ax>adef</ax><mode>plain</mode></box>', "hostile", "acme")
    assert found == ["box ax adef"]


def test_lists_of_defaults_are_left_out_as_a_whole_only() -> None:
    both = "<lld>one</lld><lld>two</lld>"
    assert written(f'<box xmlns="urn:hostile">{both}</box>', "hostile", "acme") == []
    assert "box lld one" in written('<box xmlns="urn:hostile"><lld>one</lld></box>', "hostile", "acme")


def test_a_word_of_the_command_line_as_the_name_of_a_node_stands_with_its_module() -> None:
    module = """module odd { namespace "urn:odd"; prefix o;
      container no { leaf do { type string; } leaf x { type string; } } leaf do { type string; } }"""
    made = compile_schema({"odd": module})
    data = etree.fromstring(
        '<data><no xmlns="urn:odd"><do>1</do><x>2</x></no><do xmlns="urn:odd">3</do></data>'
    )
    found = list(lines(data, made))
    assert found == ["odd:no odd:do 1", "odd:no x 2", "odd:do 3"]
    using = Grammar(made, ())
    assert all(using.read(line, ()) for line in found)


def test_nothing_is_nothing() -> None:
    assert written("") == []
    assert written('<tunnels xmlns="urn:yangswan:params:xml:ns:yang:ipsec"/>') == []
