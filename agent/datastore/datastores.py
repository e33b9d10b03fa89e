"""Running and the shared candidate: the one object that everybody who works on them holds.

Running changes in agent.datastore.transaction alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from agent.datastore.candidate import Candidate
from agent.datastore.fitting import RULE_LISTS, rule_lists_of
from agent.datastore.published import Published
from agent.datastore.txids import Txids, View, view
from agent.errors import OperationFailed, RpcErrors
from agent.memory import give_back
from agent.translator import EntryChange, Json, Keys
from agent.yang.many import json_all
from agent.yang.merging import merge
from agent.yang.nodes import JSON, json_document, keys_of
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from agent.yang.units import Unit, all_units, entries_of, units_by_path

WhenSwapped = Callable[[Tree, Sequence[Unit]], None]
"""*worker* Called with running and the units of it that have just changed."""
WhenRemoving = Callable[[frozenset[str]], None]
"""Called with the paths of entries that a commit begins to remove, and with none when it is over."""


class Datastores:
    """Both configuration datastores (RFC 6241 sections 5.1 and 8.3), empty until a start has read them.

    ``published``: running, for all threads. ``writing``: held by whoever changes either. ``committer``: the
    session whose commit is under way. ``txids``: which commits changed running last. ``changes``: how often
    running has changed.
    """

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.published = Published(Tree(schema))
        self.candidate = Candidate(self.published)
        self.writing = asyncio.Lock()
        self.committer: int | None = None
        self.when_swapped: list[WhenSwapped] = []
        self.with_swap: list[WhenSwapped] = []
        """Called before anybody can read what running has become: for what says who may."""
        self.when_removing: list[WhenRemoving] = []
        self.rule_lists: Mapping[str, str] = {}
        self.txids = Txids()
        self.changes = 0

    @property
    def running(self) -> Tree:
        """*worker* Running; who reads it on another thread holds ``published``."""
        return self.published.tree

    def start_with(self, running: Tree, rule_lists: Mapping[str, str] | None = None) -> None:
        """*worker* Hold what a start has read; the candidate agrees with it.

        ``rule_lists``: those of which a rule was left out, by name, and a sentence about it.
        """
        self.rule_lists = rule_lists or {}
        self.published.publish(running)
        self.candidate = Candidate(self.published)

    @contextmanager
    def removing(self, changes: Mapping[str, Sequence[EntryChange]]) -> Iterator[None]:
        """Have it known meanwhile which entries go: their state does so before running has them no more."""
        paths = frozenset(one.path for each in changes.values() for one in each if one.after is None)
        for tell in self.when_removing if paths else ():
            tell(paths)
        try:
            yield
        finally:
            for tell in self.when_removing if paths else ():
                tell(frozenset())

    def compact(self) -> None:
        """*worker* Copy running to where the trees were that a start has read, which are free.

        Their pages are not: libyang's dictionary has the values between the nodes that were read with them.
        The old tree, all nodes, leaves whole pages.
        """
        self.published.publish(self.running.duplicate())
        give_back()

    def txids_of(self, name: str) -> View:
        """*worker* Return the transaction ids of running or of the candidate."""
        if name == "running":
            return view(self.txids)
        differing = self.candidate.known_to_differ(self.running)
        return view(self.txids, differing.units, differing.shells)

    def lacking(self, tree: Tree) -> str | None:
        """*worker* Return a sentence if ``tree`` holds a rule-list of which a rule was left out.

        To record it would lose the rule, which decides something again when its module is served again.
        """
        there = rule_lists_of(tree) if self.rule_lists else ()
        return next((sentence for name, sentence in self.rule_lists.items() if name in there), None)

    def refuse_losing_rules(self, units: Sequence[Unit], after: Tree) -> None:
        """*worker* Refuse a change of ``units`` that would record such a rule-list.

        Raises:
            RpcErrors: it would.
        """
        if any(unit.path == RULE_LISTS for unit in units) and (sentence := self.lacking(after)):
            raise RpcErrors(
                [
                    OperationFailed(
                        f"{sentence}. With a change of rule-lists it would be lost: serve the module again, "
                        "or delete this rule-list, and make one with another name if it is needed",
                        path=RULE_LISTS,
                    )
                ]
            )

    def with_content(self, document: Json) -> Candidate:
        """*worker* Return running with ``document`` (RFC 7951) merged into it, as a candidate."""
        content = Tree.parse(self.schema, json_document(document), format=JSON, state=False)
        candidate = Candidate(self.running)
        candidate.changed = units_by_path(content)
        merge(candidate.tree, content)
        candidate.tree.add_defaults()
        return candidate

    def explicit_units(self) -> Iterator[Unit]:
        """*worker* Yield the units of running that somebody configured."""
        for unit in all_units(self.running):
            if unit.is_explicit(self.running):
                yield unit

    def entries(self, list_path: str) -> dict[Keys, Json]:
        """*worker* Return all entries of a list in running."""
        list_node, nodes = self.schema.find(list_path), list(entries_of(self.running, list_path))
        return dict(zip((keys_of(node, list_node) for node in nodes), json_all(nodes), strict=True))
