"""The table that follows notifications: on a terminal in place, elsewhere a line for each event."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC

import pytest
from lxml import etree

from console.client.session import Element, Gone
from console.live.feed import WAITING, Feed
from console.live.followed import CONFIGURED, TOLD_MAX, Followed
from console.live.picture import redrawn
from console.live.watch import Screen, refresh, watch
from console.show.data import AGENT, DAEMON, IPSEC
from tests.console.fakes import Printed, Server, console, data, schema
from tests.console.live.test_following import told


def tunnels(found: Mapping[int, str]) -> Server:
    """A server with these tunnels, by their status."""

    def state(asked: Element) -> Element:
        ids = {int(one.text or 0) for one in asked.iter(f"{{{IPSEC}}}id")}
        ids = found.keys() if ids == {0} else ids
        rows = "".join(
            f"<ipsec><id>{one}</id><description>t{one}</description><state><status>{status}</status></state></ipsec>"
            for one, status in found.items()
            if one in ids
        )
        return data(f'<tunnels xmlns="{IPSEC}">{rows}</tunnels>')

    def config(asked: Element) -> Element:
        rows = "".join(f"<ipsec><id>{one}</id></ipsec>" for one in found)
        return data(f'<tunnels xmlns="{IPSEC}">{rows}</tunnels>')

    return Server({"get": state, "running": config})


def changed(one: int, old: str, new: str, more: str = "") -> Element:
    said = f"<id>{one}</id><old-status>{old}</old-status><new-status>{new}</new-status>{more}"
    return told("tunnel-state-changed", said, IPSEC)


def test_elsewhere_it_prints_the_table_and_then_a_line_for_each_event() -> None:
    server = tunnels({1: "installed", 2: "down"})
    why = "<reason>peer-silent</reason><detail>gone&#x1;</detail>".replace("&#x1;", "&#x9b;")
    server.told = (changed(1, "installed", "retransmission", why), Gone("the agent is gone"))
    out = Printed()
    with pytest.raises(Gone):
        watch(console(server, out), {})
    lines = "\n".join(out.texts).splitlines()
    assert lines[0].split() == ["ID", "DESCRIPTION", "STATUS", "TIME", "(since", "last", "rekey)"]
    assert [line.split()[0] for line in lines[1:3]] == ["1", "2"]
    assert lines[3].split("  ", 1)[1] == (
        r"ipsec 1  Up(Installed) -> Down(Retransmission): The peer did not answer (gone\x9b)"
    )
    assert out.file.getvalue() == ""


def test_on_a_terminal_the_table_is_on_the_other_screen_and_what_was_there_comes_back() -> None:
    server = tunnels({1: "installed", 2: "down"})
    server.told = (changed(2, "down", "connecting"), Gone("the agent is gone"))
    out = Printed(80)
    with pytest.raises(Gone):
        watch(console(server, out), {})
    sent = out.file.getvalue()
    assert sent.startswith("\x1b[?1049h")
    assert sent.endswith("\x1b[?25h\x1b[?1049l")
    assert "Up(Installed)" in sent
    assert out.texts == []


def test_on_a_terminal_only_the_lines_of_what_happened_are_written() -> None:
    at = console(tunnels({1: "installed", 2: "down"}), Printed(80))
    assert isinstance(at.out, Printed)
    followed = Followed(schema())
    refresh(at, followed)
    screen = Screen(at, followed)
    screen.begin()
    at.out.file.truncate(0)
    followed.hear(changed(2, "down", "connecting"))
    screen.draw()
    sent = at.out.file.getvalue()
    assert "Down(Connecting)" in sent
    assert "Up(Installed)" not in sent
    assert len(at.out.file.getvalue().split("\x1b[K")) <= 6  # head, tunnel 2, blank, what happened


@pytest.mark.parametrize(
    ("found", "head"),
    [({1: "installed"}, "1 tunnel, 1 up"), ({1: "installed", 2: "down"}, "2 tunnels, 1 up")],
)
def test_the_head_counts_the_tunnels(found: dict[int, str], head: str) -> None:
    server, out = tunnels(found), Printed(80)
    server.told = (Gone("the agent is gone"),)
    with pytest.raises(Gone):
        watch(console(server, out), {})
    assert f"  {head}  (Ctrl-C ends)" in out.file.getvalue()


def test_ctrl_c_ends_it_with_0() -> None:
    server = tunnels({1: "installed"})
    out = Printed(80)

    def interrupted(asked: Element) -> Element:
        raise KeyboardInterrupt

    server.answers = {**server.answers, "get": interrupted}
    assert watch(console(server, out), {}) == 0
    assert out.file.getvalue() == ""  # it had not begun


def test_as_json_each_event_is_a_document_of_one_line() -> None:
    server = tunnels({1: "installed"})
    server.told = (changed(1, "installed", "down"), Gone("the agent is gone"))
    out = Printed(as_json=True)
    with pytest.raises(Gone):
        watch(console(server, out), {})
    (document,) = map(json.loads, out.texts)
    assert document["yangswan-ipsec:tunnel-state-changed"]["new-status"] == "down"


def test_only_tunnels_of_which_something_was_told_are_asked_for_again() -> None:
    found = {1: "installed", 2: "down", 3: "down"}
    server = tunnels(found)
    followed = Followed(schema())
    at = console(server)
    assert refresh(at, followed, lambda: 0.0) == []
    server.asked.clear()
    followed.hear(changed(2, "down", "connecting"))
    followed.hear(changed(2, "connecting", "installed"))
    found[2] = "installed"
    assert refresh(at, followed, lambda: 0.0) == []
    ((what, asked),) = server.asked
    assert what == "get"
    assert asked is not None
    assert [one.text for one in asked.iter(f"{{{IPSEC}}}id")] == ["2"]


@pytest.mark.parametrize(
    "event",
    [
        told("daemon-started", "<version>strongSwan 6.0</version>", DAEMON),
        told("daemon-stopped", "<detail>killed</detail>", DAEMON),
        told("notifications-missed", "<count>7</count>", AGENT),
        told("netconf-config-change", "<changed-by><username>bob</username></changed-by>", CONFIGURED),
    ],
    ids=lambda event: etree.QName(event[1]).localname,
)
def test_after_what_may_have_changed_everything_all_is_asked_for_again(event: Element) -> None:
    found = {1: "installed", 2: "down"}
    at = console(tunnels(found))
    followed = Followed(schema())
    refresh(at, followed)
    assert len(followed.hear(event)) == 1
    found[1] = "down"
    found[3] = found.pop(2)
    assert refresh(at, followed) == ["ipsec 1  Up(Installed) -> Down"]
    assert sorted(followed.tunnels) == [1, 3]


def test_a_tunnel_that_is_gone_is_forgotten() -> None:
    found = {1: "installed", 2: "down"}
    at = console(tunnels(found))
    followed = Followed(schema())
    refresh(at, followed)
    followed.hear(changed(2, "down", "down"))
    del found[2]
    refresh(at, followed)
    assert sorted(followed.tunnels) == [1]


def test_times_go_on_without_asking() -> None:
    followed = Followed(schema())
    (found,) = data(
        f'<tunnels xmlns="{IPSEC}"><ipsec><id>1</id><state><status>installed</status>'
        "<time-since-rekey>58</time-since-rekey></state></ipsec></tunnels>"
    )
    followed.take(found, now=100.0)
    assert followed.tunnels[1].cells(1, 103.5)[3] == "0 Days 0 Hours 1 Mins 1 Secs"


def test_where_not_all_fit_those_in_trouble_are_shown() -> None:
    followed = Followed(schema())
    rows = "".join(
        f"<ipsec><id>{one}</id><enabled>{'false' if one == 3 else 'true'}</enabled>"
        f"<state><status>{'installed' if one % 2 else 'down'}</status></state></ipsec>"
        for one in range(1, 101)
    ).replace(
        "<id>3</id><enabled>false</enabled><state><status>installed",
        "<id>3</id><enabled>false</enabled><state><status>down",
    )
    followed.take(data(f'<tunnels xmlns="{IPSEC}">{rows}</tunnels>')[0], now=0.0)
    assert followed.shown(100) == list(range(1, 101))
    assert followed.shown(5) == [2, 4, 6, 8, 10]
    assert followed.shown(52) == sorted([*range(2, 101, 2), 1, 3])
    assert followed.shown(0) == followed.shown(-3) == []


def test_what_happened_is_kept_for_some_lines_only_and_does_nothing_to_a_terminal() -> None:
    followed = Followed(schema())
    for one in range(3 * TOLD_MAX):
        said = f"<id>{one + 1}</id><reason>other</reason><detail>&#x9b;31m&#x202e;</detail>"
        followed.hear(told("negotiation-failed", said, IPSEC), UTC)
    assert len(followed.told) == TOLD_MAX
    assert followed.told[-1] == (
        rf"12:03:11  ipsec {3 * TOLD_MAX}  not negotiated: "
        r"None of these; the detail says more (\x9b31m\u202e)"
    )


def test_only_what_changed_is_drawn_again() -> None:
    before = ["head", "one", "two", "three"]
    assert redrawn(before, before) == ""
    assert redrawn(before, ["head", "one", "2", "three"]) == "\x1b[3;1H2\x1b[K"
    assert redrawn(before, ["head"]) == "\x1b[2;1H\x1b[J"
    assert re.findall(r"\x1b\[(\d+);1H", redrawn([], before)) == ["1", "2", "3", "4"]


def test_events_that_nobody_takes_wait_on_the_server() -> None:
    read = 0
    enough = threading.Event()

    def events() -> Iterator[Element]:
        nonlocal read
        for read in range(3 * WAITING):
            if read == WAITING:
                enough.set()
            yield changed(1, "down", "down")

    feed = Feed(events())
    assert enough.wait(30)
    assert read == WAITING  # the one that is in no place yet
    assert len(feed.take(0)) == WAITING  # though more comes meanwhile
    feed.close()


def test_what_came_before_the_end_is_handed_out_before_it() -> None:
    feed = Feed(iter([changed(1, "down", "down")] * 3))
    taken: list[Element] = []
    while len(taken) < 3:
        taken += feed.take(30)
    with pytest.raises(Gone):
        feed.take(30)
