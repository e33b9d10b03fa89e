"""A part of the configuration in the words of the grammar, and the filter that asks for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lxml import etree

from console.grammar.arcs import Arc, State
from console.grammar.edits import NETCONF
from console.grammar.fixed import PART, FixedState
from console.grammar.model_words import DataState, KeyState, LeafState, Names
from console.grammar.rows import PlacedRow, steps_of
from console.grammar.values import Mistake, Path, Span, Step
from console.grammar.walking import Walk
from console.grammar.words import split

Element = etree._Element

_NOWHERE = Span(0, 0)


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
    raise Mistake(f"'{text}' says more than where something is", _NOWHERE)


def is_part(text: str, names: Names) -> bool:
    """Return whether ``text`` names a part."""
    try:
        part(text, names)
    except Mistake:
        return False
    return True


def begun(states: Sequence[State]) -> str | None:
    """Return the words of a part that a line ends within, None if it does not."""
    for state in states:
        if state.absorbs and isinstance(state, FixedState):
            last = state.given[-1]
            if state.form.value(last.name).source == PART:
                return last.text
    return None


def arcs(states: Sequence[State], names: Names) -> Iterator[Arc]:
    """Yield what may stand at ``states`` of a line; where a part may, or goes on, also its words."""
    for state in states:
        for arc in () if state.absorbs else state.arcs():
            yield arc
            if arc.value is not None and arc.value.source == PART:
                yield from _words("", names)
    if (text := begun(states)) is not None:
        yield from _words(text, names)


def _words(text: str, names: Names) -> Iterator[Arc]:
    """Yield how ``text``, the beginning of a part, goes on."""
    walk = Walk([DataState(names, ())], text)
    try:
        walk.take(split(text))
    except Mistake:
        return
    for state in walk.states:
        if isinstance(state, KeyState):
            yield from state.arcs()
        elif not isinstance(state, LeafState):
            yield from (arc for arc in state.arcs() if arc.word and _leads(arc.follow(arc.word, _NOWHERE)))


def _leads(state: State) -> bool:
    """Return whether a part ends at ``state``, or further on."""
    if isinstance(state, FixedState) and isinstance(state.form, PlacedRow):
        return len(state.given) < len(state.form.form.heading) or bool(_path(state))
    return isinstance(state, KeyState) or bool(_path(state))


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
