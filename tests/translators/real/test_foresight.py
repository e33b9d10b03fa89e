"""What is foreseen of a commit is what charon is then told: both taken from one gateway with live tunnels."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agent.translator import Effect, EntryChange, Foresight, KnownFrom, Outlook
from tests.lab import FAST_RETRANSMIT, Gateway, Lab, change
from tests.translators.real.pairs import pair, spis
from tests.translators.real.revoked import Both, crl, revocation
from tests.translators.real.test_certificates import NAMES, ROOT, alices, bobs, certificate, subject
from tests.translators.tunnels import Json, at_alice, at_bob
from tests.translators.vici_tap import Sent, ViciTap
from translators.strongswan.foresight import FORGETTING
from translators.strongswan.model import BYPASS_PATH, CERTIFICATES_PATH, LEAK_PROTECTION_PATH, entry_path

pytestmark = pytest.mark.real


def changes_of(gateway: Gateway, *entries: Json, delete: tuple[int, ...] = ()) -> list[EntryChange]:
    changes = [change(gateway.entries.get(str(entry["id"])), entry) for entry in entries]
    return [*changes, *(change(gateway.entries[str(key)], None) for key in delete)]


def foreseen(gateway: Gateway, *changes: EntryChange) -> Foresight:
    return gateway.run(gateway.translator.foresee(changes))


def messages(foresight: Foresight) -> list[Sent]:
    return [(one.command, one.content) for one in foresight.messages]


def of(foresight: Foresight, tunnel: int = 1) -> Outlook:
    (found,) = (one for one in foresight.outlooks if one.path.endswith(f"[id='{tunnel}']"))
    return found


def effects(outlook: Outlook) -> dict[str, tuple[int, int]]:
    """Return how many of each kind live, and how many are affected."""
    assert outlook.live is not None
    assert all((one.effect is Effect.ENDED) is (one.affected > 0) for one in outlook.live)
    return {one.kind: (one.now, one.affected) for one in outlook.live}


def agree(
    gateway: Gateway, tap: ViciTap, *entries: Json, delete: tuple[int, ...] = (), then: Callable[[], object]
) -> Foresight:
    """Foresee a commit and carry it out; what is sent until ``then`` returns has to be what was foreseen."""
    found = ahead(gateway, tap, *changes_of(gateway, *entries, delete=delete))
    gateway.commit(*entries, delete=delete)
    then()
    assert tap.sent == messages(found)
    return found


def ahead(gateway: Gateway, tap: ViciTap, *changes: EntryChange) -> Foresight:
    """Return what is foreseen, for which nothing may be sent."""
    tap.sent.clear()
    found = foreseen(gateway, *changes)
    assert tap.sent == [], "who looks ahead changes nothing"
    assert not found.refusals
    assert not found.hindrances
    return found


def agree_on(gateway: Gateway, tap: ViciTap, *changes: EntryChange) -> Foresight:
    """Foresee a commit of anything, carry it out, and compare."""
    found = ahead(gateway, tap, *changes)
    gateway.run(gateway._commit([*changes]))
    assert tap.sent == messages(found)
    return found


def test_each_kind_of_change_is_foreseen_as_it_is_then_carried_out(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = pair(lab, *range(1, 5))
    tap = ViciTap(monkeypatch)
    up = {tunnel: spis(bob, tunnel) for tunnel in range(1, 5)}

    def until_sent(command: str) -> Callable[[], object]:
        return lambda: bob.wait_for(lambda _state: any(one[0] == command for one in tap.sent))

    nothing = agree(bob, tap, at_bob(description="to the branch office"), then=lambda: None)
    assert messages(nothing) == []
    assert effects(of(nothing)) == {"ike-sa": (1, 0), "child-sa": (1, 0)}
    assert (of(nothing).interruption_s, of(nothing).known_from) == (0.0, KnownFrom.NOTHING_ENDS)

    child = agree(bob, tap, at_bob(remote_subnet=["10.1.0.0/17"]), then=until_sent("initiate"))
    assert [command for command, _ in messages(child)] == ["load-conn", "terminate", "initiate"]
    assert effects(of(child)) == {"ike-sa": (1, 0), "child-sa": (1, 1)}
    assert of(child).known_from is KnownFrom.LAST_NEGOTIATION
    assert 0.0 < (of(child).interruption_s or 0.0) < 60.0

    disabled = agree(bob, tap, at_bob(3, enabled=False), then=lambda: None)
    assert [command for command, _ in messages(disabled)] == [
        "unload-conn", "terminate", "uninstall", "unload-shared",
    ]  # fmt: skip
    assert of(disabled, 3).known_from is KnownFrom.ENTRY_GONE

    alice.commit(at_alice(5))
    agree(bob, tap, at_bob(5), then=until_sent("initiate"))
    bob.wait_status("installed", 5)
    agree(bob, tap, at_bob(3), delete=(5,), then=until_sent("initiate"))
    assert spis(bob, 4) == up[4]

    # The last, for its attempts fail, and are made again at any moment.
    other = at_bob(2, secret="another-secret-02")
    secret = ahead(bob, tap, *changes_of(bob, other))
    bob.commit(other)
    until_sent("initiate")()
    assert tap.sent[: len(secret.messages)] == messages(secret)
    assert [command for command, _ in messages(secret)] == ["load-shared", "terminate", "initiate"]
    assert messages(secret)[0][1]["data"] == "<secret>"
    assert "another-secret" not in str(secret)
    assert effects(of(secret, 2)) == {"ike-sa": (1, 1), "child-sa": (1, 1)}


def test_one_of_twenty_live_tunnels_becomes_another(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what is foreseen of a responder: its peer has to begin."""
    tunnels = range(1, 21)
    alice, bob = pair(lab, *tunnels)
    tap = ViciTap(monkeypatch)
    before = {tunnel: spis(alice, tunnel) for tunnel in tunnels}
    found = agree(alice, tap, at_alice(7, local_subnet=["10.3.0.0/16"]), then=lambda: None)
    assert {one.path for one in found.messages} == {"/yangswan-ipsec:tunnels/ipsec[id='7']"}
    assert [one.path for one in found.outlooks] == ["/yangswan-ipsec:tunnels/ipsec[id='7']"]
    assert of(found, 7).known_from is KnownFrom.UP_TO_PEER
    bob.commit(at_bob(7, remote_subnet=["10.3.0.0/16"]))
    bob.wait_for(lambda _state: spis(bob, 7) and not spis(bob, 7) & before[7], 7)
    assert {t: spis(alice, t) for t in tunnels if t != 7} == {t: before[t] for t in tunnels if t != 7}


