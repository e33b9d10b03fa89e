"""``show running-config``, ``show candidate-config``, ``show``: as commands to paste, XML, JSON."""

from __future__ import annotations

from collections.abc import Mapping

from lxml import etree

from console.client.session import Element
from console.grammar.command import Argument, Command, Where
from console.grammar.lines import lines
from console.grammar.parts import is_there, wanted
from console.grammar.reading import Grammar
from console.grammar.values import Path
from console.harmless import is_unseen
from console.shell.console import Console
from console.show.data import elements, hide_secrets
from console.show.rfc7951 import as_json


def show_running(console: Console, given: Mapping[str, str]) -> int:
    """Show what is in force."""
    return _show(console, given, "running")


def show_candidate(console: Console, given: Mapping[str, str]) -> int:
    """Show what a commit would put in force."""
    return _show(console, given, "candidate")


def show_here(console: Console, given: Mapping[str, str]) -> int:
    """Show what the candidate has where one is."""
    at = console.context or ()
    data = _configuration(console, "candidate", at)
    if not console.out.as_json:
        hide_secrets(data, console.schema)
        console.out.text("\n".join(lines(data, console.schema, at)) or "Nothing is configured here.")
        return 0
    return _say(console, given, data)


def _show(console: Console, given: Mapping[str, str], source: str) -> int:
    words = f"tunnel ipsec {given['ID']}" if "ID" in given else given.get("PART", "")
    path = Grammar(console.schema, ()).part(words) if words else ()
    data = _configuration(console, source, path)
    if path and not is_there(path, data):
        console.out.warn(
            f"there is no tunnel {given['ID']}" if "ID" in given else f"nothing is configured at '{words}'"
        )
        return 1
    return _say(console, given, data)


def _configuration(console: Console, source: str, path: Path) -> Element:
    """Return the part at ``path``, what the manual is about first."""
    with console.out.progress("asking for the configuration"):
        data = console.client.get_config(source, wanted(path) if path else None)
    roots = Grammar(console.schema, ()).names.below(())
    order = {f"{{{node.namespace}}}{node.name}": place for place, node in enumerate(roots.values())}
    data[:] = sorted(data, key=lambda one: order.get(str(one.tag), len(order)))
    return data


def _say(console: Console, given: Mapping[str, str], data: Element) -> int:
    hidden = hide_secrets(data, console.schema)
    if console.out.as_json or "json" in given:
        console.out.json(as_json(data, console.schema))
    elif "xml" in given:
        console.out.text(as_xml(data))
    else:
        console.out.text("\n".join(lines(data, console.schema)))
    if (words := hidden.words()) and (console.interactive or hidden.unknown):
        console.out.warn(f"(not shown: {words})")
    return 0


def as_xml(data: Element) -> str:
    """Return the content of ``data`` as a document that <edit-config> takes, indented."""
    config = etree.Element("config")
    config.extend(list(elements(data)))
    etree.cleanup_namespaces(config)
    etree.indent(config)
    written = etree.tostring(config, encoding="unicode")
    # What a terminal would obey, or nobody would see, stays the data that it is.
    return "".join(f"&#x{ord(one):x};" if one != "\n" and is_unseen(one) else one for one in written)


PART = Argument("a part, as it is typed at the top of the configuration: tunnel ipsec 1 ike", rest=True)
_ARGUMENTS = {
    "ID": Argument("the number of the tunnel", source="tunnel", number=(1, 65535)),
    "PART": PART,
}
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
