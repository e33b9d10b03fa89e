"""Monitor and log: shown line by line, and ended on the server whatever ends the command."""

from __future__ import annotations

import _thread
import json
import os
import signal
import threading
from collections.abc import Iterator

import pytest
from lxml import etree

from console.client.session import Element, Gone, ServerError, ServerErrors
from console.live.following import LEASE_COUNT, LEASE_S, LONGEST_S
from console.live.log import log
from console.live.monitor import monitor, stop_monitor
from console.show.data import AGENT, DAEMON
from tests.console.fakes import Printed, Server, console, data

ESP = (
    "<tunnel>1</tunnel><protocol>esp</protocol><source>192.168.0.1</source><destination>192.168.0.2</destination>"
    "<spi>c2e416f5</spi><sequence>42</sequence><length>136</length>"
)
IKE = (
    "<protocol>ike</protocol><source>192.168.0.1</source><destination>192.168.0.2</destination><sequence>1</sequence>"
    "<initiator-spi>3f05c46c3c7b87f7</initiator-spi><responder-spi>44c0a5931247ae7e</responder-spi>"
    "<exchange>ike-auth</exchange><response>true</response><length>320</length>"
)


def told(name: str, content: str, namespace: str = DAEMON) -> Element:
    return etree.fromstring(
        '<notification xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0">'
        "<eventTime>2026-11-27T12:03:11.123456+00:00</eventTime>"
        f'<{name} xmlns="{namespace}">{content}</{name}></notification>'
    )


def packet(content: str, monitor_id: int = 3) -> Element:
    return told("packet", f"<monitor-id>{monitor_id}</monitor-id>{content}")


def ended(reason: str, name: str = "monitor", number: int = 3) -> Element:
    return told(f"{name}-ended", f"<{name}-id>{number}</{name}-id><reason>{reason}</reason>")


def begun(*numbers: int, name: str = "monitor") -> Element:
    ids: Iterator[int] = iter(numbers)

    def answer(asked: Element) -> Element:
        return data(f'<{name}-id xmlns="{DAEMON}">{next(ids)}</{name}-id>')

    return answer  # type: ignore[return-value]


def server(*events: Element | BaseException, numbers: tuple[int, ...] = (3,)) -> Server:
    return Server({"start-monitor": begun(*numbers), "start-log": begun(*numbers, name="log")}, events)


def said(asked: Element | None) -> dict[str, str]:
    assert asked is not None
    return {etree.QName(one).localname: one.text or "" for one in asked}


def did(of: Server) -> list[str]:
    return [what for what, _asked in of.asked]


def test_each_packet_is_a_line_and_ctrl_c_ends_the_monitor_on_the_server() -> None:
    watched = server(packet(ESP), packet(IKE), KeyboardInterrupt())
    out = Printed()
    assert monitor(console(watched, out), {"ID": "1"}) == 0
    assert [line.split("  ", 1)[1] for line in out.texts] == [
        "ipsec 1  192.168.0.1 > 192.168.0.2  ESP spi c2e416f5 seq 42  length 136",
        "ipsec -  192.168.0.1 > 192.168.0.2  IKE ike-auth response 1 3f05c46c3c7b87f7_i 44c0a5931247ae7e_r"
        "  length 320",
    ]
    # Subscribed before it begins, so that no packet is missed; stopped before the subscription ends.
    assert did(watched) == ["events", "start-monitor", "stop-monitor", "no more events"]
    assert said(watched.asked[1][1]) == {"tunnel": "1", "seconds": str(LEASE_S), "packets": str(LEASE_COUNT)}
    assert said(watched.asked[2][1]) == {"monitor-id": "3"}
    assert out.warnings == ["2 packets shown"]


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ({"SECONDS": "5"}, {"seconds": "5", "packets": str(LEASE_COUNT)}),
        ({"PACKETS": "5"}, {"seconds": str(LONGEST_S), "packets": "5"}),
    ],
)
def test_a_limit_that_nobody_asked_for_does_not_end_it(given: dict[str, str], asked: dict[str, str]) -> None:
    watched = server(KeyboardInterrupt())
    monitor(console(watched), given)
    assert said(watched.asked[1][1]) == asked


def test_who_interrupts_the_start_leaves_no_monitor_either() -> None:
    watched = server()
    answer = watched.answers["start-monitor"]

    def interrupted(asked: Element) -> Element:
        os.kill(os.getpid(), signal.SIGINT)
        return answer(asked)  # type: ignore[operator]

    watched.answers = {**watched.answers, "start-monitor": interrupted}
    assert monitor(console(watched), {}) == 0
    assert did(watched) == ["events", "start-monitor", "stop-monitor", "no more events"]


def test_an_interrupt_while_the_start_begins_is_heard_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    begin = threading.Thread.start

    def interrupted(thread: threading.Thread) -> None:
        # As when another thread takes the signal: no mask of this one keeps it away.
        _thread.interrupt_main()
        begin(thread)

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    watched = server()
    assert monitor(console(watched), {}) == 0
    assert did(watched) == ["events", "start-monitor", "stop-monitor", "no more events"]
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, ())
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_packets_of_another_monitor_are_not_shown() -> None:
    out = Printed()
    monitor(console(server(packet(ESP, 7), ended("stopped", number=7), KeyboardInterrupt()), out), {})
    assert out.texts == []


