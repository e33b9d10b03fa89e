"""Preparing a change of running: validated, compared, and written down as the history records it.

Nothing is changed and no commit is needed: a commit, a rollback and a look at what either would do begin
alike. Everything here runs on the thread that owns libyang (*worker*).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from agent.datastore.candidate import Candidate
from agent.datastore.records import UnitChange
from agent.translator import EntryChange, Json, Keys, Translator
from agent.yang.locality import local_modules
from agent.yang.many import Found, copy_all, locate_all, locate_copies, print_all
from agent.yang.nodes import Node, keys_of, path_of
from agent.yang.piecewise import are_worth_it, documents_of, json_beside, validated
from agent.yang.schema import Schema
from agent.yang.schema_node import SchemaNode
from agent.yang.standing import as_they_stand
from agent.yang.tree import Tree
from agent.yang.units import Unit, holds_quotes, units_by_path
from agent.yang.validate import validate


@dataclass(slots=True)
class Prepared:
    """A change of running, ready to be carried out: its units, and a tree that holds their new content.

    ``records``: the units for the history. ``changes``: what translators see, by name of the translator. Who
    carries the change out lets go of both as soon as they have it: of many units they are large.
    ``refreshed``: units of which only the defaults in use change. ``complete``: scratch is a whole
    configuration, with exactly the defaults that are in use. ``found``: the nodes of ``units`` in scratch, in
    which nothing changes until it is spent.
    """

    units: Sequence[Unit]
    scratch: Tree
    records: Sequence[UnitChange]
    found: Found = field(repr=False)
    changes: Mapping[str, Sequence[EntryChange]] = field(default_factory=dict)
    refreshed: Sequence[Unit] = ()
    complete: bool = False


_Differing = tuple[Unit, list[Node], list[Node]]
"""A unit, and its nodes in the candidate and in running."""

Check = Callable[[Prepared, Tree], None]
"""*worker* Looks at what a commit would change of running (the Tree); raises RpcErrors to refuse it."""


class Preparation:
    """What is known of modules and translators, to prepare any change."""

    def __init__(self, schema: Schema, translators: Sequence[Translator]) -> None:
        self._schema = schema
        self._local = local_modules(schema)
        self._lists = {path: t.name for t in translators for path in (t.config_list, *t.further_lists)}

    def prepare(self, candidate: Candidate, running: Tree) -> Prepared:
        """*worker* Validate what ``candidate`` changes of ``running``.

        Raises:
            RpcErrors: all that is wrong with it.
        """
        differing = _gone_as_they_stood(candidate.differing_nodes(running))
        units: Sequence[Unit] = [unit for unit, _own, _other in differing]
        before: Found
        if self._are_local(units):
            found, before = [own for _, own, _ in differing], [other for _, _, other in differing]
            if are_worth_it(units) and (made := self._in_pieces(candidate, units, found, before)):
                return made
            scratch, copies = _holding(candidate.schema, units, found)
            validate(scratch, everything=False, again=lambda: _holding(candidate.schema, units, found)[0])
            after = locate_copies(units, copies, scratch)
            refreshed: list[Unit] = []
            complete = False
        else:
            scratch = candidate.content.duplicate()
            validate(scratch, everything=True, again=candidate.content.duplicate)
            units, refreshed = _compared(scratch, running, candidate.blind)
            complete = True
            before, after = locate_all(units, running), locate_all(units, scratch)
        lists = self._lists_among(units)
        seen = _Seen(
            units,
            before=before,
            documents_before=documents_of(units, before, lists),
            after=after,
            documents_after=documents_of(units, after, lists),
        )
        return Prepared(
            units,
            scratch,
            records=_records(units, before, after),
            found=after,
            changes=self._changes(seen, candidate.blind),
            refreshed=refreshed,
            complete=complete,
        )

    def _in_pieces(
        self, candidate: Candidate, units: Sequence[Unit], own: Found, before: Found
    ) -> Prepared | None:
        """Prepare many units of local modules; None if something is wrong, which is not told here."""
        lists = self._lists_among(units)
        texts: list[bytes] = []
        documents: list[Json | None] = []

        def look_at_what_was() -> None:
            with json_beside(units, before, lists) as shown:
                texts.extend(print_all(units, before))
                documents.extend(documents_of(units, before, lists, shown))

        made = validated(candidate.schema, units, own, as_json=lists, meanwhile=look_at_what_was)
        if made is None:
            return None
        seen = _Seen(
            units,
            before=before,
            documents_before=documents,
            after=made.found,
            documents_after=made.documents,
        )
        return Prepared(
            units,
            made.scratch,
            records=_changes_of(units, texts, made.texts),
            found=made.found,
            changes=self._changes(seen, candidate.blind),
        )

    def _are_local(self, units: Sequence[Unit]) -> bool:
        return all(node.root.module in self._local for node in {unit.schema_node for unit in units})

    def _lists_among(self, units: Sequence[Unit]) -> set[SchemaNode]:
        """Return the lists whose entries translators see."""
        return {node for node in {unit.schema_node for unit in units} if node.path in self._lists}

    def _changes(self, seen: _Seen, blind: Collection[str]) -> dict[str, list[EntryChange]]:
        changes: dict[str, list[EntryChange]] = {}
        paths = {node: node.path for node in self._lists_among(seen.units)}
        for unit, was, document_before, now, document_after in seen.rows():
            if (list_path := paths.get(unit.schema_node)) is None:
                continue
            keys, path = _address(unit, (was or now)[0])
            changes.setdefault(self._lists[list_path], []).append(
                EntryChange(
                    keys,
                    path=path,
                    before=document_before,
                    after=document_after,
                    list_path=list_path,
                    blind=unit.path in blind,
                )
            )
        return changes


def _gone_as_they_stood(differing: list[_Differing]) -> list[_Differing]:
    """Return these with the entries that go in the order in which they stand in running, so that it is on
    record: what puts them back has no other to go by."""
    at = [n for n, (unit, own, other) in enumerate(differing) if unit.is_entry and other and not own]
    gone = [differing[n] for n in at]
    ordered = list(differing)
    stood = as_they_stand([unit for unit, _, _ in gone], [other[0] for _, _, other in gone])
    for n, place in zip(at, stood, strict=True):
        ordered[n] = gone[place]
    return ordered


@dataclass(frozen=True, slots=True)
class _Seen:
    """Units with their nodes before and after, and what translators see of these."""

    units: Sequence[Unit]
    before: Found
    documents_before: Sequence[Json | None]
    after: Found
    documents_after: Sequence[Json | None]

    def rows(self) -> Iterator[tuple[Unit, Sequence[Node], Json | None, Sequence[Node], Json | None]]:
        return zip(
            self.units,
            self.before,
            self.documents_before,
            self.after,
            self.documents_after,
            strict=True,
        )


def _address(unit: Unit, node: Node) -> tuple[Keys, str]:
    """Return the keys of an entry and its path, as libyang writes it."""
    if unit.is_entry and not holds_quotes(unit.keys):
        return unit.keys, unit.path
    return keys_of(node, unit.schema_node), path_of(node)


def _holding(schema: Schema, units: Sequence[Unit], found: Found) -> tuple[Tree, list[Node]]:
    """Return a tree of these units alone, with copies of ``found``, and those of entries."""
    if len(units) == 1 and units[0].is_entry and found[0]:
        alone, copy = Tree(schema).copy_and_node(found[0][0])
        return alone, [copy]
    tree = Tree(schema)
    return tree, copy_all(units, found, tree)


def unvalidated(candidate: Candidate, running: Tree) -> Prepared:
    """*worker* Return what ``candidate`` changes of ``running``, for history and running alone.

    For what is put back although it does not satisfy the YANG modules of this server.
    """
    units = candidate.differing(running)
    before, after = locate_all(units, running), locate_all(units, candidate.tree)
    return Prepared(units, candidate.tree, records=_records(units, before, after), found=after)


def _compared(scratch: Tree, running: Tree, blind: Collection[str]) -> tuple[list[Unit], list[Unit]]:
    """Return the units in which a whole configuration differs from running, or has to be taken for
    (``blind``), and those that differ in the defaults in use alone."""
    both = units_by_path(scratch, running)
    differing = [
        u for u in both.values() if u.path in blind or not u.is_same(scratch, running, defaults=True)
    ]
    units = [unit for unit in differing if unit.path in blind or not unit.is_same(scratch, running)]
    named = {unit.path for unit in units}
    return units, [unit for unit in differing if unit.path not in named]


def _records(units: Sequence[Unit], before: Found, after: Found) -> list[UnitChange]:
    return _changes_of(units, print_all(units, before), print_all(units, after))


def _changes_of(units: Sequence[Unit], before: Sequence[bytes], after: Sequence[bytes]) -> list[UnitChange]:
    texts = zip(units, before, after, strict=True)
    return [UnitChange(unit.path, before=was, after=now) for unit, was, now in texts]
