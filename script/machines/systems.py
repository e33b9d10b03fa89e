"""A command in a whole Debian: its own kernel, systemd, AppArmor, and a disk that is thrown away."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from script.machines import checkout, surroundings
from script.machines.apart import run_apart
from script.machines.cache import MEGABYTE, Cache, key_of
from script.machines.emulator import Machine, run_machine, start_script
from script.machines.layers import Layer, Layers, Made
from script.machines.progress import Trouble, run_quietly, tell
from script.machines.roots import mount_root

MEMORY_MB = 2048
IMAGE_MB, RUN_MB = 3000, 1000
DISK_FREE_MB = 3000  # what a run may write
WORDS = "root=/dev/vda rw apparmor=1 security=apparmor"

# The first layer of every system, as on a real machine: script/setup then finds systemd there.
# COMMAND and the checkout come on a second disk, which is a tar archive. The unit that runs it is no
# oneshot, and stands behind all others: so systemd has finished starting while COMMAND runs.
SYSTEM = Layer("system", r"""# systemd, AppArmor, a kernel, and the unit that runs COMMAND
set -e
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends -o Dpkg::Options::=--force-unsafe-io \
    systemd systemd-sysv dbus udev kmod apparmor iproute2 procps initramfs-tools linux-image-amd64
echo machine >/etc/hostname
: >/etc/fstab
systemctl mask --quiet apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
    e2scrub_all.timer e2scrub_reap.service fstrim.timer systemd-networkd-wait-online.service
cat >/etc/systemd/system/machine.service <<'UNIT'
[Unit]
Description=The command that this machine was started for
After=multi-user.target

[Service]
Type=exec
ExecStart=/bin/sh -c 'tar -x -f /dev/vdb -C / && exec /usr/local/sbin/machine-start'
StandardOutput=journal+console
StandardError=journal+console
UNIT
cat >/etc/systemd/system/machine.target <<'UNIT'
[Unit]
Description=Everything is up, and the command runs
Requires=multi-user.target machine.service
After=multi-user.target
AllowIsolate=yes
UNIT
systemctl set-default --quiet machine.target
""")  # fmt: skip


def run_system(
    cache: Cache, release: str, *,
    layers: Sequence[Layer], command: Sequence[str], limit_s: float, console: Path | None,
    brought: Sequence[Path] = (),
) -> int:  # fmt: skip
    """Return the status of ``command``, run in the checkout on a Debian ``release`` that has booted.

    Raises:
        Trouble: the machine could not be made, or ended by itself.
        LimitReached: it took longer than ``limit_s`` seconds.
    """
    maker = Layers(cache)
    made = maker.all_of(release, [SYSTEM, *layers])
    # The whole root stands in the image, so its key is that of the last layer.
    name = f"image-{release}-{key_of('image 1', made.key)}"
    image = cache.obtain(name, IMAGE_MB, partial(_make_image, name, maker, made))
    cache.require_space(RUN_MB)
    with cache.run_folder() as folder:
        _write_command(folder / "command.tar", command, brought)
        tell(f"starting a whole Debian {release}")
        status = run_machine(_machine(image, folder), folder, limit_s=limit_s, console=console)
    tell(f"the command ended with {status}")
    return status


def _machine(image: Path, folder: Path) -> Machine:
    # The emulator keeps what is written in a nameless file of its own.
    disks = (f"file={image}/disk,snapshot=on", f"file={folder}/command.tar,readonly=on")
    devices = [word for disk in disks for word in ("-drive", f"{disk},if=virtio,format=raw")]
    return Machine(image / "vmlinuz", image / "initrd", WORDS, MEMORY_MB, devices)


def _write_command(path: Path, command: Sequence[str], brought: Sequence[Path]) -> None:
    start = start_script(command, surroundings.environment(network=False), f"/{checkout.PLACE}").encode()
    with tarfile.open(path, "w") as archive:
        checkout.pack(archive)
        checkout.pack_brought(archive, brought)
        member = tarfile.TarInfo("usr/local/sbin/machine-start")
        member.size, member.mode = len(start), 0o755
        archive.addfile(member, io.BytesIO(start))


def _make_image(name: str, maker: Layers, made: Made, folder: Path) -> None:
    tell(f"making {name}: the disk of a whole system")

    def work() -> int:
        root = mount_root(made.stack, folder, overlay=maker.overlay)
        for kind in ("vmlinuz", "initrd"):
            found = sorted(root.glob(f"boot/{kind}*-*"))
            if not found:
                raise Trouble(f"{root}/boot has no {kind}")
            shutil.copy(found[-1], folder / kind)
        used = int(run_quietly(["du", "-s", "-B1000000", "--one-file-system", str(root)]).split()[0])
        size_kb = (used + DISK_FREE_MB) * MEGABYTE // 1024
        make = ["mke2fs", "-q", "-t", "ext4", "-d", str(root), str(folder / "disk"), f"{size_kb}k"]
        run_quietly(make)
        return 0

    if run_apart(work) != 0:
        raise Trouble(f"{name} could not be made")
    for left in ("upper", "work", "root"):
        shutil.rmtree(folder / left)
    tell(f"{name} is there")