def test_what_is_not_limited_is_begun_again_when_its_time_is_up() -> None:
    watched = server(
        ended("time"), packet(ESP, 4), ended("packets", number=4), KeyboardInterrupt(), numbers=(3, 4, 5)
    )
    out = Printed()
    assert monitor(console(watched, out), {}) == 0
    assert did(watched) == ["events", *["start-monitor"] * 3, "stop-monitor", "no more events"]
    assert said(watched.asked[4][1]) == {"monitor-id": "5"}
    assert len(out.texts) == 1


def test_limits_are_the_servers_and_end_it() -> None:
    watched = server(packet(ESP), ended("packets"))
    assert monitor(console(watched), {"SECONDS": "5", "PACKETS": "1", "file": "file"}) == 0
    assert said(watched.asked[1][1]) == {"seconds": "5", "packets": "1", "file": "true"}
    assert "stop-monitor" not in did(watched)


@pytest.mark.parametrize("reason", ["stopped", "failed", "octets"])
def test_what_ends_for_another_reason_is_an_error_that_says_why(reason: str) -> None:
    out = Printed()
    assert monitor(console(server(ended(reason)), out), {}) == 1
    assert out.warnings[0].startswith("the monitor ended: ")


@pytest.mark.parametrize("events", [(), (Gone("the agent is gone"),)], ids=["closed", "lost"])
def test_an_agent_that_goes_away_is_told_to_the_shell(events: tuple[BaseException, ...]) -> None:
    watched = server(packet(ESP), *events)
    out = Printed()
    with pytest.raises(Gone):
        monitor(console(watched, out), {})
    assert len(out.texts) == 1


def test_a_monitor_that_cannot_be_stopped_any_more_is_no_other_error() -> None:
    watched = server(packet(ESP), KeyboardInterrupt())
    watched.answers = {**watched.answers, "stop-monitor": Gone("the agent is gone")}
    assert monitor(console(watched), {}) == 0


def test_a_server_that_refuses_is_left_to_the_shell() -> None:
    refused = ServerErrors((ServerError("access-denied", "you may not"),))
    watched = Server({"start-monitor": refused})
    with pytest.raises(ServerErrors):
        monitor(console(watched), {})
    assert did(watched) == ["events", "start-monitor", "no more events"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_closed_terminal_ends_it_as_ctrl_c_does(number: signal.Signals) -> None:
    before = signal.getsignal(number)

    def events() -> Iterator[Element]:
        yield packet(ESP)
        os.kill(os.getpid(), number)
        yield packet(ESP)

    watched = server()
    watched._events = events  # type: ignore[method-assign]
    assert monitor(console(watched), {}) == 128 + number
    assert did(watched)[-2:] == ["stop-monitor", "no more events"]
    assert signal.getsignal(number) is before


def test_missed_events_are_said() -> None:
    out = Printed()
    missed = told("notifications-missed", "<count>17</count>", AGENT)
    monitor(console(server(missed, KeyboardInterrupt()), out), {})
    assert out.warnings[0] == "17 events were missed: this terminal is too slow"


def test_as_json_each_packet_is_a_document_of_one_line() -> None:
    out = Printed(as_json=True)
    monitor(console(server(packet(ESP), KeyboardInterrupt()), out), {})
    (line,) = out.texts
    assert "\n" not in line
    document = json.loads(line)
    assert document["eventTime"] == "2026-11-27T12:03:11.123456+00:00"
    assert document["yangswan-daemon:packet"]["sequence"] == 42
    assert document["yangswan-daemon:packet"]["tunnel"] == 1


def test_the_log_is_shown_with_time_thread_and_part() -> None:
    line = (
        "<log-id>3</log-id><tunnel>1</tunnel><group>ike</group><level>1</level><thread>7</thread>"
        "<text>initiating IKE_SA&#x9b;2J ipsec-1[1]</text>"
    )
    watched = server(told("log-line", line), KeyboardInterrupt())
    out = Printed()
    assert log(console(watched, out), {"ID": "1", "LEVEL": "0"}) == 0
    assert out.texts[0].split(" ", 1)[1] == r"07[IKE] <ipsec 1> initiating IKE_SA\x9b2J ipsec-1[1]"
    assert said(watched.asked[1][1]) == {
        "tunnel": "1", "level": "0", "seconds": str(LEASE_S), "lines": str(LEASE_COUNT)
    }  # fmt: skip
    assert "stop-log" in did(watched)


def test_a_monitor_of_another_client_is_stopped_by_its_number() -> None:
    watched = Server()
    assert stop_monitor(console(watched), {"NUMBER": "12"}) == 0
    assert said(watched.asked[0][1]) == {"monitor-id": "12"}
    out = Printed()
    assert stop_monitor(console(watched, out), {}) == 1
    assert "Ctrl-C" in out.warnings[0]
