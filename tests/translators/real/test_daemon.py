"""What the translator and a real charon do for each other beside a single tunnel."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab import FAST_RETRANSMIT, Gateway, Lab
from tests.translators.real.pairs import pair, spis
from tests.translators.status.test_state import assert_valid
from tests.translators.status.test_state import context as _context
from tests.translators.tunnels import Json, at_alice, at_bob
from translators.strongswan.charon import daemon, keeper
from translators.strongswan.charon.daemon import ManagedCharon
from translators.strongswan.options import Options

pytestmark = pytest.mark.real

yang = _context


def test_live_state_is_valid_data_of_the_model(lab: Lab, yang: Any) -> None:
    alice, bob = pair(lab, 1)
    for gateway, entry in ((alice, at_alice()), (bob, at_bob())):
        tunnels = {"yangswan-ipsec:tunnels": {"ipsec": [{**entry, "state": gateway.state()}]}}
        assert_valid(yang, tunnels)
        daemon = gateway.run(gateway.translator.root_state("/yangswan-daemon:daemon"))
        assert_valid(yang, {"yangswan-daemon:daemon": daemon})
        assert daemon["connected"] is True
        assert daemon["ike-sas"]["total"] == 1
        assert "CURVE_25519" in daemon["algorithms"]["ke"]


def test_a_peer_that_ends_the_tunnel_gets_it_back(lab: Lab) -> None:
    alice, bob = pair(lab, 1)
    before = spis(bob)
    alice.vici("terminate", {"ike": "ipsec-1", "timeout": "-1"})
    bob.wait_for(lambda state: state["status"] == "installed" and spis(bob) and not spis(bob) & before)


def test_a_child_that_the_peer_ends_comes_back_on_the_same_ike_sa(lab: Lab) -> None:
    alice, bob = pair(lab, 1)
    ((ike, esp),) = spis(bob)
    alice.vici("terminate", {"child": "ipsec-1", "timeout": "-1"})
    bob.wait_for(lambda _state: spis(bob) and (ike, esp) not in spis(bob))
    assert {spi for spi, _esp in spis(bob)} == {ike}


def test_restart_daemon_starts_another_charon_that_holds_the_same(lab: Lab) -> None:
    alice, bob = pair(lab, 1)
    before = bob.charon_pid
    bob.run(bob.translator.rpc("restart-daemon", {}))
    assert bob.charon_pid != before
    assert bob.wait_status("installed")["last-down"]["reason"] == "daemon-lost"
    alice.wait_status("installed")


def test_a_commit_asks_charon_as_much_beside_three_as_beside_forty_tunnels(lab: Lab) -> None:
    alice = lab.alice()
    alice.start()
    # These ask at times of their own.
    alice.run(alice.translator.parts.audit.stop())
    alice.run(alice.translator.parts.live.announcer.stop())
    asked = []
    for last in (3, 40):
        alice.commit(*(hub(tunnel) for tunnel in range(1, last + 1)))
        asked.append(requests_of(alice, hub(1, remote_subnet=[f"10.{last}.0.0/16"])))
    assert asked[0] == asked[1]
    assert asked[0] == 2, "load-conn, and a list-sas of this tunnel alone"


def hub(tunnel: int, **members: Any) -> Json:
    ends = {
        "local_id": {"name": "hub"},
        "remote_id": {"name": f"spoke{tunnel}"},
        "secret": f"secret-of-{tunnel:04}",
    }
    return at_alice(tunnel, **{**ends, **members})


def requests_of(gateway: Gateway, entry: Json) -> int:
    """Return how many requests a commit of ``entry`` sends to charon."""
    session = gateway.translator.parts.shared.session
    assert session is not None
    asked: list[str] = []
    for connection in (session._commands, session._polling):
        send = connection._send

        async def counted(command: str, packet: bytes, send: Any = send) -> None:
            asked.append(command)
            await send(command, packet)

        connection._send = counted  # type: ignore[method-assign]
    gateway.commit(entry)
    # A streamed reply takes three segments: subscribe, ask, unsubscribe.
    return len(asked) - 2 * (asked.count("list-sas") // 3)


def test_other_settings_are_taken_by_a_new_charon_not_by_an_adopted_one(lab: Lab) -> None:
    alice = lab.alice()
    alice.start(at_alice())
    pid = alice.charon_pid
    alice.crash()
    again = lab.alice(FAST_RETRANSMIT)
    again.start(at_alice())
    assert again.charon_pid != pid
    assert "retransmit_tries = 3" in (again.folder / "strongswan.conf").read_text()


def test_a_charon_of_another_folder_is_left_running(lab: Lab) -> None:
    alice, bob = lab.alice(), lab.bob()
    alice.start()
    pid = alice.charon_pid
    bob.start()
    bob.stop()
    assert alice.charon_pid == pid


def test_a_log_that_has_become_large_is_begun_anew_and_no_tunnel_notices(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "LOG_LOOK_S", 0.1)
    alice, bob = pair(lab, 1)
    before, pid = spis(alice), alice.charon_pid
    folder = alice.folder
    assert not (folder / "charon.log.1").exists()
    monkeypatch.setattr(daemon, "LOG_OCTETS_MAX", 2000)
    alice.wait_for(lambda _state: (folder / "charon.log.1").exists())
    alice.commit(hub(2))
    alice.wait_for(lambda _state: "ipsec-2" in (folder / "charon.log").read_text())
    assert "ipsec-2" not in (folder / "charon.log.1").read_text()
    assert (spis(alice), alice.charon_pid) == (before, pid)
    alice.wait_status("installed")
    bob.wait_status("installed")


def test_a_folder_with_a_path_longer_than_a_socket_address_will_do(lab: Lab, tmp_path: Any) -> None:
    folder = tmp_path / ("x" * 150)

    async def start_and_stop() -> bool:
        charon = ManagedCharon(folder, Options())
        await charon.start()
        try:
            return charon.running
        finally:
            await charon.stop()

    gateway = lab.alice()
    assert gateway.run(start_and_stop())
