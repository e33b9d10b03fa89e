"""One NETCONF session without I/O: bytes in, actions out (RFC 6241 sections 4 and 8.1, RFC 6242 section 4).

One <rpc> is handed out at a time; further ones wait until its reply, so replies keep the order of requests. A
large message is handed out before, to be parsed where that holds up nobody.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from agent.errors import MalformedMessage, OperationFailed, RpcError, TooBig
from agent.netconf.framing import (
    MESSAGE_LIMIT_OCTETS,
    WHITE_SPACE,
    ChunkDecoder,
    EndOfMessageDecoder,
    FramingError,
    ProtocolError,
    encode_chunks,
    encode_end_of_message,
)
from agent.netconf.known import Known
from agent.netconf.messages import (
    BASE_1_0,
    BASE_1_1,
    PLAIN_START,
    Hello,
    Namespaces,
    Rpc,
    RpcProblem,
    build_hello,
    client_prefixes,
    error_reply,
    parse_hello,
    parse_rpc,
    reply,
)
from agent.xml import MAX_DEPTH, MAX_ELEMENTS, XmlError, XmlTooBig

MAX_BAD_MESSAGES_IN_A_ROW = 8
LARGE_OCTETS = 64 * 1024
"""A message that is larger takes long to parse: who drives the session does it elsewhere."""


@dataclass(frozen=True, slots=True)
class Send:
    """Octets to write, in order."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Parse:
    """A large message to call ``read`` for, on any thread; then go on with ``parsed``."""

    message: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Dispatch:
    """An operation to carry out; answer with ``reply`` or ``reply_errors``."""

    rpc: Rpc


@dataclass(frozen=True, slots=True)
class Close:
    """End the session; ``reason`` is for the log.

    ``by_client``: the client went by itself. ``at_hello``: before the hellos were exchanged.
    """

    reason: str
    by_client: bool = False
    at_hello: bool = False


Action = Send | Parse | Dispatch | Close
Read = Rpc | XmlError | RpcProblem
"""What a message is found to be: a request, or what is wrong with it."""


class State(Enum):
    HELLO = "waiting for <hello>"
    IDLE = "open"
    READING = "a large message is being parsed"
    BUSY = "an operation is being carried out"
    CLOSED = "closed"


class Input(Enum):
    HELLO = "hello"
    LARGE = "large message"
    READ = "it is parsed"
    RPC = "rpc"
    REPLY = "reply"
    CLOSE = "close"


TRANSITIONS = {
    (State.HELLO, Input.HELLO): State.IDLE,
    (State.IDLE, Input.LARGE): State.READING,
    (State.READING, Input.READ): State.IDLE,
    (State.IDLE, Input.RPC): State.BUSY,
    (State.BUSY, Input.REPLY): State.IDLE,
    (State.HELLO, Input.CLOSE): State.CLOSED,
    (State.IDLE, Input.CLOSE): State.CLOSED,
    (State.READING, Input.CLOSE): State.CLOSED,
    (State.BUSY, Input.CLOSE): State.CLOSED,
}


_ESTABLISHED = (State.IDLE, State.READING, State.BUSY)


@dataclass(slots=True)
class Counters:
    """What RFC 6022 section 2.1.5 counts for a session."""

    in_rpcs: int = 0
    in_bad_rpcs: int = 0
    out_rpc_errors: int = 0
    out_notifications: int = 0
    tags: Counter[str] = field(default_factory=Counter)
    """Of what is counted in ``out_rpc_errors``, by error-tag."""

    def count_errors(self, errors: Sequence[RpcError]) -> None:
        """Count ``errors`` that are answered."""
        self.out_rpc_errors += len(errors)
        self.tags.update(error.tag for error in errors)


