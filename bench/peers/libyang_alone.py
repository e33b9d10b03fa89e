"""``python -m bench.peers.libyang_alone DOCUMENT ROUNDS``: the binding alone, on the same document.

Writes a JSON object: the seconds of each round, by what was done. "load": the document parsed, validated and
printed. "leaf": an edit of one leaf parsed, merged into the tree, that validated, and the entry printed.
"whole": the tree printed. "one": an entry found by its path and printed. "resident": KiB, before the
document and with it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import libyang

from agent.served import standard_modules
from bench.messages import IPSEC
from bench.processes import resident_kib

ROOT = Path(__file__).parents[2]
MODULE = "yangswan-ipsec"


def context() -> Any:
    """Return a libyang context with the module of the tunnels."""
    folders = [ROOT / "yang", ROOT / "yang" / "agent", *standard_modules()]
    made = libyang.Context(":".join(str(folder) for folder in folders))
    made.load_module(MODULE)
    return made


def rounds_s(count: int, work: Callable[[int], object]) -> list[float]:
    found = []
    for number in range(count):
        begin = time.perf_counter()
        work(number)
        found.append(time.perf_counter() - begin)
    return found


def measure(document: str, rounds: int, number: int) -> dict[str, list[float]]:
    """Return the seconds of each round; ``number``: the tunnel that is changed and read alone."""
    ctx = context()
    pid = os.getpid()
    before = float(resident_kib(pid))

    def parse(text: str, *, only: bool = False) -> Any:
        return ctx.parse_data_mem(text, "xml", no_state=True, strict=True, parse_only=only)

    def load(_: int) -> None:
        tree = parse(document)
        tree.print_mem("xml", with_siblings=True)
        tree.free()

    loads = rounds_s(rounds, load)
    tree = parse(document)
    with_it = float(resident_kib(pid))
    path = f"/{MODULE}:tunnels/ipsec[id='{number}']"

    def leaf(of: int) -> None:
        body = f"<ipsec><id>{number}</id><description>round {of}</description></ipsec>"
        edit = parse(f'<tunnels xmlns="{IPSEC}">{body}</tunnels>', only=True)
        tree.merge(edit)
        edit.free()
        tree.validate(no_state=True)
        tree.find_path(path).print_mem("xml")

    return {
        "load": loads,
        "leaf": rounds_s(rounds, leaf),
        "whole": rounds_s(rounds, lambda _: tree.print_mem("xml", with_siblings=True)),
        "one": rounds_s(rounds * 10, lambda _: tree.find_path(path).print_mem("xml")),
        "resident": [before, with_it],
    }


if __name__ == "__main__":
    file, how_often, which = sys.argv[1:]
    print(json.dumps(measure(Path(file).read_text(), int(how_often), int(which))))