def test_barriers_and_moved_identities_are_foreseen_in_their_order(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = lab.alice(FAST_RETRANSMIT)
    alice.start(at_alice(1, remote_id={}), at_alice(2, secret="another-secret-02"))
    tap = ViciTap(monkeypatch)
    third = at_alice(3, secret="another-secret-03")
    found = agree(alice, tap, third, then=lambda: None)
    assert any(one.tells_of_all for one in found.messages)
    assert {one.path for one in found.outlooks} == {
        f"/yangswan-ipsec:tunnels/ipsec[id='{tunnel}']" for tunnel in (1, 3)
    }
    swapped = [
        {**third, "remote-id": {"name": "bob2"}},
        at_alice(2, secret="another-secret-02", remote_id={"name": "bob3"}),
    ]
    agree(alice, tap, *swapped, then=lambda: None)
    agree(alice, tap, delete=(1, 2), then=lambda: None)


def test_a_tunnel_that_was_left_down_is_foreseen_to_be_initiated(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = lab.both(FAST_RETRANSMIT)
    alice.commit(at_alice())
    bob.commit(at_bob(close_action="clear"))
    bob.wait_status("installed")
    alice.run(alice.translator.action(("1",), "terminate", {}))
    bob.wait_for(lambda state: state["status"] == "down" and "supervision" not in state)
    tap = ViciTap(monkeypatch)
    agree(bob, tap, at_bob(close_action="clear", description="left down"), then=lambda: None)
    again = agree(bob, tap, at_bob(close_action="restart"), then=lambda: bob.wait_status("installed"))
    assert [command for command, _ in messages(again)][-1] == "initiate"
    assert of(again).known_from is KnownFrom.NOTHING_LIVE


def test_a_charon_that_is_away_leaves_its_sas_unknown(lab: Lab) -> None:
    gateway = lab.external(lab.alice_ns, "away", {"vici-socket": str(lab._folder / "nowhere.sock")})
    gateway.start(at_alice())
    found = foreseen(gateway, *changes_of(gateway, at_alice(secret="another-secret-02")))
    assert [one.command for one in found.messages] == ["load-shared"]
    assert of(found).live is None
    assert of(found).known_from is KnownFrom.UNKNOWN
    assert [error.app_tag for error in found.hindrances] == ["daemon-unavailable"]
    assert any("What SAs there are is not known" in sentence for sentence in found.unknown)


def test_certificates_that_tunnels_share_and_what_is_trusted(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = Both(lab)
    alice = both.alice.gateway
    tap = ViciTap(monkeypatch)
    first = agree(alice, tap, alices(), then=lambda: None)
    assert [one.command for one in first.messages] == ["load-authority", "load-conn", "flush-certs"]
    assert first.messages[0].about == (f"{CERTIFICATES_PATH}[name='root']",)
    assert {f"{CERTIFICATES_PATH}[name='{name}']" for name in ("own", "root")} == set(first.messages[1].about)
    agree(alice, tap, alices(id=2, remote_id={"dn": "O=ACME, CN=carol"}), then=lambda: None)
    both.bob.tunnel(bobs(remote_id={"dn": "O=ACME, CN=alice"}))
    alice.wait_status("installed")

    renewed = ROOT.certify(both.alice.key, subject("alice"), *NAMES["alice"])
    found = agree_on(alice, tap, certificate("own", renewed, both.alice.pem))
    assert [one.command for one in found.messages] == ["load-conn", "load-conn", "terminate"]
    assert [one.path for one in found.outlooks] == [entry_path("1"), entry_path("2")]
    assert effects(of(found)) == {"ike-sa": (1, 1), "child-sa": (1, 1)}
    assert of(found, 2).known_from is KnownFrom.NOTHING_LIVE
    alice.wait_for(lambda state: state["status"] == "installed" and state["counters"]["ups"] == 2)
    looked = agree_on(alice, tap, revocation("if-available"))
    assert [one.command for one in looked.messages] == ["reload-settings"]
    assert any("strongswan.conf" in sentence for sentence in looked.also)
    listed = agree_on(alice, tap, crl("of-root", ROOT.revoke(both.bob.pem)))
    assert [one.command for one in listed.messages] == ["load-cert", "flush-certs"]
    assert "octets, SHA-256" in str(listed.messages[0].content)

    off = [change(alice.entries[key], {**alice.entries[key], "enabled": False}) for key in "12"]
    last = ahead(alice, tap, *off)
    alice.run(alice._commit(off))
    assert [one.command for one in last.messages][-2:] == ["unload-authority", "flush-certs"]
    assert tap.sent[: len(last.messages)] == messages(last)
    assert {command for command, _ in tap.sent[len(last.messages) :]} <= {
        "clear-creds", "load-shared", "load-key", "load-cert",
    }  # fmt: skip
    assert FORGETTING in last.unknown


def test_what_protects_all_tunnels_is_told_for_each(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    alice, _bob = pair(lab, 1, 2)
    tap = ViciTap(monkeypatch)
    before, after = {"leak-protection": True}, {"leak-protection": False}
    toggled = EntryChange((), LEAK_PROTECTION_PATH, before, after, LEAK_PROTECTION_PATH)
    found = agree_on(alice, tap, toggled)
    assert messages(found) == []
    assert [one.path for one in found.outlooks] == [entry_path("1"), entry_path("2")]
    assert all("released, between which packets may pass in clear" in one.also[0] for one in found.outlooks)
    assert "for all tunnels: leak protection off, bypass of no network" in found.also
    network = "10.2.3.0/24"
    path = f"{BYPASS_PATH}[network='{network}']"
    past = agree_on(alice, tap, EntryChange((network,), path, None, {"network": network}, BYPASS_PATH))
    assert any("past the tunnel" in sentence for sentence in past.also)
