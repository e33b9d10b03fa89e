"""All that containers hold, with the state of the entries in them: two texts that become one.

Running is printed as it is, and the state by itself; then that of each entry is put into it, before its end
tag. So running is not copied, the state is not merged into a copy, and no entry costs a call of libyang more.
States that are equal, as those of most entries of which nothing is to be told, are parsed and printed once.
It is done for who may read everything, where nothing is compared and nothing pruned. All else is left to
agent.operations.state, with the same result.
"""

from __future__ import annotations

import marshal
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from agent.errors import RpcErrors
from agent.nacm.access import Access
from agent.operational import Operational, StateError, States
from agent.operations.context import Context
from agent.operations.readers import Filter
from agent.translator import Json, Keys
from agent.xml import Element, holds_text, qname
from agent.yang.nodes import (
    JSON,
    NO_NODE,
    XML,
    Defaults,
    Node,
    first_child,
    keys_of,
    print_node,
    sibling_of_schema,
    value_of,
)
from agent.yang.schema_node import Kind, SchemaNode
from agent.yang.tree import Tree
from agent.yang.units import entries_of

_PRINTED = (Defaults.EXPLICIT, Defaults.REPORT_ALL)
"""What marks nothing while it prints."""
_PRINTED_AS_IT_IS = re.compile(r"[A-Za-z0-9._:/@-]+")
_WITHOUT_REFERENCES = 2
"""The version of marshal in which it does not matter who else holds an object."""


@dataclass(slots=True)
class _Entries:
    """A list whose entries have state: the ``keys`` of those that there are, and the state of each as XML, by
    its keys as they are printed. ``begin`` matches what an entry begins with, and has its keys; with ``end``
    ends one, and nothing else: no element in it has its name."""

    node: SchemaNode
    begin: re.Pattern[bytes]
    end: bytes
    keys: list[Keys] = field(default_factory=list)
    states: dict[bytes, bytes] = field(default_factory=dict)


async def whole_with_state(
    context: Context, filter_: Filter, access: Access, defaults: Defaults
) -> bytes | None:
    """Return what ``filter_`` selects of running and of state as XML; None where it is to be found otherwise.

    Raises:
        StateError: a translator's state does not fit the schema.
    """
    if filter_.subtree is None or defaults not in _PRINTED or not access.everything(["read"]):
        return None
    containers = _containers(context, filter_.subtree)
    lists = None if containers is None else _lists(context, containers)
    if containers is None or not lists:
        return None
    published = context.configuration.published

    def find() -> int:
        with published.held() as tree:
            for one in lists:
                one.keys = [_keys(entry, one.node) for entry in entries_of(tree, one.node.path)]
            return published.changes

    changes = await context.reader(find)
    states = await context.operational.entry_states({one.node.path: one.keys for one in lists})

    def work() -> bytes | None:
        by_list = {one.node.path: one for one in lists}
        while states:  # one after the other, so that no two are held as text
            some = states.pop(0)
            entries = by_list[some.translator.config_list]
            if not _take_states(context.operational, entries, some, defaults):
                return None
        with published.held() as tree:
            if published.changes != changes:  # the state may be that of other entries
                return None
            nodes = (sibling_of_schema(tree.first, container) for container in containers)
            texts = [print_node(node, XML, defaults) for node in nodes if node != NO_NODE]
        for one in lists:
            texts = [b"".join(_with_states(one, text)) for text in texts]
        return None if any(one.states for one in lists) else b"".join(texts)

    found: bytes | None = await context.reader(work)
    return found


def _containers(context: Context, subtree: Element) -> list[SchemaNode] | None:
    """Return the top-level containers of which a filter selects all, None if it selects other things, or
    somebody provides state for one as a whole."""
    found: list[SchemaNode] = []
    for element in subtree:
        node = context.schema.roots.get(qname(element))
        if node is None or len(element) or element.attrib or (element.text or "").strip():
            return None
        if not node.shell or node.path in context.operational.roots or node in found:
            return None
        found.append(node)
    return None if holds_text(subtree) else found


