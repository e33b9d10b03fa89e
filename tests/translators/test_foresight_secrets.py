"""Looking ahead tells nothing of what the one who asks may not read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from agent.translator import EntryChange, Foresight, KnownFrom
from tests.lab import change
from tests.translators.foreseen import Charon, begun, blind, commands, translator
from tests.translators.test_for_all import bypass, protection
from tests.translators.tunnels import Json, at_alice, at_bob
from translators.strongswan import foresight
from translators.strongswan.model import CERTIFICATES_PATH, entry_path
from translators.strongswan.translation import guards
from translators.strongswan.translation.shown import shown
from translators.strongswan.translator import StrongSwanTranslator


async def test_what_changes_for_all_tunnels_looks_at_each_of_them_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, looked_at = translator(tmp_path), list[str]()
    count = 4 * foresight.AT_ONCE
    await begun(made, *(at_alice(number) for number in range(1, count + 1)), charon=Charon())
    of_tunnel = guards.of_tunnel

    def counted(entry: Json, *more: Any) -> guards.Guard:
        looked_at.append(str(entry["id"]))
        return of_tunnel(entry, *more)

    monkeypatch.setattr(guards, "of_tunnel", counted)
    await made.foresee(bypass("172.30.0.0/16"))
    assert len(looked_at) == count
    looked_at.clear()
    found = await made.foresee([protection(before=True, after=False)])
    assert len(looked_at) == count
    assert any(f"the protection of {count} tunnels changes" in sentence for sentence in found.also)


def hides(*endings: str) -> Any:
    return lambda path: not path.endswith(endings)


SECRETS = ("/secret", "/ike/ppk/key")


def told(found: Foresight) -> tuple[object, ...]:
    return (found.messages, found.outlooks, found.also, found.unknown, [repr(one) for one in found.refusals])


async def both(made: StrongSwanTranslator, after: Mapping[str, Json], before: Json | None) -> list[Foresight]:
    """Return what is told of a right guess, and of a wrong one."""
    found = [await made.foresee([blind(before, one)], hides(*SECRETS)) for one in after.values()]
    assert told(found[0]) == told(found[1])
    return found


async def test_a_secret_that_may_not_be_read_is_taken_for_another_one(tmp_path: Path) -> None:
    made = translator(tmp_path, "none")
    await begun(made, at_alice())
    guesses = {"right": at_alice(), "wrong": at_alice(secret="another-secret")}
    found, _ = await both(made, guesses, at_alice())
    assert commands(found) == ["load-shared"]
    assert foresight.UNTOLD_KEYS in found.unknown
    truth = await made.foresee([blind(at_alice(), guesses["right"])])
    assert commands(truth) == [], "who may read it is told the truth"


async def test_what_keeps_secrets_apart_tells_nothing_of_them(tmp_path: Path) -> None:
    """A new tunnel for any identity gets a barrier against each secret but its own."""
    made = translator(tmp_path, "none")
    await begun(made, at_alice(1, secret="the-secret-of-one"))
    opened = {
        guess: at_alice(2, remote_id={}, local_id={"name": "open"}, secret=guess)
        for guess in ("the-secret-of-one", "another-secret")
    }
    found, _ = await both(made, opened, None)
    assert foresight.UNTOLD_FENCES in found.unknown
    truth = [await made.foresee([blind(None, one)]) for one in opened.values()]
    assert commands(truth[0]) != commands(truth[1])


@pytest.mark.parametrize(
    "members", [None, {"enabled": False}, {"dpd": {"enabled": True, "delay": 31}}, {"peer": "192.168.0.9"}]
)
async def test_a_fence_that_only_comes_anew_or_goes_tells_nothing_of_secrets_either(
    tmp_path: Path, members: Json | None
) -> None:
    found, truth = [], []
    for secret in ("the-secret-of-one", "another-secret"):
        made, first = translator(tmp_path, "none"), at_alice(1, secret="the-secret-of-one")
        await begun(made, first, at_alice(2, remote_id={}, local_id={"name": "open"}, secret=secret))
        changes = [change(first, None if members is None else {**first, **members})]
        found.append(await made.foresee(changes, hides(*SECRETS)))
        truth.append(await made.foresee(changes))
    assert told(found[0]) == told(found[1])
    assert foresight.UNTOLD_FENCES in found[0].unknown
    assert [one.path for one in found[1].outlooks] == [entry_path("1")], "tunnel 2 is not affected but by it"
    assert not any(message.tells_of_all for message in found[1].messages)
    assert told(truth[0]) != told(truth[1]), "who may read them is told"


async def test_where_no_fence_is_concerned_none_is_said_to_be(tmp_path: Path) -> None:
    made, first = translator(tmp_path, "none"), at_alice(1)
    await begun(made, first, at_alice(2, remote_id={}, local_id={"name": "open"}, secret="another-secret"))
    found = await made.foresee([change(first, {**first, "description": "x"})], hides(*SECRETS))
    assert foresight.UNTOLD_FENCES not in found.unknown


async def test_an_identity_that_moves_tells_nothing_of_the_secrets(tmp_path: Path) -> None:
    """A secret that another tunnel's secret takes the place of goes before all else, if they differ."""
    made = translator(tmp_path, "none")
    first, second = at_alice(1, secret="the-secret-of-one"), at_alice(2, secret="the-secret-of-two")
    await begun(made, first, second)
    found = []
    for guess in ("the-secret-of-one", "another-secret"):
        moved = {**second, "remote-id": {"name": "bob1"}, "secret": guess}
        changes = [change(first, {**first, "remote-id": {"name": "bob9"}}), blind(second, moved)]
        found.append(told(await made.foresee(changes, hides(*SECRETS))))
    assert found[0] == found[1]


