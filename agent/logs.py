"""Where the log goes: standard error, or the journal's own socket; in which form is agent.log_format's."""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TextIO

from agent import log_format
from agent.at_work import ids
from agent.log_format import Line

JOURNAL = Path("/run/systemd/journal/socket")
SEND_LIMIT_S = 0.1
"""How long a line waits for the journal. Who logs is as a rule the event loop, and a journal that hangs must
not stop it."""
SEND_BUFFER_OCTETS = 8 * 1024 * 1024
TRACING = frozenset({"asyncio", "asyncssh", "pyroute2"})
"""Libraries of which warnings and errors alone are logged, whatever log-level is."""

log = logging.getLogger("agent")


def configure(level: str, form: str = "text", *, journal: Path = JOURNAL) -> None:
    """Log from ``level`` on in the form ``form``, from now on; what was configured before does not count.

    A form ``journald`` without a journal is ``text``, and the log says so. It does not fail.
    """
    root = logging.getLogger()
    handler, missing = _handler(form, journal)
    handler.addFilter(_is_of_use)
    for before in list(root.handlers):
        if isinstance(before, _OnStream | _ToJournal):
            root.removeHandler(before)
            before.close()
    root.addHandler(handler)
    root.setLevel(level.upper())
    if missing:
        log.warning("log-format is journald, and %s: the log is text", missing)


def last_words(sentence: str) -> None:
    """Say why the program ends, on standard error, in the form of the log."""
    if any(isinstance(one, _OnStream) and one.is_json for one in logging.getLogger().handlers):
        log.critical("%s", sentence)
        return
    priority = "<3>" if is_journal_stream(sys.stderr) else ""
    print(f"{priority}{log_format.last_words(sentence)}", file=sys.stderr)


def is_journal_stream(stream: TextIO | None) -> bool:
    """Return whether ``stream`` goes to the journal (systemd.exec(5), JOURNAL_STREAM)."""
    said = os.environ.get("JOURNAL_STREAM", "")
    if stream is None or not said:
        return False
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):  # closed, or no file at all
        return False
    return said == f"{found.st_dev}:{found.st_ino}"


def _handler(form: str, journal: Path) -> tuple[logging.Handler, str]:
    """Return the handler for ``form``, and why it is not the journal's, or ""."""
    missing = ""
    if form == "journald":
        missing = f"there is no journal at {journal}"
        try:
            if journal.is_socket():
                return _ToJournal(journal), ""
        except OSError as problem:  # there are no descriptors left
            missing = f"the journal cannot be spoken to ({problem.strerror})"
    if form == "json":
        return _OnStream(log_format.json_text), ""
    written = log_format.stream_text if is_journal_stream(sys.stderr) else log_format.text
    return _OnStream(written), missing


class _OnStream(logging.Handler):
    """Writes lines to standard error."""

    def __init__(self, written: Callable[[Line], str]) -> None:
        super().__init__()
        self._written = written
        self.is_json = written is log_format.json_text

    def emit(self, record: logging.LogRecord) -> None:
        try:
            if sys.stderr is not None:  # it is None for who starts the program without one
                sys.stderr.write(f"{self._written(_line(record))}\n")
                sys.stderr.flush()
        except Exception:
            self.handleError(record)


class _ToJournal(logging.Handler):
    """Sends lines to the journal's socket; one that it does not take in time is lost, and counted."""

    def __init__(self, journal: Path) -> None:
        super().__init__()
        self._journal = str(journal)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.settimeout(SEND_LIMIT_S)
        with suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_OCTETS)
        self._lost = 0
        self._elsewhere = _OnStream(log_format.stream_text)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = _line(record)
            if self._lost:
                lines = "1 line of the log was" if self._lost == 1 else f"{self._lost} lines of the log were"
                note = f"{lines} lost: the journal took none"
                error = logging.ERROR
                self._send(Line(line.time, level=error, level_name="ERROR", logger="agent", message=note))
                self._lost = 0
                self._socket.settimeout(SEND_LIMIT_S)
            self._send(line)
        except (TimeoutError, BlockingIOError):
            self._lost += 1
            self._socket.settimeout(0)  # each further one does not wait again
        except OSError:  # the journal is being restarted
            self._elsewhere.emit(record)
        except Exception:
            self.handleError(record)

    def _send(self, line: Line) -> None:
        self._socket.sendto(log_format.datagram(log_format.fields(line)), self._journal)

    def close(self) -> None:
        self._socket.close()
        super().close()


def _line(record: logging.LogRecord) -> Line:
    """Return what was logged, with what the one who logs is working on."""
    trace = ""
    if record.exc_info:
        trace = logging.Formatter().formatException(record.exc_info)
    if record.stack_info:
        trace = f"{trace}\n{record.stack_info}".strip()
    return Line(
        datetime.fromtimestamp(record.created).astimezone(),
        level=record.levelno,
        level_name=record.levelname,
        logger=record.name,
        message=record.getMessage(),
        ids=ids(),
        trace=trace,
        code_file=record.pathname,
        code_line=record.lineno,
        code_function=record.funcName or "",
    )


def _is_of_use(record: logging.LogRecord) -> bool:
    """Leave out what libraries trace: asyncssh each event of a channel, pyroute2 each message of netlink.

    What matters of it is logged by us. A library may set the level of its own logger when it is imported.
    """
    return record.levelno >= logging.WARNING or record.name.partition(".")[0] not in TRACING
