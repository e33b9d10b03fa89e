"""Sessions as dialogues: what the client sends, and what the session does."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from lxml import etree

from agent.errors import OperationFailed
from agent.netconf.framing import encode_chunks, encode_end_of_message
from agent.netconf.messages import BASE_1_0, BASE_1_1
from agent.netconf.session import (
    LARGE_OCTETS,
    TRANSITIONS,
    Action,
    Close,
    Dispatch,
    Input,
    Parse,
    Send,
    Session,
    State,
)
from agent.xml import NETCONF_NS

BOTH = (BASE_1_0, BASE_1_1)


def hello(*capabilities: str, extra: str = "") -> bytes:
    rows = "".join(f"<capability>{uri}</capability>" for uri in capabilities)
    return f'<hello xmlns="{NETCONF_NS}"><capabilities>{rows}</capabilities>{extra}</hello>'.encode()


def rpc(message_id: int = 1) -> bytes:
    return f'<rpc message-id="{message_id}" xmlns="{NETCONF_NS}"><get/></rpc>'.encode()


def opened(*capabilities: str, offered: tuple[str, ...] = BOTH, limit_octets: int = 10_000) -> Session:
    session = Session(3, offered, limit_octets)
    session.start()
    assert session.receive(encode_end_of_message(hello(*capabilities))) == []
    return session


def dispatched(actions: list[Action]) -> list[Dispatch]:
    return [action for action in actions if isinstance(action, Dispatch)]


def test_the_server_greets_first_with_its_session_id_in_the_old_framing() -> None:
    (greeting,) = Session(3, BOTH).start()
    assert isinstance(greeting, Send)
    assert greeting.data.endswith(b"<session-id>3</session-id></hello>]]>]]>")


@pytest.mark.parametrize(
    ("client", "offered", "chunked"),
    [
        (BOTH, BOTH, True),
        ((BASE_1_1,), BOTH, True),
        ((BASE_1_0,), BOTH, False),
        (BOTH, (BASE_1_0,), False),
    ],
)
def test_rfc6242_4_1_chunks_are_used_if_both_offer_them(
    client: tuple[str, ...], offered: tuple[str, ...], chunked: bool
) -> None:
    session = opened(*client, offered=offered)
    frame = encode_chunks if chunked else encode_end_of_message
    (request,) = dispatched(session.receive(frame(rpc())))
    (answer,) = session.reply(request.rpc, b"")
    assert isinstance(answer, Send)
    assert answer.data.endswith(b"\n##\n" if chunked else b"]]>]]>")


def test_a_hello_in_chunks_is_taken_if_chunks_were_offered() -> None:
    session = Session(3, BOTH)
    assert len(dispatched(session.receive(encode_chunks(hello(*BOTH)) + encode_chunks(rpc())))) == 1
    assert isinstance(Session(3, (BASE_1_0,)).receive(encode_chunks(hello(*BOTH)) + b"]]>]]>")[0], Close)


def test_hello_and_request_may_come_in_one_piece_or_octet_by_octet() -> None:
    wire = b"\n" + encode_end_of_message(hello(*BOTH)) + encode_chunks(rpc())
    assert len(dispatched(Session(3, BOTH).receive(wire))) == 1
    session = Session(3, BOTH)
    assert len(dispatched([a for octet in wire for a in session.receive(bytes([octet]))])) == 1


@pytest.mark.parametrize(
    "first",
    [
        hello(BASE_1_1, extra="<session-id>4</session-id>"), hello("urn:other"), hello(), rpc(), b"rubbish",
        b"<!DOCTYPE hello>" + hello(BASE_1_1),
    ],
)  # fmt: skip
def test_a_client_that_does_not_greet_properly_is_closed(first: bytes) -> None:
    session = Session(3, BOTH)
    (close,) = session.receive(encode_end_of_message(first))
    assert isinstance(close, Close)
    assert session.state is State.CLOSED
    assert session.receive(encode_end_of_message(hello(*BOTH))) == []


def test_requests_wait_for_the_reply_before_them() -> None:
    session = opened(*BOTH)
    (first,) = dispatched(session.receive(encode_chunks(rpc(1)) + encode_chunks(rpc(2))))
    assert session.state is State.BUSY
    answer, second = session.reply(first.rpc, b"<data/>")
    assert isinstance(answer, Send)
    assert b'message-id="1"' in answer.data
    assert isinstance(second, Dispatch)
    assert b'message-id="2"' in second.rpc.reply_start


def test_a_bad_message_between_two_requests_is_answered_in_its_place() -> None:
    session = opened(*BOTH)
    (first,) = dispatched(
        session.receive(encode_chunks(rpc(1)) + encode_chunks(b"<") + encode_chunks(rpc(3)))
    )
    one, bad, third = session.reply(first.rpc, b"")
    assert isinstance(one, Send)
    assert isinstance(bad, Send)
    assert b"malformed-message" in bad.data
    assert isinstance(third, Dispatch)


@pytest.mark.parametrize("encoding", ["iso-8859-1", "utf-16", "utf-16-le", "utf-32", "utf-8"])
@pytest.mark.parametrize(
    ("client", "frame", "tag"),
    [
        (BOTH, encode_chunks, b"<error-tag>malformed-message<"),
        ((BASE_1_0,), encode_end_of_message, b"<error-tag>operation-failed<"),  # RFC 6241 appendix A
    ],
)
def test_a_message_that_is_not_in_utf_8_is_answered(
    client: tuple[str, ...], frame: Callable[[bytes], bytes], tag: bytes, encoding: str
) -> None:
    """RFC 6241 section 3; of UTF-8 an octet is wrong."""
    session = opened(*client)
    written = f'<?xml version="1.0" encoding="{encoding}"?>{rpc().decode()}'.encode(encoding)
    if encoding == "utf-8":
        written = written.replace(b"<get/>", b"<get>\xe9</get>")
    bad, request = session.receive(frame(written) + frame(rpc(2)))
    assert isinstance(bad, Send)
    assert tag in bad.data
    assert b"is in UTF-8" in bad.data
    assert isinstance(request, Dispatch)


@pytest.mark.parametrize("encoding", ["iso-8859-1", "utf-16"])
def test_a_hello_that_is_not_in_utf_8_ends_the_session(encoding: str) -> None:
    session = Session(3, BOTH)
    written = f'<?xml version="1.0" encoding="{encoding}"?>{hello(*BOTH).decode()}'.encode(encoding)
    (close,) = session.receive(encode_end_of_message(written))
    assert isinstance(close, Close)
    assert "is in UTF-8" in close.reason


def test_counters_count_what_rfc6022_says() -> None:
    session = opened(*BOTH)
    (request,) = dispatched(session.receive(encode_chunks(b"<") + encode_chunks(rpc())))
    session.reply_errors(request.rpc, [OperationFailed("a"), OperationFailed("b")], {})
    counters = session.counters
    assert (counters.in_rpcs, counters.in_bad_rpcs, counters.out_rpc_errors) == (1, 1, 3)


def test_several_errors_go_out_in_one_reply() -> None:
    session = opened(BASE_1_0)
    (request,) = dispatched(session.receive(encode_end_of_message(rpc())))
    (answer,) = session.reply_errors(request.rpc, [OperationFailed("a"), OperationFailed("b")], {})
    assert isinstance(answer, Send)
    assert len(etree.fromstring(answer.data[:-6])) == 2


def test_a_message_over_the_limit_ends_the_session() -> None:
    session = opened(*BOTH, limit_octets=1000)
    (close,) = session.receive(encode_chunks(b"a" * 1001))
    assert isinstance(close, Close)
    assert "1000 octets" in close.reason


def test_the_end_of_the_stream_closes() -> None:
    session = opened(*BOTH)
    assert isinstance(session.receive(b"")[0], Close)


def test_a_reply_after_the_end_goes_nowhere() -> None:
    session = opened(*BOTH)
    (request,) = dispatched(session.receive(encode_chunks(rpc())))
    session.receive(b"")
    assert session.reply(request.rpc, b"") == []


def test_a_transition_that_the_table_does_not_have_is_our_own_fault() -> None:
    session = opened(*BOTH)
    (request,) = dispatched(session.receive(encode_chunks(rpc())))
    session.reply(request.rpc, b"")
    with pytest.raises(KeyError):
        session.reply(request.rpc, b"")


def test_every_state_can_be_closed() -> None:
    assert {state for state, event in TRANSITIONS if event is Input.CLOSE} == set(State) - {State.CLOSED}


@pytest.mark.parametrize(
    ("client", "frame", "bad"),
    [
        (BOTH, encode_chunks, b"\n#x\n"),
        (BOTH, encode_chunks, b"\n#20000\n" + b"a" * 20_000),
        ((BASE_1_0,), encode_end_of_message, b"a" * 20_000),
        ((BASE_1_0,), encode_end_of_message, encode_end_of_message(b"a" * 20_000)),
    ],
    ids=["no chunk", "too long a chunk", "too long", "too long, and whole"],
)
def test_what_came_whole_before_broken_framing_is_answered_first(
    client: tuple[str, ...], frame: Callable[[bytes], bytes], bad: bytes
) -> None:
    session = opened(*client)
    (first,) = session.receive(frame(rpc(1)) + frame(rpc(2)) + bad + frame(rpc(3)))
    assert isinstance(first, Dispatch)
    answer, second = session.reply(first.rpc, b"")
    assert isinstance(answer, Send)
    assert isinstance(second, Dispatch)
    assert session.receive(frame(rpc(4))) == []
    answer, close = session.reply(second.rpc, b"")
    assert b'message-id="2"' in answer.data
    assert isinstance(close, Close)
    assert not close.at_hello


@pytest.mark.parametrize("frame", [encode_chunks, encode_end_of_message])
def test_so_it_is_right_after_the_hello(frame: Callable[[bytes], bytes]) -> None:
    session = Session(3, BOTH)
    (request,) = session.receive(frame(hello(*BOTH)) + encode_chunks(rpc()) + b"\n#x\n")
    assert isinstance(request, Dispatch)
    answer, close = session.reply(request.rpc, b"")
    assert (type(answer), type(close)) == (Send, Close)


def test_a_broken_hello_ends_the_session() -> None:
    (close,) = Session(3, BOTH).receive(b"\n#x\n")
    assert isinstance(close, Close)
    assert close.at_hello


LARGE = rpc(1).replace(b"<get/>", b"<get>" + b" " * LARGE_OCTETS + b"</get>")


@pytest.mark.parametrize("frame", [encode_chunks, encode_end_of_message])
def test_a_large_message_is_handed_out_to_be_parsed_elsewhere(frame: Callable[[bytes], bytes]) -> None:
    session = opened(*(BOTH if frame is encode_chunks else (BASE_1_0,)), limit_octets=10**6)
    (parse,) = session.receive(frame(LARGE) + frame(rpc(2)))
    assert parse == Parse(LARGE)
    assert session.held_octets == len(LARGE) + len(rpc(2))
    assert session.receive(frame(rpc(3))) == [], "what came later waits"
    (first,) = session.parsed(LARGE, session.read(LARGE))
    assert isinstance(first, Dispatch)
    assert first.rpc.octets == len(LARGE)
    assert session.held_octets == len(rpc(2) + rpc(3))
    _, second = session.reply(first.rpc, b"")
    assert isinstance(second, Dispatch)
    assert session.counters.in_rpcs == 2


@pytest.mark.parametrize(
    ("bad", "tag"), [(b"<" + LARGE, b"malformed-message"), (LARGE.replace(b"message-id", b"id"), b"missing-")]
)
def test_a_large_message_that_is_refused_is_answered_in_its_place(bad: bytes, tag: bytes) -> None:
    session = opened(*BOTH, limit_octets=10**6)
    session.receive(encode_chunks(bad) + encode_chunks(rpc(2)) + encode_chunks(LARGE))
    answer, second = session.parsed(bad, session.read(bad))
    assert isinstance(answer, Send)
    assert tag in answer.data
    assert isinstance(second, Dispatch)
    _, third = session.reply(second.rpc, b"")
    assert third == Parse(LARGE)


def test_a_session_that_ends_while_a_message_is_parsed_takes_nothing_of_it() -> None:
    session = opened(*BOTH, limit_octets=10**6)
    session.receive(encode_chunks(LARGE))
    assert session.established
    assert isinstance(session.receive(b"")[0], Close)
    assert session.parsed(LARGE, session.read(LARGE)) == []
    assert session.held_octets == 0