async def test_of_what_else_may_not_be_read_nothing_is_told(tmp_path: Path) -> None:
    made = translator(tmp_path, "none")
    second = at_bob(2, remote_subnet=["10.9.0.0/16"])
    await begun(made, at_bob(), second)
    other = change(second, {**second, "dpd": {"enabled": True, "delay": 31}})
    found = [
        await made.foresee([blind(at_bob(), at_bob(peer=peer)), other], hides(*SECRETS, "/peer"))
        for peer in ("192.168.0.1", "192.168.0.8")
    ]
    assert told(found[0]) == told(found[1])
    assert {message.path for message in found[0].messages} == {entry_path("2")}
    untold, told_of = found[0].outlooks
    assert (untold.path, untold.live, list(untold.also)) == (entry_path("1"), None, [foresight.UNTOLD_ENTRY])
    assert told_of.known_from is KnownFrom.NOTHING_LIVE


async def test_of_a_certificate_that_may_not_be_read_nothing_is_told(tmp_path: Path) -> None:
    made = translator(tmp_path, "none")
    gone = EntryChange(
        ("x",), f"{CERTIFICATES_PATH}[name='x']", {"name": "x"}, None, CERTIFICATES_PATH, blind=True
    )
    found = await made.foresee([gone], hides("/name"))
    assert told(found) == ((), (), (), [foresight.UNTOLD_ENTRY], [])


def test_no_secret_is_shown_and_octets_by_their_number() -> None:
    assert shown("load-shared", {"id": "x", "data": "hush", "owners": ["a"]}, "*") == {
        "id": "x", "data": "*", "owners": ["a"],
    }  # fmt: skip
    assert shown("load-key", {"type": "any", "data": b"hush"}, "*")["data"] == "*"
    assert shown("load-cert", {"data": b"abc"}, "*")["data"].startswith("<3 octets, SHA-256 ba7816bf")
    assert shown("load-conn", {"x": {"y": ["1", 2]}}, "*") == {"x": {"y": ["1", "2"]}}
