"""Markdown as roff: what the pages of docs/ use of it, and nothing else passes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode as Node

from script.manual import roff

_INDENT = 4


class Unknown(Exception):
    """A construct of Markdown that would be lost."""

    def __init__(self, node: Node) -> None:
        lines = f"line {node.map[0] + 1}: " if node.map else ""
        super().__init__(f"{lines}{node.type} cannot be written in a manual page")


@dataclass(frozen=True, slots=True)
class Section:
    """What stands below a heading, up to the next of its level or of a higher one. ``blocks``: roff."""

    heading: str
    blocks: tuple[str, ...]
    parts: tuple[Section, ...] = ()


def parse(text: str) -> tuple[Section, ...]:
    """Return the sections of level 1 of a file, each with those of level 2 in it.

    Raises:
        Unknown: something in it has no form in roff.
    """
    tree = Node(MarkdownIt("commonmark").enable("table").parse(text))
    return tuple(_sections(tree.children, 1))


def _sections(nodes: Sequence[Node], level: int) -> Iterator[Section]:
    starts = [at for at, node in enumerate(nodes) if _is_heading(node, level)]
    for start, end in pairwise([*starts, len(nodes)]):
        below = nodes[start + 1 : end]
        own = next((at for at, node in enumerate(below) if level == 1 and _is_heading(node, 2)), len(below))
        yield Section(
            heading=_plain(nodes[start]),
            blocks=tuple(block for node in below[:own] for block in _block(node)),
            parts=tuple(_sections(below[own:], level + 1)),
        )


def _is_heading(node: Node, level: int) -> bool:
    return node.type == "heading" and node.tag == f"h{level}"


def _block(node: Node) -> Iterator[str]:
    match node.type:
        case "heading":
            yield roff.subsection(_plain(node))
        case "paragraph":
            yield roff.paragraph(_inline(node))
        case "bullet_list" | "ordered_list":
            for number, item in enumerate(node.children, 1):
                yield from _item(item, "\\(bu" if node.type == "bullet_list" else f"{number}.")
        case "fence" | "code_block":
            yield roff.verbatim(node.content)
        case "table":
            yield from _table(node)
        case "html_block" if node.content.startswith("<!--"):
            pass
        case _:
            raise Unknown(node)


def _item(item: Node, mark: str) -> Iterator[str]:
    head, *rest = item.children
    if head.type != "paragraph":
        raise Unknown(head)
    yield f".IP {mark} {_INDENT}\n{roff.filled(_inline(head))}"
    if rest:
        yield f".RS {_INDENT}"
        for node in rest:
            yield from _block(node)
        yield ".RE"


def _table(table: Node) -> Iterator[str]:
    """A row becomes a tagged paragraph: its first cell, those between with their headings, the last."""
    head, body = table.children
    headings = [_plain(cell) for cell in head.children[0].children]
    for row in body.children:
        first, *between, last = row.children
        tag = _inline(first)
        for heading, cell in zip(headings[1:-1], between, strict=True):
            tag += f" ({roff.prose(heading)}: {_inline(cell)})"
        yield roff.entry(tag, _inline(last))


def _inline(node: Node) -> str:
    """Return the text of a block, escaped."""
    return "".join(map(_span, node.children[0].children if node.children else ()))


def _span(node: Node) -> str:
    inside = "".join(map(_span, node.children))
    match node.type:
        case "text":
            return roff.prose(node.content)
        case "softbreak" | "hardbreak":
            return " "
        case "code_inline":
            return roff.bold(node.content)
        case "strong" | "em":
            return f"\\fI{inside}\\fR"
        case "link":
            return _link(str(node.attrs["href"]), inside)
        case _:
            raise Unknown(node)


def _link(address: str, text: str) -> str:
    """Return a link as words: the file that it leads to is named once."""
    file = roff.literal(address.partition("#")[0])
    named = text.replace("\\fB", "").replace("\\fR", "").replace("\\-", "-")
    if not file or file.replace("\\-", "-").endswith(named):
        return f"\\fI{named}\\fR" if file else text
    return f"{text} (\\fI{file}\\fR)"


def _plain(node: Node) -> str:
    """Return the characters of a heading."""
    return "".join(span.content for span in node.children[0].children)
