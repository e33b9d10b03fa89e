"""Addresses are taken whole or not at all, and what keeps one from it is a sentence."""

from __future__ import annotations

import errno
import socket

import pytest

from agent.transport import address


async def test_every_address_of_a_name_is_taken_on_one_port() -> None:
    taken = await address.take("", 0)
    try:
        assert len({one.getsockname()[1] for one in taken}) == 1
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", taken[0].getsockname()[1]))
    finally:
        address.close(taken)
    assert taken == []


@pytest.mark.parametrize(
    ("number", "said"), [(errno.EACCES, 1), (errno.EADDRINUSE, 0), (errno.EADDRNOTAVAIL, 0)]
)
def test_a_port_that_this_process_may_not_have_is_said_and_one_in_use_is_not(
    number: int, said: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_family: int, where: tuple[str, int], what: str) -> socket.socket:
        raise OSError(address._reason(OSError(number, ""), what))

    assert address.lacking(0) == []
    monkeypatch.setattr(address, "_bound", refuse)
    assert address.lacking(830) == [address.TAKES_ROOT][:said]


@pytest.mark.parametrize(
    ("host", "reason"), [("192.0.2.7", "no interface has this address"), ("no such name", "known|resol")]
)
async def test_an_address_that_cannot_be_had_is_told_with_the_reason(host: str, reason: str) -> None:
    with pytest.raises(OSError, match=f"NETCONF cannot be served on {host}.*({reason})"):
        await address.take(host, 0)
