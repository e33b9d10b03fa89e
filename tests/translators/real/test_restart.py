"""restart-daemon with a charon that the system runs.

No systemd runs where the tests do: the systemctl here is a stand-in that restarts a real external charon as
systemd would. What is shown is what the agent does before and after; that systemd restarts its units is not.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.errors import InUse, OperationFailed
from tests.lab import Gateway, Lab
from tests.translators.systemctls import charon_alone, put_on_path, restarts_charon_of, sockets_of
from tests.translators.tunnels import at_alice, at_bob
from translators.strongswan.charon import keeper
from translators.strongswan.charon.daemon import leftover_pids

pytestmark = pytest.mark.real

LIMIT_S = 60
UNIT = "our-charon.service"
Systemctl = Callable[[str], Path]


@pytest.fixture
def systemctl(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Systemctl:
    return lambda program: put_on_path(monkeypatch, tmp_path / "bin", program)


def guest_at_bob(lab: Lab, **options: object) -> tuple[Gateway, Path]:
    """Return an agent at bob that uses another's charon, and the folder of that."""
    owner = lab.bob()
    owner.run(charon_alone(owner.folder))
    settings = {**sockets_of(owner.folder), "charon-unit": UNIT, "restart-limit": 30.0}
    return lab.external(lab.bob_ns, "guest", {**settings, **options}), owner.folder


def restart(gateway: Gateway) -> None:
    assert gateway.run(gateway.translator.rpc("restart-daemon", {})) == {}


def refused(gateway: Gateway) -> OperationFailed:
    with pytest.raises(OperationFailed) as caught:
        restart(gateway)
    return caught.value


def names_told(gateway: Gateway) -> list[str]:
    return [name for content in gateway.notifications for name in content]


def test_it_returns_when_the_next_charon_holds_the_tunnels(lab: Lab, systemctl: Systemctl) -> None:
    alice = lab.alice()
    alice.start(at_alice())
    guest, folder = guest_at_bob(lab)
    guest.start(at_bob())
    guest.wait_status("installed")
    (before,) = leftover_pids([folder])
    file = systemctl(restarts_charon_of(folder))
    restart(guest)
    (after,) = leftover_pids([folder])
    assert after != before
    assert (file.parent / "called").read_text().endswith(f"restart -- {UNIT}\n")
    session = guest.translator.parts.shared.session
    assert session is not None
    assert guest.run(session.loaded()) == (["ipsec-1"], ["ipsec-1"])
    assert guest.wait_status("installed")["last-down"]["reason"] == "daemon-lost"
    alice.wait_status("installed")
    told = names_told(guest)
    assert told.index("yangswan-daemon:daemon-stopped") < len(told) - 1 - told[::-1].index(
        "yangswan-daemon:daemon-started"
    )


def test_a_charon_that_was_down_is_brought_back(lab: Lab, systemctl: Systemctl) -> None:
    guest, folder = guest_at_bob(lab)
    guest.start(at_bob(initiator=False))
    (pid,) = leftover_pids([folder])
    os.kill(pid, 9)
    starts = restarts_charon_of(folder).replace(
        'assert await charon.start(), "there was no', "await charon.start() #"
    )
    systemctl(starts)
    restart(guest)
    assert guest.state()["applied"] == "applied"


def test_what_systemctl_refuses_is_told_and_charon_goes_on(lab: Lab, systemctl: Systemctl) -> None:
    guest, folder = guest_at_bob(lab)
    guest.start(at_bob(initiator=False))
    systemctl(f"sys.exit('Failed to restart {UNIT}: Unit {UNIT} not found.')")
    error = refused(guest)
    assert (error.tag, error.app_tag) == ("operation-failed", "systemctl-failed")
    assert f"exit code 1: Failed to restart {UNIT}: Unit {UNIT} not found." in error.message
    assert guest.state()["applied"] == "applied"
    assert len(leftover_pids([folder])) == 1
    guest.commit(at_bob(initiator=False, description="goes on"))


def test_without_systemctl_it_says_so(lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    guest, _folder = guest_at_bob(lab)
    guest.start(at_bob(initiator=False))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert refused(guest).app_tag == "systemctl-missing"


def test_a_systemctl_that_hangs_is_given_up(lab: Lab, systemctl: Systemctl) -> None:
    guest, _folder = guest_at_bob(lab, **{"restart-limit": 1.0})
    guest.start(at_bob(initiator=False))
    systemctl("import time; time.sleep(3600)")
    error = refused(guest)
    assert error.app_tag == "systemctl-timeout"
    assert guest.state()["applied"] == "applied"


def test_a_unit_that_is_not_our_charons_is_found_out(
    lab: Lab, systemctl: Systemctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "GONE_LIMIT_S", 0.5)
    guest, _folder = guest_at_bob(lab)
    guest.start(at_bob(initiator=False))
    systemctl("")
    error = refused(guest)
    assert error.app_tag == "daemon-not-restarted"
    assert "set charon-unit" in error.message
    assert guest.state()["applied"] == "applied"


def test_a_charon_that_does_not_come_back_is_told(lab: Lab, systemctl: Systemctl) -> None:
    guest, folder = guest_at_bob(lab, **{"restart-limit": 5.0})
    guest.start(at_bob(initiator=False))
    systemctl(
        restarts_charon_of(folder).replace(
            "await charon.stop()\n    await charon.start()", "await charon.stop()"
        )
    )
    error = refused(guest)
    assert error.app_tag == "daemon-unavailable"
    assert "after the restart, charon is not available" in error.message
    assert guest.state()["applied"] == "pending"


def test_a_second_restart_meanwhile_is_refused(lab: Lab, systemctl: Systemctl, tmp_path: Path) -> None:
    guest, _folder = guest_at_bob(lab)
    guest.start(at_bob(initiator=False))
    begun = tmp_path / "begun"
    os.mkfifo(begun)
    systemctl(f"open({str(begun)!r}, 'w').close(); sys.exit(open({str(begun)!r}).read())")
    first = asyncio.run_coroutine_threadsafe(guest.translator.rpc("restart-daemon", {}), guest.loop)
    begun.read_text()
    with pytest.raises(InUse):
        restart(guest)
    begun.write_text("enough")
    with pytest.raises(OperationFailed, match="enough"):
        first.result(LIMIT_S)


def test_ours_that_cannot_be_started_again_is_told_at_once(lab: Lab, tmp_path: Path) -> None:
    binary = tmp_path / "charon"
    binary.symlink_to("/usr/lib/ipsec/charon")
    alice = lab.alice({"charon-binary": str(binary), "plugin-dir": "/usr/lib/ipsec/plugins"})
    alice.start(at_alice())
    binary.unlink()
    error = refused(alice)
    assert error.app_tag == "daemon-unavailable"
    assert "strongswan-charon" in error.message
