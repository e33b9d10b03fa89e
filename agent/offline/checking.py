"""A whole configuration, looked at as an agent would: names, values, rules of YANG, what is refused."""

from __future__ import annotations

from collections.abc import Sequence

from agent.datastore.candidate import Candidate
from agent.datastore.preparation import Preparation
from agent.errors import RpcErrors
from agent.offline.document import Document
from agent.operations.write import inline_config
from agent.translator import Translator
from agent.yang.schema import Schema
from agent.yang.tree import Tree


def content_of(schema: Schema, document: Document) -> Tree:
    """Return what ``document`` holds; the document is spent.

    Raises:
        RpcErrors: names or values that do not fit the schema.
    """
    return inline_config(schema, document.config)


def refuse_invalid(content: Tree, translators: Sequence[Translator]) -> None:
    """Refuse a configuration that could not be committed where nothing is configured.

    Raises:
        RpcErrors: all that is wrong with it.
    """
    nothing = Tree(content.schema)
    nothing.add_defaults()
    candidate = Candidate(nothing)
    candidate.replace_all(content, nothing)
    prepared = Preparation(content.schema, translators).prepare(candidate, nothing)
    found = [error for t in translators for error in t.check(prepared.changes.get(t.name, []))]
    if found:
        raise RpcErrors(found)
