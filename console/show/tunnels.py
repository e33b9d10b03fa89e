"""``show ipsec``: the tunnels in a table, with the columns and words of the router's manual."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from console.client.session import Client, Element
from console.grammar.command import Command
from console.model.schema import Schema
from console.shell.console import Console
from console.show.data import IPSEC, Wanted, every, find_node, number, subtree, top, tree
from console.show.layout import folded, ranges, table
from console.show.rfc7951 import as_json
from console.show.screen import width_of
from console.show.status import UP, Facts, facts_of, notes, status_words
from console.show.times import since_rekey

COLUMNS = ("ID", "DESCRIPTION", "STATUS", "TIME (since last rekey)")
CUTTABLE = (1,)
"""Only a description may be cut: who cannot see the whole word may take one status for another."""
WHOLE = 10_000
"""Up to so many tunnels are asked for at once, all that there are, which is the least work for the server."""
PAGE = 500
"""Of more, so many: neither side holds the state of all of them then."""
_NOTES_SHOWN = 20

_STATE: Wanted = {
    "status": None,
    "applied": None,
    "sas-unknown": None,
    "limitation": None,
    "local-address-present": None,
    "overlap": {"tunnel": None, "relation": None},
    "narrowed": None,
    "leak-protection": {"in-force": None, "reason": None},
    "time-since-rekey": None,
}
_ENTRY: Wanted = {"id": None, "enabled": None, "description": None, "state": _STATE}


def ids(client: Client) -> list[int]:
    """Return the numbers of all tunnels."""
    wanted = subtree(tree(IPSEC, "tunnels", {"ipsec": {"id": None}}))
    tunnels = top(client.get_config("running", wanted), IPSEC, "tunnels")
    found = [number(one, "id") for one in every(tunnels, "ipsec")]
    return sorted(one for one in found if one is not None)


def pages(client: Client, of: Sequence[int]) -> Iterator[Element]:
    """Yield <data> with what the table needs of the tunnels ``of``, at most PAGE at a time."""
    entry = tree(IPSEC, "ipsec", _ENTRY)
    for begin in range(0, len(of), PAGE):
        asked = tree(IPSEC, "tunnels")
        for one in of[begin : begin + PAGE]:
            asked.append(deepcopy(entry))
            asked[-1][0].text = str(one)
        yield client.get(subtree(asked))


def every_page(client: Client, of: Sequence[int]) -> Iterator[Element]:
    """Yield the same of ``of``, the numbers of all tunnels that there are."""
    if len(of) > WHOLE:
        yield from pages(client, of)
    elif of:
        yield client.get(subtree(tree(IPSEC, "tunnels", {"ipsec": _ENTRY})))


def tunnels_in(data: Element) -> list[Element]:
    found = list(every(top(data, IPSEC, "tunnels"), "ipsec"))
    return sorted(found, key=lambda one: number(one, "id") or 0)


def row(facts: Facts) -> tuple[str, str, str, str]:
    since = facts.of_state("time-since-rekey")
    return (
        facts.leaf("id"),
        facts.leaf("description"),
        status_words(facts.of_state("status")),
        since_rekey(int(since)) if since.isascii() and since.isdecimal() else "",
    )


@dataclass(slots=True)
class Overview:
    """The table and what is said below it; of thousands of tunnels no more than that is kept."""

    schema: Schema
    only: str = ""
    """"up" or "down": those that are; "": all."""
    rows: list[tuple[str, str, str, str]] = field(default_factory=list)
    noted: dict[str, list[int]] = field(default_factory=dict)
    up: int = 0
    total: int = 0

    def add(self, tunnel: Element) -> bool:
        """Take a tunnel in; returns whether it is shown."""
        facts = facts_of(tunnel)
        works = facts.of_state("status") == UP
        self.total += 1
        self.up += works
        if self.only and works != (self.only == "up"):
            return False
        self.rows.append(row(facts))
        for note in notes(facts, self.schema):
            self.noted.setdefault(note, []).append(number(tunnel, "id") or 0)
        return True

    def lines(self, width: int | None) -> Iterator[str]:
        """Yield the lines of the page."""
        if not self.rows:
            which = {"up": "No tunnel is up.", "down": "No tunnel is down."}.get(self.only, "")
            yield which if self.total else "There is no tunnel: 'config', 'tunnel', 'ipsec 1' begin one."
        else:
            yield table(COLUMNS, self.rows, width, CUTTABLE)
        if self.noted:
            yield ""
        for note, of in sorted(self.noted.items(), key=lambda one: (one[1], one[0]))[:_NOTES_SHOWN]:
            yield from folded(f"{note}: {ranges(of)}", width, "", "  ")


def show_tunnels(console: Console, given: Mapping[str, str]) -> int | None:
    """Show all tunnels, or those that are up or down."""
    page = Overview(console.schema, given.get("up") or given.get("down") or "")
    kept: list[Any] = []
    with console.out.progress("asking for the tunnels") as progress:
        asked = ids(console.client)
        for data in every_page(console.client, asked):
            progress(f"asking for the tunnels, {page.total} of {len(asked)}")
            shown = [one for one in tunnels_in(data) if page.add(one)]
            if console.out.as_json:
                kept += _entries(shown, console.schema)
    if console.out.as_json:
        console.out.json({"yangswan-ipsec:tunnels": {"ipsec": kept}})
        return None
    console.out.text("\n".join(page.lines(width_of(console))))
    return None


def _entries(shown: list[Element], schema: Schema) -> list[Any]:
    """Return tunnels as JSON."""
    found = as_json(shown, schema, find_node(schema, "yangswan-ipsec:tunnels"))
    return list(found.get("yangswan-ipsec:ipsec", []))


COMMANDS = (
    Command(
        "show ipsec [up|down]",
        "the tunnels, their status, and the time since their last rekeying",
        show_tunnels,
        words={
            "show": "what is so, and what is configured",
            "ipsec": "the IPsec tunnels",
            "up": "only those that carry traffic",
            "down": "only those that do not",
        },
        json=True,
    ),
)
