"""What is said of the state of an entry, outside of it: who may not read that state is not told.

Why an entry does not work stands in notifications, in the state of a confirmed commit and in the history.
"""

from __future__ import annotations

from agent.translator import Reader, reads_all
from agent.yang.paths import without_predicates
from agent.yang.schema import Schema
from agent.yang.schema_node import SchemaNode

_LIST = ("yangswan-agent", "not-working")


def tells_state(node: SchemaNode) -> bool:
    """Return whether ``node`` names an entry of whose state something is said beside it."""
    return node.names_data and node.parent is not None and (node.parent.module, node.parent.name) == _LIST


def state_reader(schema: Schema, may_read: Reader) -> Reader:
    """Return what says of a list entry, by its path, whether it and its state may be read."""
    if may_read is reads_all:
        return reads_all

    def may_read_state(path: str) -> bool:
        state = schema.states.get(without_predicates(path) or "", "")
        return may_read(path) and may_read(f"{path}{state}")

    return may_read_state
