"""What charon tells, as it is taken for an attempt that has its place; and what it does not tell."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.translators.tunnels import Json
from tests.translators.upkeep.test_listing import Slow, live
from translators.strongswan.status import facts as transitions
from translators.strongswan.status.events import UNHEARD, Source
from translators.strongswan.status.facts import Reason
from translators.strongswan.upkeep.attempt import Attempt
from translators.strongswan.upkeep.supervisor import _Watched
from translators.strongswan.upkeep.tunnels import LiveTunnels

REFUSED = "failed to establish CHILD_SA, keeping IKE_SA"


class Played:
    """The tunnels of a charon that says so, one of which waits for the children c0 and c1."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.session: Any = Slow()
        self.session.source, self.session.hears_log = Source.LOG, True
        self.tunnels = live(self.session)
        monkeypatch.setattr(LiveTunnels, "children", lambda *_: ("c0", "c1"))
        self.attempt = Attempt(missing={"c0", "c1"})
        self.tunnels.supervisor._watched["ipsec-1"] = _Watched(attempt=self.attempt)

    def says(self, event: str, sa: Json, up: str = "yes") -> None:
        message = {"up": up, "ipsec-1": {"established": "0", "remote-id": "bob", **sa}}
        self.tunnels.on_event(self.session, event, message)

    def child(self, name: str, ike_sa: str, up: str = "yes") -> None:
        child = {"name": name, "uniqueid": f"{ike_sa}{name[1:]}", "state": "INSTALLED"}
        sa = {"uniqueid": ike_sa, "initiator": "yes", "child-sas": {f"{name}-1": child}}
        self.says("child-updown", sa, up)

    def refuses(self, ike_sa: str) -> None:
        line = {"ikesa-name": "ipsec-1", "ikesa-uniqueid": ike_sa, "msg": REFUSED}
        self.tunnels.on_event(self.session, "log", line)

    @property
    def gives_place(self) -> bool:
        return self.attempt.outcome.is_set()


@pytest.fixture
async def played(monkeypatch: pytest.MonkeyPatch) -> Played:
    return Played(monkeypatch)


@pytest.mark.parametrize("initiator", ["yes", "no"])
async def test_children_of_an_ike_sa_that_the_peer_begins_are_not_the_attempts(
    played: Played, initiator: str
) -> None:
    sa = {"uniqueid": "9"} | ({"initiator": "yes"} if initiator == "yes" else {})
    played.says("ike-updown", sa)
    played.child("c0", "9")
    played.refuses("9")
    assert played.gives_place is (initiator == "yes")
    played.child("c1", "3")
    played.refuses("3")
    assert played.gives_place


async def test_those_of_one_that_was_there_before_are(played: Played) -> None:
    """charon asks in it, whoever has begun it."""
    played.child("c0", "2")
    assert not played.gives_place
    played.child("c0", "2")
    assert not played.gives_place
    played.child("c1", "2")
    assert played.gives_place


async def test_an_ike_sa_of_the_peer_that_ends_leaves_the_attempt_its_place(played: Played) -> None:
    played.says("ike-updown", {"uniqueid": "9"})
    played.child("c0", "9", up="no")
    played.says("ike-updown", {"uniqueid": "9"}, up="no")
    assert not played.gives_place
    played.says("ike-updown", {"uniqueid": "3", "initiator": "yes"}, up="no")
    assert played.gives_place
    played.tunnels.supervisor.forget_all()


@pytest.mark.parametrize("hears_log", [True, False])
async def test_that_nobody_heard_why_a_tunnel_went_down_is_said(played: Played, hears_log: bool) -> None:
    """And no more where another source tells it all the same."""
    played.session.hears_log = hears_log
    played.child("c0", "9")
    played.child("c0", "9", up="no")
    facts = played.tunnels.facts("1")
    assert facts.last_down is not None
    assert facts.last_down.reason is Reason.UNKNOWN
    assert facts.last_down.detail == facts.history[-1].detail == ("" if hears_log else UNHEARD)
    told = transitions.failed(facts, Reason.PEER_SILENT, "no answer", time.time())
    assert told.last_down is not None
    assert (told.last_down.reason, told.last_down.detail) == (Reason.PEER_SILENT, "no answer")
    played.tunnels.supervisor.forget_all()
