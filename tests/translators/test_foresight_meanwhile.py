"""What others do while a translator looks ahead at many tunnels: it holds nobody up, and begins anew."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.lab import change
from tests.translators.foreseen import begun, blind, translator
from tests.translators.tunnels import at_alice
from translators.strongswan import foresight, planning, tasks
from translators.strongswan.model import entry_path
from translators.strongswan.translation import guards
from translators.strongswan.translator import StrongSwanTranslator


async def test_the_loop_is_free_between_any_two_tunnels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each piece is a tunnel; with no time for a turn, others come after each."""
    monkeypatch.setattr(tasks, "TURN_S", 0.0)
    monkeypatch.setattr(tasks, "REST_S", 0.0)
    made = translator(tmp_path, "none")
    many = [at_alice(number) for number in range(1, 101)]
    await begun(made, *many)
    rounds = 0

    async def others() -> None:
        nonlocal rounds
        while True:
            rounds += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    found = await made.foresee([change(one, {**one, "secret": "another-secret"}) for one in many])
    task.cancel()
    assert len(found.messages) == 100
    # checked, compared with others twice, planned, ordered, ordered back, shown, looked at
    assert rounds > 7 * len(many)


def test_what_may_not_be_read_is_asked_an_entry_at_a_time() -> None:
    many, asked, most = [at_alice(number) for number in range(1, 101)], list[str](), 0

    def reads(path: str) -> bool:
        asked.append(path)
        return True

    changes = [blind(entry, {**entry, "secret": "another-secret"}) for entry in many]
    for pieces in (planning.untold_of(changes, reads), planning.keys_are_untold(changes, reads)):
        for _piece in pieces:
            most, asked = max(most, len(asked)), []
        assert 0 < len(asked) < 40
    assert 0 < most < 40, "each leaf of one entry, and no more"


async def test_a_change_that_comes_in_between_has_it_begin_anew_and_then_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = translator(tmp_path, "none")
    await begun(made, at_alice())
    desired, listed = made.parts.shared.desired, made.parts.foreseeing._sas
    looks = 0
    wanted_looks = 1

    async def disturbed(*arguments: Any) -> Any:
        nonlocal looks
        looks += 1
        if looks <= wanted_looks:
            desired.put("2", at_alice(2))
        return await listed(*arguments)

    monkeypatch.setattr(made.parts.foreseeing, "_sas", disturbed)
    found = await made.foresee([change(at_alice(), None)])
    assert looks == 2
    assert foresight.MEANWHILE not in found.unknown
    looks, wanted_looks = 0, 9
    found = await made.foresee([change(at_alice(), None)])
    assert looks == foresight.TRIES
    assert foresight.MEANWHILE in found.unknown


async def test_a_commit_between_two_pieces_that_they_do_not_expect_has_it_begin_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tunnel that is to be created is there by then, and its identity goes to another."""
    made = translator(tmp_path, "none")
    first, second = (at_alice(n, secret=f"the-secret-of-{n}", remote_id={"name": f"bob{n}"}) for n in (1, 2))
    await begun(made, first)
    desired, planning = made.parts.shared.desired, made.parts.planning
    pieces = planning.plan_in_pieces

    def disturbed(*arguments: Any) -> Any:
        planned = pieces(*arguments)
        next(planned)
        if "2" not in desired.entries:
            desired.put("2", second)
        return (yield from planned)

    monkeypatch.setattr(planning, "plan_in_pieces", disturbed)
    changes = [
        change(None, {**second, "secret": "a-secret", "remote-id": {"name": "bob8"}}),
        change(None, at_alice(3, secret="the-secret-of-3", remote_id={"name": "bob2"})),
    ]
    found = await made.foresee(changes)
    assert foresight.MEANWHILE not in found.unknown
    assert [one.path for one in found.outlooks] == [entry_path("2"), entry_path("3")]


async def test_what_breaks_while_nothing_changes_is_no_race(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = translator(tmp_path, "none")
    await begun(made)
    monkeypatch.setattr(made.parts.foreseeing, "_hindrances", None)
    with pytest.raises(TypeError):
        await made.foresee([change(None, at_alice())])


def a_crl(made: StrongSwanTranslator) -> None:
    made.parts.pki.put({}, {"a": None})


def a_certificate(made: StrongSwanTranslator) -> None:
    made.parts.pki.put({"a": None}, {})


def what_is_for_all(made: StrongSwanTranslator) -> None:
    made.parts.protection.guards.for_all = guards.ForAll(leak_protection=False)


@pytest.mark.parametrize("come", [a_crl, a_certificate, what_is_for_all])
async def test_a_change_that_is_of_no_tunnel_is_one_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, come: Callable[[StrongSwanTranslator], None]
) -> None:
    made, looks = translator(tmp_path, "none"), list[object]()
    await begun(made, at_alice())
    listed = made.parts.foreseeing._sas

    async def disturbed(*arguments: Any) -> Any:
        if not looks:
            come(made)
        looks.append(arguments)
        return await listed(*arguments)

    monkeypatch.setattr(made.parts.foreseeing, "_sas", disturbed)
    found = await made.foresee([change(at_alice(), None)])
    assert len(looks) == 2
    assert foresight.MEANWHILE not in found.unknown
