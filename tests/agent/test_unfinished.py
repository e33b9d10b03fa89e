"""Who holds most of what is not finished gives way, and small requests always find room."""

from __future__ import annotations

from dataclasses import dataclass, field

from agent.unfinished import FREE_OCTETS, Holder, Unfinished

MIB = 1024 * 1024


@dataclass(eq=False)
class Session:
    user: str
    over: bool = False


@dataclass
class Ended:
    sessions: list[Holder] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def __call__(self, session: Holder, reason: str) -> None:
        assert isinstance(session, Session)
        session.over = True
        self.sessions.append(session)
        self.reasons.append(reason)


def filled(made: Unfinished, session: Session, octets: int) -> None:
    for held in range(MIB, octets + 1, MIB):
        if not session.over:
            made.holds(session, held, arriving=True)


def test_sixteen_sessions_of_one_user_hold_no_more_than_one_message() -> None:
    ended = Ended()
    made = Unfinished(128 * MIB, 64 * MIB, ended)
    for session in (sessions := [Session("eve") for _ in range(16)]):
        filled(made, session, 63 * MIB)
    assert ended.sessions == sessions[:-1]
    assert "of its user" in ended.reasons[0]
    assert "it held 66060288" in ended.reasons[0]


def test_the_largest_of_who_holds_most_gives_way_and_not_who_comes() -> None:
    ended = Ended()
    made = Unfinished(128 * MIB, 64 * MIB, ended)
    eve, mallory, more = Session("eve"), Session("mallory"), Session("mallory")
    filled(made, eve, 63 * MIB)
    filled(made, mallory, 40 * MIB)
    filled(made, more, 24 * MIB)
    ann = Session("ann")
    filled(made, ann, 40 * MIB)
    assert ended.sessions == [mallory]
    assert all(one not in ended.sessions for one in (ann, eve))
    assert "of its user" not in ended.reasons[0]


def test_a_user_over_his_own_sum_costs_nobody_else_a_session() -> None:
    ended = Ended()
    made = Unfinished(128 * MIB, 64 * MIB, ended)
    ann, eve, more = Session("ann"), Session("eve"), Session("eve")
    filled(made, ann, 60 * MIB)
    filled(made, eve, 30 * MIB)
    filled(made, more, 40 * MIB)
    assert ended.sessions == [more]


def test_a_small_request_always_finds_room() -> None:
    ended = Ended()
    made = Unfinished(2 * MIB, 2 * MIB, ended)
    working = Session("eve")
    made.holds(working, 2 * MIB, arriving=False)
    for _ in range(100):
        made.holds(Session("ann"), FREE_OCTETS, arriving=True)
    assert ended.sessions == []
    late = Session("ann")
    made.holds(late, FREE_OCTETS + 1, arriving=True)
    assert ended.sessions == [late]


def test_what_is_being_carried_out_is_counted_and_not_ended() -> None:
    ended = Ended()
    made = Unfinished(128 * MIB, 64 * MIB, ended)
    working, arriving = Session("ann"), Session("ann")
    filled(made, working, 60 * MIB)
    made.holds(working, 60 * MIB, arriving=False)
    filled(made, arriving, 5 * MIB)
    assert ended.sessions == [arriving]


def test_what_is_answered_or_gone_has_room_again() -> None:
    ended = Ended()
    made = Unfinished(128 * MIB, 64 * MIB, ended)
    one, two, three = Session("ann"), Session("ann"), Session("ann")
    filled(made, one, 60 * MIB)
    made.holds(one, 0, arriving=True)
    filled(made, two, 60 * MIB)
    made.forget(two)
    made.forget(two)
    filled(made, three, 60 * MIB)
    assert ended.sessions == []
