"""Which entries have to work for a commit to confirm itself, and how it goes with them.

Entries are named by their paths: RFC 7951 instance-identifiers, as libyang writes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from agent.datastore.preparation import Prepared
from agent.errors import InvalidValue, RpcError, RpcErrors
from agent.translator import EntryChange, Json, Keys, Reader, Translator, reads_all
from agent.yang.nodes import NO_NODE, Node, keys_of, to_json
from agent.yang.paths import literal
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from agent.yang.units import Unit


@dataclass(frozen=True, slots=True)
class Entry:
    """A list entry that is to work. ``content`` is what a commit leaves of it, an RFC 7951 object."""

    path: str
    translator: Translator
    keys: Keys
    content: Json = field(repr=False)


@dataclass(frozen=True, slots=True)
class Places:
    """The entries at some paths, as a change would leave them: schema path of the list, keys and content by
    the path that was asked for; None for what is no entry then."""

    found: Mapping[str, tuple[str, Keys, Json] | None] = field(repr=False)


class ToWork:
    """Knows whose the entries are."""

    def __init__(self, schema: Schema, translators: Sequence[Translator]) -> None:
        self._schema = schema
        self._translators = {translator.config_list: translator for translator in translators}

    def look_up(self, paths: Iterable[str], prepared: Prepared, running: Tree) -> Places:
        """*worker* Return what the commit of ``prepared`` would leave at ``paths``."""
        return Places({path: self._place(path, prepared, running) for path in paths})

    def _place(self, path: str, prepared: Prepared, running: Tree) -> tuple[str, Keys, Json] | None:
        node = self._after(path, prepared, running)
        if node == NO_NODE:
            return None
        list_node = self._schema.node_of(node.schema)
        if list_node.path not in self._translators:
            return None
        return list_node.path, keys_of(node, list_node), to_json(node)

    def _after(self, path: str, prepared: Prepared, running: Tree) -> Node:
        node = prepared.scratch.find(path)
        if node != NO_NODE or prepared.complete:
            return node
        node = running.find(path)
        if node != NO_NODE and self._schema.node_of(node.schema).path in self._translators:
            changed = {unit.path for unit in prepared.units}
            return NO_NODE if Unit(self._schema, node).path in changed else node
        return node

    def named(self, places: Places, may_read: Reader = reads_all) -> list[Entry]:
        """Return the entries that a client named.

        Raises:
            RpcErrors: there is none of that name for him after the commit, or nobody can tell if it works.
        """
        entries, problems = [], []
        for path, place in places.found.items():
            entry = None if place is None or not may_read(path) else self._entry(*place)
            if entry is None:
                problems.append(_no_entry(path))
            elif (problem := _untold(entry)) is not None:
                problems.append(problem)
            else:
                entries.append(entry)
        if problems:
            raise RpcErrors(problems, all_known=True)
        return list({entry.path: entry for entry in entries}.values())

    def touched(self, changes: Mapping[str, Sequence[EntryChange]], before: Places) -> list[Entry]:
        """Return the entries that ``changes``, by name of the translator, touch and that are to work; and of
        those that earlier commits of a sequence touched, ``before``, the ones that still are."""
        earlier: dict[str, list[EntryChange]] = {}
        for place in before.found.values():
            if place is not None:
                list_path, keys, content = place
                path = self._path(list_path, keys)
                change = EntryChange(keys, path, before=content, after=content, list_path=list_path)
                earlier.setdefault(list_path, []).append(change)
        return [
            self._entry(list_path, keys, content)
            for list_path, translator in self._translators.items()
            for keys, content in translator.to_work(
                [*earlier.get(list_path, ()), *changes.get(translator.name, ())]
            ).items()
        ]

    def refuse_untold(self, entries: Iterable[Entry]) -> None:
        """Raises: RpcErrors: nobody can tell whether one of ``entries`` works."""
        if problems := [problem for entry in entries if (problem := _untold(entry)) is not None]:
            raise RpcErrors(problems, all_known=True)

    def _entry(self, list_path: str, keys: Keys, content: Json) -> Entry:
        path = self._path(list_path, keys)
        return Entry(path, translator=self._translators[list_path], keys=keys, content=content)

    def _path(self, list_path: str, keys: Keys) -> str:
        names = self._schema.find(list_path).keys
        predicates = (f"[{name}={literal(key)}]" for name, key in zip(names, keys, strict=True))
        return f"{list_path}{''.join(predicates)}"


async def not_working(entries: Iterable[Entry]) -> dict[str, str]:
    """Return the paths of those that do not work at the moment, each with the reason."""
    by_translator: dict[str, list[Entry]] = {}
    for entry in entries:
        by_translator.setdefault(entry.translator.name, []).append(entry)
    found: dict[str, str] = {}
    for of_one in by_translator.values():
        reasons = await of_one[0].translator.not_working([entry.keys for entry in of_one])
        found.update({entry.path: reasons[entry.keys] for entry in of_one if entry.keys in reasons})
    return found


def _no_entry(path: str) -> RpcError:
    message = "after this commit there is no such entry of a list whose entries can be waited for"
    error = InvalidValue(message, path=path, app_tag="verify-no-entry")
    error.is_named = True
    return error


def _untold(entry: Entry) -> RpcError | None:
    if (why := entry.translator.cannot_tell(entry.content)) is None:
        return None
    message = f"whether it works cannot be waited for: {why}"
    return InvalidValue(message, path=entry.path, app_tag="verify-cannot-tell")
