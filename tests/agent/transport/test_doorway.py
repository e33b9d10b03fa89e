"""Who has not logged in gives way to who comes, and nobody to a crowd."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from agent.transport.doorway import MAX_KNOWN, Doorway, Favoured, source_of


class Waiting:
    ended = False

    def abort(self) -> None:
        self.ended = True


def first(sources: Sequence[str]) -> str:
    return sources[0]


def doorway(places: int, per_source: int, *favoured: str) -> Doorway:
    return Doorway(places, per_source, lambda source: source in favoured, first)


def crowd(made: Doorway, addresses: int, each: int) -> dict[str, list[Waiting]]:
    held: dict[str, list[Waiting]] = {}
    for _ in range(each):
        for number in range(addresses):
            source = f"198.51.100.{number + 1}"
            held.setdefault(source, []).append(Waiting())
            assert made.enter(held[source][-1], source)
    return held


def test_a_full_house_refuses_nobody_the_oldest_of_the_fullest_address_gives_way() -> None:
    made = doorway(32, 4)
    held = crowd(made, addresses=8, each=4)
    ann = Waiting()
    assert made.enter(ann, "192.0.2.1")
    assert len(made) == 32
    assert [source for source, those in held.items() if those[0].ended] == ["198.51.100.1"]
    assert not any(one.ended for those in held.values() for one in those[1:])


def test_a_crowd_displaces_itself_and_not_who_came_alone() -> None:
    made = doorway(32, 4)
    ann = Waiting()
    assert made.enter(ann, "192.0.2.1")
    crowd(made, addresses=20, each=4)
    assert not ann.ended
    assert len(made) == 32


def test_one_address_has_its_places_and_no_more() -> None:
    made = doorway(32, 2)
    held = [Waiting(), Waiting()]
    assert all(made.enter(one, "192.0.2.1") for one in held)
    assert not made.enter(Waiting(), "192.0.2.1")
    made.leave(held[0], "192.0.2.1")
    assert made.enter(Waiting(), "192.0.2.1")
    assert not any(one.ended for one in held)


def test_a_favoured_address_gets_in_where_its_own_places_are_taken() -> None:
    made = doorway(32, 2, "192.0.2.1")
    held = [Waiting(), Waiting()]
    assert all(made.enter(one, "192.0.2.1") for one in held)
    assert made.enter(Waiting(), "192.0.2.1")
    assert [one.ended for one in held] == [True, False]


def test_others_never_take_the_place_of_a_favoured_address() -> None:
    made = doorway(4, 4, "192.0.2.1")
    kept = [Waiting() for _ in range(3)]
    assert all(made.enter(one, "192.0.2.1") for one in kept)
    crowd(made, addresses=9, each=1)
    assert not any(one.ended for one in kept)
    assert len(made) == 4


def test_where_all_places_are_of_favoured_addresses_others_get_none() -> None:
    made = doorway(2, 4, "192.0.2.1")
    kept = [Waiting(), Waiting()]
    assert all(made.enter(one, "192.0.2.1") for one in kept)
    late = Waiting()
    assert not made.enter(late, "198.51.100.1")
    assert late.ended
    assert not any(one.ended for one in kept)


def test_who_leaves_twice_or_was_never_there_takes_no_place_with_him() -> None:
    made = doorway(2, 2)
    one = Waiting()
    assert made.enter(one, "192.0.2.1")
    made.leave(Waiting(), "192.0.2.1")
    assert len(made) == 1
    made.leave(one, "192.0.2.1")
    made.leave(one, "192.0.2.1")
    assert len(made) == 0


def test_an_address_of_a_recovery_user_is_known_after_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "recovery.json"
    known = Favoured(file, any_users=True)
    assert not known("192.0.2.1")
    known.logged_in("192.0.2.1")
    known.logged_in("fe80::1%eth0")
    assert known("192.0.2.1")
    again = Favoured(file, any_users=True)
    assert again("192.0.2.1")
    assert again("fe80::1%eth1")
    assert again.remembered("192.0.2.1")
    assert not again("192.0.2.2")
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("source", ["127.0.0.1", "::1", "::ffff:127.0.0.9"])
def test_the_machine_itself_is_favoured_where_there_are_recovery_users(tmp_path: Path, source: str) -> None:
    assert Favoured(tmp_path / "recovery.json", any_users=True)(source)
    assert not Favoured(tmp_path / "recovery.json", any_users=True).remembered(source)
    assert not Favoured(tmp_path / "recovery.json", any_users=False)(source)


def test_the_number_of_known_addresses_is_bounded_and_the_latest_stay(tmp_path: Path) -> None:
    known = Favoured(tmp_path / "recovery.json", any_users=True)
    for number in range(MAX_KNOWN + 1):
        known.logged_in(f"192.0.2.{number}")
    assert not known("192.0.2.0")
    assert known(f"192.0.2.{MAX_KNOWN}")


@pytest.mark.parametrize("content", ["", "3", "nonsense", "[1.5]", '["x"]', "{}"])
def test_a_file_that_cannot_be_read_stops_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "recovery.json").write_text(content)
    known = Favoured(tmp_path / "recovery.json", any_users=True)
    assert not known("192.0.2.1")
    known.logged_in("192.0.2.1")
    assert Favoured(tmp_path / "recovery.json", any_users=True)("192.0.2.1")


def test_a_file_that_cannot_be_written_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    known = Favoured(tmp_path / "missing" / "recovery.json", any_users=True)
    known.logged_in("192.0.2.1")
    assert known("192.0.2.1")
    assert "cannot be written" in caplog.text


@pytest.mark.parametrize(
    ("host", "source"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:db8:0:1::/64"),
        ("2001:db8:0:2::1", "2001:db8:0:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::ffff:127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
    ],
)
def test_an_ipv6_network_is_one_source(host: str, source: str) -> None:
    assert source_of(host) == source


def test_whoever_has_a_network_has_the_places_of_one_source(tmp_path: Path) -> None:
    favoured = Favoured(tmp_path / "recovery.json", any_users=True)
    made = Doorway(8, 2, favoured, first)
    entered = [made.enter(Waiting(), source_of(f"2001:db8::{number:x}")) for number in range(100)]
    assert (sum(entered), len(made)) == (2, 2)
    assert made.enter(Waiting(), source_of("2001:db8:0:1::1"))


def test_a_network_with_an_address_of_a_recovery_user_is_not_favoured(tmp_path: Path) -> None:
    favoured = Favoured(tmp_path / "recovery.json", any_users=True)
    favoured.logged_in("2001:db8::1")
    assert favoured("2001:db8::1")
    assert not favoured(source_of("2001:db8::2"))
