"""A session with a charon that is played by the test: what it says where that charon has no log to tell."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest
from vici.protocol import Packet

from tests.translators.charon.test_vici import charon, packet, reply
from translators.strongswan.charon.session import EVENTS, NO_LOG, CharonSession
from translators.strongswan.charon.vici import Connection, EventStream, ViciUnavailable

CONFIRM, UNKNOWN = packet(Packet.EVENT_CONFIRM), packet(Packet.EVENT_UNKNOWN)
OTHERS = [CONFIRM] * len(EVENTS)


async def session_with(folder: Path, *answers: bytes, log_later: bool, then_close: bool = False) -> None:
    """Listen to a charon that answers so, and hear its log if that is to be later."""
    async with charon(folder, *answers, then_close=then_close) as socket:
        folder.joinpath("other").mkdir()
        async with charon(folder / "other", reply()) as commands:
            connections = [await Connection.open(commands) for _ in range(2)]
            session = CharonSession(*connections, await EventStream.open(socket))

            def ignored(*_event: Any) -> None: ...

            await session._listen(folder / "none", ignored, ignored, log_later=log_later)
            try:
                for _ in range(2):  # and asks once
                    await session.hear_log()
                assert not session.lost.is_set()
            finally:
                await session.close()


@pytest.mark.parametrize("log_later", [True, False])
async def test_a_charon_without_a_log_is_used_and_its_reader_is_told(
    tmp_path: Path, log_later: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        await asyncio.wait_for(session_with(tmp_path, *OTHERS, UNKNOWN, log_later=log_later), 60)
    assert caplog.messages == [NO_LOG]


@pytest.mark.parametrize("log_later", [True, False])
async def test_of_one_that_has_it_nothing_is_said(
    tmp_path: Path, log_later: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        await asyncio.wait_for(session_with(tmp_path, *OTHERS, CONFIRM, log_later=log_later), 60)
    assert not caplog.messages


async def test_a_charon_that_is_lost_before_its_log_is_heard_is_no_session(tmp_path: Path) -> None:
    with pytest.raises(ViciUnavailable, match="the event connection"):
        await asyncio.wait_for(session_with(tmp_path, *OTHERS, log_later=True, then_close=True), 60)
