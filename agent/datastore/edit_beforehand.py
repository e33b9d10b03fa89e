"""What an edit document is looked at for before it is applied: a large one as a whole, if that is enough."""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice

from agent.datastore.admission import costly
from agent.datastore.edit_attributes import EditAttributes
from agent.datastore.edit_check import check_document
from agent.datastore.edit_elements import schema_of_element
from agent.datastore.edit_entries import Whole
from agent.datastore.edit_outline import Outline, is_bare
from agent.errors import MAX_ERRORS, RpcErrors
from agent.xml import Element, drop, has_more_elements, serialize
from agent.yang.schema import Schema
from agent.yang.tree import Tree

SMALL_ELEMENTS = 1000
AT_ONCE_ELEMENTS = 1000
"""More of them are looked at and applied together where that can be."""


def outline_of(schema: Schema, config: Element) -> Outline | None:
    """Return the outline of a large ``<config>``, None of a small one, which is looked at as it is."""
    return Outline(schema, config) if has_more_elements(config, AT_ONCE_ELEMENTS) else None


def whole_content(
    schema: Schema, config: Element, attributes: EditAttributes, *, instructed: bool
) -> Whole | None:
    """Return all that a plain ``<config>`` holds; None if something is wrong with it, which others name.

    ``instructed``: it shall also be known that ``check_document`` would find nothing.
    """
    if instructed and (attributes.insert or attributes.claimed or _takes_keys(schema, attributes)):
        return None
    if instructed and not is_bare(config):
        return None
    try:
        return Whole(Tree.parse(schema, b"".join(map(serialize, config)), state=False))
    except RpcErrors:
        return None


def empty(config: Element) -> None:
    """Let go of what a ``<config>`` holds: there is room then for what is made of it."""
    for element in list(config):
        drop(element)


def _takes_keys(schema: Schema, attributes: EditAttributes) -> bool:
    return any(
        operation in ("delete", "remove") and not len(element) and schema_of_element(schema, element).is_key
        for element, operation in attributes.operation.items()
    )


def refuse_costly(
    schema: Schema, config: Element, attributes: EditAttributes, *, apart: Collection[Element] = ()
) -> None:
    """Refuse what must not come before libyang; ``apart`` as for ``costly``.

    Raises:
        RpcErrors: there is some; of a small edit that was not checked yet, what else is wrong is named too.
    """
    if found := list(islice(costly(schema, config, apart), MAX_ERRORS)):
        if not attributes.any and not has_more_elements(config, SMALL_ELEMENTS):
            check_document(schema, config, attributes)
        raise RpcErrors(found)
