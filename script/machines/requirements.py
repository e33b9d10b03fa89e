"""What this machine needs to have before it can make others."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterable

from script.machines.progress import Trouble, run_quietly, tell

# Program: Debian package. All of them are looked for, so that a second run asks nobody.
FOR_ANY = {"git": "git", "tar": "tar"}
FOR_CHROOT = FOR_ANY | {"debootstrap": "debootstrap"}
FOR_GUEST = FOR_ANY | {
    "qemu-system-x86_64": "qemu-system-x86",
    "depmod": "kmod",
    "busybox": "busybox-static",
    "dpkg": "dpkg",
}
FOR_SYSTEM = FOR_CHROOT | {"qemu-system-x86_64": "qemu-system-x86", "mke2fs": "e2fsprogs"}


def require(programs: dict[str, str]) -> None:
    """Install what is missing of ``programs``.

    Raises:
        Trouble: this is no machine for it, or a package cannot be installed.
    """
    if platform.system() != "Linux":
        raise Trouble(f"this needs Linux, and here is {platform.system()}")
    if os.geteuid() != 0:
        raise Trouble("this needs root, for mounts and namespaces: sudo script/machine ...")
    if "qemu-system-x86_64" in programs and platform.machine() != "x86_64":
        raise Trouble(f"guests are made for amd64, and this machine is {platform.machine()}")
    # As a user's PATH on Debian has no sbin.
    os.environ["PATH"] = f"{os.environ.get('PATH', '/usr/bin:/bin')}:/usr/local/sbin:/usr/sbin:/sbin"
    missing = _missing(programs)
    if missing:
        _install(missing, programs)


def _missing(programs: Iterable[str]) -> list[str]:
    return [program for program in programs if shutil.which(program) is None]


def _install(missing: list[str], programs: dict[str, str]) -> None:
    packages = sorted({programs[program] for program in missing})
    if shutil.which("apt-get") is None:
        raise Trouble(f"this is no Debian; install by hand: {', '.join(missing)}")
    tell(f"installing on this machine: {' '.join(packages)}")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    try:
        run_quietly(install, environment)
    except Trouble:
        run_quietly(["apt-get", "update", "-qq"], environment)
        run_quietly(install, environment)
    if left := _missing(missing):
        raise Trouble(f"still not there after installing {' '.join(packages)}: {', '.join(left)}")
