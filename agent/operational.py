"""Operational state: what <get> shows beside running, made on demand and only where the filter looks.

Top-level containers of state come from providers (functions of nothing, returning RFC 7951 content); the
state inside a translator's list entries comes from the translator, for the wanted entries only.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

from agent.errors import RpcErrors
from agent.translator import Json, Keys, Translator
from agent.yang.merging import graft
from agent.yang.nodes import JSON, XML, json_document
from agent.yang.schema import Schema
from agent.yang.schema_node import SchemaNode
from agent.yang.tree import Tree

AT_ONCE = 500
"""Entries in a document, which is written in one step that nobody can interrupt: a few milliseconds."""


class StateError(Exception):
    """A provider made a document that its own YANG module does not allow."""


Provider = Callable[[], Awaitable[Json | bytes]]
"""Returns RFC 7951 content, or a document of XML: what holds anydata, whose content JSON might not tell."""
Document = Callable[[], bytes]
"""Makes a document (RFC 7951, or XML), on any thread: of many entries it takes long."""


@dataclass(frozen=True, slots=True)
class States:
    """What ``translator`` says of some entries of its list, ``AT_ONCE`` at most."""

    translator: Translator
    states: Sequence[tuple[Keys, Json]]


@dataclass(slots=True)
class Operational:
    """Who knows which state. ``roots``: schema path of a top-level container to its provider.

    ``when_changed``: called with the paths (RFC 7951 instance-identifiers) below which translators say that
    state may have changed; for subscriptions to changes (RFC 8641).
    """

    schema: Schema
    translators: Sequence[Translator]
    roots: dict[str, Provider]
    when_changed: list[Callable[[Sequence[str]], None]] = field(default_factory=list)

    def add_translator_roots(self) -> None:
        for translator in self.translators:
            for root in translator.state_roots:
                self.roots[root] = _root_provider(translator, root)

    def state_changed(self, paths: Sequence[str]) -> None:
        """Pass on that state below ``paths`` may have changed."""
        for hear in self.when_changed:
            hear(paths)

    async def root_documents(self, wanted: Sequence[str]) -> list[Document]:
        """Return one document for each of the wanted top-level containers."""
        documents: list[Document] = []
        for path in wanted:
            content = await self.roots[path]()
            if isinstance(content, bytes) and content:
                documents.append(partial(bytes, content))
            elif content:
                documents.append(partial(json_document, {path.lstrip("/"): content}))
        return documents

    async def entry_documents(self, wanted: Mapping[str, Sequence[Keys]]) -> list[Document]:
        """Return documents with the state of list entries, by the list's schema path."""
        return [partial(self.document, some, some.states) for some in await self.entry_states(wanted)]

    async def entry_states(self, wanted: Mapping[str, Sequence[Keys]]) -> list[States]:
        """Return the state of list entries, by the list's schema path; as many at once as a document has."""
        found: list[States] = []
        for translator in self.translators:
            keys = wanted.get(translator.config_list)
            if keys:
                states = await translator.entry_state(keys)
                items = iter(states.items())
                while some := list(islice(items, AT_ONCE)):
                    found.append(States(translator, some))
        return found

    def document(self, some: States, states: Sequence[tuple[Keys, Json]]) -> bytes:
        """Return a document (RFC 7951) with ``states``, which are of ``some``. On any thread."""
        config_list = some.translator.config_list
        node = self.schema.find(config_list)
        state_name = some.translator.state_path.rpartition("/")[2]
        entries = [{**_key_members(node, keys), state_name: state} for keys, state in states if state]
        return json_document(_nested(config_list, entries))


def _root_provider(translator: Translator, root: str) -> Provider:
    async def provide() -> Json:
        return await translator.root_state(root)

    return provide


def _key_members(node: SchemaNode, keys: Keys) -> Json:
    """Return the keys as JSON members; libyang reads numbers from strings only where RFC 7951 says."""
    members: Json = {}
    for name, value in zip(node.keys, keys, strict=True):
        members[name] = json_value(node.children[node.namespace, name], value)
    return members


def json_value(leaf: SchemaNode, value: str) -> object:
    """Return a canonical leaf value in the JSON type of RFC 7951 section 6."""
    if leaf.json_number:
        return int(value)
    if leaf.json_boolean:
        return value == "true"
    return value


def _nested(path: str, content: object) -> Json:
    steps = path.strip("/").split("/")
    for step in reversed(steps):
        content = {step: content}
    return content  # type: ignore[return-value]


def merge_state(tree: Tree, document: bytes) -> None:
    """Make the state in ``document`` part of ``tree``, which nobody else reads.

    Raises:
        StateError: it does not fit the schema, which is a fault of who provided it.
    """
    try:
        graft(tree, Tree.parse(tree.schema, document, format=XML if document.startswith(b"<") else JSON))
    except RpcErrors as problem:
        raise StateError(f"a provider's state does not fit the schema: {problem}") from problem
