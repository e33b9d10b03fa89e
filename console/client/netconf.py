"""One NETCONF session over a stream: hello, requests and their replies, notifications.

Threads read and write, so that a wait for a reply can be ended by Ctrl-C at any moment: no message is cut,
the reply is dropped when it comes, and the session goes on. Requests may be made from several threads.
"""

from __future__ import annotations

import itertools
import re
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from queue import Empty, SimpleQueue

from lxml import etree

from console.client import framing
from console.client.documents import NETCONF, errors_of, parse
from console.client.session import Element, Gone, ServerErrors
from console.client.stream import Stream

BASE_10 = "urn:ietf:params:netconf:base:1.0"
BASE_11 = "urn:ietf:params:netconf:base:1.1"
NOTIFICATIONS = "urn:ietf:params:xml:ns:netconf:notification:1.0"
HELLO_TIMEOUT_S = 30
REPLY_TIMEOUT_S = 2 * 3600
"""Longer than any commit waits for what confirms it; Ctrl-C is quicker."""
CLOSE_TIMEOUT_S = 2
LOOK_AGAIN_S = 0.2
_SESSION_ID = re.compile(r"[0-9]{1,10}")
EVENTS_HELD = 10_000
"""Notifications that nobody has taken yet; beyond, the server has to wait."""

_HELLO = (
    f'<hello xmlns="{NETCONF}"><capabilities><capability>{BASE_10}</capability>'
    f"<capability>{BASE_11}</capability></capabilities></hello>"
).encode()


