"""Looking ahead without a daemon, or with one that is played: how far it goes, and whom it holds up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from agent.translator import EntryChange, Foresight, KnownFrom, Settings
from tests.lab import change
from tests.translators.recorded import sa
from tests.translators.test_for_all import bypass, protection
from tests.translators.tunnels import Json, at_alice, at_bob
from translators.strongswan import foresight, outlook, planning, tasks
from translators.strongswan.assembly import make
from translators.strongswan.model import CERTIFICATES_PATH, entry_path
from translators.strongswan.translation import guards
from translators.strongswan.translation.guards import Guard, Match, Way
from translators.strongswan.translation.shown import shown
from translators.strongswan.translator import StrongSwanTranslator


class Charon:
    """A session that records what is asked; its charon encrypts in the kernel."""

    plugins = ("vici",)

    def __init__(self, *sas: Json) -> None:
        self.sas = sas
        self.asked: list[tuple[str, Any]] = []
        self.lost = asyncio.Event()
        self.hangs = False

    async def request(self, command: str, message: Any = None) -> Any:
        self.asked.append((command, message))
        if command == "terminate":
            self.sas = ()
        return {}

    async def list_sas(self, name: str | None = None) -> Any:
        if self.hangs:
            await asyncio.Event().wait()
        return [one for one in self.sas if name in (None, one["name"])]


def translator(folder: Path, charon: str = "external") -> StrongSwanTranslator:
    return make(Settings(folder, charon, {"vici-socket": str(folder / "vici.sock")}))


async def begun(made: StrongSwanTranslator, *entries: Json, charon: Charon | None = None) -> None:
    made.parts.shared.desired.replace({str(entry["id"]): entry for entry in entries})
    made.parts.protection.guards.put(made.parts.protection.guards.wanted(made.parts.shared.desired.entries))
    made.parts.shared.session = charon  # type: ignore[assignment]


async def seen_to_negotiate(made: StrongSwanTranslator, charon: Charon, up: Json, took_s: float) -> None:
    """Have tunnel 1 seen to come up, as ``up``, ``took_s`` after it was initiated."""
    live, loop = made.parts.live, asyncio.get_running_loop()
    charon.sas, there = (), charon.sas
    await live._initiate("ipsec-1")
    charon.sas, clock = there, loop.time
    now_s = clock()
    loop.time = lambda: now_s + took_s  # type: ignore[method-assign]
    live.negotiations._attempts["1"].begun_s = now_s
    message = {"up": "yes", "ipsec-1": {"initiator": "yes", **up, "established": "0"}}
    live.on_event(charon, "child-updown", message)  # type: ignore[arg-type]
    loop.time = clock  # type: ignore[method-assign]


def commands(found: Foresight) -> list[str]:
    return [message.command for message in found.messages]


async def test_without_charon_the_plan_is_told_and_that_nobody_hears_of_it(tmp_path: Path) -> None:
    made = translator(tmp_path, "none")
    await begun(made, at_bob())
    found = await made.foresee([change(at_bob(), at_bob(secret="another-secret"))])
    assert commands(found) == ["load-shared", "initiate"]
    assert found.unknown == [foresight.WITHOUT_CHARON]
    assert found.hindrances == []
    assert found.outlooks[0].known_from is KnownFrom.NOTHING_LIVE


async def test_what_is_refused_is_told_alone(tmp_path: Path) -> None:
    made = translator(tmp_path, "none")
    found = await made.foresee([change(None, at_bob(secret=None))])
    assert [error.app_tag for error in found.refusals] == ["secret-missing"]
    assert (found.messages, found.outlooks) == ((), ())


async def test_a_charon_that_is_not_there_is_no_hindrance_to_what_it_need_not_hear_of(tmp_path: Path) -> None:
    made = translator(tmp_path)
    await begun(made, at_alice())
    found = await made.foresee([change(at_alice(), at_alice(description="x"))])
    assert (commands(found), found.hindrances) == ([], [])
    assert (found.outlooks[0].live, found.outlooks[0].known_from) == (None, KnownFrom.NOTHING_ENDS)
    found = await made.foresee([change(at_alice(), None)])
    assert [error.app_tag for error in found.hindrances] == ["daemon-unavailable"]
    assert found.outlooks[0].known_from is KnownFrom.UNKNOWN


async def test_a_charon_that_does_not_answer_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert foresight.READ_LIMIT_S <= 2.0
    monkeypatch.setattr(foresight, "READ_LIMIT_S", 0.0)
    made, charon = translator(tmp_path), Charon()
    charon.hangs = True
    await begun(made, at_alice(), charon=charon)
    found = await made.foresee([change(at_alice(), at_alice(secret="another-secret"))])
    assert commands(found) == ["load-shared"]
    assert found.outlooks[0].live is None
    assert any("does not answer" in sentence for sentence in found.unknown)


async def test_children_that_are_missing_are_those_that_would_be_initiated(tmp_path: Path) -> None:
    pairs: Json = {
        "local_subnet": ["10.2.0.0/16", "10.4.0.0/16"],
        "esp": {"sa-per-subnet-pair": True},
    }
    both = sa("ESTABLISHED", "INSTALLED", "INSTALLED", uniqueid="7")
    for number, child in enumerate(both["child-sas"].values(), 1):
        child["name"] = f"ipsec-1-{number}"
    made, charon = translator(tmp_path), Charon(both)
    await begun(made, at_bob(**pairs), charon=charon)
    found = await made.foresee([change(at_bob(**pairs), at_bob(**pairs, secret="another-secret"))])
    assert [message.content for message in found.messages[1:]] == [
        {"ike-id": "7", "timeout": "-1", "force": "no"},
        {"ike": "ipsec-1", "child": "ipsec-1-1", "timeout": "-1", "init-limits": "no"},
        {"ike": "ipsec-1", "child": "ipsec-1-2", "timeout": "-1", "init-limits": "no"},
    ]
    (outlook,) = found.outlooks
    assert [(one.kind, one.now, one.affected) for one in outlook.live or ()] == [
        ("ike-sa", 1, 1),
        ("child-sa", 2, 2),
    ]
    assert outlook.known_from is KnownFrom.UNKNOWN, "nobody saw it being negotiated"
    await seen_to_negotiate(made, charon, both, 0.75)
    found = await made.foresee([change(at_bob(**pairs), at_bob(**pairs, secret="another-secret"))])
    assert (found.outlooks[0].interruption_s, found.outlooks[0].known_from) == (
        pytest.approx(0.75),
        KnownFrom.LAST_NEGOTIATION,
    )
    elsewhere = at_bob(**pairs, peer="192.168.0.9")
    found = await made.foresee([change(at_bob(**pairs), elsewhere)])
    assert found.outlooks[0].known_from is KnownFrom.UNKNOWN, "another peer takes another time"


async def test_what_a_peer_begins_hours_after_an_attempt_says_nothing_of_the_time(tmp_path: Path) -> None:
    of_peer: Json = {**sa("ESTABLISHED", "INSTALLED"), "initiator": "no"}
    made, charon = translator(tmp_path), Charon(of_peer)
    await begun(made, at_bob(), charon=charon)
    await seen_to_negotiate(made, charon, of_peer, 7200.0)
    found = await made.foresee([change(at_bob(), at_bob(secret="another-secret"))])
    assert (found.outlooks[0].interruption_s, found.outlooks[0].known_from) == (None, KnownFrom.UNKNOWN)


async def test_what_lives_of_a_tunnel_that_only_its_protection_changes_is_looked_at(tmp_path: Path) -> None:
    made, charon = translator(tmp_path), Charon(sa("ESTABLISHED", "INSTALLED"))
    await begun(made, at_bob(), charon=charon)
    (found,) = (await made.foresee([protection(before=True, after=False)])).outlooks
    assert found.path == entry_path("1")
    assert [(one.kind, one.now, one.affected) for one in found.live or ()] == [
        ("ike-sa", 1, 0),
        ("child-sa", 1, 0),
    ]
    made.parts.shared.session = None
    (found,) = (await made.foresee([protection(before=True, after=False)])).outlooks
    assert found.live is None, "nobody knows"


def test_what_protects_is_told_in_the_words_of_a_network() -> None:
    near, far, other = (4, 0x0A010000, 16), (4, 0x0A020000, 16), (4, 0x0A030000, 16)
    both = {Match(Way.OUT, near, far), Match(Way.IN, far, near), Match(Way.OUT, near, other)}
    one = {Match(Way.OUT, near, far, 1, 1)}
    told = [*outlook._differences(Guard(), Guard(drops=frozenset(both), bypass=frozenset({(near, far)})))]
    assert told == [
        "leak protection: 2 pairs of subnets added, between which nothing passes in clear; "
        "this is done before all else",
        "bypass: 1 pair of networks added, between which packets go past the tunnel",
    ]
    assert [
        *outlook._differences(
            Guard(drops=frozenset(one), bypass=frozenset({(near, far), (near, other)})), Guard()
        )
    ] == [
        "leak protection: 1 pair of subnets released, between which packets may pass in clear; "
        "this is done after all else",
        "bypass: 2 pairs of networks removed, between which packets went past the tunnel",
    ]
    assert [*outlook._differences(Guard(drops=frozenset(one)), Guard(drops=frozenset(one)))] == []


class Still:
    """A firewall, or rules of routing, in which nothing happens."""

    is_there = True

    async def change(self, **_changed: object) -> None:
        pass

    async def replace(self, *_wanted: object) -> None:
        pass


async def test_policies_that_let_past_are_foreseen_where_the_kernel_encrypts(tmp_path: Path) -> None:
    made, charon = translator(tmp_path), Charon()
    before, after = at_alice(), at_alice(bypass={"network": ["10.2.3.0/24"]})
    await begun(made, before, charon=charon)
    made.parts.protection._firewall = made.parts.protection._rules = Still()  # type: ignore[assignment]
    changes = [change(before, after)]
    found = await made.foresee(changes)
    assert charon.asked == []
    assert [message.path for message in found.messages] == [entry_path("1")] * 2
    assert any("past the tunnel" in sentence for sentence in found.outlooks[0].also)
    await made.parts.changes.apply(made.parts.planning.plan(changes))
    sent = [(command, shown(command, message, "<secret>")) for command, message in charon.asked]
    assert [(message.command, message.content) for message in found.messages] == sent
    assert [command for command, _ in sent] == ["unload-conn", "load-conn"]


async def test_what_lets_past_is_foreseen_of_the_charon_that_was_there_last(tmp_path: Path) -> None:
    before, after = at_alice(), at_alice(bypass={"network": ["10.2.3.0/24"]})
    made = translator(tmp_path)
    await begun(made, before)
    found = await made.foresee([change(before, after)])
    assert commands(found) == []
    assert foresight.UNKNOWN_WAY in found.unknown, "no charon was seen"
    assert foresight.UNKNOWN_WAY not in (await made.foresee([change(before, None)])).unknown
    made.parts.shared.desired.plugins = ("kernel-netlink",)
    found = await made.foresee([change(before, after)])
    assert commands(found) == ["unload-conn", "load-conn"]
    assert foresight.UNKNOWN_WAY not in found.unknown
    made.parts.shared.desired.plugins = ("kernel-libipsec",)
    found = await made.foresee([change(before, after)])
    assert (commands(found), foresight.UNKNOWN_WAY in found.unknown) == ([], False)


# -- many of them, and others in between ---------------------------------------------------------


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


# -- what must not be told -----------------------------------------------------------------------


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


def blind(before: Json | None, after: Json) -> EntryChange:
    found = change(before, after)
    return EntryChange(found.keys, found.path, found.before, found.after, blind=True)


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
