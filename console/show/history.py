"""``show history``: the commits of the server, what one of them changed, and how two states differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any

from lxml import etree

from console.client.session import Client, Element
from console.grammar.command import Argument, Command
from console.grammar.parts import wanted
from console.grammar.reading import Grammar
from console.harmless import harmless
from console.model.schema import Choice, Schema, Type
from console.shell.console import Console
from console.show import pending
from console.show.data import AGENT, Wanted, every, find_node, first, number, subtree, text, top, tree, word
from console.show.differences import difference_json, difference_lines
from console.show.layout import counted, fields, folded, sentence, table
from console.show.pending import Pending
from console.show.rfc7951 import as_json, path_of
from console.show.screen import show_one, width_of
from console.show.times import clock, when

COLUMNS = ("ID", "TIME", "USER", "CHANGED", "OUTCOME", "COMMENT")
CUTTABLE = (2, 5)
PAGE = 500
"""Commits that are asked for by their ids at once; the server answers 1000."""
_COMMIT = "yangswan-agent:agent/history/commit"
_ROW: Wanted = dict.fromkeys(
    ("time", "user", "comment", "cause", "outcome", "taken-back-by", "changed-count")
)  # fmt: skip
_NUMBERS = (1, 2**32 - 1)
_POINT = Type("union", "point-in-time", members=(
    Type("uint32", "commit-id", ranges=((str(_NUMBERS[0]), str(_NUMBERS[1])),)),
    Type("enumeration", "", choices=(
        Choice("beginning", "as it was before the oldest commit of the history"),
        Choice("running", "what is in force"),
        Choice("candidate", "what is being edited"),
    )),
))  # fmt: skip


def show_history(console: Console, given: Mapping[str, str]) -> None:
    """Show the newest commits, newest first."""
    # Before the commits: what is taken back from here on is so in them.
    agent = _known(console.client, {"confirmed-commit": pending.LEAFS})
    commits = list(newest(console.client, int(given.get("COUNT") or 100), agent))
    if console.out.as_json:
        console.out.json(_as_history(commits, console.schema, first(agent, "confirmed-commit")))
        return
    if not commits:
        console.out.text("Nothing has been committed, or you may not read the history.")
        return
    now = datetime.now(UTC)
    waits = pending.pending_of(agent, now)
    console.out.text(page(commits, console.schema, now, waits, width=width_of(console)))


def page(
    commits: list[Element],
    schema: Schema,
    now: datetime,
    waits: Pending | None = None,
    *,
    width: int | None,
    zone: tzinfo | None = None,
) -> str:
    """Return the table of commits; ``waits``: the confirmed commit that is not confirmed yet."""
    cells = [waits.cell(now, zone) if waits is not None and waits.has(one) else "" for one in commits]
    rows = [row(one, schema, zone, waiting) for one, waiting in zip(commits, cells, strict=True)]
    return table(COLUMNS, rows, width, CUTTABLE)


def newest(client: Client, count: int, agent: Element | None = None) -> Iterator[Element]:
    """Yield the newest commits, newest first; asked for in pages. ``agent``: as ``_known`` has it."""
    history = first(_known(client, {}) if agent is None else agent, "history")
    last, oldest = number(history, "newest-commit") or 0, number(history, "oldest-commit") or 1
    begin = max(oldest, last - count + 1)
    for end in range(last, begin - 1, -PAGE):
        yield from _named(client, range(end, max(begin, end - PAGE + 1) - 1, -1), _ROW)


def _known(client: Client, also: Wanted) -> Element | None:
    """Return which commits there are, and what else of the agent is wanted."""
    known: Wanted = {"history": {"oldest-commit": None, "newest-commit": None}, **also}
    return top(client.get(subtree(tree(AGENT, "agent", known))), AGENT, "agent")


def _named(client: Client, ids: range, wanted: Wanted) -> list[Element]:
    """Return the commits ``ids``, newest first."""
    asked = tree(AGENT, "agent", {"history": {}})
    asked[0].extend(tree(AGENT, "commit", {"id": str(one), **wanted}) for one in ids)
    agent = top(client.get(subtree(asked)), AGENT, "agent")
    return sorted(every(agent, "history/commit"), key=lambda one: -(number(one, "id") or 0))


def row(commit: Element, schema: Schema, zone: tzinfo | None = None, waiting: str = "") -> tuple[str, ...]:
    """Return the cells of a commit; ``waiting``: for what it waits, in words."""
    outcome = waiting or text(commit, "outcome")
    if back := text(commit, "taken-back-by"):
        outcome = f"taken back by {back}"
    cause = text(commit, "cause")
    comment = text(commit, "comment")
    if not comment and cause not in ("client", "confirmed-commit", ""):
        comment = sentence(word(schema, f"{_COMMIT}/cause", cause)) or cause
    return (
        text(commit, "id"),
        clock(text(commit, "time"), zone),
        text(commit, "user"),
        text(commit, "changed-count"),
        outcome,
        comment,
    )


def show_commit(console: Console, given: Mapping[str, str]) -> int:
    """Show one commit and what it changed; the exit status is 1 where there is none of that number."""
    wanted: Wanted = {"confirmed-commit": pending.LEAFS, "history": {"commit": {"id": given["COMMIT"]}}}
    data = console.client.get(subtree(tree(AGENT, "agent", wanted)))
    agent = top(data, AGENT, "agent")
    commit = first(agent, "history/commit")

    def whole(found: Element) -> str:
        now = datetime.now(UTC)
        waits = pending.pending_of(agent, now)
        return commit_page(found, console.schema, now, waits, width=width_of(console))

    if commit is None:
        return console.missing("COMMIT", f"there is no commit {given['COMMIT']} in the history")
    return show_one(console, data, commit, whole)


def commit_page(
    commit: Element,
    schema: Schema,
    now: datetime,
    waits: Pending | None = None,
    *,
    width: int | None,
    zone: tzinfo | None = None,
) -> str:
    """Return what is said of a commit, and each thing that it changed; ``waits``: as of ``page``."""
    waiting = waits.in_words(now, zone) if waits is not None and waits.has(commit) else ""
    lines = [fields(_details(commit, schema, waiting, when(text(commit, "time"), now, zone)), width)]
    for change in every(commit, "change"):
        target = first(change, "target")
        what = "" if target is None else path_of(target, schema)
        said = f"{text(change, 'operation')} {what}"
        lines += folded(said, width, "  ", "      ")
    more = (number(commit, "changed-count") or 0) - len(list(every(commit, "change")))
    if more > 0:
        lines.append(f"  and {more} more")
    own = number(commit, "id") or 0
    before = own - 1 or "beginning"
    lines += folded(f"('show history {before} {own}' shows the differences)", width)
    return "\n".join(lines)


def _as_history(commits: list[Element], schema: Schema, waits: Element | None) -> dict[str, Any]:
    """Return commits as the JSON of the history that holds them, and what waits to be confirmed."""
    found = as_json(commits, schema, find_node(schema, "yangswan-agent:agent/history"))
    agent: dict[str, Any] = {"history": {"commit": found.get("yangswan-agent:commit", [])}}
    if waits is not None:
        one = as_json([waits], schema, find_node(schema, "yangswan-agent:agent"))
        agent["confirmed-commit"] = one["yangswan-agent:confirmed-commit"]
    return {"yangswan-agent:agent": agent}


def _details(commit: Element, schema: Schema, waiting: str, time: str) -> Iterator[tuple[str, str]]:
    yield "Commit", text(commit, "id")
    yield "Time", time
    source, session = text(commit, "source-address"), text(commit, "session-id")
    where = ", ".join(one for one in (source, f"session {session}" if session else "") if one)
    yield "User", text(commit, "user") + (f" ({where})" if where else "")
    yield "Comment", text(commit, "comment")
    for name, leaf in (("Cause", "cause"), ("Outcome", "outcome")):
        value = text(commit, leaf)
        yield name, sentence(word(schema, f"{_COMMIT}/{leaf}", value)) or value
    yield "Reason", text(commit, "reason")
    yield "Waits", waiting
    yield "Taken back", f"by commit {back}" if (back := text(commit, "taken-back-by")) else ""
    count = number(commit, "changed-count")
    yield "Changed", "" if count is None else counted(count, "unit")


def show_differences(console: Console, given: Mapping[str, str]) -> None:
    """Show how two states of the configuration differ."""
    asked = None
    if words := given.get("PART"):
        asked = wanted(Grammar(console.schema, ()).part(words))
    if console.out.as_json:
        reply = _compared(console.client, given["FROM"], given["TO"], form="patch", part=asked)
        console.out.json(difference_json(reply, console.schema))
        return
    # Lines are cut nowhere: somebody may have to know the whole of a value.
    lines = differences(console.client, console.schema, given["FROM"], given["TO"], part=asked)
    console.out.text("\n".join(lines))


def differences(
    client: Client,
    schema: Schema,
    before: str = "running",
    after: str = "candidate",
    *,
    part: Element | None = None,
) -> list[str]:
    """Return how two states differ, in lines that are safe to show; ``part``: a filter, what is asked for."""
    reply = _compared(client, before, after, form="text", part=part)
    lines = [one for one in difference_lines(reply, schema) if one] or ["There is no difference."]
    left_out = [one.text or "" for one in reply.iterfind(f"{{{AGENT}}}left-out")]
    lines += [f"(not compared, because it does not fit the YANG modules: {one})" for one in left_out]
    return [harmless(one) for one in lines]


def _compared(client: Client, before: str, after: str, *, form: str, part: Element | None) -> Element:
    request = tree(AGENT, "compare-commits", {"from": before, "to": after})
    etree.SubElement(request, f"{{{AGENT}}}as").text = form
    if part is not None:
        etree.SubElement(request, f"{{{AGENT}}}subtree-filter").extend(list(part))
    return client.rpc(request)


_STATES = Argument("the number of a commit, or a state", source="commit", type=_POINT)

COMMANDS = (
    Command(
        "show history [last COUNT]",
        "the commits: who made them, when, why, and what became of them",
        show_history,
        words={"history": "the commits of this server", "last": "how many; 100 without"},
        arguments={"COUNT": Argument("how many commits", number=(1, 10000))},
        json=True,
    ),
    Command(
        "show history COMMIT",
        "one commit, and what it changed",
        show_commit,
        arguments={"COMMIT": Argument("the number of a commit", source="commit", number=_NUMBERS)},
        json=True,
    ),
    Command(
        "show history FROM TO",
        "how the configuration after two commits differs",
        show_differences,
        arguments={"FROM": _STATES, "TO": _STATES},
        json=True,
    ),
)
