"""Where nodes went: the moves of one revision of the model (agent.translator.Move), applied to paths.

A Path is a tuple of steps (module, name) from the root, without keys. Nothing here reads XML: moved_units
does, and moved_rules knows what rules of access control mean by a path.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from agent.translator import Move

Step = tuple[str, str]
Path = tuple[Step, ...]

_STEP = re.compile(r"/(?:([\w.-]+):)?([\w.-]+)")
_KEY = re.compile(r"\[([\w.-]+)=('[^']*'|\"[^\"]*\")\]")


class CannotMove(Exception):
    """Something recorded has no place in the new model; the message says why, without a value."""


class Relocation:
    """The moves of one revision, applied at once.

    Args:
        moves: where one takes along what another names too, the one with the longer old path counts.
        namespaces: prefix and namespace of each module that is served, by name.

    Raises:
        ValueError: a path of a move is none, or its module is not served.
    """

    def __init__(self, moves: Iterable[Move], namespaces: Mapping[str, tuple[str, str]]) -> None:
        self.moves = tuple((steps_of(move.old), steps_of(move.new)) for move in moves)
        self.namespaces = namespaces
        for module, name in (step for pair in self.moves for path in pair for step in path):
            if module not in namespaces:
                raise ValueError(f"a move names {module}:{name}, and no module {module} is served")
        self._longest_first = sorted(self.moves, key=lambda move: -len(move[0]))
        self._places: dict[Path, Path] = {}
        self._module_of = {uri: module for module, (_, uri) in namespaces.items()}
        self._displaced = [
            (old, new, self._shared(old, new)) for old, new in self.moves if self.place(old[:-1]) != new[:-1]
        ]

    def taking(self, path: Path) -> tuple[Path, Path] | None:
        """Return the move that takes the node at ``path`` along, None if it stays."""
        return next((move for move in self._longest_first if path[: len(move[0])] == move[0]), None)

    def place(self, path: Path) -> Path:
        """Return where the node is now that was at ``path``."""
        place = self._places.get(path)  # schema paths are few, and are asked for with every element
        if place is None:
            place = self._places[path] = self._place(path)
        return place

    def _place(self, path: Path) -> Path:
        move = self.taking(path)
        if move is None:
            return path
        old, new = move
        below = path[len(old) :]
        return new + tuple((self.module_after(module, move), name) for module, name in below)

    def key_name(self, path: Path, key: str) -> str:
        """Return what the key of the list that was at ``path`` is called now."""
        return self.place((*path, (path[-1][0], key)))[-1][1]

    @staticmethod
    def module_after(module: str, move: tuple[Path, Path]) -> str:
        """Return the module of what ``move`` takes along and was of ``module``."""
        old, new = move
        return new[-1][0] if module == old[-1][0] else module

    def concerns(self, path: Path) -> bool:
        """True if a move takes the node at ``path``, or something below it."""
        return any(path[: len(old)] == old[: len(path)] for old, _ in self.moves)

    def heirs(self, module: str) -> tuple[str, ...]:
        """Return the other modules to which something of ``module`` went."""
        went = (new[-1][0] for old, new in self.moves if old[-1][0] == module)
        return tuple(dict.fromkeys(heir for heir in went if heir != module))

    def module_of(self, namespace: str) -> str:
        """Return the name of the module with this namespace; of one that is not served, the namespace."""
        return self._module_of.get(namespace, namespace)

    def is_served(self, namespace: str) -> bool:
        return namespace in self._module_of

    def namespace_of(self, module: str) -> str:
        """Return the reverse of ``module_of``."""
        return self.namespaces[module][1] if module in self.namespaces else module

    # -- moves that take a node out of its parent ----------------------------------------------

    def is_displaced(self, path: Path) -> bool:
        """True if the node that was at ``path`` is no longer in what was its parent."""
        return any(path == old for old, _, _ in self._displaced)

    def anchored(self, path: Path) -> list[tuple[Path, Path]]:
        """Return the displaced moves for which the node at ``path`` is the last that both paths share: the
        way down from it, before and after."""
        below = len(self.place(path))
        return [
            (old[depth:], new[below:])
            for old, new, depth in self._displaced
            if old[:depth] == path and depth == len(path)
        ]

    def leaves(self, path: Path, depth: int) -> bool:
        """True if the node at ``path`` was displaced out of the one that is ``depth`` steps from the root."""
        return any(path == old and shared < depth for old, _, shared in self._displaced)

    def loses(self, path: Path, depth: int) -> bool:
        """True if this can be so of something below the node at ``path``."""
        return any(path == old[: len(path)] and shared < depth for old, _, shared in self._displaced)

    def _shared(self, old: Path, new: Path) -> int:
        """Return how many steps of ``old`` lead to the last node that both paths share, 0 for the root."""
        for depth in range(len(old) - 1, 0, -1):
            place = self.place(old[:depth])
            if len(place) < len(new) and new[: len(place)] == place:
                return depth
        return 0


def hints(moves: Iterable[Move], namespaces: Mapping[str, tuple[str, str]]) -> dict[Step, str]:
    """Return where each top-level node of an earlier revision is now, as a sentence.

    It is by namespace and name, for clients that go on asking for it there. ``namespaces``: as of Relocation.
    """
    found: dict[Step, str] = {}
    rows = [(steps_of(move.old), steps_of(move.new), move.since) for move in moves]
    rows.sort(key=lambda row: row[2])
    for n, (old, new, since) in enumerate(rows):
        place = new
        for further, there, later in rows[n + 1 :]:
            if later > since and place[: len(further)] == further:
                place = there + place[len(further) :]
        module = place[0][0]
        if len(old) == 1 and old[0][0] in namespaces and module in namespaces:
            uri = namespaces[module][1]
            found[namespaces[old[0][0]][1], old[0][1]] = (
                f"since revision {since} it is {text_of(place)}, in the namespace {uri}"
            )
    return found


def steps_of(text: str) -> Path:
    """Return the steps of an RFC 7951 schema path.

    Raises:
        ValueError: it is none.
    """
    steps: list[Step] = []
    position, module = 0, ""
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None or not (match[1] or module):
            raise ValueError(f"{text} is no schema path: /MODULE:NAME/NAME")
        module = match[1] or module
        steps.append((module, match[2]))
        position = match.end()
    if not steps:
        raise ValueError("a schema path is empty")
    return tuple(steps)


def text_of(path: Path) -> str:
    """Return ``path`` as RFC 7951 writes it: a module name where it is another than above."""
    text, above = "", ""
    for module, name in path:
        text += f"/{name}" if module == above else f"/{module}:{name}"
        above = module
    return text


def schema_path(unit_path: str) -> Path:
    """Return the schema path of a unit; only its last step can have keys (agent.yang.units).

    Raises:
        CannotMove: it is no path of a unit.
    """
    try:
        return steps_of(unit_path.partition("[")[0])
    except ValueError as problem:
        raise CannotMove(str(problem)) from None


def moved_path(relocation: Relocation, unit_path: str) -> str:
    """Return the path of a unit, as agent.yang.units writes it, after the moves."""
    path = schema_path(unit_path)
    _, bracket, keys = unit_path.partition("[")
    # A list of values stands in place of predicates where a key holds quotes; it names no keys.
    if bracket and _KEY.sub("", bracket + keys) == "":
        keys = _KEY.sub(lambda key: f"[{relocation.key_name(path, key[1])}={key[2]}]", bracket + keys)
    else:
        keys = bracket + keys
    return text_of(relocation.place(path)) + keys
