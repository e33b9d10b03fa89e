"""A request is known again by its octets, whatever its message-id is, and only where that is sure."""

from __future__ import annotations

import pytest

from agent.netconf.framing import encode_chunks, encode_end_of_message
from agent.netconf.known import MOST, MOST_OCTETS, Known
from agent.netconf.messages import BASE_1_1, Rpc, parse_rpc
from agent.netconf.session import Dispatch, Session
from agent.xml import NETCONF_NS, local_name
from tests.agent.netconf.test_session import hello

DECLARED = f'xmlns="{NETCONF_NS}"'
BODY = "<get-config><source><running/></source></get-config></rpc>"


def kept(text: str) -> Known:
    known = Known()
    rpc = parse_rpc(text.encode())
    known.keep(rpc.message, rpc.reply_start, "made")
    return known


@pytest.mark.parametrize(
    "start",
    [
        f'<rpc {DECLARED} message-id="%s">',
        f'<rpc message-id="%s" {DECLARED}>',
        f"<rpc message-id='%s'\n {DECLARED} xmlns:a=\"urn:a\">",
        f'<?xml version="1.0" encoding="UTF-8"?>\n<nc:rpc xmlns:nc="{NETCONF_NS}" message-id="%s">',
    ],
)
@pytest.mark.parametrize("number", ["101", "urn:uuid:7a-b_c.d"])
def test_a_request_with_another_message_id_is_the_same(start: str, number: str) -> None:
    body = BODY.replace("</rpc>", "</nc:rpc>") if "nc:rpc" in start else BODY
    known = kept(start % "1" + body)
    again = (start % number + body).encode()
    assert known.find(again) == ("made", parse_rpc(again).reply_start)


@pytest.mark.parametrize(
    "other",
    [
        f'<rpc {DECLARED} message-id="1"><get-config><source><candidate/></source></get-config></rpc>',
        f'<rpc {DECLARED} xmlns:a="urn:a" message-id="1">{BODY}',
        f'<rpc {DECLARED} message-id="1" a="b">{BODY}',
        f'<rpc {DECLARED} message-id="1" >{BODY}',
        f'<rpc {DECLARED} message-id="{"1" * 65}">{BODY}',
        f'<rpc {DECLARED} message-id="&#49;">{BODY}',
        f"<rpc {DECLARED}>{BODY}",
    ],
)
def test_any_other_difference_makes_another_request(other: str) -> None:
    assert kept(f'<rpc {DECLARED} message-id="1">{BODY}').find(other.encode()) is None


@pytest.mark.parametrize(
    "start",
    [
        f'<rpc {DECLARED} a=\' message-id="1"\' message-id="1">',
        f'<rpc {DECLARED} a=\' message-id="1" &apos;\' message-id="1">',
        f'<rpc {DECLARED} a="b" message-id="1">',
        f'<rpc {DECLARED} message-id="1" xml:lang="en">',
        f'<rpc {DECLARED} xmlns:a="urn:a" a:b="c" message-id="1">',
        f'<rpc {DECLARED} message-id="a b">',
        f'<rpc {DECLARED} message-id="a&amp;b">',
        f'<rpc {DECLARED} message-id="">',
        f'<!-- <rpc {DECLARED} message-id="1"> --><rpc {DECLARED} message-id="1">',
    ],
)
def test_what_could_be_taken_for_another_message_id_is_not_kept(start: str) -> None:
    known = kept(start + BODY)
    assert known.find((start + BODY).encode()) is None


def test_what_is_kept_is_bounded_and_the_oldest_gives_way() -> None:
    known = Known()
    texts = [f'<rpc {DECLARED} message-id="1"><get>{" " * n}</get></rpc>'.encode() for n in range(MOST + 1)]
    for text in texts:
        known.keep(text, parse_rpc(text).reply_start, "made")
    assert known.find(texts[0]) is None
    assert all(known.find(text) is not None for text in texts[1:])


def test_a_large_message_is_neither_kept_nor_held_by_its_request() -> None:
    text = f'<rpc {DECLARED} message-id="1"><get>{" " * MOST_OCTETS}</get></rpc>'.encode()
    known = Known()
    known.keep(text, parse_rpc(text).reply_start, "made")
    assert known.find(text) is None
    assert parse_rpc(text).message == b""
    assert parse_rpc(text).octets == len(text)


def asked(session: Session, message: bytes) -> Rpc:
    (action,) = session.receive(encode_chunks(message))
    assert isinstance(action, Dispatch)
    return action.rpc


def test_a_session_tells_what_was_made_of_the_same_and_parses_it_again_for_who_asks() -> None:
    known = Known()
    sessions = [Session(number, [BASE_1_1], known=known) for number in (1, 2)]
    for session in sessions:
        session.receive(encode_end_of_message(hello(BASE_1_1)))
    first = asked(sessions[0], f'<rpc {DECLARED} message-id="1">{BODY}'.encode())
    assert first.made is None
    sessions[0].know(first, "made")
    second = asked(sessions[1], f'<rpc {DECLARED} message-id="2">{BODY}'.encode())
    assert second.made == "made"
    assert second.reply_start == first.reply_start.replace(b'"1"', b'"2"')
    assert local_name(second.operation) == "get-config"
    assert second.operation is second.operation
    assert sessions[1].counters.in_rpcs == 1


def test_sessions_with_other_limits_know_nothing_of_each_other() -> None:
    text = f'<rpc {DECLARED} message-id="1">{BODY}'.encode()
    known = kept(text.decode())
    strict = Session(1, [BASE_1_1], max_depth=2)
    strict.receive(encode_end_of_message(hello(BASE_1_1)))
    assert known.find(text) is not None
    assert not any(isinstance(action, Dispatch) for action in strict.receive(encode_chunks(text)))
