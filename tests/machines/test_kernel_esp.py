"""The tests on two gateways with ESP of the kernel, on a guest: its kernel has it, whatever this one has."""

from __future__ import annotations

import re
import sys

import pytest

from tests.machines.running import GUEST_LIMIT, shown

pytestmark = pytest.mark.machine

KERNEL, REAL = "tests/translators/real/kernel", "tests/translators/real"
QUICK = "esp_is_in_ip or (comes_again and 32) or xfrm_interfaces or peer_has_closed"
TUNNELS = f"{REAL}/test_tunnel.py"
OTHERS = (
    # From outside the subnets packets come in clear, and nothing of IPsec in the kernel keeps them out.
    f"{TUNNELS} {REAL}/test_tunnel_changed.py {REAL}/test_tunnel_restarts.py "
    f"--deselect {TUNNELS}::test_packets_from_outside_the_subnets_do_not_arrive",
    f"{REAL}/test_options.py {REAL}/test_overlaps.py {REAL}/test_leftovers.py",
    f"{REAL}/test_leaks.py",
)
# The modules of a cipher are loaded at its first use, which takes longer here than a peer waits in a test: it
# begins anew, and the responder is left with two CHILD_SAs for a while.
LOADED = (
    "unshare --net ip xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 7 mode tunnel "
    f"aead 'rfc4106(gcm(aes))' 0x{'00' * 36} 128"
)
RESULT = re.compile(r"(tests/\S+::.+?) (PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)\b")


def results(*chosen: str) -> dict[str, str]:
    """Return what became of each test that pytest runs on a guest when ``chosen`` are its arguments."""
    run = [sys.executable, "-m", "pytest", "--verbose", "--timeout", "600", "-p", "no:cacheprovider"]
    ended = shown("guest", *GUEST_LIMIT, "--", "sh", "-c", f'{LOADED} && exec "$@"', "sh", *run, *chosen)
    assert ended.status == 0
    # One that passes and cannot be taken down is named twice.
    return dict(found.groups() for line in ended.output.splitlines() if (found := RESULT.match(line)))


@pytest.mark.machine_quick
def test_traffic_interfaces_replays_and_traps() -> None:
    found = results("-m", "kernel_esp", "-k", QUICK, KERNEL)
    assert list(found.values()) == ["PASSED"] * 4


def test_all_that_need_it() -> None:
    found = results("-m", "kernel_esp", KERNEL)
    assert set(found.values()) == {"PASSED"}


@pytest.mark.parametrize("chosen", OTHERS)
def test_what_also_passes_with_esp_in_user_space(chosen: str) -> None:
    found = results("-m", "real and not kernel_esp", *chosen.split())
    assert set(found.values()) == {"PASSED"}
