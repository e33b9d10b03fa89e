"""script/machine guest: this system below a Debian kernel."""

from __future__ import annotations

import pytest

from tests.machines.running import GUEST_LIMIT, ROOT, machine

pytestmark = pytest.mark.machine

ESP = """
set -e
uname -r
pwd
ip link add ipsec0 type xfrm if_id 7 dev lo
ip xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 7 mode tunnel if_id 7 \
    aead 'rfc4106(gcm(aes))' 0x0102030405060708090a0b0c0d0e0f1011121314 128
ip xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 8 mode tunnel \
    auth-trunc 'hmac(sha256)' 0x0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20 128 \
    enc 'cbc(aes)' 0x0102030405060708090a0b0c0d0e0f10
ip xfrm state | grep -cE 'spi 0x0000000(7|8)'
grep -oE '^(esp4|authenc) ' /proc/modules | sort
touch written-in-the-guest
exit 7
"""


def test_the_kernel_does_esp_and_the_status_is_passed_on() -> None:
    ended = machine("guest", *GUEST_LIMIT, "--", "bash", "-c", ESP)
    kernel, place, states, *modules = ended.output.split()
    assert kernel.endswith("-amd64")
    assert (place, states, modules) == (str(ROOT), "2", ["authenc", "esp4"])
    assert ended.status == 7
    assert not (ROOT / "written-in-the-guest").exists()


def test_what_the_command_leaves_running_does_not_hold_the_guest() -> None:
    ended = machine("guest", *GUEST_LIMIT, "--", "bash", "-c", "sleep infinity & echo told; exit 3")
    assert (ended.output, ended.status) == ("told\n", 3)


def test_more_than_a_buffer_of_output_arrives_whole() -> None:
    ended = machine("guest", *GUEST_LIMIT, "--", "seq", "100000")
    assert ended.output.split() == [str(number) for number in range(1, 100001)]
