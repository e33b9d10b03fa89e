"""A command in a Debian of its own, below this machine's kernel and network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from script.machines import checkout, surroundings
from script.machines.apart import run_apart
from script.machines.cache import Cache
from script.machines.layers import Layer, Layers
from script.machines.progress import tell
from script.machines.roots import Inside, mount_root, run_in

RUN_MB = 2000


def run_chroot(
    cache: Cache, release: str, *,
    layers: Sequence[Layer], command: Sequence[str], limit_s: float | None, brought: Sequence[Path] = (),
) -> int:  # fmt: skip
    """Return the status of ``command``, run in the checkout in a Debian ``release``.

    Raises:
        Trouble: the machine could not be made.
        LimitReached: the command took longer than ``limit_s`` seconds.
    """
    maker = Layers(cache)
    made = maker.all_of(release, layers)
    cache.require_space(RUN_MB)
    inside = Inside(command, surroundings.environment())
    with cache.run_folder() as folder:
        tell(f"running in a chroot of Debian {release}")

        def work() -> int:
            root = mount_root(made.stack, folder, overlay=maker.overlay)
            checkout.copy_to(root, brought)
            return run_in(root, inside, place=checkout.PLACE)

        status = run_apart(work, limit_s)
    tell(f"the command ended with {status}")
    return status
