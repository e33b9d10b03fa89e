"""Looking ahead without a daemon, or with one that is played: how far it goes, and whom it holds up."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.translator import KnownFrom
from tests.lab import change
from tests.translators.foreseen import Charon, begun, commands, seen_to_negotiate, translator
from tests.translators.recorded import sa
from tests.translators.test_for_all import protection
from tests.translators.tunnels import Json, at_alice, at_bob
from translators.strongswan import foresight, outlook
from translators.strongswan.model import entry_path
from translators.strongswan.translation.guards import Guard, Match, Way
from translators.strongswan.translation.shown import shown


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
