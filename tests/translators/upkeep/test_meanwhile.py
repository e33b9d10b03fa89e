"""The supervisor, while something is on its way: a look, an attempt, or charon being told everything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.translators.tunnels import at_bob
from tests.translators.upkeep.test_listing import live
from tests.translators.upkeep.test_supervisor import until
from translators.strongswan.charon.vici import ViciError
from translators.strongswan.options import Options
from translators.strongswan.upkeep import supervisor as supervisor_module
from translators.strongswan.upkeep.supervisor import Progress, Supervisor, _Watched
from translators.strongswan.upkeep.tunnels import LiveTunnels


class Held:
    """Tunnels that are looked at and initiated once a test says so; the rest goes on at once."""

    def __init__(self, retry_first: float = 0.001, attempts_at_once: int = 16) -> None:
        self.answers: dict[str, asyncio.Future[Progress]] = {}
        self.initiated: list[str] = []
        self.looks: list[str] = []
        options = Options(
            retry_first=retry_first, retry_max=2 * retry_first, attempts_at_once=attempts_at_once
        )
        self.supervisor = Supervisor(options, self._look, self._initiate, lambda name: name)

    async def _look(self, name: str) -> Progress:
        self.looks.append(name)
        self.answers[name] = answer = asyncio.get_running_loop().create_future()
        try:
            return await answer
        finally:
            del self.answers[name]

    async def _initiate(self, name: str) -> None:
        self.initiated.append(name)
        self.supervisor.asks(name, ["c0"])

    async def is_looked_at(self, name: str, times: int) -> None:
        await until(lambda: self.looks.count(name) == times and name in self.answers)

    async def answer(self, name: str, progress: Progress) -> None:
        """Answer the look that is on its way, and return once that has been taken."""
        answer = self.answers[name]
        answer.set_result(progress)
        await until(lambda: self.answers.get(name) is not answer)

    def watched(self, name: str = "t") -> _Watched:
        return self.supervisor._watched[name]


@asynccontextmanager
async def held(**options: Any) -> AsyncIterator[Held]:
    tunnels = Held(**options)
    failed: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: failed.append(context))
    yield tunnels
    tunnels.supervisor.forget_all()
    loop.set_exception_handler(None)
    assert not failed


LONG = 500.0


@pytest.fixture
def long_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_module, "ATTEMPT_S", 1000.0)


async def test_an_answer_that_is_older_than_a_down_event_does_not_say_that_the_tunnel_is_up() -> None:
    async with held() as tunnels:
        tunnels.supervisor.want("t")
        await tunnels.is_looked_at("t", 1)
        tunnels.supervisor.went_down("t", "1")
        await tunnels.answer("t", Progress.UP)
        await tunnels.is_looked_at("t", 2)
        await tunnels.answer("t", Progress.UP)
        await until(lambda: tunnels.watched().up_since_s is not None)
        assert tunnels.watched().timer is None


async def test_an_answer_that_is_older_than_an_up_event_does_not_say_that_it_is_down() -> None:
    async with held() as tunnels:
        tunnels.supervisor.want("t")
        await tunnels.is_looked_at("t", 1)
        tunnels.supervisor.went_up("t")
        await tunnels.answer("t", Progress.DOWN)
        await until(lambda: tunnels.watched().task is None)
        assert not tunnels.initiated
        assert tunnels.watched().timer is None


@pytest.mark.usefixtures("long_attempts")
async def test_a_tunnel_whose_attempt_waits_for_its_place_gets_no_second_one() -> None:
    async with held(attempts_at_once=1) as tunnels:
        tunnels.supervisor.want("other")
        await tunnels.is_looked_at("other", 1)
        tunnels.supervisor.want("t")
        await until(lambda: tunnels.watched().task is not None)
        waiting = tunnels.watched().task
        tunnels.supervisor.went_down("t", "9")
        await until(lambda: tunnels.watched().is_due)
        assert tunnels.watched().task is waiting
        await tunnels.answer("other", Progress.UP)
        await tunnels.is_looked_at("t", 1)
        assert not tunnels.watched().is_due, "it is looked at now"
        await tunnels.answer("t", Progress.DOWN)
        await until(lambda: tunnels.initiated == ["t"])
        assert tunnels.watched().timer is None


@pytest.mark.usefixtures("long_attempts")
async def test_what_was_due_during_an_attempt_begins_when_it_has_ended() -> None:
    """And waits for no pause, which may have grown."""
    async with held(retry_first=LONG) as tunnels:
        tunnels.supervisor.want("t")
        await tunnels.is_looked_at("t", 1)
        await tunnels.answer("t", Progress.DOWN)
        await until(lambda: tunnels.initiated == ["t"])
        tunnels.supervisor._arm("t", tunnels.watched(), 0.0)
        await until(lambda: tunnels.watched().is_due)
        tunnels.supervisor.went_down("t", "1")
        assert tunnels.watched().timer is None, "it is due already"
        await tunnels.is_looked_at("t", 2)
        assert tunnels.initiated == ["t"]


async def test_no_timer_is_left_of_a_tunnel_that_is_to_stay_down() -> None:
    async with held() as tunnels:
        tunnels.supervisor.want("t")
        await tunnels.is_looked_at("t", 1)
        tunnels.supervisor.went_down("t", "1")
        timer = tunnels.watched().timer
        assert timer is not None
        await tunnels.answer("t", Progress.TO_STAY_DOWN)
        await until(lambda: "t" not in tunnels.supervisor)
        assert timer.cancelled()


async def test_a_look_that_is_not_broken_off_says_nothing_of_who_is_wanted_anew() -> None:
    async with held() as tunnels:
        begun = 0

        async def look(_name: str) -> Progress:
            nonlocal begun
            begun += 1
            if begun > 1:
                return await asyncio.get_running_loop().create_future()
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                return Progress.TO_STAY_DOWN

        tunnels.supervisor._look = look
        tunnels.supervisor.want("t")
        await until(lambda: begun == 1)
        earlier = tunnels.watched()
        tunnels.supervisor.want("t")
        await until(lambda: begun == 2 and earlier.task is None)
        assert "t" in tunnels.supervisor
        assert earlier.timer is None


async def test_what_is_held_is_not_begun_by_what_happens_meanwhile() -> None:
    async with held() as tunnels:
        tunnels.supervisor.want("t")
        await tunnels.is_looked_at("t", 1)
        assert tunnels.supervisor.tries("t")
        tunnels.supervisor.hold_all()
        assert not tunnels.supervisor.tries("t")
        tunnels.supervisor.went_up("t")
        tunnels.supervisor.went_down("t", "1")
        tunnels.supervisor.hasten("t")
        assert tunnels.watched().timer is None
        await until(lambda: tunnels.watched().task is None)
        assert tunnels.watched().timer is None
        tunnels.supervisor.want("t")
        assert tunnels.supervisor.tries("t")
        await until(lambda: tunnels.looks == ["t", "t"])


@pytest.mark.usefixtures("long_attempts")
@pytest.mark.parametrize("told", ["found by the look", "begun by the peer before charon is asked"])
async def test_the_end_of_an_ike_sa_that_was_there_before_takes_its_place_from_no_attempt(told: str) -> None:
    """What comes up in it is of the attempt all the same: charon asks in it."""
    async with held(retry_first=LONG) as tunnels:
        supervisor = tunnels.supervisor
        supervisor.want("t")
        await tunnels.is_looked_at("t", 1)
        if told == "found by the look":
            supervisor.finds("t", ["7"])
        else:
            supervisor.peer_began("t", "7")
        await tunnels.answer("t", Progress.DOWN)
        await until(lambda: tunnels.initiated == ["t"])
        attempt = tunnels.watched().attempt
        assert attempt is not None
        supervisor.went_down("t", "7")
        assert not attempt.outcome.is_set()
        supervisor.children_up("t", "7", ["c0"])
        assert attempt.outcome.is_set()


class Listing:
    """A session whose charon has two IKE_SAs of tunnel 1, and refuses to initiate some children."""

    def __init__(self, refuses: dict[str, ViciError]) -> None:
        self.asked: list[str] = []
        self.refuses = refuses

    async def list_sas(self, _name: str | None = None) -> list[Any]:
        return [{"name": "ipsec-1", "uniqueid": number, "state": "ESTABLISHED"} for number in ("4", "7")]

    async def each(self, requests: Any) -> list[ViciError | None]:
        found = []
        for _command, message in requests:
            self.asked.append(message["child"])
            found.append(self.refuses.get(message["child"]))
        return found


@pytest.fixture
def tunnels_of(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(LiveTunnels, "children", lambda *_: ("c0", "c1", "c2"))

    def made(session: Listing) -> LiveTunnels:
        tunnels = live(session)  # type: ignore[arg-type]
        tunnels._shared.desired.entries["1"] = at_bob()
        return tunnels

    return made


async def test_a_look_says_which_ike_sas_are_there(tunnels_of: Any) -> None:
    tunnels = tunnels_of(Listing({}))
    supervisor = tunnels.supervisor
    found: list[str] = []
    supervisor.finds = lambda _name, ike_sas: found.extend(ike_sas)
    await tunnels._look("ipsec-1")
    assert found == ["4", "7"]


async def test_children_are_asked_for_also_after_one_that_charon_refuses(tunnels_of: Any) -> None:
    first = ViciError("initiate", "existing duplicate")
    session = Listing({"c0": first, "c2": ViciError("initiate", "another")})
    with pytest.raises(ViciError) as raised:
        await tunnels_of(session)._initiate("ipsec-1")
    assert raised.value is first
    assert session.asked == ["c0", "c1", "c2"]


async def test_an_address_that_comes_while_all_are_held_begins_no_attempt(tunnels_of: Any) -> None:
    tunnels = tunnels_of(Listing({}))
    tunnels.supervisor.want("ipsec-1")
    tunnels.supervisor.hold_all()
    held_one = tunnels.supervisor._watched["ipsec-1"]
    for begin in (tunnels.supervisor.want, tunnels.supervisor.hasten):
        tunnels._end_attempt("1", begin)
        await asyncio.gather(*tunnels._terminations._under_way)
    assert tunnels.supervisor._watched["ipsec-1"] is held_one
    assert held_one.timer is None
    tunnels.supervisor.forget_all()
