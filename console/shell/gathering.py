"""Lines to whole ones: quotes and blocks (-----BEGIN) go on over several, and a block may stand by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from console.grammar.arcs import Value
from console.grammar.reading import Grammar
from console.grammar.values import Mistake, Path, ValueMissing
from console.grammar.words import LONGEST_LINE, begins_block, open_part, still_open
from console.model.schema import Node


def gathered(lines: Iterable[str], waits: Callable[[str], bool]) -> Iterator[tuple[int, str]]:
    """Yield each whole line with the number of its first one, from 1.

    ``waits``: whether a line lacks a block that the next one may begin. The next line is read only where
    one belongs to it or may: whoever writes them may wait for an answer.
    """
    numbered = enumerate(lines, 1)
    held: tuple[int, str] | None = None
    while (found := held or next(numbered, None)) is not None:
        number, line = found
        held = None
        if waits(line) and (held := next(numbered, None)) is not None and begins_block(held[1]):
            line, held = f"{line} {held[1].lstrip()}", None
        yield number, whole(line, (more for _, more in numbered)) if held is None else line


def whole(line: str, further: Iterator[str]) -> str:
    """Return ``line`` with those of ``further`` that it is not closed without.

    What is still open at their end stays so, and so does what is longer than a line may be.
    """
    parts, size, part = [line], len(line), open_part(line)
    while part and size <= LONGEST_LINE and (more := next(further, None)) is not None:
        parts.append(more)
        size += len(more) + 1
        part = still_open(part, more)
    return "\n".join(parts)


def waits_for_a_block(grammar: Grammar, line: str, context: Path | None, tunnel: bool) -> bool:
    """Return whether ``line`` ends where a value of several lines is expected."""
    try:
        grammar.read(line, context, tunnel)
    except ValueMissing:
        return True
    except Mistake:
        pass
    return False


def may_have_lines(node: Node) -> bool:
    """Return whether a block may be a value of ``node``."""
    return Value(node.name, node.name, type=node.type, secret=node.secret).may_have_lines
