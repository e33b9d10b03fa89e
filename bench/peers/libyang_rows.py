"""The binding of libyang alone, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.figures import Row
from bench.messages import Words
from bench.peers.failed import Failed

SUBJECT = "libyang"
GROUPS = frozenset({"load", "leaf", "whole", "one", "memory"})
ROOT = Path(__file__).parents[2]
LIMIT_S = 300.0
KIB_PER_MIB = 1024
TIMED = {
    "load": ("load.total", "parsed, validated, printed"),
    "leaf": ("leaf.total", "parsed, merged, all validated, the entry printed"),
    "whole": ("whole.filter", "printed"),
    "one": ("one.get-config", "found and printed"),
}


def measure(folder: Path, tunnels: int, rounds: int) -> Iterator[Row]:
    """Yield the rows of libyang with so many tunnels.

    Raises:
        Failed: it does not take the document.
    """
    document = folder / "document.xml"
    document.write_text(Words().document(range(1, tunnels + 1)))
    command = [sys.executable, "-m", "bench.peers.libyang_alone", str(document), str(rounds)]
    try:
        done = subprocess.run(
            [*command, str((tunnels + 1) // 2)], capture_output=True, text=True, timeout=LIMIT_S, cwd=ROOT
        )
    except subprocess.TimeoutExpired as error:
        raise Failed(f"not done in {LIMIT_S:g} s") from error
    if done.returncode != 0:
        raise Failed(done.stderr.strip().rpartition("\n")[2])
    found = json.loads(done.stdout)

    def row(name: str, unit: str, *values: float, note: str = "") -> Row:
        return Row(name=name, subject=SUBJECT, tunnels=tunnels, unit=unit, values=values, note=note)

    for of, (name, note) in TIMED.items():
        yield row(name, "ms", *(second * 1e3 for second in found[of]), note=note)
    before, loaded = (kib / KIB_PER_MIB for kib in found["resident"])
    yield row("memory.start", "MiB", before)
    yield row("memory.loaded", "MiB", loaded, note="the tree alone, and the document as text")