class Session:
    """The protocol state of one client.

    Args:
        session_id: sent in our <hello>.
        capabilities: URIs of our <hello>; with base:1.1 among them chunked framing can be agreed on.
        limit_octets, max_elements, max_depth: of the largest message that is taken.
        known: requests that came before, of all sessions with these limits.
    """

    def __init__(
        self,
        session_id: int,
        capabilities: Sequence[str],
        limit_octets: int = MESSAGE_LIMIT_OCTETS,
        *,
        max_elements: int = MAX_ELEMENTS,
        max_depth: int = MAX_DEPTH,
        known: Known | None = None,
    ) -> None:
        self.session_id = session_id
        self.counters = Counters()
        self.state = State.HELLO
        self.greeted = False
        self._capabilities = tuple(capabilities)
        self._limit = limit_octets
        self._max_elements, self._max_depth = max_elements, max_depth
        self._known = Known() if known is None else known
        self._decoder: EndOfMessageDecoder | ChunkDecoder | None = None
        self._chunked = False
        self._waiting: deque[bytes] = deque()
        self._waiting_octets = 0
        self._bad_in_a_row = 0
        self._broken = ""

    @property
    def established(self) -> bool:
        """True once hellos were exchanged."""
        return self.state in _ESTABLISHED

    @property
    def held_octets(self) -> int:
        """What is held of messages that are not whole, or wait for their turn or to be parsed."""
        unfinished = 0 if self._decoder is None else self._decoder.held_octets
        return unfinished + self._waiting_octets

    def start(self) -> list[Action]:
        """Return our <hello>, which is always framed as base:1.0 (RFC 6242 section 4.1)."""
        return [Send(encode_end_of_message(build_hello(self._capabilities, self.session_id)))]

    def receive(self, data: bytes) -> list[Action]:
        """Take what the client sent; b"" is the end of its stream."""
        if self.state is State.CLOSED:
            return []
        if not data:
            return self._close("the client ended the connection", by_client=True)
        if self._broken:
            return []
        try:
            return self._receive(data)
        except ProtocolError as problem:
            return self._close(str(problem))

    def read(self, message: bytes) -> Read:
        """*any thread* Return what ``message`` is."""
        found = self._known.find(message)
        if found is not None:
            made, start = found
            return Rpc(None, start, message, made=made)
        try:
            return parse_rpc(message, self._max_elements, self._max_depth)
        except (XmlError, RpcProblem) as problem:
            return problem.with_traceback(None)

    def parsed(self, message: bytes, found: Read) -> list[Action]:
        """Take what the message of a ``Parse`` is; returns what to do next."""
        if self.state is State.CLOSED:
            return []
        self._waiting_octets -= len(message)
        self._move(Input.READ)
        return [*self._found(found), *self._next()]

    def reply(self, rpc: Rpc, body: bytes) -> list[Action]:
        """Answer the dispatched ``rpc``; returns what to do next."""
        return self._answer(reply(rpc, body))

    def know(self, rpc: Rpc, made: object) -> None:
        """Keep what was made of ``rpc`` for when the same is asked again; see ``Known``."""
        self._known.keep(rpc.message, rpc.reply_start, made)

    def reply_errors(self, rpc: Rpc, errors: Iterable[RpcError], namespaces: Namespaces) -> list[Action]:
        """Answer the dispatched ``rpc`` with errors; returns what to do next."""
        found = list(errors)
        self.counters.count_errors(found)
        return self._answer(error_reply(rpc.reply_start, found, namespaces, client_prefixes(rpc.operation)))

    def notify(self, message: bytes) -> list[Action]:
        """Return what sends a ``<notification>``; nothing once the session is over."""
        if not self.established:
            return []
        self.counters.out_notifications += 1
        return [self._framed(message)]

    # -- input -----------------------------------------------------------------------------

    def _receive(self, data: bytes) -> list[Action]:
        if self.state is State.HELLO:
            return self._receive_hello(data)
        self._wait(self._cut(data))
        return self._next()

    def _cut(self, data: bytes) -> list[bytes]:
        """Return the messages that ``data`` completes, also where the framing breaks after them."""
        assert self._decoder is not None
        try:
            return self._decoder.feed(data)
        except FramingError as problem:
            self._broken = str(problem)
            return list(problem.complete)

    def _receive_hello(self, data: bytes) -> list[Action]:
        if self._decoder is None:
            # A client that saw our base:1.1 may send its hello in chunks already.
            data = data.lstrip(WHITE_SPACE)
            if not data:
                return []
            early = data.startswith(b"#") and BASE_1_1 in self._capabilities
            self._decoder = ChunkDecoder(self._limit) if early else EndOfMessageDecoder(self._limit)
        if isinstance(self._decoder, ChunkDecoder):
            messages = self._cut(data)
            if not messages:
                return self._close(self._broken) if self._broken else []
            self._wait(messages[1:])
            return self._hello(messages[0])
        self._decoder.add(data)
        message = self._decoder.next_message()
        return [] if message is None else self._hello(message)

    def _hello(self, message: bytes) -> list[Action]:
        try:
            hello = parse_hello(message)
        except XmlError as problem:
            return self._close(f"the <hello> is not acceptable XML: {problem}")
        if hello is None:
            return self._close("the first message was not <hello>")
        if reason := self._refusal(hello):
            return self._close(reason)
        self._move(Input.HELLO)
        self.greeted = True
        self._chunked = BASE_1_1 in hello.capabilities and BASE_1_1 in self._capabilities
        rest = b""
        if isinstance(self._decoder, EndOfMessageDecoder) and self._chunked:
            rest = self._decoder.take_rest()
            self._decoder = ChunkDecoder(self._limit)
        elif isinstance(self._decoder, ChunkDecoder) and not self._chunked:
            return self._close("a chunked <hello> that does not offer base:1.1")
        self._wait(self._cut(rest))
        return self._next()

    def _refusal(self, hello: Hello) -> str:
        if hello.session_id is not None:
            return "a client must not send a session-id in <hello>"
        if not hello.capabilities & {BASE_1_0, BASE_1_1} & set(self._capabilities):
            return "the client shares no base capability with this server"
        return ""

    def _wait(self, messages: Sequence[bytes]) -> None:
        self._waiting.extend(messages)
        self._waiting_octets += sum(map(len, messages))

    # -- requests --------------------------------------------------------------------------

    def _next(self) -> list[Action]:
        """Hand out the next waiting request, answering those that cannot be dispatched.

        When none is left and the framing is broken, nothing can follow.
        """
        actions: list[Action] = []
        while self.state is State.IDLE and self._waiting:
            message = self._waiting.popleft()
            if len(message) > LARGE_OCTETS:
                self._move(Input.LARGE)
                actions.append(Parse(message))
            else:
                self._waiting_octets -= len(message)
                actions += self._found(self.read(message))
        if self.state is State.IDLE and self._broken:
            actions += self._close(self._broken)
        return actions

    def _found(self, found: Read) -> list[Action]:
        if isinstance(found, XmlError):
            return self._refuse(PLAIN_START, self._malformed(found))
        if isinstance(found, RpcProblem):
            return self._refuse(found.reply_start, found.error)
        self._bad_in_a_row = 0
        self.counters.in_rpcs += 1
        self._move(Input.RPC)
        return [Dispatch(found)]

    def _malformed(self, problem: XmlError) -> RpcError:
        if isinstance(problem, XmlTooBig):
            return TooBig(f"the message is not acceptable: {problem}", type=MalformedMessage.type)
        # The tag malformed-message exists with base:1.1 only (RFC 6241 appendix A).
        if self._chunked:
            return MalformedMessage(f"the message is not acceptable: {problem}")
        return OperationFailed(f"the message is not acceptable: {problem}", type=MalformedMessage.type)

    def _refuse(self, start: bytes, error: RpcError) -> list[Action]:
        self.counters.in_bad_rpcs += 1
        self.counters.count_errors([error])
        self._bad_in_a_row += 1
        actions: list[Action] = [self._framed(error_reply(start, [error], {}))]
        if self._bad_in_a_row >= MAX_BAD_MESSAGES_IN_A_ROW:
            actions += self._close(f"{self._bad_in_a_row} bad messages in a row")
        return actions

    def _answer(self, message: bytes) -> list[Action]:
        if self.state is State.CLOSED:
            return []
        self._move(Input.REPLY)
        return [self._framed(message), *self._next()]

    def _framed(self, message: bytes) -> Send:
        return Send(encode_chunks(message) if self._chunked else encode_end_of_message(message))

    def _close(self, reason: str, *, by_client: bool = False) -> list[Action]:
        self._move(Input.CLOSE)
        self._waiting.clear()
        self._waiting_octets = 0
        return [Close(reason, by_client, at_hello=not self.greeted)]

    def _move(self, event: Input) -> None:
        """Change state as the table says; a missing row is our own fault."""
        self.state = TRANSITIONS[self.state, event]
