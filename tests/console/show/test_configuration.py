"""The configuration as commands, XML and JSON, always without its secrets."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from lxml import etree

from console.client.session import Element
from console.grammar.reading import Grammar
from console.grammar.values import Mistake
from console.show.configuration import show_candidate, show_here, show_running
from console.show.data import AGENT, IPSEC, PKI
from console.show.history import show_differences
from tests.console.fakes import Printed, Server, console, data

NACM = "urn:ietf:params:xml:ns:yang:ietf-netconf-acm"
SECRET, KEY = "a-secret-of-tunnel-1", "another-secret-that-is-long-enough"


def configured() -> Element:
    return data(
        f'<tunnels xmlns="{IPSEC}"><ipsec><id>1</id><description>to bob</description>'
        f"<secret>{SECRET}</secret><local-address>192.168.0.1</local-address>"
        f"<ike><ppk><id>q</id><key>{KEY}</key></ppk></ike></ipsec></tunnels>"
        f'<nacm xmlns="{NACM}"><enable-nacm>false</enable-nacm></nacm>'
    )


def shown(form: str, *, as_json: bool = False) -> Printed:
    out = Printed(as_json=as_json)
    given = {form: form} if form else {}
    assert show_running(console(Server({"running": configured()}), out), given) == 0
    return out


@pytest.mark.parametrize(
    ("form", "as_json"), [("", False), ("commands", False), ("xml", False), ("json", False), ("", True)]
)
def test_no_secret_is_shown_whoever_may_read_it(form: str, as_json: bool) -> None:
    out = shown(form, as_json=as_json)
    everything = "".join([*out.texts, *map(str, out.documents), *out.warnings])
    assert "to bob" in everything
    assert SECRET not in everything
    assert KEY not in everything
    # What is denied as a whole is no secret by itself.
    assert "enable-nacm" in everything


@pytest.mark.parametrize("form", ["commands", "xml", "json"])
def test_what_no_module_is_known_for_may_be_a_secret_and_is_not_shown(form: str) -> None:
    out = Printed()
    foreign = data(
        f'<tunnels xmlns="{IPSEC}"><ipsec><id>1</id>'
        f'<token xmlns="urn:foreign">{SECRET}</token></ipsec></tunnels>'
        f'<vault xmlns="urn:foreign"><token>{SECRET}</token></vault>'
    )
    assert show_running(console(Server({"running": foreign}), out), {form: form}) == 0
    assert SECRET not in "".join([*out.texts, *map(str, out.documents)])
    assert out.warnings == ["(not shown: 2 nodes that no module of the server has)"]


def test_commands_say_that_a_secret_is_there() -> None:
    (text,) = shown("commands").texts
    lines = [line.strip() for line in text.splitlines()]
    assert "ipsec 1" in lines
    assert "# secret is not shown" in lines


def test_xml_is_what_edit_config_takes() -> None:
    (text,) = shown("xml").texts
    config = etree.fromstring(text)
    assert config.findtext(f"{{{IPSEC}}}tunnels/{{{IPSEC}}}ipsec/{{{IPSEC}}}description") == "to bob"


def test_xml_keeps_what_nobody_sees_without_doing_anything_to_a_terminal() -> None:
    hidden = "a\u202eb\tc\u2028d"
    found = data(
        f'<tunnels xmlns="{IPSEC}"><ipsec><id>1</id><description>{hidden}</description></ipsec></tunnels>'
    )
    out = Printed()
    show_running(console(Server({"running": found}), out), {"xml": "xml"})
    assert not set(out.texts[0]) & {"\u202e", "\t", "\u2028"}
    assert etree.fromstring(out.texts[0]).findtext(f".//{{{IPSEC}}}description") == hidden


def test_json_is_that_of_rfc_7951() -> None:
    (document,) = shown("json").documents
    assert document["yangswan-ipsec:tunnels"]["ipsec"][0]["id"] == 1
    assert document["ietf-netconf-acm:nacm"] == {"enable-nacm": False}


@pytest.mark.parametrize(("show", "source"), [(show_running, "running"), (show_candidate, "candidate")])
def test_one_tunnel_is_asked_for_alone(show: Callable[..., int], source: str) -> None:
    server = Server({source: configured()})
    assert show(console(server), {"ID": "1"}) == 0
    ((what, asked),) = server.asked
    assert what == source
    assert asked is not None
    assert [one.text for one in asked.iter(f"{{{IPSEC}}}id")] == ["1"]
    out = Printed()
    assert show(console(Server(), out), {"ID": "9"}) == 1
    assert out.warnings == ["there is no tunnel 9"]


def test_what_the_manual_is_about_comes_first_and_what_all_servers_have_last() -> None:
    both = data(
        f'<nacm xmlns="{NACM}"><enable-nacm>false</enable-nacm></nacm>'
        f'<certificates xmlns="{PKI}"><certificate><name>ca</name></certificate></certificates>'
        f'<tunnels xmlns="{IPSEC}"><ipsec><id>1</id></ipsec></tunnels>'
    )
    for form, mark in (("commands", "{}"), ("xml", "<{}")):
        out = Printed()
        show_running(console(Server({"running": both}), out), {form: form})
        places = [out.texts[0].index(mark.format(word)) for word in ("tunnel", "certificates", "nacm")]
        assert places == sorted(places)


@pytest.mark.parametrize(
    ("part", "asked"),
    [
        ("tunnel", "<tunnels/>"),
        ("tunnel ipsec", "<tunnels><ipsec/></tunnels>"),
        ("tunnel ipsec 1 ike ppk", "<tunnels><ipsec><id>1</id><ike><ppk/></ike></ipsec></tunnels>"),
        ("tun ips 1 desc", "<tunnels><ipsec><id>1</id><description/></ipsec></tunnels>"),
        ("nacm enable-nacm", "<nacm><enable-nacm/></nacm>"),
    ],
)
def test_a_part_is_asked_of_the_server_with_a_filter(part: str, asked: str) -> None:
    server, out = Server({"running": configured()}), Printed()
    assert show_running(console(server, out), {"PART": part}) == 0
    ((_, subtree),) = server.asked
    assert subtree is not None
    written = etree.tostring(subtree[0], encoding="unicode")
    assert re.sub(r' xmlns(:\w+)?="[^"]*"|(?<=[</])\w+:', "", written) == asked
    assert SECRET not in "".join(out.texts)


@pytest.mark.parametrize("part", ["nothing", "tunnel ipsec 1 peer 1.2.3.4", "tunnel ipsec x", 'tunnel "'])
def test_a_part_that_is_none_is_a_mistake(part: str) -> None:
    server = Server({"running": configured()})
    with pytest.raises(Mistake):
        show_running(console(server), {"PART": part})
    assert server.asked == []


def test_a_part_in_which_there_is_nothing_says_so() -> None:
    out = Printed()
    assert show_candidate(console(Server(), out), {"PART": "tunnel ipsec 7 ike"}) == 1
    assert out.warnings == ["nothing is configured at 'tunnel ipsec 7 ike'"]


def test_where_one_is_the_candidate_is_shown_as_it_is_typed_there() -> None:
    server, out = Server({"candidate": configured()}), Printed()
    at = console(server, out)
    at.context = Grammar(at.schema, ()).part("tunnel ipsec 1")
    assert show_here(at, {}) == 0
    assert out.texts[0].splitlines()[0] == "description to bob"
    assert "ipsec 1" not in out.texts[0]
    assert SECRET not in out.texts[0]
    assert KEY not in out.texts[0]
    assert [source for source, _ in server.asked] == ["candidate"]
    at.context = Grammar(at.schema, ()).part("certificates")
    show_here(at, {})
    assert out.texts[1] == "Nothing is configured here."
    at.context = ()
    show_here(at, {})
    assert out.texts[2].startswith("tunnel\n")


def test_differences_of_a_part_are_asked_for_with_a_filter() -> None:
    server = Server()
    show_differences(console(server), {"FROM": "running", "TO": "candidate", "PART": "tunnel ipsec 1"})
    ((_, request),) = server.asked
    assert request is not None
    (number,) = request.find(f"{{{AGENT}}}subtree-filter").iter(f"{{{IPSEC}}}id")
    assert number.text == "1"
