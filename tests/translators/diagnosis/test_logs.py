"""The log on request: which lines are shown and for whom, when it ends, and what is not let through."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest

from agent.errors import InvalidValue, ResourceDenied
from agent.translator import Notification
from tests.translators.diagnosis.test_monitor import Told
from translators.strongswan.diagnosis.logs import MAX_LOGS, TEXT_CHARACTERS_MAX, UNNAMED_MAX, TunnelLogs
from translators.strongswan.status.unnamed import between
from translators.strongswan.translation.desired import Desired

CHARON = object()


def line(text: str, name: str = "ipsec-7", **members: str) -> dict[str, str]:
    """Return a log event as charon sends it; an empty name is a line of no SA."""
    sa = {"ikesa-name": name, "ikesa-uniqueid": "12"} if name else {}
    return {"group": "IKE", "level": "1", "thread": "9", "msg": text, **sa, **members}


class Lines:
    """A charon that logs, and what was told of it."""

    def __init__(self, **tunnels: tuple[str, str | None]) -> None:
        self.desired = desired = Desired()
        self.looks = 0
        for number, (local, peer) in tunnels.items():
            ends = {"local-address": local, "peer": peer}
            desired.entries[number.strip("t")] = {name: end for name, end in ends.items() if end}
        self.told = Told()
        self.logs = TunnelLogs(self.told, self._owners, lambda: desired.version)

    def _owners(self, ends: Collection[str]) -> list[str]:
        self.looks += 1
        return between(self.desired.entries, ends)

    def say(self, *messages: dict[str, str], charon: object = CHARON) -> None:
        for message in messages:
            self.logs.on_event(charon, "log", message)

    def shown(self) -> list[tuple[int | None, str]]:
        """Return tunnel and text of every line."""
        lines = [content.get("yangswan-daemon:log-line") for content in self.told.all]
        return [(one.get("tunnel"), one["text"]) for one in lines if one is not None]

    def ended(self) -> list[dict[str, Any]]:
        ends = [content.get("yangswan-daemon:log-ended") for content in self.told.all]
        return [one for one in ends if one is not None]


async def test_a_line_is_shown_with_all_that_charon_says_of_it() -> None:
    lines = Lines()
    assert lines.logs.start({}) == {"log-id": 1}
    lines.say(line("initiating IKE_SA ipsec-7[12] to 192.0.2.1"))
    assert lines.told.all == [
        {
            "yangswan-daemon:log-line": {
                "log-id": 1,
                "tunnel": 7,
                "ike-sa": 12,
                "group": "ike",
                "level": 1,
                "thread": 9,
                "text": "initiating IKE_SA ipsec-7[12] to 192.0.2.1",
            }
        }
    ]
    lines.logs.close()


async def test_a_log_of_some_tunnels_leaves_out_all_others() -> None:
    lines = Lines()
    lines.logs.start({"tunnel": [7, 9]})
    lines.say(line("a"), line("b", "ipsec-8"), line("c", "ipsec-9"), line("d", "ipsec-77"))
    lines.say(line("e", "somebody-elses"), line("f", ""))
    assert lines.shown() == [(7, "a"), (9, "c")]
    lines.logs.close()


async def test_a_log_of_everything_shows_what_is_of_no_tunnel_too() -> None:
    lines = Lines()
    lines.logs.start({})
    lines.say(line("a"), line("b", "somebody-elses"), line("c", ""))
    assert lines.shown() == [(7, "a"), (None, "b"), (None, "c")]
    lines.logs.close()


async def test_what_is_loaded_is_shown_for_the_tunnel_whose_it_is() -> None:
    lines = Lines()
    lines.logs.start({"tunnel": [7]})
    loads = ["added vici connection: ipsec-7", "added vici connection: ipsec-77", "loaded 'ipsec-7' for: x"]
    lines.say(*(line(text, "") for text in loads), line("added vici connection: my-ipsec-7", ""))
    assert lines.shown() == [(7, loads[0]), (7, loads[2])]
    lines.logs.close()


async def test_level_0_leaves_out_level_1() -> None:
    lines = Lines()
    lines.logs.start({"level": 0})
    lines.say(line("a"), line("b", level="0"))
    assert lines.shown() == [(7, "b")]
    lines.logs.close()


# --- peers that have not said yet for which tunnel they come ---

RECEIVED = "received packet: from 192.0.2.1[500] to 192.0.2.9[500] (464 bytes)"


def unnamed(text: str, sa: str = "12") -> dict[str, str]:
    return line(text, "(unnamed)", **{"ikesa-uniqueid": sa})


async def test_the_first_lines_of_a_peer_are_those_of_the_one_tunnel_between_the_addresses() -> None:
    lines = Lines(t7=("192.0.2.9", "192.0.2.1"), t8=("192.0.2.9", "192.0.2.2"))
    lines.logs.start({"tunnel": [7]})
    lines.say(unnamed(RECEIVED), unnamed("received proposals unacceptable"), line("selected 'ipsec-7'"))
    lines.say(unnamed(RECEIVED.replace("192.0.2.1[", "192.0.2.2["), "13"), unnamed("no", "13"))
    assert lines.shown() == [
        (7, RECEIVED),
        (7, "received proposals unacceptable"),
        (7, "selected 'ipsec-7'"),
    ]
    lines.logs.close()


async def test_where_several_tunnels_are_between_the_addresses_none_is_named() -> None:
    lines = Lines(t7=("192.0.2.9", "192.0.2.1"), t8=("192.0.2.9", None))
    lines.logs.start({"tunnel": [8]})
    lines.say(unnamed(RECEIVED), unnamed("a"), line("b", "ipsec-7"))
    assert lines.shown() == [(None, RECEIVED), (None, "a")]
    lines.logs.close()


async def test_lines_are_of_the_tunnels_that_there_are_when_they_come() -> None:
    lines = Lines(t7=("192.0.2.9", "192.0.2.1"))
    lines.logs.start({})
    lines.say(unnamed(RECEIVED), unnamed("a"), unnamed("b"))
    assert lines.looks == 1
    seven = lines.desired.entries["7"]
    for entries, owner in (
        ({}, None),
        ({"8": seven}, 8),
        ({"8": seven, "9": seven}, None),
        ({"9": seven}, 9),
    ):
        lines.desired.entries = entries
        lines.desired.version += 1
        lines.say(unnamed("a"), unnamed("b"))
        assert [tunnel for tunnel, _text in lines.shown()[-2:]] == [owner, owner]
    assert lines.looks == 5
    lines.logs.close()


async def test_addresses_of_ipv6_are_read_too() -> None:
    lines = Lines(t7=("2001:db8::9", "2001:db8::1"))
    lines.logs.start({"tunnel": [7]})
    lines.say(unnamed("received packet: from 2001:db8::1[500] to 2001:db8::9[500] (464 bytes)"), unnamed("a"))
    assert [tunnel for tunnel, _text in lines.shown()] == [7, 7]
    lines.logs.close()


async def test_another_charon_counts_its_sas_anew() -> None:
    lines = Lines(t7=("192.0.2.9", "192.0.2.1"))
    lines.logs.start({"tunnel": [7]})
    lines.say(unnamed(RECEIVED))
    lines.say(unnamed("of another peer"), charon=object())
    assert lines.shown() == [(7, RECEIVED)]
    lines.logs.close()


async def test_what_is_kept_of_peers_without_a_tunnel_is_bounded() -> None:
    lines = Lines(t7=("192.0.2.9", "192.0.2.1"))
    lines.logs.start({"lines": 100_000})
    for number in range(2 * UNNAMED_MAX):
        lines.say(unnamed(RECEIVED, str(number)))
    assert len(lines.logs._unnamed) == UNNAMED_MAX
    lines.say(unnamed("the last is known", str(2 * UNNAMED_MAX - 1)), unnamed("the first is not", "0"))
    assert lines.shown()[-2:] == [(7, "the last is known"), (None, "the first is not")]
    lines.logs.close()
    assert not lines.logs._unnamed


# --- bounds ---


async def test_it_ends_after_as_many_lines_as_were_asked_for() -> None:
    lines = Lines()
    lines.logs.start({"lines": 2})
    lines.say(line("a"), line("b"), line("c"))
    assert [text for _tunnel, text in lines.shown()] == ["a", "b"]
    assert lines.ended() == [{"log-id": 1, "reason": "lines", "lines": 2}]
    with pytest.raises(InvalidValue):
        lines.logs.stop(1)


async def test_it_ends_when_its_time_is_up() -> None:
    lines = Lines()
    lines.logs.start({"seconds": 1})
    assert await lines.told.until("log-ended") == {"log-id": 1, "reason": "time", "lines": 0}
    lines.say(line("a"))
    assert lines.shown() == []


async def test_it_ends_when_it_is_stopped_and_not_once_more() -> None:
    lines = Lines()
    lines.logs.start({"seconds": 3600})
    lines.say(line("a"))
    lines.logs.stop(1)
    lines.say(line("b"))
    lines.logs.close()
    assert lines.ended() == [{"log-id": 1, "reason": "stopped", "lines": 1}]
    assert lines.shown() == [(7, "a")]


async def test_logs_are_limited_and_all_end_with_the_agent() -> None:
    lines = Lines()
    for _ in range(MAX_LOGS):
        lines.logs.start({})
    with pytest.raises(ResourceDenied):
        lines.logs.start({})
    lines.say(line("a"))
    assert len(lines.shown()) == MAX_LOGS
    lines.logs.close()
    lines.logs.close()
    assert [end["reason"] for end in lines.ended()] == ["stopped"] * MAX_LOGS
    assert lines.logs.start({}) == {"log-id": MAX_LOGS + 1}
    lines.logs.close()


async def test_two_logs_are_independent() -> None:
    lines = Lines()
    lines.logs.start({"tunnel": [7], "lines": 1})
    lines.logs.start({"tunnel": [8]})
    lines.say(line("a"), line("b"), line("c", "ipsec-8"))
    assert [text for _tunnel, text in lines.shown()] == ["a", "c"]
    lines.logs.close()


async def test_what_is_no_line_of_the_log_is_none_of_it() -> None:
    lines = Lines()
    lines.logs.start({})
    lines.logs.on_event(CHARON, "ike-updown", {"up": "yes", "ipsec-7": {}})
    assert lines.told.all == []
    lines.logs.close()


# --- what a peer may have put into a line ---


async def test_what_has_no_place_in_xml_is_not_let_through_and_a_line_is_bounded() -> None:
    lines = Lines()
    lines.logs.start({})
    lines.say(line("peer 'a\x00\x1b[31m\ufffe\ud800\u202eb'\tc\nd é\u00a0e\u3000f"), line("x" * 10_000))
    lines.say(line("odd", level="high", thread="9" * 30, group="I\x00KE"))
    (_, first), (_, second), _third = lines.shown()
    assert first == "peer 'a??[31m???b'\tc\nd é e f"
    assert second == "x" * TEXT_CHARACTERS_MAX
    odd = lines.told.all[-1]["yangswan-daemon:log-line"]
    assert (odd["level"], odd["thread"], odd["group"]) == (0, 0, "i?ke")
    lines.logs.close()


async def test_a_notification_that_cannot_be_sent_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def broken(_notification: Notification) -> None:
        raise RuntimeError("no stream")

    made = TunnelLogs(broken, lambda _ends: (), lambda: 0)
    made.start({"lines": 1})
    made.on_event(CHARON, "log", line("a"))
    assert "defect while sending a notification" in caplog.text
    assert not made._running
