"""How long a session lasts, how many there are, and that what belongs to it ends with it."""

from __future__ import annotations

from agent.page.sessions import IDLE_S, LONGEST_S, OF_ALL, OF_USER, Over, Session, Sessions


def opened(sessions: Sessions, cookie: str, user: str = "ann", now: float = 0.0) -> Session:
    return sessions.open(user, cookie=cookie, token=f"token of {cookie}", now=now)


def test_a_cookie_is_known_by_its_hash_alone() -> None:
    sessions = Sessions()
    session = opened(sessions, "c1")
    assert sessions.find("c1", 1.0) is session
    assert sessions.find("c2", 1.0) is None
    assert sessions.find("", 1.0) is None
    assert "c1" not in repr(session)
    assert b"c1" not in session.hash
    assert session.is_token("token of c1")
    assert not session.is_token("token of c2")
    assert not session.is_token("")
    assert not session.is_token("\u00fc")


def test_it_ends_without_a_request() -> None:
    sessions = Sessions()
    opened(sessions, "c1")
    assert sessions.find("c1", IDLE_S - 1) is not None
    assert sessions.find("c1", 2 * IDLE_S - 2) is not None
    assert sessions.find("c1", 3 * IDLE_S - 2) is None
    assert len(sessions) == 0


def test_a_stream_keeps_it_but_not_for_ever() -> None:
    sessions = Sessions()
    told: list[Over] = []
    session = opened(sessions, "c1")
    sessions.follow(session, told.append)
    sessions.look(LONGEST_S - 1)
    assert (told, session.over) == ([], None)
    sessions.look(LONGEST_S)
    assert (told, session.over) == ([Over.EXPIRED], Over.EXPIRED)
    assert sessions.find("c1", LONGEST_S) is None


def test_it_was_used_for_as_long_as_a_stream_was_open() -> None:
    sessions = Sessions()
    session = opened(sessions, "c1")
    told: list[Over] = []
    sessions.follow(session, told.append)
    sessions.leave(session, told.append, 5000.0)
    assert sessions.find("c1", 5000.0 + IDLE_S - 1) is session
    assert sessions.find("c1", 5000.0 + 2 * IDLE_S) is None
    assert told == []


def test_no_use_makes_it_longer_than_it_may_be() -> None:
    sessions = Sessions()
    session = opened(sessions, "c1")
    now = 0.0
    while now + IDLE_S / 2 < LONGEST_S:
        now += IDLE_S / 2
        assert sessions.find("c1", now) is session
    assert sessions.find("c1", LONGEST_S) is None


def test_the_oldest_of_a_user_gives_way() -> None:
    sessions = Sessions()
    of_bob = opened(sessions, "bob", user="bob")
    first, *others = [opened(sessions, f"c{number}") for number in range(OF_USER)]
    assert first.over is None
    opened(sessions, "another")
    assert first.over is Over.EXPIRED
    assert [one.over for one in (of_bob, *others)] == [None] * OF_USER
    assert len(sessions) == OF_USER + 1


def test_of_all_the_oldest_of_the_same_user_gives_way_or_of_who_has_most() -> None:
    sessions = Sessions()
    for number in range(OF_ALL - 2):
        opened(sessions, f"u{number}", user=f"user {number // 10}")
    ann, second = opened(sessions, "a1"), opened(sessions, "a2")
    assert len(sessions) == OF_ALL
    opened(sessions, "a3")
    assert (ann.over, second.over) == (Over.EXPIRED, None)
    opened(sessions, "eve", user="eve")
    assert len(sessions) == OF_ALL
    assert sessions.find("u0", 0.0) is None
    assert sessions.find("eve", 0.0) is not None


def test_what_has_expired_takes_no_place() -> None:
    sessions = Sessions(of_user=2)
    opened(sessions, "c1")
    second = opened(sessions, "c2", now=IDLE_S - 1)
    opened(sessions, "c3", now=IDLE_S)
    assert second.over is None
    assert len(sessions) == 2


def test_what_belongs_to_it_ends_with_it_once() -> None:
    sessions = Sessions()
    told: list[Over] = []
    session = opened(sessions, "c1")
    sessions.follow(session, told.append)
    sessions.end(session, Over.LOGOUT)
    sessions.end(session, Over.CHANGED)
    assert told == [Over.LOGOUT]
    sessions.follow(session, told.append)
    assert told == [Over.LOGOUT, Over.LOGOUT]


def test_those_of_some_users_end() -> None:
    sessions = Sessions()
    ann, bob = opened(sessions, "a"), opened(sessions, "b", user="bob")
    sessions.end_all(Over.CHANGED, lambda user: user == "ann")
    assert (ann.over, bob.over) == (Over.CHANGED, None)
