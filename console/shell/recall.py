"""What was typed before: kept in a file of its user alone, and never with a secret."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path

from prompt_toolkit.history import History

from console.grammar.fixed import NO
from console.grammar.reading import DO, Grammar
from console.grammar.values import Called, Changes, Meaning, Mistake, Operation, Span
from console.grammar.values import Path as ModelPath
from console.grammar.words import has_private_key, split
from console.model.schema import Kind, Schema
from console.shell.gathering import gathered

MOST_LINES = 2000
MOST_OCTETS = 1024 * 1024
_SHORTEST = 3
_FIRST = 20


def file_of(environ: Mapping[str, str]) -> Path:
    """Return where lines are kept (XDG_STATE_HOME, ~/.local/state without)."""
    state = environ.get("XDG_STATE_HOME", "")
    folder = Path(state) if state.startswith("/") else Path("~/.local/state").expanduser()
    return folder / "yangswan" / "history"


def secret_names(schema: Schema) -> frozenset[str]:
    """Return the names of all leaves that hold secrets."""
    tops = (*schema.roots.values(), *schema.rpcs.values())
    leaves = (node for top in tops for node in top.walk() if node.kind in (Kind.LEAF, Kind.LEAF_LIST))
    return frozenset(node.name for node in leaves if node.secret)


def without_secrets(line: str, meaning: Meaning, names: Collection[str]) -> str:
    """Return of a ``line`` that was understood what may be kept: no secret, and no comment."""
    words = split(line)
    if not words or has_private_key(line):
        return ""
    end = words[-1].span.end
    if isinstance(meaning, Called):
        return "" if any(_names_one(text, names) for text in meaning.given.values()) else line[:end]
    if isinstance(meaning, Changes):
        for change in meaning.changes:
            inside = [one for one in words if _overlap(one.span, change.span)]
            if change.path[-1].node.secret and change.value is not None:
                end = min(end, change.span.start)
            elif change.operation is Operation.REMOVE and change.path[-1].node.kind is Kind.LEAF:
                # Behind ``no`` the value is read, too, and means nothing.
                end = min([end, *(one.span.end for one in inside[:1])])
            elif len(inside) > 1 and any(_names_one(one.text, names) for one in inside):
                return ""  # a text to the end of the line, in which a secret may stand
    return line[:end].rstrip()


def mistaken(line: str, problem: Mistake, names: Collection[str]) -> str:
    """Return ``line``, which means nothing, if nobody can have meant a secret with any of it; else "".

    So much is known only where all but its last word was understood, and no secret could stand there.
    """
    if has_private_key(line):
        return ""
    try:
        words = [one for one in split(line) if one.text.lower() not in (NO, DO)]
    except Mistake:
        return ""
    if not words or problem.span.start <= words[0].span.start:
        return ""
    last = words[-1]
    if problem.span.start < last.span.start or any(one.text in names for one in problem.expected):
        return ""
    if any(_names_one(one.text, names) for one in words) or _begins_one(words[0].text, names):
        return ""
    return line[: last.span.end]


def _names_one(text: str, names: Collection[str]) -> bool:
    """Return whether any word of ``text`` may be meant as the name of a secret: begun, or mistyped."""
    words = [word for word in text.casefold().split() if len(word) >= _SHORTEST]
    return any(_begins_one(word, names) for word in words) or any(
        word.startswith(name) or get_close_matches(word, [name]) for word in words[:_FIRST] for name in names
    )


def _begins_one(word: str, names: Collection[str]) -> bool:
    return any(name.startswith(word.casefold()) for name in names)


def _overlap(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


class Recall(History):
    """History of prompt_toolkit; ``keepable`` returns a line as it may be kept, "" for one that may not."""

    def __init__(self, file: Path, keepable: Callable[[str], str]) -> None:
        super().__init__()
        self._file = file
        self._keepable = keepable

    def append_string(self, string: str) -> None:
        # What was pasted at once are lines of their own; what takes several of them is not typed again.
        for _, typed in gathered(string.split("\n"), lambda line: False):
            if typed.strip() and "\n" not in typed and (line := self._keepable(typed).strip()):
                super().append_string(line)

    def load_history_strings(self) -> Iterable[str]:
        """Yield what was kept, the newest first."""
        try:
            octets = self._file.read_bytes()[-MOST_OCTETS:]
        except OSError:
            return []
        lines = [line for line in octets.decode(errors="replace").splitlines() if line]
        return reversed(lines[-MOST_LINES:])

    def store_string(self, string: str) -> None:
        # What cannot be kept is not worth a word each time.
        with suppress(OSError):
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._file.exists() and self._file.stat().st_size > MOST_OCTETS:
                self._cut()
            descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            with open(descriptor, "a", encoding="utf-8", errors="replace") as kept:
                kept.write(string.replace("\n", " ") + "\n")

    def _cut(self) -> None:
        new = self._file.with_name(f"{self._file.name}.{os.getpid()}")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(descriptor, "w", encoding="utf-8", errors="replace") as kept:
            kept.writelines(f"{line}\n" for line in reversed(list(self.load_history_strings())))
        new.replace(self._file)


def keeping(grammar: Grammar, context: ModelPath | None, tunnel: bool) -> Callable[[str], str]:
    """Return what decides about lines that are typed in ``context``."""
    names = secret_names(grammar.schema)

    def keepable(line: str) -> str:
        try:
            meaning = grammar.read(line, context, tunnel)
        except Mistake as problem:
            return mistaken(line, problem, names)
        return without_secrets(line, meaning, names)

    return keepable
