"""What translators foresee, as the answer of a dry run: what its reader may see, if there is room. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from agent.errors import RpcError
from agent.translator import Foresight, Json, Message, Outlook

ROOM_OCTETS = 1_000_000
ENTRY_OCTETS = 600
"""Of an entry, beside its messages."""
MESSAGE_OCTETS = 120
"""Of a message, beside its content."""
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Sight(Protocol):
    """What the reader of an answer may see."""

    def is_visible(self, path: str) -> bool:
        """Return whether he may read the entry."""

    def is_open(self, path: str) -> bool:
        """Return whether he may read all that is configured in it but secrets."""

    def is_alive(self, path: str) -> bool:
        """Return whether he may read its state."""

    @property
    def is_everywhere(self) -> bool:
        """Whether he may read all but secrets of everything."""


@dataclass(slots=True)
class Question:
    """``changed``: what happens to each changed unit, by path, in the words of the model. ``wanted``: the
    paths to show; empty: all."""

    changed: Mapping[str, str]
    sight: Sight
    wanted: frozenset[str] = frozenset()
    room_octets: int = ROOM_OCTETS


@dataclass(slots=True)
class _Entry:
    change: str
    outlook: Outlook | None = None
    messages: list[Json] = field(default_factory=list)
    octets: int = ENTRY_OCTETS


def refused(errors: Sequence[RpcError]) -> list[Json]:
    """Return ``errors``, which were disclosed, as data."""
    return [
        _present(
            {
                "error-tag": error.tag,
                "error-app-tag": error.app_tag,
                "error-path": error.path,
                "error-message": _text(error.told),
            }
        )
        for error in errors
    ]


def answer(foresights: Sequence[Foresight], question: Question) -> Generator[None, None, Json]:
    """Return what of ``foresights`` may be shown (RFC 7951), a message or an entry at a time."""
    sight = question.sight
    entries = yield from _entries(foresights, question)
    of_all = yield from _take_messages(foresights, entries, sight)
    found = yield from _shown(entries, of_all, question)
    also = [one for foresight in foresights for one in foresight.also] if sight.is_everywhere else []
    return _present(
        {
            **found,
            "all-entries": _present({"also": _texts(also), "message": found["all-entries"]}),
            "totals": {
                "entries": len(entries),
                "messages": len(of_all) + sum(len(entry.messages) for entry in entries.values()),
                "interrupted": sum(_is_interrupted(path, entry, sight) for path, entry in entries.items()),
            },
            "unknown": _texts(one for foresight in foresights for one in foresight.unknown),
        }
    )


def _entries(foresights: Sequence[Foresight], question: Question) -> Generator[None, None, dict[str, _Entry]]:
    """Return the entries that are changed, and after them those that are affected."""
    found: dict[str, _Entry] = {}
    for path, change in question.changed.items():
        if question.sight.is_visible(path):
            found[path] = _Entry(change)
        yield
    for outlook in (one for foresight in foresights for one in foresight.outlooks):
        if question.sight.is_visible(outlook.path):
            entry = found.setdefault(outlook.path, _Entry("affected"))
            entry.outlook = outlook
            entry.octets += sum(map(len, outlook.also))
        yield
    return found


def _take_messages(
    foresights: Sequence[Foresight], entries: Mapping[str, _Entry], sight: Sight
) -> Generator[None, None, list[Json]]:
    """Give each message to its entry; return those for all of them."""
    of_all: list[Json] = []
    index = 0
    for message in (one for foresight in foresights for one in foresight.messages):
        yield
        entry, content = entries.get(message.path), _content(message, sight)
        is_hidden = content is None and (message.tells_of_all or not message.path)
        if is_hidden or (message.path and entry is None):
            continue
        index += 1
        shown = _present({"index": index, "command": message.command, "content": content})
        (of_all if entry is None else entry.messages).append(shown)
        if entry is not None:
            entry.octets += MESSAGE_OCTETS + len(content or "")
    return of_all


def _content(message: Message, sight: Sight) -> str | None:
    """Return the content as text, None where the reader may not see all that it tells of."""
    if message.tells_of_all and not sight.is_everywhere:
        return None
    if not all(sight.is_open(path) for path in (*message.about, *filter(None, [message.path]))):
        return None
    return _text(json.dumps(message.content, ensure_ascii=False, separators=(", ", ": ")))


def _is_interrupted(path: str, entry: _Entry, sight: Sight) -> bool:
    live = entry.outlook.live if entry.outlook is not None else None
    return bool(live) and any(one.affected for one in live or ()) and sight.is_alive(path)


def _shown(
    entries: Mapping[str, _Entry], of_all: list[Json], question: Question
) -> Generator[None, None, Json]:
    """Return entries and the messages for all of them, as far as there is room."""
    left = question.room_octets
    found: list[Json] = []
    kept: list[Json] = []
    entries_left = messages_left = 0
    for message in of_all:
        left -= MESSAGE_OCTETS + len(message.get("content", ""))
        if left >= 0:
            kept.append(message)
        else:
            messages_left += 1
    for path, entry in entries.items():
        yield
        if question.wanted and path not in question.wanted:
            continue
        if left < entry.octets:
            entries_left += 1
            messages_left += len(entry.messages)
            continue
        left -= entry.octets
        found.append(_entry(path, entry, question.sight))
    not_shown = {"entries": entries_left, "messages": messages_left}
    return {
        "entry": found,
        "all-entries": kept,
        "not-shown": not_shown if entries_left or messages_left else None,
    }


def _entry(path: str, entry: _Entry, sight: Sight) -> Json:
    shown: Json = {"path": path, "change": entry.change, "message": entry.messages}
    if entry.outlook is not None and sight.is_open(path):
        shown["also"] = _texts(entry.outlook.also)
    if entry.outlook is not None and sight.is_alive(path):
        shown |= _fate(entry.outlook)
    return _present(shown)


def _fate(outlook: Outlook) -> Json:
    seconds = outlook.interruption_s
    return {
        "live": list(_live(outlook)),
        "interruption-s": None if seconds is None else f"{seconds:.3f}",
        "interruption-known-from": outlook.known_from.value,
    }


def _live(outlook: Outlook) -> Iterator[Json]:
    for one in outlook.live or ():
        yield {"kind": one.kind, "now": one.now, "effect": one.effect.value, "affected": one.affected}


def _present(members: Json) -> Json:
    """Return the members that hold something."""
    return {name: value for name, value in members.items() if value not in (None, [], {}, ())}


def _text(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)


def _texts(texts: Iterable[str]) -> list[str]:
    """Return each of ``texts`` once."""
    return list(dict.fromkeys(map(_text, texts)))
