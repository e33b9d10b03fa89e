"""VICI messages as the vici package writes and reads them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vici.protocol import FiniteStream, Message

from translators.strongswan.charon.codec import Malformed, TooLong, decode, encode
from translators.strongswan.charon.vici import _text

NAMES = st.text(min_size=1, max_size=8)
VALUES = st.one_of(st.text(max_size=12), st.binary(max_size=12))
MESSAGES: Any = st.recursive(
    st.dictionaries(NAMES, st.one_of(VALUES, st.lists(VALUES, max_size=3)), max_size=4),
    lambda inner: st.dictionaries(NAMES, st.one_of(VALUES, inner), max_size=4),
    max_leaves=12,
)


@given(MESSAGES)
def test_octets_are_those_of_the_package_and_so_is_what_is_read(message: Any) -> None:
    octets = encode(message)
    assert octets == Message.serialize(message)
    assert decode(b"\x07" + octets, 1) == _text(Message.deserialize(FiniteStream(octets)))


@given(st.binary(max_size=40), MESSAGES)
def test_what_is_no_message_is_malformed_and_nothing_else(octets: bytes, message: Any) -> None:
    for broken in (octets, encode(message)[:-1], encode(message) + octets):
        try:
            expected = _text(Message.deserialize(FiniteStream(broken)))
        except Exception:
            expected = None
        try:
            assert decode(broken) == expected
        except Malformed:
            # The package reads on where a list is not ended, or an element of one stands alone.
            assert expected is None or broken


def test_what_is_too_long_for_vici_is_not_sent() -> None:
    assert len(encode({"n" * 255: "v" * 65535})) == 2 + 255 + 2 + 65535
    for message in ({"n" * 256: ""}, {"n": "v" * 65536}, {"n": ["v" * 65536]}, {"n": {"m" * 256: ""}}):
        with pytest.raises(TooLong):
            encode(message)
