"""A line of the log: as text, as fields of systemd's journal, as JSON.

What a line says may come from anybody: a user's name, a comment, the words of a peer. So in each form all
that a terminal obeys or that nobody sees is written as an escape, a line is one line, and its length has a
bound. The lines of a traceback stand below its line, indented, so that none of them can be taken for another
one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from agent.visible import escaped

PROGRAM = "yangswand"
MESSAGE_CHARACTERS_MAX = 8_000
TRACE_CHARACTERS_MAX = 24_000
NAME_CHARACTERS_MAX = 300
_INDENT = "  | "
_DEBUG, _INFO, _WARNING, _ERROR = 10, 20, 30, 40
"""Levels of the module logging; those of syslog run the other way (RFC 5424, section 6.2.1)."""


@dataclass(frozen=True, slots=True)
class Line:
    """What was logged. ``ids``: what was being worked on, by name (agent.at_work). ``trace``: a traceback."""

    time: datetime
    level: int
    level_name: str
    logger: str
    message: str
    ids: Mapping[str, str] = field(default_factory=dict)
    trace: str = ""
    code_file: str = ""
    code_line: int = 0
    code_function: str = ""


def text(line: Line) -> str:
    """Return ``line`` for whoever reads it, without an end of line."""
    time = f"{line.time:%Y-%m-%d %H:%M:%S},{line.time.microsecond // 1000:03d}"
    return "\n".join((f"{time} {line.level_name:<7} {_sentence(line)}", *_trace(line)))


def last_words(sentence: str) -> str:
    """Return why the program ends, for whoever has started it."""
    return escaped(f"{PROGRAM}: {sentence}")


def stream_text(line: Line) -> str:
    """Return ``line`` for the journal's stream, which has the time, and takes the priority of each line from
    its beginning (sd-daemon(3))."""
    return "\n".join(f"<{priority(line.level)}>{part}" for part in (_sentence(line), *_trace(line)))


def json_text(line: Line) -> str:
    """Return ``line`` as a JSON object on one line."""
    content: dict[str, object] = {
        "time": line.time.isoformat(timespec="milliseconds"),
        "level": line.level_name.lower(),
        "logger": _short(line.logger, NAME_CHARACTERS_MAX),
        "message": _short(line.message, MESSAGE_CHARACTERS_MAX),
    }
    for name, value in line.ids.items():
        content[name] = int(value) if value.isascii() and value.isdecimal() else _name(value)
    if "user" in line.ids:
        content["user"] = _name(line.ids["user"])
    if line.trace:
        content["traceback"] = list(_trace_lines(line))
    content["code"] = f"{_name(line.code_file)}:{line.code_line}"
    return json.dumps(content)  # of ASCII alone: it is JSON in whatever encoding standard error has


def fields(line: Line) -> list[tuple[str, str]]:
    """Return ``line`` as fields of the journal (systemd.journal-fields(7)); ours begin with YANGSWAN_."""
    return [
        ("MESSAGE", "\n".join((_sentence(line), *_trace(line)))),
        ("PRIORITY", str(priority(line.level))),
        ("SYSLOG_IDENTIFIER", PROGRAM),
        ("CODE_FILE", _name(line.code_file)),
        ("CODE_LINE", str(line.code_line)),
        ("CODE_FUNC", _name(line.code_function)),
        ("YANGSWAN_LOGGER", _name(line.logger)),
        *((f"YANGSWAN_{name.upper()}", _name(value)) for name, value in line.ids.items()),
    ]


def datagram(of: list[tuple[str, str]]) -> bytes:
    """Return fields in the journal's native protocol: a value with more than one line has its length before
    it, so that nothing in it can be taken for a field."""
    parts = []
    for name, value in of:
        octets = value.encode(errors="backslashreplace")
        if b"\n" in octets:
            parts.append(b"%s\n%s%s\n" % (name.encode(), len(octets).to_bytes(8, "little"), octets))
        else:
            parts.append(b"%s=%s\n" % (name.encode(), octets))
    return b"".join(parts)


def priority(level: int) -> int:
    """Return the priority of syslog that a level of logging stands for."""
    if level <= _DEBUG:
        return 7
    if level <= _INFO:
        return 6
    if level <= _WARNING:
        return 4
    return 3 if level <= _ERROR else 2


def _sentence(line: Line) -> str:
    about = _about(line.ids)
    return f"{_name(line.logger)}: {about}{_short(line.message, MESSAGE_CHARACTERS_MAX)}"


def _about(ids: Mapping[str, str]) -> str:
    if not ids:
        return ""
    session = [ids[name] for name in ("session", "user") if name in ids]
    parts = [f"session {' '.join(map(_name, session))}"] if session else []
    parts += [f"{name} {_name(ids[name])}" for name in ("commit", "tunnel") if name in ids]
    return f"[{', '.join(parts)}] "


def _trace(line: Line) -> Iterator[str]:
    return (f"{_INDENT}{part}" for part in _trace_lines(line))


def _trace_lines(line: Line) -> Iterator[str]:
    """Yield the lines of the traceback; of a long one the beginning and the end, which says what happened."""
    trace = line.trace
    if len(trace) > TRACE_CHARACTERS_MAX:
        half = TRACE_CHARACTERS_MAX // 2
        left_out = len(trace) - 2 * half
        trace = f"{trace[:half]}\n... {left_out} characters are left out ...\n{trace[-half:]}"
    for part in trace.split("\n") if trace else ():
        yield _short(part.rstrip("\r"), MESSAGE_CHARACTERS_MAX)


def _name(value: str) -> str:
    return _short(value, NAME_CHARACTERS_MAX)


def _short(value: str, characters: int) -> str:
    """Return ``value`` with escapes, cut after ``characters`` if it is longer, which is said then."""
    shown = escaped(value[:characters])
    if max(len(value), len(shown)) <= characters:
        return shown
    return f"{shown[:characters]}... ({len(value)} characters)"
