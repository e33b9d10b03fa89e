"""sd_notify(3): what is sent, whereto, and that nobody waits for it."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.supervision import (
    AGAIN_S,
    READY,
    STOPPING,
    WAITING_MAX,
    WATCHDOG,
    Supervision,
    extended,
    message,
    reloading,
    status,
    taken_from,
)
from tests.agent.listening import Listening, listening


def test_a_message_is_a_line_for_each_thing() -> None:
    assert message(READY, status("ready")) == b"READY=1\nSTATUS=ready\n"
    assert extended(1.5) == "EXTEND_TIMEOUT_USEC=1500000"


@pytest.mark.parametrize(
    ("sentence", "line"),
    [
        ("two\nlines\r\nWATCHDOG=trigger", "STATUS=two lines WATCHDOG=trigger"),
        ("x" * 1000, "STATUS=" + "x" * 200),
        ("", "STATUS="),
    ],
)
def test_a_status_is_one_line_and_no_other_key(sentence: str, line: str) -> None:
    assert status(sentence) == line


def test_a_reload_says_when_it_began_by_the_clock_of_systemd() -> None:
    assert reloading(17) == ("RELOADING=1", "MONOTONIC_USEC=17")
    before_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    said_us = int(reloading()[1].removeprefix("MONOTONIC_USEC="))
    assert before_us <= said_us <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


@pytest.mark.parametrize("is_abstract", [False, True])
def test_it_arrives_at_a_socket_with_a_file_and_at_one_without(tmp_path: Path, is_abstract: bool) -> None:
    with listening(None if is_abstract else tmp_path) as systemd:
        supervision = taken_from({"NOTIFY_SOCKET": systemd.address})
        supervision.notify(READY, status("ready"))
        supervision.notify(*reloading(1))
        assert systemd.said() == ["READY=1\nSTATUS=ready\n", "RELOADING=1\nMONOTONIC_USEC=1\n"]


def test_without_systemd_nothing_happens() -> None:
    assert taken_from({}) == Supervision()
    taken_from({"WATCHDOG_USEC": "1000"}).notify(READY)


@pytest.mark.parametrize("address", ["vsock:2:1234", "notify", "@", "/", "1:2"])
def test_another_kind_of_address_is_said_and_left_alone(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert taken_from({"NOTIFY_SOCKET": address}) == Supervision()
    assert f"so nobody is told how the agent is: {address}" in caplog.text


def test_what_is_for_the_agent_is_not_left_to_its_children() -> None:
    environment = {"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1", "PATH": "/bin"}
    taken_from(environment)
    assert environment == {"PATH": "/bin"}


@pytest.mark.parametrize(
    ("limit", "pid", "seconds"),
    [
        ("3000000", str(os.getpid()), 3.0),
        ("3000000", "", 3.0),
        ("3000000", "1", None),
        ("0", "", None),
        ("-5", "", None),
        ("soon", "", None),
        ("", "", None),
    ],
)
def test_the_watchdog_is_that_of_this_process(limit: str, pid: str, seconds: float | None) -> None:
    environment = {"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": limit, "WATCHDOG_PID": pid}
    assert taken_from(environment).watchdog_s == seconds


def test_nobody_at_the_address_is_no_trouble_and_nothing_is_kept(tmp_path: Path) -> None:
    supervision = Supervision(str(tmp_path / "nobody"))
    for _ in range(3):
        supervision.notify(READY)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as late:
        late.bind(str(tmp_path / "nobody"))
        late.setblocking(False)
        supervision.notify(WATCHDOG)
        assert late.recv(100) == b"WATCHDOG=1\n"


def test_an_address_that_is_too_long_is_no_trouble() -> None:
    Supervision("/" + "x" * 300).notify(READY)


Later = list[tuple[float, Callable[[], None]]]


def without_room(systemd: Listening) -> tuple[Supervision, Later, int]:
    """Return who has told ``systemd`` until its queue was full, what it wants called when, and how many
    messages it has said, of which the last waits."""
    later: Later = []
    supervision = Supervision(systemd.address, later=lambda *what: later.append(what))
    said = 0
    while not supervision._waiting:
        supervision.notify(f"X_NUMBER={said}")
        said += 1
    return supervision, later, said


def test_a_listener_without_room_is_not_waited_for_and_gets_the_last_of_it_later() -> None:
    with listening() as systemd:
        supervision, _, said = without_room(systemd)
        for _ in range(3 * WAITING_MAX):
            supervision.notify(f"X_NUMBER={said}")
            said += 1
        systemd.said()
        supervision.notify(READY)
        assert systemd.said() == [
            *(f"X_NUMBER={number}\n" for number in range(said - WAITING_MAX + 1, said)),
            "READY=1\n",
        ]


def test_what_found_no_room_is_sent_again_by_itself_until_it_has_arrived() -> None:
    with listening() as systemd:
        supervision, later, _ = without_room(systemd)
        supervision.notify(READY)
        for tries in range(1, 4):
            assert len(later) == tries, "one at a time, whatever is said meanwhile"
            assert later[-1][0] == AGAIN_S
            later[-1][1]()
        systemd.said()
        later[-1][1]()
        assert systemd.said()[-1] == "READY=1\n"
        assert len(later) == 4
        later[-1][1]()
        assert (systemd.said(), len(later)) == ([], 4)


def test_sent_again_by_a_thread_nobody_has_to_say_anything_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.supervision.AGAIN_S", 0.01)
    with listening() as systemd:
        supervision = Supervision(systemd.address)
        while not supervision._waiting:
            supervision.notify(status("starting"))
        supervision.notify(READY)
        systemd.until(READY)


def test_a_turn_of_the_agent_is_kept_before_words_about_it() -> None:
    with listening() as systemd:
        supervision, _, _ = without_room(systemd)
        supervision.notify(READY, status("ready"))
        for number in range(3 * WAITING_MAX):
            supervision.notify(status(f"ready: {number}"))
        supervision.notify(STOPPING)
        assert len(supervision._waiting) == WAITING_MAX
        systemd.said()
        supervision._send_again()
        found = systemd.said()
        assert found[0] == "READY=1\nSTATUS=ready\n"
        assert found[1:] == [
            *(f"STATUS=ready: {number}\n" for number in range(2 * WAITING_MAX + 2, 3 * WAITING_MAX)),
            "STOPPING=1\n",
        ]


def test_many_turns_are_bounded_too() -> None:
    with listening() as systemd:
        supervision, _, _ = without_room(systemd)
        for _ in range(3 * WAITING_MAX):
            supervision.notify(*reloading(1))
            supervision.notify(READY)
        assert len(supervision._waiting) == WAITING_MAX


def test_without_a_thread_to_be_had_it_comes_with_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_seconds: float, _call: Callable[[], None]) -> None:
        raise RuntimeError("can't start new thread")

    with listening() as systemd:
        supervision, _, _ = without_room(systemd)
        supervision.later, supervision._is_due = none, False
        supervision.notify(READY)
        systemd.said()
        supervision.notify(WATCHDOG)
        assert systemd.said()[-2:] == ["READY=1\n", "WATCHDOG=1\n"]