class Session:
    """A session that is open from its construction until it is closed, or the server ends it.

    Raises:
        Gone: at once, if what listens there is no NETCONF server.
    """

    def __init__(self, stream: Stream, *, where: str, timeout_s: float = HELLO_TIMEOUT_S) -> None:
        self.user = stream.user
        self._stream = stream
        self._where = where
        self._decoder = framing.Decoder()
        self._ids = itertools.count(1)
        # Of all queues only these stay whole when Ctrl-C comes in the middle of a put or get.
        self._outgoing: SimpleQueue[bytes | None] = SimpleQueue()
        self._hello: SimpleQueue[Element | Gone] = SimpleQueue()
        self._waiting: dict[str, SimpleQueue[Element | Gone]] = {}
        self._events: SimpleQueue[Element] = SimpleQueue()
        self._end: Gone | None = None
        try:
            # Whoever ends the connection at once may have said why: who reads finds it.
            with suppress(BrokenPipeError, ConnectionResetError):
                stream.write(framing.framed(_HELLO, chunked=False))
            for work in (self._read, self._write):
                threading.Thread(target=work, name="NETCONF session", daemon=True).start()
            hello = self._hello.get(timeout=timeout_s)
            if isinstance(hello, Gone):
                raise hello
            self.session_id, self.capabilities = _greeting(hello, where)
        except Empty:
            stream.close()
            raise Gone(f"what listens at {where} is not a NETCONF server: it says no hello") from None
        except OSError as problem:
            stream.close()
            raise Gone(self._lost(problem.strerror or str(problem))) from None
        except BaseException:
            stream.close()
            raise

    @property
    def gone(self) -> Gone | None:
        """Why there is no session any more; None while there is one."""
        return self._end

    def rpc(self, request: Element, timeout_s: float = REPLY_TIMEOUT_S) -> Element:
        """Return the reply to ``request``.

        Raises:
            ServerErrors: it was refused.
            Gone: the session is over, or there was no reply in time. Whether the request was carried out is
                not known then.
        """
        message_id = str(next(self._ids))
        answer: SimpleQueue[Element | Gone] = SimpleQueue()
        self._waiting[message_id] = answer
        try:
            if self._end is not None:
                raise Gone(str(self._end))
            self._outgoing.put(_wrapped(request, message_id))
            reply = self._answer(answer, timeout_s)
        finally:
            self._waiting.pop(message_id, None)
        if isinstance(reply, Gone):
            raise Gone(str(reply))
        if errors := [error for error in errors_of(reply) if not error.warning]:
            raise ServerErrors(tuple(errors))
        return reply

    def _answer(self, answer: SimpleQueue[Element | Gone], timeout_s: float) -> Element | Gone:
        until = time.monotonic() + timeout_s
        while (left_s := until - time.monotonic()) > 0:
            # A Ctrl-C that comes just before a wait begins does not end it.
            with suppress(Empty):
                return answer.get(timeout=min(left_s, LOOK_AGAIN_S))
        return Gone(f"{self._where} has not answered for {timeout_s:.0f} seconds")

    def notifications(self) -> Iterator[Element]:
        """Yield what a subscription of this session brings, until the session ends.

        Raises:
            Gone: it ended.
        """
        while True:
            try:
                yield self._events.get(timeout=1)
            except Empty:
                if self._end is not None:
                    raise Gone(str(self._end)) from None

    def close(self) -> None:
        """End the session in an orderly way, if the server still listens."""
        if self._end is None:
            closing = threading.Thread(target=self._say_goodbye, daemon=True)
            closing.start()
            closing.join(CLOSE_TIMEOUT_S)
        self.cut()

    def cut(self) -> None:
        """End the connection without a word: the server breaks off what it does for this session."""
        self._over(Gone("the session is closed"))
        self._outgoing.put(None)
        self._stream.close()

    def _say_goodbye(self) -> None:
        with suppress(Gone, ServerErrors):
            self.rpc(etree.Element(f"{{{NETCONF}}}close-session"))

    def _write(self) -> None:
        while (message := self._outgoing.get()) is not None:
            try:
                self._stream.write(framing.framed(message, self._decoder.chunked))
            except (OSError, EOFError) as problem:
                self._over(Gone(self._lost(getattr(problem, "strerror", None) or str(problem))))
                return

    def _read(self) -> None:
        try:
            while data := self._stream.read():
                self._decoder.add(data)
                while (message := self._decoder.next_message()) is not None:
                    self._take(parse(message))
            self._over(Gone(self._lost("")))
        except (OSError, EOFError) as problem:
            self._over(Gone(self._lost(getattr(problem, "strerror", None) or str(problem))))
        except framing.FramingError as problem:
            self._over(Gone(f"what listens at {self._where} is not a NETCONF server: {problem}"))
        except Gone as problem:
            self._over(problem)
        finally:  # whatever it was: nobody waits for ever
            self._over(Gone(self._lost("")))
            self._outgoing.put(None)
            self._stream.close()

    def _take(self, message: Element) -> None:
        name = etree.QName(message)
        if name.localname == "hello" and not self._decoder.chunked:
            if BASE_11 in _capabilities(message):
                self._decoder.chunked = True
            self._decoder.limit_octets = framing.MESSAGE_LIMIT_OCTETS
            self._hello.put(message)
        elif name.localname == "rpc-reply":
            if waiting := self._waiting.get(message.get("message-id", "")):
                waiting.put(message)
            elif "message-id" not in message.attrib:
                # RFC 6241 section 4.3: what could not be read has no id; it was the last that was sent.
                for other in list(self._waiting.values()):
                    other.put(message)
        elif name.localname == "notification":
            self._keep(message)

    def _keep(self, event: Element) -> None:
        while self._end is None and self._events.qsize() >= EVENTS_HELD:
            time.sleep(LOOK_AGAIN_S)
        self._events.put(event)

    def _over(self, why: Gone) -> None:
        if self._end is None:
            self._end = why
        self._hello.put(self._end)
        for waiting in list(self._waiting.values()):
            waiting.put(self._end)

    def _lost(self, reason: str) -> str:
        if not hasattr(self, "session_id"):
            told = f": {reason}" if reason else ""
            return f"{self._where} ended the connection before a session began{told}"
        return f"the session with {self._where} has ended: {reason or 'the agent or another user ended it'}"


def _greeting(hello: Element, where: str) -> tuple[int, frozenset[str]]:
    number = hello.findtext(f"{{{NETCONF}}}session-id") or ""
    capabilities = _capabilities(hello)
    if not _SESSION_ID.fullmatch(number.strip()) or not capabilities & {BASE_10, BASE_11}:
        raise Gone(f"what listens at {where} is not a NETCONF server: its hello lacks what one has to say")
    return int(number), capabilities


def _capabilities(hello: Element) -> frozenset[str]:
    return frozenset((one.text or "").strip() for one in hello.iter(f"{{{NETCONF}}}capability"))


def _wrapped(request: Element, message_id: str) -> bytes:
    rpc = etree.Element(f"{{{NETCONF}}}rpc", {"message-id": message_id})
    rpc.append(deepcopy(request))
    return etree.tostring(rpc)
