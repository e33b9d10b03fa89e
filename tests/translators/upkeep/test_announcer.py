"""Who is looked at, when, and that what is told ends with what is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping

import pytest

from agent.translator import Notification
from tests.translators.upkeep.test_supervisor import until
from translators.strongswan.status import announcements
from translators.strongswan.status import facts as transitions
from translators.strongswan.status.dampening import BURST
from translators.strongswan.status.facts import Facts
from translators.strongswan.status.state import Status
from translators.strongswan.upkeep import announcer
from translators.strongswan.upkeep.announcer import Announcer


class Gateway:
    """Statuses, facts and a clock that the test sets, and what was told."""

    def __init__(self) -> None:
        self.statuses: dict[str, Status] = {}
        self.of: dict[str, Facts] = {}
        self.looks: list[set[str]] = []
        self.answers_not = 0
        self.now = 1000.0
        self.told: list[announcements.Json] = []
        self.names: list[dict[str, str]] = []
        self.during_look: Callable[[], None] = lambda: None
        self.announcer = Announcer(
            self._notify, self._look, lambda tunnel: self.of.get(tunnel, Facts()), lambda: self.now
        )

    def _notify(self, notification: Notification) -> None:
        self.told.append(notification.content)
        self.names.append(dict(notification.names))

    async def _look(self, tunnels: Collection[str]) -> Mapping[str, Status] | None:
        self.looks.append(set(tunnels))
        if self.answers_not:
            self.answers_not -= 1
            return None
        found = {tunnel: self.statuses[tunnel] for tunnel in tunnels if tunnel in self.statuses}
        self.during_look()
        return found

    def becomes(self, status: Status, tunnel: str = "1") -> None:
        self.statuses[tunnel] = status
        self.announcer.touch(tunnel)

    def changes(self) -> list[tuple[str, str]]:
        name = "yangswan-ipsec:tunnel-state-changed"
        return [(c[name]["old-status"], c[name]["new-status"]) for c in self.told if name in c]


@pytest.fixture
async def gateway(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Gateway]:
    monkeypatch.setattr(announcer, "LOOK_AFTER_S", 0.001)
    made = Gateway()
    made.announcer.start()
    yield made
    await made.announcer.stop()
    await made.announcer.stop()


async def test_a_burst_of_events_costs_one_look_and_tells_what_came_of_it(gateway: Gateway) -> None:
    for tunnel in map(str, range(100)):
        gateway.becomes(Status.CONNECTING, tunnel)
        gateway.becomes(Status.INSTALLED, tunnel)
    await until(lambda: len(gateway.told) == 100)
    assert len(gateway.looks) == 1
    assert set(gateway.changes()) == {("down", "installed")}


async def test_what_is_told_of_a_tunnel_says_of_which_entry(gateway: Gateway) -> None:
    """Who may not read the entry is not told."""
    gateway.becomes(Status.INSTALLED)
    await until(lambda: len(gateway.told) == 1)
    gateway.announcer.tell_at_once({"yangswan-daemon:daemon-started": {}})
    assert gateway.names == [{"id": "/yangswan-ipsec:tunnels/ipsec[id='{}']"}, {}]


async def test_a_tunnel_that_was_found_as_it_is_is_not_told(gateway: Gateway) -> None:
    gateway.announcer.know("1", Status.INSTALLED)
    gateway.becomes(Status.INSTALLED)
    gateway.becomes(Status.DOWN, "2")
    await until(lambda: gateway.looks != [])
    gateway.becomes(Status.RETRANSMISSION)
    await until(lambda: gateway.told != [])
    assert gateway.changes() == [("installed", "retransmission")]


async def test_what_happens_during_a_look_is_told_by_the_next(gateway: Gateway) -> None:
    gateway.of["1"] = transitions.child_up(Facts(), "1", 1.0)
    gateway.announcer.know("1", Status.INSTALLED)

    def goes_down() -> None:
        gateway.during_look = lambda: None
        gateway.of["1"] = transitions.child_down(gateway.of["1"], "1", 1000.0)
        gateway.becomes(Status.DOWN)

    gateway.during_look = goes_down
    gateway.becomes(Status.INSTALLED)
    await until(lambda: gateway.told != [])
    assert gateway.changes() == [("installed", "down")]


async def test_a_tunnel_that_changes_too_often_is_told_less_often_and_its_last_status_always(
    gateway: Gateway,
) -> None:
    statuses = [Status.CONNECTING, Status.INSTALLED] * BURST
    for number, status in enumerate([*statuses, Status.RETRANSMISSION], 1):
        gateway.becomes(status)
        await until(lambda number=number: len(gateway.looks) == number)  # type: ignore[misc]
        await until(lambda: not gateway.announcer._touched)
    await until(lambda: gateway.announcer._timer is not None)
    assert len(gateway.changes()) == BURST
    gateway.now += 10
    gateway.announcer._release()
    assert gateway.changes()[-1] == ("installed", "retransmission")
    (last,) = gateway.told[-1].values()
    assert last["suppressed"] > 0


async def test_a_tunnel_that_is_deleted_is_told_to_be_down_and_forgotten(gateway: Gateway) -> None:
    gateway.announcer.know("1", Status.INSTALLED)
    gateway.announcer.touch("1")
    gateway.announcer.forget("1")
    gateway.announcer.forget("2")
    assert gateway.told == [
        {
            "yangswan-ipsec:tunnel-state-changed": {
                "id": 1,
                "old-status": "installed",
                "new-status": "down",
                "reason": "configuration-changed",
                "detail": "the tunnel is not configured any more",
            }
        }
    ]
    assert gateway.announcer._told == {}


async def test_a_defect_in_a_look_does_not_end_the_telling(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    def defect() -> None:
        gateway.during_look = lambda: None
        raise RuntimeError("made up")

    gateway.during_look = defect
    gateway.becomes(Status.CONNECTING)
    await until(lambda: len(gateway.looks) == 1)
    gateway.becomes(Status.INSTALLED)
    await until(lambda: gateway.changes() == [("down", "installed")])
    assert "made up" in caplog.text


async def test_a_notification_that_cannot_be_sent_stops_nothing(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_notification: Notification) -> None:
        gateway.announcer._notify = gateway._notify
        raise RuntimeError("made up")

    gateway.announcer._notify = refuse
    gateway.becomes(Status.CONNECTING)
    await until(lambda: "made up" in caplog.text)
    gateway.becomes(Status.INSTALLED)
    await until(lambda: gateway.changes() == [("connecting", "installed")])


async def test_a_look_without_an_answer_is_made_again(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcer, "AGAIN_AFTER_S", 0.001)
    gateway.answers_not = 2
    gateway.becomes(Status.INSTALLED)
    await until(lambda: gateway.changes() == [("down", "installed")])
    assert gateway.looks == [{"1"}] * 3


async def test_a_tunnel_that_is_deleted_before_the_look_is_made_again_is_told_once(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcer, "AGAIN_AFTER_S", 0.001)
    gateway.announcer.know("1", Status.INSTALLED)
    gateway.answers_not = 1
    gateway.announcer.touch("1")
    await until(lambda: gateway.looks == [{"1"}])
    gateway.announcer.forget("1")
    await until(lambda: len(gateway.looks) == 2)
    assert gateway.changes() == [("installed", "down")]


async def test_what_is_about_no_tunnel_is_told_at_once(gateway: Gateway) -> None:
    gateway.announcer.tell_at_once(announcements.daemon_started("5.9.8"))
    await asyncio.sleep(0)
    assert gateway.told == [{"yangswan-daemon:daemon-started": {"version": "charon 5.9.8"}}]