def _lists(context: Context, containers: Sequence[SchemaNode]) -> list[_Entries] | None:
    """Return the lists in ``containers`` whose entries have state; None if that is not the last in one, or an
    entry cannot be told in a text: by a name that nothing else has, and keys that are printed in one way."""
    found: list[_Entries] = []
    inside = [one for container in containers for one in container.subtree()]
    names = Counter(one.name for one in inside)
    if any(one.kind is Kind.ANYDATA for one in inside):  # which may hold elements of any name
        return None
    for translator in context.operational.translators:
        node = context.schema.find(translator.config_list)
        if node.root not in containers:
            continue
        state = context.schema.find(translator.state_path)
        is_last = state.parent is node and next(reversed(node.children.values())) is state
        if not is_last or names[node.name] > 1 or node.parent is None or not node.parent.shell:
            return None
        if not node.keys or any(one.is_key and one.holds_names for one in node.children.values()):
            return None
        found.append(_Entries(node, _begin(node), f"</{node.name}>".encode()))
    return found


def _begin(node: SchemaNode) -> re.Pattern[bytes]:
    keys = b"".join(b"<%b(?:/>|>[^<]*</%b>)" % (key, key) for key in map(str.encode, node.keys))
    return re.compile(rb"<%b(?: [^>]*)?>(%b)" % (re.escape(node.name.encode()), keys))


def _keys(entry: Node, node: SchemaNode) -> Keys:
    return (value_of(first_child(entry)),) if len(node.keys) == 1 else keys_of(entry, node)


def _take_states(operational: Operational, entries: _Entries, some: States, defaults: Defaults) -> bool:
    """*reader* Take the states of entries, of which libyang prints those that differ.

    Returns:
        Whether each entry could be told.
    """
    different, others = alike(entries.node.keys, some.states)
    try:
        tree = Tree.parse(operational.schema, operational.document(some, different), format=JSON)
    except RpcErrors as problem:
        raise StateError(f"a provider's state does not fit the schema: {problem}") from problem
    for piece in tree.to_xml(defaults).split(entries.end)[:-1]:
        if (begin := entries.begin.search(piece)) is None:
            return False
        if begin.end() < len(piece):
            state = piece[begin.end() :]
            entries.states[begin[1]] = state
            entries.states.update(dict.fromkeys(others.pop(begin[1], ()), state))
    return not any(others.values())


def alike(
    names: Sequence[str], states: Sequence[tuple[Keys, Json]]
) -> tuple[list[tuple[Keys, Json]], dict[bytes, list[bytes]]]:
    """Return of ``states`` those that differ, and by the keys of such an entry, as they are printed, those of
    the others whose state is the same. ``names`` are those of the keys.

    Only what is the same octet for octet counts, so that true is not 1; and only an entry whose keys are
    printed as they are.
    """
    different: list[tuple[Keys, Json]] = []
    others: dict[bytes, list[bytes]] = {}
    first_of: dict[bytes, list[bytes]] = {}
    for keys, state in states:
        if not state:
            continue
        printed = _printed(names, keys)
        written = None if printed is None else _written(state)
        if printed is None or written is None:
            different.append((keys, state))
        elif (known := first_of.get(written)) is not None:
            known.append(printed)
        else:
            different.append((keys, state))
            others[printed] = first_of[written] = []
    return different, others


def _printed(names: Sequence[str], keys: Keys) -> bytes | None:
    """Return how libyang prints ``keys``, None if it may write them in another way."""
    if not all(map(_PRINTED_AS_IT_IS.fullmatch, keys)):
        return None
    return "".join([f"<{name}>{key}</{name}>" for name, key in zip(names, keys, strict=True)]).encode()


def _written(state: Json) -> bytes | None:
    try:
        return marshal.dumps(state, _WITHOUT_REFERENCES)
    except ValueError:  # something of a kind of its own, which JSON may take all the same
        return None


def _with_states(entries: _Entries, text: bytes) -> Iterator[bytes]:
    """Yield ``text`` with the states of the entries in it, which are given away."""
    *pieces, rest = text.split(entries.end)
    for piece in pieces:
        yield piece
        begin = entries.begin.search(piece)
        if begin is not None:
            yield entries.states.pop(begin[1], b"")
        yield entries.end
    yield rest
