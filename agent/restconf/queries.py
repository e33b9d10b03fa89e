"""What stands behind the question mark (RFC 8040 section 4.8; RFC 8527 section 3.2)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import unquote_plus

from agent.restconf.problems import Problem
from agent.restconf.uris import Place
from agent.yang.schema import Schema
from agent.yang.schema_node import Kind, QName, SchemaNode

CONTENT = ("all", "config", "nonconfig")
TAGGED = "report-all-tagged"
DEFAULTS = ("explicit", "report-all", TAGGED, "trim")
OF_READS = ("content", "depth", "fields", "with-defaults")
OF_OPERATIONAL = (*OF_READS, "with-origin")
OF_EDITS = ("insert", "point")
OF_STREAMS = ("filter", "start-time", "stop-time")
INSERT = ("first", "last", "before", "after")
FIELDS_MAX = 1000
FIELDS_DEPTH_MAX = 64
_NUMBER = re.compile(r"[0-9]{1,5}")


@dataclass(slots=True)
class Field:
    """A node that is wanted, and what of it; all of it if nothing is said."""

    node: SchemaNode
    below: list[Field] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ReadQuery:
    """The parameters of a GET. ``depth`` None: all levels."""

    content: str = "all"
    depth: int | None = None
    fields: tuple[Field, ...] = ()
    defaults: str | None = None
    with_origin: bool = False


@dataclass(frozen=True, slots=True)
class EditQuery:
    """Where among others an entry is put; ``point`` is the path of one of these, still encoded."""

    insert: str | None = None
    point: str | None = None


@dataclass(frozen=True, slots=True)
class StreamQuery:
    """Which events are sent; times as they were written, but valid."""

    filter: str | None = None
    start: str | None = None
    stop: str | None = None


def parameters(query: str, known: Collection[str]) -> Mapping[str, str]:
    """Return the parameters in ``query``, decoded.

    Raises:
        Problem: one is not among ``known``, or stands there twice (section 4.8).
    """
    found: dict[str, str] = {}
    for part in filter(None, query.split("&")):
        name, _, value = part.partition("=")
        if name not in known:
            names = ", ".join(known) if known else "there are none here"
            raise Problem(
                400, "invalid-value", f"the query parameter '{name[:64]}' is not known; known: {names}"
            )
        if name in found:
            raise Problem(400, "invalid-value", f"the query parameter '{name}' may stand only once")
        # A plus is one in a path, and clients differ about it: times have one, and no space.
        found[name] = unquote_plus(value.replace("+", "%2B"))
    return found


def read_query(schema: Schema, place: Place, query: str, *, operational: bool) -> ReadQuery:
    """Return the parameters of a GET of ``place``.

    Raises:
        Problem: one cannot be used.
    """
    found = parameters(query, OF_OPERATIONAL if operational else OF_READS)
    return ReadQuery(
        content=_one_of(found, "content", CONTENT) or "all",
        depth=_depth(found.get("depth", "unbounded")),
        fields=tuple(read_fields(schema, place, found["fields"])) if "fields" in found else (),
        defaults=_one_of(found, "with-defaults", DEFAULTS),
        with_origin="with-origin" in found,
    )


def edit_query(query: str) -> EditQuery:
    """Return the parameters of a POST or PUT of data.

    Raises:
        Problem: one cannot be used.
    """
    found = parameters(query, OF_EDITS)
    insert, point = _one_of(found, "insert", INSERT), found.get("point")
    if (point is not None) != (insert in ("before", "after")):
        raise Problem(400, "invalid-value", "'point' goes with 'insert=before' and 'insert=after'")
    return EditQuery(insert, point)


def stream_query(query: str) -> StreamQuery:
    """Return the parameters of a stream.

    Raises:
        Problem: one cannot be used.
    """
    found = parameters(query, OF_STREAMS)
    for name in ("start-time", "stop-time"):
        if name in found and not _is_time(found[name]):
            raise Problem(400, "invalid-value", f"'{name}' is a time as 2026-11-27T10:00:00Z")
    return StreamQuery(found.get("filter"), found.get("start-time"), found.get("stop-time"))


def _is_time(text: str) -> bool:
    """Return whether ``text`` is a time with its zone, which has a place in the calendar in UTC, too."""
    try:
        moment = datetime.fromisoformat(text)
        moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return False
    return moment.tzinfo is not None


def _one_of(found: Mapping[str, str], name: str, values: Collection[str]) -> str | None:
    if name in found and found[name] not in values:
        raise Problem(400, "invalid-value", f"'{name}' is one of {', '.join(values)}")
    return found.get(name)


def _depth(text: str) -> int | None:
    if text == "unbounded":
        return None
    depth = int(text) if _NUMBER.fullmatch(text) else 0
    if not 1 <= depth <= 65535:
        raise Problem(400, "invalid-value", "'depth' is 'unbounded' or a number from 1 to 65535")
    return depth


_TOKEN = re.compile(r"[;()/]|[^;()/]+")


def read_fields(schema: Schema, place: Place, text: str) -> list[Field]:
    """Return what a fields expression (section 4.8.3) wants of ``place``.

    Raises:
        Problem: it is written wrongly, too large, or names a node that is not there.
    """
    tokens = _TOKEN.findall(text)
    if len(tokens) > FIELDS_MAX:
        raise Problem(400, "invalid-value", f"'fields' has {FIELDS_MAX} names and signs at most")
    node = place.node
    level = schema.roots if node is None else node.children
    reading = _Fields(schema, iter(tokens))
    found = reading.read(level, "" if node is None else node.module, 0)
    if reading.token is not None:
        raise _unreadable()
    return found


def _unreadable() -> Problem:
    return Problem(
        400, "invalid-value", "'fields' is written as a;b/c;d(e;f), each a node below what is asked for"
    )


class _Fields:
    """Reads an expression; ``token``: the one that is looked at, None at the end."""

    def __init__(self, schema: Schema, tokens: Iterator[str]) -> None:
        self._schema = schema
        self._tokens = tokens
        self.token = next(tokens, None)

    def read(self, level: Mapping[QName, SchemaNode], module: str, depth: int) -> list[Field]:
        """Return the fields up to a closing parenthesis or the end."""
        if depth > FIELDS_DEPTH_MAX:
            raise Problem(400, "invalid-value", f"'fields' is nested {FIELDS_DEPTH_MAX} levels deep at most")
        found = [self._one(level, module, depth)]
        while self.token == ";":
            self._next()
            found.append(self._one(level, module, depth))
        return found

    def _one(self, level: Mapping[QName, SchemaNode], module: str, depth: int) -> Field:
        one = Field(self._node(level, module))
        last = one
        while self.token == "/":
            self._next()
            last.below.append(Field(self._node(last.node.children, last.node.module)))
            last = last.below[0]
        if self.token == "(":
            self._next()
            last.below.extend(self.read(last.node.children, last.node.module, depth + 1))
            if self.token != ")":
                raise _unreadable()
            self._next()
        return one

    def _node(self, level: Mapping[QName, SchemaNode], module: str) -> SchemaNode:
        token = self.token
        if token is None or token in "();/":
            raise _unreadable()
        self._next()
        prefix, _, name = token.rpartition(":")
        served = self._schema.by_name.get(prefix or module)
        node = None if served is None else level.get((served.namespace, name))
        if node is None or node.kind in (Kind.ACTION, Kind.NOTIFICATION):
            raise Problem(400, "invalid-value", f"'fields' names '{token[:200]}', which is not there")
        return node

    def _next(self) -> None:
        self.token = next(self._tokens, None)
