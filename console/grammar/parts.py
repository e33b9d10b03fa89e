"""A part of the configuration in the words of the grammar, and the filter that asks for it."""

from __future__ import annotations

from lxml import etree

from console.grammar.arcs import State
from console.grammar.edits import NETCONF
from console.grammar.fixed import FixedState
from console.grammar.model_words import DataState, KeyState, LeafState, Names
from console.grammar.rows import PlacedRow, steps_of
from console.grammar.values import Mistake, Path, Span, Step
from console.grammar.walking import Walk
from console.grammar.words import split

Element = etree._Element


def part(text: str, names: Names) -> Path:
    """Return the node that ``text``, typed at the top of the configuration, leads to: "tunnel ipsec 1 ike".

    Raises:
        Mistake: it leads nowhere, or says more.
    """
    words = split(text)
    walk = Walk([DataState(names, ())], text)
    walk.take(words)
    for state in sorted(walk.states, key=lambda one: isinstance(one, FixedState)):
        if path := _path(state):
            return path
    raise Mistake(f"'{text}' says more than where something is", Span(0, 0))


def wanted(path: Path) -> Element:
    """Return the <filter> (RFC 6241 section 6) of what is at ``path``; a list without keys is all of it."""
    made = etree.Element(f"{{{NETCONF}}}filter", {"type": "subtree"})
    select(made, path)
    return made


def select(parent: Element, path: Path) -> Element:
    """Select in a filter what is at ``path``, below ``parent``; return the element of its last step."""
    at = parent
    for step in path:
        at = etree.SubElement(at, step.node.tag)
        for name, key in zip(step.node.keys, step.keys, strict=False):
            etree.SubElement(at, step.node.children[name].tag).text = key
    return at


def is_there(path: Path, data: Element) -> bool:
    """Return whether ``data``, the answer to the filter of ``path``, has anything there."""
    return next(data.iterfind("/".join(step.node.tag for step in path)), None) is not None


def _path(state: State) -> Path:
    if isinstance(state, DataState) and not state.leaves:
        return state.path
    if isinstance(state, KeyState):
        return (*state.before.path, Step(state.node, state.keys))
    if isinstance(state, LeafState):
        return (*state.before.path, state.step)
    if isinstance(state, FixedState) and isinstance(state.form, PlacedRow):
        return _of_row(state.form, len(state.given))
    return ()


def _of_row(placed: PlacedRow, words: int) -> Path:
    """Return what a command of the manual is about, as far as its first words say."""
    if words != len(placed.form.heading):
        return ()
    found = list(placed.at.path)
    for name, _ in steps_of(placed.form.row.does[0].path):
        found.append(Step(found[-1].node.children[name]))
    return tuple(found)
