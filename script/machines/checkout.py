"""The files that a run works on: those that git tracks or would, as they are now."""

from __future__ import annotations

import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

from script.machines.progress import Trouble, run_quietly

ROOT = Path(__file__).resolve().parents[2]
# Where README puts a gateway's copy.
PLACE = "opt/yangswan"


def files() -> list[str]:
    """Return the paths of tracked files, and of untracked ones that are not ignored, as they stand."""
    # The checkout may be another user's, and this process is root.
    command = ["git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT), "ls-files", "-z"]
    listed = run_quietly([*command, "--cached", "--others", "--exclude-standard"])
    return sorted({name for name in listed.split("\0") if name and (ROOT / name).is_file()})


def pack(archive: tarfile.TarFile) -> None:
    """Add the checkout to ``archive``, below ``PLACE``, as root's."""
    for name in files():
        archive.add(ROOT / name, f"{PLACE}/{name}", recursive=False, filter=_roots)


def pack_brought(archive: tarfile.TarFile, brought: Sequence[Path]) -> None:
    """Add files that are no part of the checkout to ``archive``, in the home of root.

    Raises:
        Trouble: one of them cannot be read.
    """
    for path in brought:
        try:
            archive.add(path, f"root/{path.name}", recursive=False, filter=_roots)
        except OSError as problem:
            raise Trouble(f"{path}: {problem.strerror}") from None


def _roots(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    return member


def copy_to(root: Path, brought: Sequence[Path] = ()) -> None:
    """Put the checkout below the root directory ``root``, and the files ``brought`` into the home of root.

    Raises:
        Trouble: it could not be written.
    """
    try:
        with subprocess.Popen(["tar", "-x", "-C", str(root)], stdin=subprocess.PIPE) as unpacking:
            assert unpacking.stdin is not None
            with tarfile.open(fileobj=unpacking.stdin, mode="w|") as archive:
                pack(archive)
                pack_brought(archive, brought)
    except BrokenPipeError:
        pass  # tar has said why
    if unpacking.returncode != 0:
        raise Trouble(f"the checkout could not be copied to {root}")


def remove_from(root: Path) -> None:
    """Take out what ``copy_to`` put there; what commands made in between stays."""
    for name in files():
        (root / PLACE / name).unlink(missing_ok=True)
