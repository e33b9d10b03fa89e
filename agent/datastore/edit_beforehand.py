"""What an edit document is looked at for before it is applied: a large one as a whole, if that is enough."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import islice

from agent.datastore.admission import costly
from agent.datastore.candidate import Candidate
from agent.datastore.edit_attributes import EditAttributes
from agent.datastore.edit_check import check_document
from agent.datastore.edit_elements import schema_of_element
from agent.datastore.edit_entries import Whole
from agent.datastore.edit_outline import Outline, is_bare
from agent.datastore.edit_pieces import Parsed, Pieces
from agent.errors import FIND_ERRORS, RpcErrors
from agent.xml import NETCONF_NS, Element, drop, has_more_elements, qname, serialize
from agent.yang.schema import Schema
from agent.yang.tree import Tree

SMALL_ELEMENTS = 1000
AT_ONCE_ELEMENTS = 1000
"""More of them are looked at and applied together where that can be."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What is known of an edit document. ``instructed``: it says what is to be done with some of it.
    ``whole``, or else ``parsed``: all that it holds, if it is large and nothing is the matter with it."""

    attributes: EditAttributes
    instructed: bool
    whole: Whole | None
    parsed: list[Parsed] | None


def look(candidate: Candidate, config: Element, *, instructed: bool) -> Looked:
    """*worker* Look at a ``<config>`` that ``candidate`` is to be edited with; its attributes are taken off.

    ``instructed``: nothing is to be done where it does not say what.

    Raises:
        RpcErrors: attributes are wrong.
    """
    schema = candidate.schema
    pieces = Pieces(schema, candidate.content)
    try:
        outline = outline_of(schema, config, None if instructed else pieces)
        attributes = EditAttributes(schema, config, outline)
        if attributes.errors:
            raise RpcErrors(attributes.errors[:FIND_ERRORS])
        instructed = instructed or attributes.any
        whole, parsed = None, None
        if outline is not None and outline.plain:
            parsed = None if outline.empty else pieces.parsed()
            if parsed is None:
                whole = whole_content(schema, config, attributes, instructed=instructed)
        return Looked(attributes, instructed=instructed, whole=whole, parsed=parsed)
    finally:
        pieces.end()


def outline_of(schema: Schema, config: Element, pieces: Pieces | None = None) -> Outline | None:
    """Return the outline of a large ``<config>``, None of a small one, which is looked at as it is.

    ``pieces`` are filled with all that is plain, unless some of it has attributes.
    """
    if not has_more_elements(config, AT_ONCE_ELEMENTS):
        return None
    outline = Outline(schema, config, pieces)
    if pieces is not None and outline.plain:
        pieces.over()
    return outline


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


def cut(schema: Schema, config: Element) -> bool:
    """Have a large ``<config>`` hold only the entries at its beginning, ``SMALL_ELEMENTS`` elements at most;
    return whether an edit with these does the same to them as one with all of it."""
    last = next(islice(config.iterdescendants(), SMALL_ELEMENTS, None))
    way = [last, *last.iterancestors()]
    way = way[: way.index(config)][::-1]
    level, after = schema.roots, way[0]
    for element in way:
        node = level.get(qname(element))
        if node is None or element.get(f"{{{NETCONF_NS}}}operation") is not None:
            return False
        after, level = element, node.children
        if node.has_instances:
            break
    for element in way[: way.index(after) + 1]:
        above = element.getparent()
        assert above is not None
        del above[above.index(element) + (element is not after) :]
    return True


def refuse_costly(
    schema: Schema, config: Element, attributes: EditAttributes, *, apart: Collection[Element] = ()
) -> None:
    """Refuse what must not come before libyang; ``apart`` as for ``costly``.

    Raises:
        RpcErrors: there is some; of a small edit that was not checked yet, what else is wrong is named too.
    """
    if found := list(islice(costly(schema, config, apart), FIND_ERRORS)):
        if not attributes.any and not has_more_elements(config, SMALL_ELEMENTS):
            check_document(schema, config, attributes)
        raise RpcErrors(found)
