"""Whatever octets come: actions come out, never an exception."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.netconf.framing import encode_chunks, encode_end_of_message
from agent.netconf.messages import BASE_1_0, BASE_1_1
from agent.netconf.session import Close, Dispatch, Send, Session
from tests.agent.netconf.test_session import BOTH, hello, rpc

PIECES = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [
            encode_end_of_message(hello(BASE_1_0)),
            encode_end_of_message(hello(BASE_1_1)),
            encode_chunks(hello(BASE_1_1)),
            encode_chunks(rpc()),
            encode_end_of_message(rpc()),
            b"\n#",
            b"\n##\n",
            b"]]>]]>",
            b"<rpc",
            b"<!DOCTYPE",
            b"\n#4294967295\n",
        ]
    ),
)


@settings(max_examples=500)
@given(st.lists(PIECES, max_size=8))
def test_a_session_survives_any_octets(pieces: list[bytes]) -> None:
    session = Session(1, BOTH, 10_000)
    pending = session.start()
    for piece in [*pieces, b""]:
        pending = session.receive(piece)
        while pending:
            action = pending.pop(0)
            assert isinstance(action, Send | Dispatch | Close)
            if isinstance(action, Dispatch):
                pending += session.reply(action.rpc, b"")
    assert not session.established
