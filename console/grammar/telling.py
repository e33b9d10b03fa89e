"""All about a word, for ``help WORD``: its syntax, what the module says, values, default, units."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from console.grammar import syntax, typed
from console.grammar.arcs import State
from console.grammar.fixed import CommandForm, FixedState
from console.grammar.model_words import DataState, KeyState, LeafState, first_sentence
from console.grammar.rows import PlacedRow
from console.model.schema import Node


def about(states: Sequence[State], word: str) -> str:
    """Return lines about the word that led to ``states``, with an empty line between two meanings."""
    parts: list[str] = []
    told = set[int]()
    for state in sorted(states, key=lambda one: one.rank):
        lines = list(_about(state, told))
        if lines and (text := "\n".join(lines)) not in parts:
            parts.append(text)
    return "\n\n".join(parts) or f"{word}: there is nothing to say about it"


def _about(state: State, told: set[int]) -> Iterator[str]:
    if isinstance(state, FixedState):
        yield from _of_form(state, told)
    elif isinstance(state, (LeafState, KeyState)):
        yield from _of_node(state.step.node if isinstance(state, LeafState) else state.node, told)
    elif isinstance(state, DataState) and state.path:
        yield from _of_node(state.path[-1].node, told)


def _of_form(state: FixedState, told: set[int]) -> Iterator[str]:
    form = state.form
    if isinstance(form, CommandForm):
        yield form.command.syntax
        yield f"  {form.command.help}"
        for word, words in form.command.words.items():
            yield f"  {word}: {words}"
        for name, argument in form.command.arguments.items():
            yield f"  {name}: {argument.help}"
    elif isinstance(form, PlacedRow):
        row = form.form.row
        yield row.syntax
        yield f"  {form.words(form.form.heading[-1], syntax.END)}"
        if row.more:
            yield f"  {row.more}"
        # All about what comes next; of what comes later a line.
        nexts = {leaf.name for leaf, _ in syntax.arcs(state.left) if isinstance(leaf, syntax.Slot)}
        for placeholder, path in row.types.items():
            node = form.form.nodes[path]
            if placeholder in nexts:
                yield from (f"  {line}" for line in _of_node(node, told))
            elif id(node) not in told:
                yield f"  {placeholder}: {first_sentence(node.description)}"


def _of_node(node: Node, told: set[int]) -> Iterator[str]:
    if id(node) in told:
        return
    told.add(id(node))
    yield f"{node.name} ({node.kind.value} of {node.module})"
    for paragraph in node.description.split("\n\n"):
        if paragraph:
            yield f"  {paragraph}"
    if node.type is not None:
        yield f"  takes {typed.expectation(node.type, node.units)}"
        for choice in typed.shown(typed.offered(node.type)):
            if choice.description:
                yield f"    {choice.name}: {choice.description.partition(chr(10))[0]}"
    if node.defaults:
        yield f"  default {', '.join(node.defaults)}"
    if node.mandatory:
        yield "  must be set"
    if node.keys:
        yield f"  entries are told apart by {', '.join(node.keys)}"
