"""The log of real charons, on request: whose lines they are, and that no secret is in any of them."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.lab import FAST_RETRANSMIT, Gateway, Lab
from tests.translators.real.pairs import failed_for
from tests.translators.real.test_algorithms import one_child
from tests.translators.tunnels import SECRET, Json, at_alice, at_bob

pytestmark = pytest.mark.real

WRONG_SECRET = "wrong-secret-0001"
PPK = "a-postquantum-key-of-forty-four-characters-1"
PPK_LEAF = {"ppk": {"id": "quantum", "key": PPK, "required": True}}


def start_log(gateway: Gateway, **input: Any) -> int:
    return int(gateway.run(gateway.translator.rpc("start-log", input))["log-id"])


def stop_log(gateway: Gateway, number: int) -> None:
    gateway.run(gateway.translator.rpc("stop-log", {"log-id": number}))


def told(gateway: Gateway, name: str) -> list[Json]:
    return [content[name] for content in list(gateway.notifications) if name in content]


def lines(gateway: Gateway) -> list[Json]:
    return told(gateway, "yangswan-daemon:log-line")


def said(gateway: Gateway, text: str) -> bool:
    return any(text in line["text"] for line in lines(gateway))


def test_a_log_shows_the_negotiation_of_its_tunnel_and_of_no_other(lab: Lab) -> None:
    alice, bob = lab.both()
    number = start_log(bob, tunnel=[1])
    for tunnel in (1, 2):
        nets = {"local_subnet": [f"10.{tunnel * 2}.0.0/16"], "remote_subnet": [f"10.{tunnel * 2 - 1}.0.0/16"]}
        mirror = {"local_subnet": nets["remote_subnet"], "remote_subnet": nets["local_subnet"]}
        alice.commit(at_alice(tunnel, **mirror))
        bob.commit(at_bob(tunnel, **nets))
        bob.wait_status("installed", tunnel)
    stop_log(bob, number)
    assert said(bob, "initiating IKE_SA ipsec-1[")
    assert said(bob, "CHILD_SA ipsec-1{")
    assert said(bob, "added vici connection: ipsec-1")
    assert not said(bob, "ipsec-2")
    assert {line["tunnel"] for line in lines(bob)} == {1}
    assert {line["level"] for line in lines(bob)} == {0, 1}
    assert {"cfg", "enc", "ike", "net"} <= {line["group"] for line in lines(bob)}
    ended = told(bob, "yangswan-daemon:log-ended")
    assert ended == [{"log-id": number, "reason": "stopped", "lines": len(lines(bob))}]


def test_level_0_shows_only_what_comes_up_and_goes_down(lab: Lab) -> None:
    alice, bob = lab.both()
    start_log(bob, level=0)
    alice.commit(at_alice())
    bob.commit(at_bob())
    bob.wait_status("installed")
    bob.run(bob.translator.action(("1",), "terminate", {}))
    bob.wait_for(lambda _state: said(bob, "deleting IKE_SA ipsec-1["))
    assert said(bob, "established between")
    assert {line["level"] for line in lines(bob)} == {0}
    assert not said(bob, "received packet")


def test_a_responder_shows_for_which_tunnel_a_peer_was_refused_before_it_was_known(lab: Lab) -> None:
    alice, bob = lab.both()
    start_log(alice, tunnel=[1])
    proposal = {"priority": 1, "cipher": "aes128", "auth": "sha256", "dh": "modp2048"}
    alice.commit(at_alice(peer="192.168.0.2", ike={"proposal": [{**proposal, "cipher": "aes256"}]}))
    bob.commit(at_bob(ike={"proposal": [proposal]}))
    bob.wait_for(failed_for("no-proposal-chosen"))
    alice.wait_for(lambda _state: said(alice, "received proposals unacceptable"))
    assert said(alice, "received proposals: IKE:AES_CBC_128")
    assert {line["tunnel"] for line in lines(alice)} == {1}


def test_a_log_goes_on_when_the_daemon_is_restarted(lab: Lab) -> None:
    alice, bob = lab.both()
    alice.commit(at_alice())
    bob.commit(at_bob())
    bob.wait_status("installed")
    start_log(bob, tunnel=[1])
    bob.run(bob.translator.rpc("restart-daemon", {}))
    bob.wait_status("installed")
    assert said(bob, "added vici connection: ipsec-1")
    assert said(bob, "established between")


def test_it_ends_with_the_agent_and_after_its_lines(lab: Lab) -> None:
    alice, bob = lab.both()
    start_log(bob, lines=3)
    start_log(bob)
    alice.commit(at_alice())
    bob.commit(at_bob())
    bob.wait_status("installed")
    bob.stop()
    ended = {end["log-id"]: end for end in told(bob, "yangswan-daemon:log-ended")}
    assert ended[1] == {"log-id": 1, "reason": "lines", "lines": 3}
    assert ended[2]["reason"] == "stopped"
    assert ended[2]["lines"] > 3


def test_no_secret_is_in_any_line_at_the_highest_level(lab: Lab) -> None:
    """Loaded, right, wrong, changed, rekeyed, with a postquantum key, in IKEv1, and taken away again."""
    alice, bob = lab.both(FAST_RETRANSMIT)
    for gateway in (alice, bob):
        start_log(gateway, level=1, lines=100_000, seconds=3600)
    alice.commit(at_alice(ike=PPK_LEAF))
    bob.commit(at_bob(ike=PPK_LEAF))
    bob.wait_status("installed")
    # One after the other: of two rekeyings at once one may not come about.
    bob.vici("rekey", {"child": "ipsec-1"})
    bob.wait_for(lambda _state: said(bob, "outbound CHILD_SA ipsec-1{"))
    bob.wait_for(one_child)
    bob.vici("rekey", {"ike": "ipsec-1"})
    bob.wait_for(lambda _state: said(bob, "rekeyed between"))
    bob.commit(at_bob(secret=WRONG_SECRET, ike=PPK_LEAF))
    bob.wait_for(failed_for("authentication-failed"))
    alice.wait_for(lambda _state: said(alice, "MAC mismatched"))
    old = {"version": "ikev1"}
    alice.commit(at_alice(peer="192.168.0.2", ike=old))
    bob.commit(at_bob(ike=old))
    bob.wait_status("installed")
    bob.commit(delete=(1,))
    alice.commit(delete=(1,))
    for gateway in (alice, bob):
        written = repr(gateway.notifications)
        assert len(lines(gateway)) > 50
        for form in forms(SECRET, WRONG_SECRET, PPK):
            assert form not in written.lower()


def forms(*secrets: str) -> list[str]:
    """Return the secrets as text, in hexadecimal with and without gaps, and in base64, in lower case."""
    found = []
    for secret in secrets:
        octets = secret.encode()
        found += [secret, octets.hex(), octets.hex(" "), octets.hex(":"), base64.b64encode(octets).decode()]
    return [form.lower() for form in found]


def test_the_search_for_secrets_would_find_one() -> None:
    plain, packed, dump, _colons, in_base64 = forms(SECRET)
    assert plain in repr([{"text": f"loaded '{SECRET}'"}])
    assert packed in SECRET.encode().hex()
    assert dump in f"0: 00 {SECRET.encode().hex(' ')} 00"
    assert in_base64 in base64.b64encode(SECRET.encode()).decode().lower()
