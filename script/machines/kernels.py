"""A Debian kernel for a guest, and what it starts with: the archive that finds the root."""

from __future__ import annotations

import gzip
import lzma
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from script.machines.cache import Cache, key_of
from script.machines.progress import Trouble, run_quietly, tell

META_PACKAGE = "linux-image-amd64"
KERNEL_MB = 800
MODULES = ("virtio_pci", "virtio_console", "9pnet_virtio", "9p", "overlay")
NEWC_MAGIC = "070701"  # cpio's "new" format, the only one that the kernel reads

# The root of the machine outside is read over 9P; what is written stays in memory.
INIT = """\
#!/bin/busybox sh
export PATH=/bin
/bin/busybox mkdir -p /proc /sys /lower /writes /new
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
for module in /modules/*; do insmod $module; done
share() { mount -t 9p -o ro,trans=virtio,version=9p2000.L,cache=loose,msize=1048576 $1 $2; }
share root /lower
mount -t tmpfs -o size=80% tmpfs /writes
mkdir /writes/upper /writes/work
mount -t overlay overlay -o lowerdir=/lower,upperdir=/writes/upper,workdir=/writes/work /new
mount -t proc proc /new/proc
mount -t sysfs sysfs /new/sys
mount -t devtmpfs devtmpfs /new/dev
mkdir -p /new/dev/pts /new/dev/shm
mount -t devpts -o mode=620,gid=5,ptmxmode=0666 devpts /new/dev/pts
mount -t tmpfs -o mode=1777 tmpfs /new/dev/shm
mount -t tmpfs -o mode=755 tmpfs /new/run
mkdir -p /new/run/machine /new/run/lock /new/lib/modules/VERSION
share modules /new/lib/modules/VERSION
cp /start /new/run/machine/start
ip link set lo up
hostname machine
chroot /new modprobe tun
exec switch_root /new /bin/bash /run/machine/start
"""


@dataclass(frozen=True, slots=True)
class Kernel:
    """An unpacked kernel package; ``archive`` is its first root, but for the command to run."""

    image: Path
    modules: Path
    archive: Path


def debian_kernel(cache: Cache) -> Kernel:
    """Return the kernel that this Debian's apt offers, unpacked but not installed.

    Raises:
        Trouble: apt offers none.
    """
    package = _package()
    key = key_of("kernel 1", INIT, MODULES)
    folder = cache.obtain(f"kernel-{package}-{key}", KERNEL_MB, partial(_make, package))
    image, modules = (_only(folder / "root", pattern) for pattern in ("boot/vmlinuz-*", "lib/modules/*"))
    return Kernel(image, modules, folder / "archive")


def archive_of(files: Iterable[tuple[str, bytes, int]]) -> bytes:
    """Return a cpio archive of (name, contents, mode); a folder has the mode of a folder."""
    octets = bytearray()
    for inode, (name, contents, mode) in enumerate([*files, ("TRAILER!!!", b"", 0)], 1):
        numbers = (inode, mode, 0, 0, 1, 0, len(contents), 0, 0, 0, 0, len(name) + 1, 0)
        octets += NEWC_MAGIC.encode() + b"".join(b"%08X" % number for number in numbers)
        octets += name.encode() + b"\0"
        octets += b"\0" * (-len(octets) % 4) + contents
        octets += b"\0" * (-len(octets) % 4)
    return bytes(octets)


def _package() -> str:
    for attempt in ("with the lists at hand", "after apt-get update"):
        listed = run_quietly(["apt-cache", "depends", META_PACKAGE])
        found = re.search(r"^\s*Depends: (linux-image-[\w.+-]+)$", listed, re.MULTILINE)
        if found:
            return found[1]
        if attempt.startswith("with"):
            run_quietly(["apt-get", "update", "-qq"])
    raise Trouble(f"apt here offers no {META_PACKAGE}")


def _make(package: str, folder: Path) -> None:
    tell(f"fetching and unpacking {package}")
    root = folder / "root"
    # By its full name: with a pattern apt-get would fetch every flavour.
    run_quietly(["sh", "-c", 'cd "$1" && apt-get download -qq "$2"', "sh", str(folder), package])
    deb = _only(folder, "*.deb")
    run_quietly(["dpkg", "-x", str(deb), str(root)])
    deb.unlink()
    if not (root / "lib").exists():  # a package of a Debian whose /lib is a link
        (root / "lib").symlink_to("usr/lib")
    version = _only(root, "lib/modules/*").name
    run_quietly(["depmod", "-b", str(root), version])
    archive = archive_of(_first_root(root, version))
    (folder / "archive").write_bytes(gzip.compress(archive, 6))


def _first_root(root: Path, version: str) -> list[tuple[str, bytes, int]]:
    busybox = shutil.which("busybox")
    assert busybox is not None
    files = [(name, b"", 0o40755) for name in ("bin", "dev", "modules")]
    files.append(("bin/busybox", Path(busybox).read_bytes(), 0o100755))
    files.append(("init", INIT.replace("VERSION", version).encode(), 0o100755))
    for number, module in enumerate(_modules(root, version)):
        octets = module.read_bytes()
        if module.suffix == ".xz":
            octets = lzma.decompress(octets)
        files.append((f"modules/{number:02d}", octets, 0o100644))
    return files


def _modules(root: Path, version: str) -> list[Path]:
    """Return the files of ``MODULES`` and of what they need, in the order in which they load."""
    ask = ["modprobe", "-d", str(root), "-S", version, "--show-depends"]
    lines = [line for module in MODULES for line in run_quietly([*ask, module]).splitlines()]
    return list(dict.fromkeys(Path(line.split()[1]) for line in lines if line.startswith("insmod")))


def _only(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise Trouble(f"{folder}: {len(found)} files are {pattern}, not one")
    return found[0]
