"""What an edit takes out of the candidate: what it names, and what cannot stand beside what it brings."""

from __future__ import annotations

from agent.datastore.candidate import Candidate, Savepoint
from agent.yang.nodes import NO_NODE, Node, children, first_child, parent_of, sibling_like
from agent.yang.schema_node import Kind, SchemaNode
from agent.yang.units import remove_empty


class Removal:
    """Takes nodes out of ``candidate``, after ``savepoint`` has saved what they lie in."""

    def __init__(self, candidate: Candidate, savepoint: Savepoint) -> None:
        self._tree = candidate.tree
        self._schema = candidate.schema
        self._savepoint = savepoint

    def remove(self, node: Node) -> None:
        """Remove ``node``; a shell is emptied instead, for other modules' defaults stay in it."""
        self._savepoint.take_entries(node)
        self._savepoint.touch(node)
        self._remove(node)

    def _remove(self, node: Node) -> None:
        if self._schema.node_of(node.schema).shell:
            for child in list(children(node)):
                self._remove(child)
            remove_empty(self._tree, node)
            return
        self._tree.remove(node)

    def drop_other_cases(self, patch: Node) -> None:
        """Remove what stands in another case of a choice that ``patch`` selects (RFC 7950 7.9)."""
        above = parent_of(patch)
        own_parent = self._tree.find_like(above) if above != NO_NODE else NO_NODE
        schema_node = self._schema.node_of(patch.schema)
        if schema_node.cases and (above == NO_NODE or own_parent != NO_NODE):
            rivals = self._tree.top_level() if above == NO_NODE else children(own_parent)
            self._drop_rivals(schema_node, list(rivals))
        if schema_node.choices_below and (own := self._tree.find_like(patch)) != NO_NODE:
            self._drop_cases_below(patch, own)

    def _drop_cases_below(self, patch: Node, own: Node) -> bool:
        """As ``drop_other_cases``, of what is below ``patch``; ``own``: what is the same in the candidate.

        Returns:
            Whether something is gone: what held nothing else may be gone with it.
        """
        dropped = False
        for child in children(patch):
            schema_node = self._schema.node_of(child.schema)
            gone = bool(schema_node.cases) and self._drop_rivals(schema_node, list(children(own)))
            if schema_node.choices_below and not gone:
                same = sibling_like(first_child(own), child)
                gone = same != NO_NODE and self._drop_cases_below(child, same)
            elif gone:
                self.drop_other_cases(child)
            dropped = dropped or gone
            if gone and (own := self._tree.find_like(patch)) == NO_NODE:
                break
        return dropped

    def _drop_rivals(self, chosen: SchemaNode, nodes: list[Node]) -> bool:
        doomed = [node for node in nodes if _excludes(chosen, self._schema.node_of(node.schema))]
        for node in doomed:
            self.remove(node)
        return bool(doomed)

    def drop_anydata(self, patch: Node) -> None:
        """Remove the anydata that ``patch`` brings anew: it changes as a whole (RFC 7950 section 7.10.3)."""
        schema_node = self._schema.node_of(patch.schema)
        if schema_node.kind is Kind.ANYDATA:
            old = self._tree.find_like(patch)
            if old != NO_NODE:
                self._tree.remove(old)
        elif schema_node.anydata_below:
            for child in children(patch):
                self.drop_anydata(child)


def _excludes(chosen: SchemaNode, other: SchemaNode) -> bool:
    cases = dict(chosen.cases)
    return any(cases.get(choice, case) != case for choice, case in other.cases)
