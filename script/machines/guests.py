"""A command on this machine's root, below a Debian kernel: the same files, another ESP."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from script.machines import checkout, surroundings
from script.machines.cache import Cache
from script.machines.emulator import Machine, run_machine, start_script
from script.machines.kernels import Kernel, archive_of, debian_kernel
from script.machines.progress import tell

MEMORY_MB = 3072
RUN_MB = 200


def run_guest(cache: Cache, *, command: Sequence[str], limit_s: float, console: Path | None) -> int:
    """Return the status of ``command``, run in the checkout as it stands; what it writes stays in the guest.

    Raises:
        Trouble: the guest could not be made, or ended by itself.
        LimitReached: it took longer than ``limit_s`` seconds.
    """
    kernel = debian_kernel(cache)
    cache.require_space(RUN_MB)
    with cache.run_folder() as folder:
        tell(f"starting a guest with {kernel.image.name}")
        machine = _machine(kernel, folder, command)
        status = run_machine(machine, folder, limit_s=limit_s, console=console)
    tell(f"the command ended with {status}")
    return status


def _machine(kernel: Kernel, folder: Path, command: Sequence[str]) -> Machine:
    # The root is this machine's, so this machine's way to its programs is right in there too.
    environment = surroundings.environment(network=False) | {"PATH": os.environ["PATH"]}
    start = start_script(command, environment, str(checkout.ROOT))
    initrd = folder / "initrd"
    # The kernel reads archives that follow each other as one.
    initrd.write_bytes(archive_of([("start", start.encode(), 0o100755)]) + kernel.archive.read_bytes())
    devices = []
    for tag, shared in (("root", Path("/")), ("modules", kernel.modules)):
        devices += ["-fsdev", f"local,id={tag},path={shared},security_model=none,readonly=on,multidevs=remap"]
        devices += ["-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"]
    return Machine(kernel.image, initrd, "", MEMORY_MB, devices)
