"""The supervisor: who is initiated, when again, and who is left alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.at_work import bind_commit, ids
from translators.strongswan.backoff import delay_s
from translators.strongswan.charon.vici import ViciUnavailable
from translators.strongswan.options import Options
from translators.strongswan.upkeep import supervisor as supervisor_module
from translators.strongswan.upkeep.attempt import Attempt
from translators.strongswan.upkeep.supervisor import AT_A_TIME, Progress, Supervisor


@pytest.fixture(autouse=True)
def brief_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_module, "ATTEMPT_S", 0.001)


class Tunnel:
    """Answers the supervisor from a list, the last answer for ever."""

    def __init__(self, *answers: Progress | Exception) -> None:
        self.answers = list(answers)
        self.looks = 0
        self.initiated = 0
        options = Options(retry_first=0.001, retry_max=0.004)
        self.supervisor = Supervisor(options, self._look, self._initiate, lambda name: name)

    async def _look(self, _name: str) -> Progress:
        self.looks += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def _initiate(self, name: str) -> None:
        self.initiated += 1
        self.supervisor.asks(name, ["c0"])


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - nothing to be told by: the state is the test's own
            await asyncio.sleep(0.001)


async def test_an_initiator_that_is_down_is_initiated_until_it_is_up() -> None:
    tunnel = Tunnel(Progress.DOWN, Progress.DOWN, Progress.DOWN, Progress.UP)
    tunnel.supervisor.want("t")
    await until(lambda: tunnel.looks == 4)
    assert tunnel.initiated == 3
    tunnel.supervisor.forget_all()


async def test_nothing_is_initiated_while_an_attempt_is_under_way() -> None:
    tunnel = Tunnel(Progress.UNDER_WAY)
    tunnel.supervisor.want("t")
    await until(lambda: tunnel.looks >= 5)
    assert tunnel.initiated == 0
    tunnel.supervisor.forget_all()


async def test_a_tunnel_that_is_up_is_not_looked_at_again_until_it_goes_down() -> None:
    tunnel = Tunnel(Progress.UP)
    tunnel.supervisor.want("t")
    await until(lambda: tunnel.looks == 1)
    tunnel.supervisor.went_up("t")
    tunnel.answers = [Progress.DOWN]
    tunnel.supervisor.went_down("t", "1")
    await until(lambda: tunnel.initiated > 0)
    tunnel.supervisor.forget_all()


async def test_a_tunnel_that_is_to_stay_down_is_left_alone() -> None:
    tunnel = Tunnel(Progress.TO_STAY_DOWN)
    tunnel.supervisor.want("t")
    await until(lambda: "t" not in tunnel.supervisor)
    tunnel.supervisor.went_down("t", "1")
    assert tunnel.initiated == 0


async def test_a_lost_charon_is_tried_later() -> None:
    tunnel = Tunnel(ViciUnavailable("list-sas", "gone"), ViciUnavailable("list-sas", "gone"), Progress.DOWN)
    tunnel.supervisor.want("t")
    await until(lambda: tunnel.initiated > 0)
    tunnel.supervisor.forget_all()


async def test_a_tunnel_without_its_local_address_is_looked_at_but_not_initiated() -> None:
    tunnel = Tunnel(Progress.NO_ADDRESS, Progress.NO_ADDRESS, Progress.NO_ADDRESS, Progress.DOWN)
    tunnel.supervisor.want("t")
    await until(lambda: tunnel.looks == 3)
    assert tunnel.initiated == 0
    await until(lambda: tunnel.initiated > 0)
    tunnel.supervisor.forget_all()


async def test_attempts_are_counted_and_the_next_one_is_known_until_it_is_due() -> None:
    tunnel = Tunnel(Progress.DOWN)
    tunnel.supervisor._options = Options(retry_first=500.0, retry_max=1000.0)
    assert tunnel.supervisor.attempts("t") is None
    tunnel.supervisor.want("t")
    await until(lambda: (found := tunnel.supervisor.attempts("t")) is not None and found.made == 1)
    await until(
        lambda: (found := tunnel.supervisor.attempts("t")) is not None and found.next_in_s is not None
    )
    found = tunnel.supervisor.attempts("t")
    assert found is not None
    assert found.next_in_s is not None
    assert 0 < found.next_in_s <= 625
    tunnel.supervisor.want("t")
    found = tunnel.supervisor.attempts("t")
    assert found is not None
    assert found.made == 0, "wanted anew, it begins anew"
    tunnel.supervisor.forget_all()
    assert tunnel.supervisor.attempts("t") is None


async def test_whoever_is_watched_or_no_more_is_told() -> None:
    told: list[str] = []
    tunnel = Tunnel(Progress.TO_STAY_DOWN)
    tunnel.supervisor._changed = told.append
    tunnel.supervisor.want("t")
    await until(lambda: told == ["t", "t"])
    tunnel.supervisor.forget("t")
    assert told == ["t", "t"]


@pytest.fixture
def long_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_module, "ATTEMPT_S", 60.0)


def never_up(
    options: Options, peer_of: Callable[[str], str], children: int = 1
) -> tuple[Supervisor, list[str]]:
    """Return a supervisor of tunnels with so many children that stay down, and the names of those that it
    has initiated."""
    initiated: list[str] = []

    async def look(_name: str) -> Progress:
        return Progress.DOWN

    async def initiate(name: str) -> None:
        initiated.append(name)
        supervisor.asks(name, [f"c{number}" for number in range(children)])

    supervisor = Supervisor(options, look, initiate, peer_of)
    return supervisor, initiated


@pytest.mark.usefixtures("long_attempts")
async def test_so_many_attempts_begin_at_a_time_over_all_peers() -> None:
    supervisor, initiated = never_up(Options(attempts_at_once=3), lambda name: name)
    for number in range(10):
        supervisor.want(f"t{number}")
    await until(lambda: len(initiated) == 3)
    supervisor.children_up(initiated[0], "1", ["c0"])
    await until(lambda: len(initiated) == 4)
    supervisor.forget_all()


async def test_what_is_held_stays_watched_and_is_not_initiated_until_it_is_wanted_anew() -> None:
    tunnel = Tunnel(Progress.DOWN)
    tunnel.supervisor.want("t")
    tunnel.supervisor.want("u")
    await until(lambda: tunnel.initiated > 2)
    tunnel.supervisor.hold_all()
    held = tunnel.initiated
    other = Tunnel(Progress.DOWN)
    other.supervisor.want("v")
    await until(lambda: other.initiated > 5)
    assert tunnel.initiated == held
    assert "t" in tunnel.supervisor
    tunnel.supervisor.keep_only({"u"})
    assert "t" not in tunnel.supervisor
    tunnel.supervisor.want("u")
    await until(lambda: tunnel.initiated > held)
    other.supervisor.forget_all()
    tunnel.supervisor.forget_all()


async def test_what_is_forgotten_is_neither_looked_at_nor_initiated() -> None:
    tunnel = Tunnel(Progress.DOWN)
    tunnel.supervisor.want("t")
    tunnel.supervisor.forget("t")
    tunnel.supervisor.went_down("t", "1")
    tunnel.supervisor.went_up("t")
    other = Tunnel(Progress.DOWN)
    other.supervisor.want("u")
    await until(lambda: other.initiated > 2)
    assert tunnel.looks == 0
    other.supervisor.forget_all()


async def test_an_up_event_ends_the_retries() -> None:
    tunnel = Tunnel(Progress.DOWN)
    tunnel.supervisor.want("t")
    await until(lambda: tunnel.initiated == 1)
    tunnel.supervisor.went_up("t")
    looks = tunnel.looks
    other = Tunnel(Progress.DOWN)
    other.supervisor.want("u")
    await until(lambda: other.initiated > 5)
    assert tunnel.looks == looks
    other.supervisor.forget_all()
    tunnel.supervisor.forget_all()


@pytest.mark.usefixtures("long_attempts")
async def test_one_peer_is_not_flooded_and_another_does_not_wait_for_it() -> None:
    supervisor, initiated = never_up(Options(), lambda name: name[0])
    for number in range(20):
        supervisor.want(f"a{number}")
    supervisor.want("b1")
    await until(lambda: "b1" in initiated)
    assert len([name for name in initiated if name.startswith("a")]) <= AT_A_TIME
    supervisor.children_up("a0", "1", ["c0"])
    await until(lambda: len([name for name in initiated if name.startswith("a")]) == AT_A_TIME + 1)
    supervisor.forget_all()


@pytest.mark.usefixtures("long_attempts")
@pytest.mark.parametrize("children", [1, 3])
async def test_an_attempt_of_which_every_child_is_settled_gives_its_place(children: int) -> None:
    supervisor, initiated = never_up(
        Options(attempts_at_once=1, retry_first=500.0, retry_max=1000.0), lambda name: name, children
    )
    supervisor.want("a")
    await until(lambda: initiated == ["a"])
    supervisor.want("b")
    for child in range(children):
        assert supervisor._all_turns.locked()
        if child % 2:
            supervisor.child_refused("a", "1")
        else:
            supervisor.children_up("a", "1", [f"c{child}"])
    await until(lambda: initiated == ["a", "b"])
    supervisor.child_refused("nobody", "1")
    supervisor.forget_all()


def attempt_of(supervisor: Supervisor, name: str) -> Attempt:
    attempt = supervisor._watched[name].attempt
    assert attempt is not None
    return attempt


Said = Callable[[Supervisor], None]


@pytest.mark.usefixtures("long_attempts")
@pytest.mark.parametrize(
    "said",
    [
        pytest.param(lambda s: s.children_up("a", "1", ["c7"]), id="a child that was not asked for"),
        pytest.param(lambda s: s.went_down("a", "9"), id="an IKE_SA of the peer ends"),
        pytest.param(lambda s: s.children_up("a", "9", ["c0", "c1"]), id="the peer begins the children"),
        pytest.param(lambda s: s.child_refused("a", "9"), id="a child that the peer begins is refused"),
        pytest.param(lambda s: s.went_up("a"), id="the tunnel works by them"),
    ],
)
async def test_what_is_not_of_an_attempt_takes_its_place_from_it_no_more(said: Said) -> None:
    """Its own IKE_SA may be half-open still, and more of these the peer would not have."""
    supervisor, initiated = never_up(
        Options(attempts_at_once=1, retry_first=500.0, retry_max=1000.0), lambda name: name, 2
    )
    supervisor.want("a")
    await until(lambda: initiated == ["a"])
    supervisor.want("b")
    supervisor.peer_began("a", "9")
    supervisor.children_up("a", "1", ["c0"])
    supervisor.children_up("a", "1", ["c0"])
    said(supervisor)
    assert not attempt_of(supervisor, "a").outcome.is_set()
    supervisor.children_up("a", "1", ["c1"])
    await until(lambda: initiated == ["a", "b"])
    supervisor.forget_all()


@pytest.mark.usefixtures("long_attempts")
async def test_what_comes_between_the_look_and_the_request_is_not_of_the_attempt() -> None:
    """A child of an earlier one is refused, or comes up late; a refusal at once counts."""
    initiated: list[str] = []

    async def look(_name: str) -> Progress:
        return Progress.DOWN

    async def initiate(name: str) -> None:
        initiated.append(name)
        supervisor.child_refused(name, "1")
        supervisor.children_up(name, "1", ["c0", "c1"])
        supervisor.asks(name, ["c1", "c2"])
        supervisor.child_refused(name, "1")
        assert not attempt_of(supervisor, name).outcome.is_set()
        supervisor.child_refused(name, "1")

    supervisor = Supervisor(
        Options(attempts_at_once=1, retry_first=500.0, retry_max=1000.0), look, initiate, lambda name: name
    )
    supervisor.want("a")
    supervisor.want("b")
    await until(lambda: initiated == ["a", "b"])
    supervisor.forget_all()


async def test_what_the_peer_begins_is_remembered_while_an_attempt_has_its_place_alone() -> None:
    supervisor, initiated = never_up(Options(retry_first=500.0, retry_max=1000.0), lambda name: name)
    supervisor.want("a")
    await until(lambda: initiated == ["a"])
    await until(lambda: not supervisor._all_turns.locked() and supervisor._watched["a"].attempt is None)
    supervisor.peer_began("a", "9")
    assert supervisor._watched["a"].attempt is None
    supervisor.forget_all()


@pytest.mark.parametrize(
    ("attempt", "random_0_1", "expected"),
    [
        (0, 0.5, 1.0),
        (1, 0.5, 2.0),
        (3, 0.5, 8.0),
        (6, 0.5, 60.0),
        (500, 0.5, 60.0),
        (0, 0.0, 0.75),
        (0, 1.0, 1.25),
    ],
)
def test_the_pause_doubles_up_to_a_bound_with_jitter(
    attempt: int, random_0_1: float, expected: float
) -> None:
    assert delay_s(attempt, 1.0, 60.0, random_0_1) == expected


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_the_pause_is_never_longer_than_the_bound_and_its_jitter(attempt: int, random_0_1: float) -> None:
    assert 0.75 <= delay_s(attempt, 1.0, 60.0, random_0_1) <= 75.0


async def test_what_an_attempt_logs_is_about_its_tunnel_and_not_about_the_commit_that_wants_it() -> None:
    bind_commit(345)
    found: list[dict[str, str]] = []
    tunnel = Tunnel(Progress.DOWN, Progress.UP)
    tunnel.supervisor._look = _noting(found, tunnel.supervisor._look)
    tunnel.supervisor.want("ipsec-7")
    await until(lambda: tunnel.looks == 2)
    tunnel.supervisor.forget_all()
    assert found == [{"tunnel": "7"}] * 2


def _noting(
    found: list[dict[str, str]], look: Callable[[str], Awaitable[Progress]]
) -> Callable[[str], Awaitable[Progress]]:
    async def noting(name: str) -> Progress:
        found.append(ids())
        return await look(name)

    return noting
