"""``show running-config``, ``show candidate-config``: as commands that can be pasted back, XML, or JSON."""

from __future__ import annotations

from collections.abc import Mapping

from lxml import etree

from console.client.session import Element
from console.grammar.command import Argument, Command
from console.grammar.lines import lines
from console.harmless import is_unseen
from console.shell.console import Console
from console.show.data import IPSEC, elements, first, hide_secrets, subtree, top, tree
from console.show.rfc7951 import as_json


def show_running(console: Console, given: Mapping[str, str]) -> int:
    """Show what is in force."""
    return _show(console, given, "running")


def show_candidate(console: Console, given: Mapping[str, str]) -> int:
    """Show what a commit would put in force."""
    return _show(console, given, "candidate")


def _show(console: Console, given: Mapping[str, str], source: str) -> int:
    tunnel = given.get("ID")
    wanted = subtree(tree(IPSEC, "tunnels", {"ipsec": {"id": tunnel}})) if tunnel else None
    with console.out.progress("asking for the configuration"):
        data = console.client.get_config(source, wanted)
    if tunnel and first(top(data, IPSEC, "tunnels"), "ipsec") is None:
        console.out.warn(f"there is no tunnel {tunnel}")
        return 1
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


_ARGUMENTS = {"ID": Argument("the number of the tunnel", source="tunnel", number=(1, 65535))}
_WORDS = {
    "commands": "as commands that can be typed again",
    "xml": "as XML, for <edit-config>",
    "json": "as JSON (RFC 7951)",
    "ipsec": "one tunnel only",
}

COMMANDS = (
    Command(
        "show running-config [commands|xml|json] [ipsec ID]",
        "the configuration that is in force",
        show_running,
        words={**_WORDS, "running-config": "what is in force"},
        arguments=_ARGUMENTS,
        json=True,
    ),
    Command(
        "show candidate-config [commands|xml|json] [ipsec ID]",
        "the configuration that a commit would put in force",
        show_candidate,
        words={**_WORDS, "candidate-config": "what a commit would put in force"},
        arguments=_ARGUMENTS,
        json=True,
    ),
)
