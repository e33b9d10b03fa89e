"""``show running-config``, ``show candidate-config``, ``show``: as commands to paste, XML, JSON."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from lxml import etree

from console.client.session import Client, Element, ServerErrors
from console.grammar.command import Argument, Command, Where
from console.grammar.lines import lines
from console.grammar.parts import is_there, wanted
from console.grammar.reading import Grammar
from console.grammar.values import Path
from console.harmless import is_unseen
from console.shell.console import Console
from console.show.data import AGENT, elements, hide_secrets, tree
from console.show.rfc7951 import as_json
from console.show.tunnel import missing

_DEFAULTS, _EXPLICIT = ":with-defaults:", "basic-mode=explicit"
_MOST_ASKED = 100
"""Secrets that are not there, about each of which the server is asked whether one may read it."""


def show_running(console: Console, given: Mapping[str, str]) -> int:
    """Show what is in force."""
    return _show(console, given, "running")


def show_candidate(console: Console, given: Mapping[str, str]) -> int:
    """Show what a commit would put in force."""
    return _show(console, given, "candidate")


def show_here(console: Console, given: Mapping[str, str]) -> int:
    """Show what the candidate has where one is."""
    at = console.context or ()
    data = _configuration(console, "candidate", at, Grammar(console.schema, ()))
    if not console.out.as_json:
        hide_secrets(data, console.schema, marked=True)
        shown = _lines(console, data, at)
        console.out.text("\n".join(shown) or "Nothing is configured here.")
        return 0
    return _say(console, given, data)


def _show(console: Console, given: Mapping[str, str], source: str) -> int:
    words = f"tunnel ipsec {given['ID']}" if "ID" in given else given.get("PART", "")
    grammar = Grammar(console.schema, ())
    path = grammar.part(words) if words else ()
    data = _configuration(console, source, path, grammar)
    if path and not is_there(path, data):
        if "ID" not in given:
            return console.missing("PART", f"nothing is configured at '{words}'")
        return missing(console, given["ID"])
    return _say(console, given, data)


def _configuration(console: Console, source: str, path: Path, grammar: Grammar) -> Element:
    """Return the part at ``path``, what the manual is about first."""
    with console.out.progress("asking for the configuration"):
        data = console.client.get_config(source, wanted(path) if path else None)
    order = {node.tag: place for place, node in enumerate(grammar.names.below(()).values())}
    found = sorted(data, key=lambda one: order.get(str(one.tag), len(order)))
    if found == list(data):
        return data
    # Moved, elements would lose the prefixes that only their values have: they are written, and read again.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
    written = [etree.tostring(one, with_tail=False) for one in found]
    return etree.fromstring(b"<data>" + b"".join(written) + b"</data>", parser)


def _say(console: Console, given: Mapping[str, str], data: Element) -> int:
    as_document = console.out.as_json or "json" in given or "xml" in given
    hidden = hide_secrets(data, console.schema, marked=not as_document)
    if console.out.as_json or "json" in given:
        console.out.json(as_json(data, console.schema))
    elif "xml" in given:
        console.out.text(as_xml(data))
    else:
        console.out.text("\n".join(_lines(console, data)))
    if (words := hidden.words()) and (console.interactive or hidden.unknown):
        console.out.warn(f"(not shown: {words})")
    return 0


def _lines(console: Console, data: Element, at: Path = ()) -> Iterator[str]:
    # RFC 6243 section 4.3: whether a default that nobody has set is in the data.
    explicit = any(_DEFAULTS in one and _EXPLICIT in one for one in console.client.capabilities)
    return lines(data, console.schema, at, may_read=_asking(console.client), explicit=explicit)


def _asking(client: Client) -> Callable[[str], bool]:
    """Return what asks the server whether one may read a path; after some questions nobody knows."""
    asked = 0

    def may_read(path: str) -> bool:
        nonlocal asked
        asked += 1
        if asked > _MOST_ASKED:
            return False
        request = tree(AGENT, "explain-access", {"path": path, "access": "read"})
        try:
            reply = client.rpc(request)
        except ServerErrors:
            return False
        return reply.findtext(f"{{{AGENT}}}action") == "permit"

    return may_read


def as_xml(data: Element) -> str:
    """Return the content of ``data`` as a document that <edit-config> takes, indented."""
    config = etree.Element("config")
    for element in elements(data):
        _copy(element, config)
    etree.indent(config)
    written = etree.tostring(config, encoding="unicode")
    # What a terminal would obey, or nobody would see, stays the data that it is.
    return "".join(f"&#x{ord(one):x};" if one != "\n" and is_unseen(one) else one for one in written)


PART = Argument(
    "a part, as it is typed at the top of the configuration: tunnel ipsec 1 ike", source="part", rest=True
)
_ARGUMENTS = {
    "ID": Argument("the number of the tunnel", source="tunnel", number=(1, 65535)),
    "PART": PART,
}


def _copy(element: Element, parent: Element) -> None:
    """Append a copy, with the declarations of the prefixes that its text has: no tree of lxml keeps those."""
    inner = list(elements(element))
    text = "" if inner else element.text or ""
    needed = {None, element.prefix, *(found for found in _PREFIX.findall(text))}
    declared = {one: element.nsmap[one] for one in needed if one in element.nsmap}
    new = {one: name for one, name in declared.items() if parent.nsmap.get(one) != name}
    made = etree.SubElement(parent, element.tag, nsmap=new)
    made.text = text or None
    for child in inner:
        _copy(child, made)


_PREFIX = re.compile(r"([A-Za-z_][\w.-]*):")


_WORDS = {
    "commands": "as commands that can be typed again",
    "xml": "as XML, for <edit-config>",
    "json": "as JSON (RFC 7951)",
    "ipsec": "one tunnel only",
}

COMMANDS = (
    Command(
        "show",
        "what the candidate has where one is",
        show_here,
        Where.CONFIG,
        words={"show": "what is configured here, and more"},
        json=True,
    ),
    Command(
        "show running-config [commands|xml|json] [ipsec ID|PART]",
        "the configuration that is in force",
        show_running,
        words={**_WORDS, "running-config": "what is in force"},
        arguments=_ARGUMENTS,
        json=True,
    ),
    Command(
        "show candidate-config [commands|xml|json] [ipsec ID|PART]",
        "the configuration that a commit would put in force",
        show_candidate,
        words={**_WORDS, "candidate-config": "what a commit would put in force"},
        arguments=_ARGUMENTS,
        json=True,
    ),
)
