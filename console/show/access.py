"""``show access``: which rule decides whether a user may do something."""

from __future__ import annotations

from collections.abc import Mapping

from lxml import etree

from console.client.session import Element
from console.grammar.command import Argument, Command
from console.shell.console import Console
from console.show.data import AGENT, tree
from console.show.layout import fields
from console.show.rfc7951 import as_json, output_of
from console.show.screen import width_of

_ACCESS = ("read", "create", "update", "delete", "exec")


def show_access(console: Console, given: Mapping[str, str]) -> int:
    """Show the decision and its reason; the exit status is 1 where access is denied."""
    request = tree(AGENT, "explain-access")
    for leaf, value in _question(given):
        etree.SubElement(request, f"{{{AGENT}}}{leaf}").text = value
    reply = console.client.rpc(request)
    said = {leaf: _leaf(reply, leaf) for leaf in ("action", "reason", "rule-list", "rule")}
    groups = [one.text or "" for one in reply.iterfind(f"{{{AGENT}}}group")]
    if console.out.as_json:
        of = output_of(console.schema, "yangswan-agent:explain-access")
        console.out.json(as_json(reply, console.schema, of))
    else:
        rule = said["rule"] and f"{said['rule']} of the list {said['rule-list']}"
        pairs = [("Action", said["action"]), ("Reason", said["reason"]), ("Rule", rule)]
        pairs += [("User", given.get("USER") or console.client.user), ("Groups", ", ".join(groups) or "none")]
        console.out.text(fields(pairs, width_of(console)))
    return 0 if said["action"] == "permit" else 1


def _question(given: Mapping[str, str]) -> list[tuple[str, str]]:
    asked = [("user", given["USER"])] if "USER" in given else []
    if "OPERATION" in given:
        return [*asked, ("operation", given["OPERATION"])]
    if "NOTIFICATION" in given:
        return [*asked, ("notification", given["NOTIFICATION"])]
    asked.append(("path", given["PATH"]))
    return asked + [("access", access) for access in _ACCESS if access in given]


def _leaf(reply: Element, name: str) -> str:
    return next((one.text or "" for one in reply.iterfind(f"{{{AGENT}}}{name}")), "")


_WORDS = {"access": "which rule of access control decides", "user": "whom it is about; oneself without"}
_USER = Argument("the name of a user", source="user")

COMMANDS = (
    Command(
        "show access operation OPERATION [user USER]",
        "whether a user may carry out an operation, and by which rule",
        show_access,
        words=_WORDS,
        arguments={"OPERATION": Argument("the name of an rpc, with 'MODULE:' before it"), "USER": _USER},
        json=True,
    ),
    Command(
        "show access notification NOTIFICATION [user USER]",
        "whether a user is told of an event, and by which rule",
        show_access,
        arguments={"NOTIFICATION": Argument("MODULE:NAME"), "USER": _USER},
        json=True,
    ),
    Command(
        "show access path PATH [read|create|update|delete|exec] [user USER]",
        "whether a user may reach a data node, and by which rule",
        show_access,
        arguments={
            "PATH": Argument("names of modules are prefixes: /yangswan-ipsec:tunnels/ipsec[id='1']"),
            "USER": _USER,
        },
        json=True,
    ),
)
