"""Notifications as RESTCONF writes them in JSON (RFC 8040 section 6.4), in pieces where they are large.

A piece takes a few milliseconds of the thread that reads, and others have their turn in between. What several
tabs are sent at the same time is written once.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from agent.operations.context import Context
from agent.restconf.outputs import Level, inside, members
from agent.xml import Element, has_more_elements, local_name, namespace, parse
from agent.yang.schema import Schema
from agent.yang.schema_node import SchemaNode

SMALL_OCTETS = 32 * 1024
ELEMENTS_AT_ONCE = 500
ENTRIES_AT_ONCE = 40
KEPT_S = 0.5
"""What is large is kept for so long, for others who are sent the same."""
_BEGIN, _END = b"<datastore-contents>", b"</datastore-contents>"
_NOTHING = b'"datastore-contents": {}'
_UNSENT = ("replayComplete", "notificationComplete")

Texts = list[tuple[str, str, bool]]
"""Members of an object: name, text of the value, and whether that is a list, without its brackets then."""


class Written:
    """Writes for all tabs."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._large: dict[bytes, asyncio.Task[bytes]] = {}
        self.pieces = 0
        """How many were written on the thread that reads, since the start."""

    async def json(self, message: bytes) -> bytes | None:
        """Return a ``<notification>`` as JSON on one line; None for what RESTCONF does not know."""
        begin, end = message.find(_BEGIN), message.rfind(_END)
        if len(message) <= SMALL_OCTETS:
            return await self._small(message)
        if begin < 0:
            return await self._whole(message)
        begin += len(_BEGIN)
        contents = message[begin:end]
        around = await self._small(message[:begin] + message[end:])
        assert around is not None
        # Once: an id and a time are all that else stands there.
        return around.replace(_NOTHING, _NOTHING[:-2] + await self._shared(contents), 1)

    async def _small(self, message: bytes) -> bytes | None:
        self.pieces += 1
        found: bytes | None = await self._context.reader(_written, self._context.schema, message)
        return found

    async def _whole(self, message: bytes) -> bytes:
        root = await asyncio.to_thread(parse, message)
        event = await self._object([root[1]], self._context.schema.notifications, "")
        time = json.dumps(root[0].text)
        return f'{{"ietf-restconf:notification": {{"eventTime": {time}, {event[1:]}}}'.encode()

    async def _shared(self, contents: bytes) -> bytes:
        """Return what ``contents``, top-level nodes, are as an object; for all who ask at the time."""
        task = self._large.get(contents)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = self._large[contents] = asyncio.ensure_future(self._contents(contents))
            task.add_done_callback(lambda done: self._soon_forgotten(contents, done))
        try:
            return await asyncio.shield(task)
        finally:
            del task  # what it raised holds this frame

    def _soon_forgotten(self, contents: bytes, task: asyncio.Task[bytes]) -> None:
        if not task.cancelled():
            task.exception()  # who waits for it has it
        task.get_loop().call_later(KEPT_S, self._forget, contents, task)

    def _forget(self, contents: bytes, task: asyncio.Task[bytes]) -> None:
        if self._large.get(contents) is task:
            del self._large[contents]

    async def _contents(self, contents: bytes) -> bytes:
        root = await asyncio.to_thread(parse, b"<contents>%b</contents>" % contents)
        return (await self._object(root, self._context.schema.roots, "")).encode()

    async def _object(self, elements: Iterable[Element], level: Level, module: str) -> str:
        """Return ``elements`` as an object: of nodes in ``level``, inside one of ``module``."""
        found: dict[str, list[str]] = {}
        lists: set[str] = set()
        schema = self._context.schema
        for piece in _pieces(elements, level):
            if isinstance(piece, list):
                self.pieces += 1
                texts = await self._context.reader(_texts, schema, piece, level, module)
            else:
                texts = [await self._large_member(piece, level, module)]
            for name, text, is_list in texts:
                found.setdefault(name, []).append(text)
                if is_list:
                    lists.add(name)
        inside = (f"{json.dumps(name)}: {_value(texts, name in lists)}" for name, texts in found.items())
        return "{" + ", ".join(inside) + "}"

    async def _large_member(self, element: Element, level: Level, module: str) -> tuple[str, str, bool]:
        node = level[namespace(element), local_name(element)]
        name = node.name if node.module == module else f"{node.module}:{node.name}"
        below = inside(self._context.schema, element, node)
        return name, await self._object(element, below, node.module), False


def _value(texts: list[str], is_list: bool) -> str:
    return f"[{', '.join(texts)}]" if is_list or len(texts) > 1 else texts[0]


def _pieces(elements: Iterable[Element], level: Level) -> Iterator[list[Element] | Element]:
    """Yield elements, several small ones together, and a large one that holds others by itself."""
    waiting: list[Element] = []
    for element in elements:
        if _is_large(element, level.get((namespace(element), local_name(element)))):
            if waiting:
                yield waiting
                waiting = []
            yield element
            continue
        waiting.append(element)
        if len(waiting) == ENTRIES_AT_ONCE:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def _is_large(element: Element, node: SchemaNode | None) -> bool:
    if node is None or node.is_leafy or node.has_instances:
        return False
    return has_more_elements(element, ELEMENTS_AT_ONCE)


def _texts(schema: Schema, elements: Sequence[Element], level: Level, module: str) -> Texts:
    """*worker* Return members of an object."""
    texts: Texts = []
    for name, value in members(schema, elements, level, module).items():
        is_list = isinstance(value, list)
        text = json.dumps(value, ensure_ascii=False)
        texts.append((name, text[1:-1] if is_list else text, is_list))
    return texts


def _written(schema: Schema, message: bytes) -> bytes | None:
    """*worker* Return a whole <notification>."""
    time, event = islice(parse(message), 2)
    if local_name(event) in _UNSENT:
        return None
    found = members(schema, [event], dict(schema.notifications), "")
    whole = {"ietf-restconf:notification": {"eventTime": time.text or "", **found}}
    return json.dumps(whole, ensure_ascii=False).encode()
