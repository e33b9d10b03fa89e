"""A session with a charon that is played by the test: what it says where that charon has no log to tell."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest
from vici.protocol import Packet

from tests.translators.charon.test_vici import charon, packet, reply
from translators.strongswan.charon.event_stream import EventStream
from translators.strongswan.charon.session import EVENTS, NO_LOG, CharonSession
from translators.strongswan.charon.vici import Connection, ViciUnavailable

EVENT = packet(Packet.EVENT, {"n": "0"}, "ike-updown")
CONFIRM, UNKNOWN = packet(Packet.EVENT_CONFIRM), packet(Packet.EVENT_UNKNOWN)
OTHERS = [CONFIRM] * len(EVENTS)


async def session_with(
    folder: Path, *answers: bytes, log_later: bool, then_close: bool = False
) -> tuple[list[bool], bool]:
    """Listen to a charon that answers so, and hear its log if that is to be later. Return for each event, and
    for what may still come, whether the log is heard as well."""
    heard: list[bool] = []
    async with charon(folder, *answers, then_close=then_close) as socket:
        folder.joinpath("other").mkdir()
        async with charon(folder / "other", reply()) as commands:
            connections = [await Connection.open(commands) for _ in range(2)]
            session = CharonSession(*connections, await EventStream.open(socket))

            def on_event(session: CharonSession, _name: str, _message: Any) -> None:
                heard.append(session.hears_log)

            await session._listen(folder / "none", on_event, lambda _notice: None, log_later=log_later)
            assert session.hears_log is (not log_later and UNKNOWN not in answers)
            try:
                for _ in range(2):  # and asks once
                    await session.hear_log()
                assert not session.lost.is_set()
                return heard, session.hears_log
            finally:
                await session.close()


@pytest.mark.parametrize("log_later", [True, False])
async def test_a_charon_without_a_log_is_used_and_its_reader_is_told(
    tmp_path: Path, log_later: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        answers = [*OTHERS, UNKNOWN]
        _heard, hears = await asyncio.wait_for(session_with(tmp_path, *answers, log_later=log_later), 60)
    assert caplog.messages == [NO_LOG]
    assert not hears


@pytest.mark.parametrize("log_later", [True, False])
async def test_of_one_that_has_it_nothing_is_said(
    tmp_path: Path, log_later: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        answers = [*OTHERS, CONFIRM]
        _heard, hears = await asyncio.wait_for(session_with(tmp_path, *answers, log_later=log_later), 60)
    assert not caplog.messages
    assert hears


async def test_the_log_is_heard_from_the_answer_on_and_not_from_the_question(tmp_path: Path) -> None:
    answers = [*OTHERS, EVENT + CONFIRM]
    heard, _hears = await asyncio.wait_for(session_with(tmp_path, *answers, log_later=True), 60)
    assert heard == [False]


async def test_a_charon_that_is_lost_before_its_log_is_heard_is_no_session(tmp_path: Path) -> None:
    with pytest.raises(ViciUnavailable, match="the event connection"):
        await asyncio.wait_for(session_with(tmp_path, *OTHERS, log_later=True, then_close=True), 60)
