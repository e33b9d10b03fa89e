"""What was typed before: kept in a file of its user alone, and never with a secret."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path

from prompt_toolkit.history import History

from console.grammar.reading import Grammar
from console.grammar.values import Changes, Meaning, Mistake
from console.grammar.values import Path as ModelPath
from console.grammar.words import has_private_key, open_part
from console.model.schema import Schema
from console.shell.gathering import gathered

MOST_LINES = 2000
MOST_OCTETS = 1024 * 1024
_BASE64 = re.compile(r"[A-Za-z0-9+/]{24,}={0,2}")
_SHORTEST = 2
_FIRST = 20


def file_of(environ: Mapping[str, str]) -> Path:
    """Return where lines are kept (XDG_STATE_HOME, ~/.local/state without)."""
    state = environ.get("XDG_STATE_HOME", "")
    folder = Path(state) if state.startswith("/") else Path("~/.local/state").expanduser()
    return folder / "yangswan" / "history"


def secret_names(schema: Schema) -> frozenset[str]:
    """Return the names of all leaves that hold secrets."""
    tops = (*schema.roots.values(), *schema.rpcs.values())
    return frozenset(node.name for top in tops for node in top.walk() if node.secret)


def without_secrets(line: str, meaning: Meaning | None, names: Collection[str]) -> str:
    """Return ``line`` as it may be kept: "" if a secret may be anywhere in it.

    ``meaning``: None if it means nothing; then a word that may be meant as the name of a secret is enough.
    """
    if isinstance(meaning, Changes):
        spans = [one.span for one in meaning.changes if one.path[-1].node.secret and one.value is not None]
        for span in sorted(spans, key=lambda span: -span.start):
            line = line[: span.start].rstrip() + line[span.end :]
        return line
    if has_private_key(line) or open_part(line):
        return ""
    if meaning is None:
        if _BASE64.fullmatch(line.strip()):  # a line of a block whose beginning went elsewhere
            return ""
        words = [word for word in line.split() if len(word) >= _SHORTEST]
        if any(name.startswith(word) or word.startswith(name) for word in words for name in names):
            return ""
        if any(get_close_matches(word, names) for word in words[:_FIRST]):  # mistyped
            return ""
    return line


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
        except Mistake:
            return without_secrets(line, None, names)
        return without_secrets(line, meaning, names)

    return keepable
