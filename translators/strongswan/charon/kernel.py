"""Can this kernel do ESP? Asked of the kernel itself, because modules load on demand."""

from __future__ import annotations

from pathlib import Path

from translators.strongswan.charon import command
from translators.strongswan.options import Kernel

TUN_DEVICE = Path("/dev/net/tun")
# The kernel loads modules for it. Too soon given up, and ESP would be in user space until the next start.
PROBE_LIMIT_S = 60.0

# A state between two documentation addresses (RFC 5737), in a network namespace that ends with the
# command; the key is a constant and protects nothing.
_PROBE = (
    *("unshare", "--net", "ip", "xfrm", "state", "add", "src", "192.0.2.1", "dst", "192.0.2.2"),
    *("proto", "esp", "spi", "0x100", "mode", "tunnel"),
    *("enc", "cbc(aes)", "0x" + "00" * 16),
    *("auth", "hmac(sha256)", "0x" + "00" * 32),
)


class NoDataPath(Exception):
    """Neither the kernel nor a TUN device can carry ESP; the text says what to do."""


async def kernel_has_esp() -> bool:
    """Return whether an ESP state can be added to the kernel's XFRM (needs root)."""
    try:
        code, _words = await command.run(_PROBE, PROBE_LIMIT_S)
    except OSError:  # TimeoutError is one
        return False
    return code == 0


async def choose(wanted: Kernel) -> Kernel:
    """Return NETLINK or LIBIPSEC for ``wanted``.

    Raises:
        NoDataPath: AUTO was asked for and neither works.
    """
    if wanted is not Kernel.AUTO:
        return wanted
    if await kernel_has_esp():
        return Kernel.NETLINK
    if TUN_DEVICE.exists():  # noqa: ASYNC240 - a stat of a device node
        return Kernel.LIBIPSEC
    raise NoDataPath(
        f"this kernel has no ESP (module esp4, option INET_ESP), and there is no {TUN_DEVICE} for ESP in "
        "user space: load the module esp4 or tun, and run as root where an XFRM state may be added"
    )
