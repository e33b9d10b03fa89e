"""What is kept of translations is no more than was said, and what was let go is made again."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.translators.tunnels import Json, tunnel
from translators.strongswan.translation import alike, identities, kept
from translators.strongswan.translation.alike import KnownSettings, OneOfEach, Settings
from translators.strongswan.translation.around import Around
from translators.strongswan.translation.identities import local_identity
from translators.strongswan.translation.kept import AROUND_MAX, Kept, Surroundings
from translators.strongswan.translation.revocation import Mode

ROOM = 3


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alike, "SETTINGS_MAX", ROOM)
    monkeypatch.setattr(kept, "ENTRIES_MAX", ROOM)


def of_its_own(number: int) -> Json:
    """Return an entry with settings that no other one has."""
    return tunnel(number, ike={"rekey-time": 3600 + number})


def around(made: Kept, *plugins: str) -> Surroundings:
    return made.around(None, {}, keys=(), revocation=Mode.IF_AVAILABLE, plugins=plugins)


@pytest.mark.usefixtures("few")
def test_settings_are_kept_of_so_many_kinds() -> None:
    known, made = KnownSettings(), list[int]()

    def settings(number: int) -> Settings:
        def make(members: Mapping[str, object]) -> Settings:
            made.append(number)
            return Settings(members, {}, {}, {}, {}, is_split=False)

        return known.of(of_its_own(number), make)

    first = settings(0)
    for number in range(1, ROOM):
        settings(number)
    assert settings(0) is first
    for number in range(ROOM, 4 * ROOM):
        settings(number)
        assert len(known._known) <= ROOM
    assert made == list(range(4 * ROOM))
    assert settings(0) is not first
    assert settings(0).members == first.members


@pytest.mark.usefixtures("few")
def test_values_are_held_once_of_so_many_kinds() -> None:
    values = OneOfEach()
    for number in range(4 * ROOM):
        entry = of_its_own(number)
        assert values.entry(entry) == entry
        assert len(values._known) <= ROOM


@pytest.mark.usefixtures("few")
def test_so_many_entries_are_kept_and_others_are_translated_each_time() -> None:
    made = Kept()
    with_ = around(made)
    found = [made.translated(str(n), tunnel(n), with_, whatever=True) for n in range(ROOM + 1)]
    again = [made.translated(str(n), tunnel(n), with_, whatever=True) for n in range(ROOM + 1)]
    assert [one is other for one, other in zip(found, again, strict=True)] == [True] * ROOM + [False]
    assert again[ROOM].messages == found[ROOM].messages
    made.forget("0")
    assert made.translated("9", tunnel(9), with_, whatever=True) is made.translated(
        "9", tunnel(9), with_, whatever=True
    )


def test_so_many_surroundings_are_kept_the_newest_of_them() -> None:
    made = Kept()
    known = [around(made, f"plugin-{n}") for n in range(AROUND_MAX + 1)]
    assert len(made._arounds) == AROUND_MAX
    assert all(around(made, f"plugin-{n}") is known[n] for n in range(1, AROUND_MAX + 1))
    again = around(made, "plugin-0")
    assert again is not known[0]
    assert again.full == known[0].full
    assert len(made._arounds) == AROUND_MAX


def test_identities_that_were_forgotten_are_made_again_and_are_the_same() -> None:
    entry = tunnel(1, local_id={"name": "forgotten"})
    one = local_identity(entry)
    assert local_identity(entry) is one
    identities.forget_texts()
    assert identities._made.cache_info().currsize == identities._inet.cache_info().currsize == 0
    other = local_identity(entry)
    assert other is not one
    assert other == one


def test_surroundings_are_copies() -> None:
    made, plugins = Kept(), ["one"]
    found = made.around(None, {}, keys=(), revocation=Mode.IF_AVAILABLE, plugins=plugins)
    plugins.append("two")
    assert isinstance(found.full, Around)
    assert found.full.plugins == frozenset({"one"})
    assert made.around(None, {}, keys=(), revocation=Mode.IF_AVAILABLE, plugins=plugins) is not found
