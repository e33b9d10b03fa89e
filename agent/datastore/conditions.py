"""What clients demand of running before a commit: that it is as they know it (draft section 3.6).

draft-ietf-netconf-transaction-id, section 3.7: what is demanded with edits of the candidate is looked at when
that is committed. Of what was demanded for the same element, the last holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from agent.datastore.txids import Mechanism, Txids
from agent.errors import TxidMismatch
from agent.yang.finding import entry_with_keys
from agent.yang.nodes import NO_NODE, Node, first_child, sibling_of_schema
from agent.yang.schema_node import Kind, SchemaNode
from agent.yang.tree import Tree
from agent.yang.units import unit_path

MAX_CONDITIONS = 20_000
"""Of all edits since the candidate agreed with running."""


@dataclass(frozen=True, slots=True)
class Condition:
    """That ``value`` is known of the versioned node that an element is or lies in.

    ``path``: of the element, None for the datastore. ``shells``: those that the versioned node lies in,
    itself one of them if it is no ``unit``; ``keys``: of a unit that is a list entry.
    """

    path: str | None
    mechanism: Mechanism
    value: str
    shells: tuple[SchemaNode, ...] = ()
    unit: SchemaNode | None = None
    keys: tuple[str, ...] = ()

    @property
    def about(self) -> tuple[str | None, Mechanism]:
        """What a later demand takes the place of this one for."""
        return self.path, self.mechanism

    def changed_by(self, running: Tree, txids: Txids) -> int:
        """*worker* Return the commit that changed the versioned node last.

        What is not there has the id of what it would lie in, as every node that is not versioned.
        """
        if self.unit is not None and (node := self._located(running, self.unit)) != NO_NODE:
            return txids.units.get(unit_path(running.schema, node), 0)
        return txids.shells.get(self.shells[-1].path, 0) if self.shells else txids.root

    def _located(self, running: Tree, unit: SchemaNode) -> Node:
        level = running.first
        for shell in self.shells:
            node = sibling_of_schema(level, shell)
            if node == NO_NODE:
                return NO_NODE
            level = first_child(node)
        if unit.kind is not Kind.LIST:
            return sibling_of_schema(level, unit)
        return entry_with_keys(level, unit, self.keys)


def mismatches(conditions: Iterable[Condition], running: Tree, txids: Txids) -> Iterator[TxidMismatch]:
    """*worker* Yield an error for each condition that ``running`` does not meet."""
    for condition in conditions:
        mechanism, commit_id = condition.mechanism, condition.changed_by(running, txids)
        if not txids.is_known(mechanism, condition.value, commit_id):
            yield TxidMismatch(mechanism.value, txids.written(mechanism, commit_id), path=condition.path)
