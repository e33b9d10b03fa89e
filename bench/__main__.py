"""What a change costs, by the number of tunnels that exist.

For each number of tunnels an agent is started on a free port of loopback (with --charon managed: inside a
network namespace of its own), and over one SSH session measured: loading all tunnels with one edit-config and
a commit; changing the description of one (nothing for charon) and committing; changing a subnet of one
(charon has to load it) and committing; a get of one tunnel with its state. Beside it yanglint parses and
validates the same document from a file, and the same figures with one tunnel: the ratios to these two are
what can be compared between machines. Each figure is the median of its rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from agent.served import standard_modules
from script import apparmor
from tests.agent_process import running_agent
from tests.lab import end_charon, open_lab
from tests.real.gateways import IPSEC, Orchestrator, edit, inside, talk

ROUNDS = 9
CHILD = Path(__file__).parents[1]


@dataclass(frozen=True)
class Figures:
    """Seconds."""

    load_s: float
    parse_s: float
    leaf_s: float
    subnet_s: float
    get_s: float


def tunnel(number: int) -> str:
    high, low = divmod(number, 250)
    return (
        f"<ipsec><id>{number}</id><description>tunnel {number}</description>"
        f"<secret>secret-of-{number:05d}</secret>"
        f"<local-address>192.168.0.1</local-address><peer>172.16.{high}.{low + 1}</peer>"
        f"<remote-id><name>peer-{number}</name></remote-id><local-subnet>10.1.0.0/16</local-subnet>"
        f"<remote-subnet>10.{100 + high}.{low}.0/24</remote-subnet>"
        "<ike><proposal><priority>1</priority><cipher>aes128</cipher><auth>sha256</auth><dh>x25519</dh></proposal></ike>"
        "<esp><proposal><priority>1</priority><cipher>aes128gcm16</cipher><dh>x25519</dh></proposal></esp></ipsec>"
    )


async def timed(work: Awaitable[object]) -> float:
    start = time.perf_counter()
    await work
    return time.perf_counter() - start


async def median(make: Callable[[int], Awaitable[object]]) -> float:
    return statistics.median([await timed(make(number)) for number in range(ROUNDS)])


async def measure(orchestrator: Orchestrator, count: int, parse_s: float) -> Figures:
    one = f'<tunnels xmlns="{IPSEC}"><ipsec><id>{count}</id></ipsec></tunnels>'

    async def change(body: str) -> None:
        await orchestrator.do(edit(f"<ipsec><id>{count}</id>{body}</ipsec>"))
        await orchestrator.do("<commit/>")

    load_s = await timed(orchestrator.commit("".join(tunnel(number) for number in range(1, count + 1))))
    return Figures(
        load_s,
        parse_s,
        await median(lambda number: change(f"<description>round {number}</description>")),
        await median(lambda number: change(f"<local-subnet>10.{2 + number}.0.0/16</local-subnet>")),
        await median(lambda _: orchestrator.do(f"<get><filter>{one}</filter></get>")),
    )


def yanglint_s(count: int, folder: Path) -> float:
    """Return the median time in which yanglint reads and validates the same tunnels, start-up subtracted."""

    def run(numbers: range) -> float:
        file = folder / "tunnels.xml"
        body = "".join(tunnel(number) for number in numbers)
        file.write_text(f'<tunnels xmlns="{IPSEC}">{body}</tunnels>')
        paths = [part for module_dir in standard_modules() for part in ("-p", str(module_dir))]
        command = ["yanglint", *paths, "-t", "config", str(CHILD / "yang" / "yangswan-ipsec.yang"), str(file)]
        times = []
        for _ in range(5):
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            times.append(time.perf_counter() - start)
        return statistics.median(times)

    return max(run(range(1, count + 1)) - run(range(1, 2)), 1e-4)


def run_one(count: int, charon: str) -> Figures:
    folder = Path(tempfile.mkdtemp(prefix="yangswan-bench-"))
    parse_s = yanglint_s(count, folder)

    async def work(orchestrator: Orchestrator) -> Figures:
        return await measure(orchestrator, count, parse_s)

    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        stack.enter_context(apparmor.allowed_below(folder))
        stack.callback(end_charon, folder)
        namespace = None if charon == "none" else stack.enter_context(open_lab(folder)).alice_ns
        prefix = () if namespace is None else namespace.exec
        running = running_agent(folder, prefix=prefix, charon=charon, log_level="warning")
        agent = stack.enter_context(running)
        if namespace is None:
            return asyncio.run(talk(agent, work))
        return inside(namespace, lambda: talk(agent, work))


def beside(found: Figures, count: int) -> str:
    """Return the load in times of yanglint's; for one tunnel that is the noise of two start-ups."""
    return f"{found.load_s / found.parse_s:.1f}" if count > 1 else "-"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="What a change costs, by number of tunnels."
    )
    parser.add_argument("--tunnels", type=int, nargs="+", default=[1, 100, 1000], metavar="N")
    parser.add_argument("--charon", choices=("none", "managed"), nargs="+", default=["none", "managed"])
    options = parser.parse_args()
    print("charon   tunnels |   load ms  x yanglint |  leaf ms  x of 1 | subnet ms  x of 1 |  get ms  x of 1")
    for charon in options.charon:
        first: Figures | None = None
        for count in options.tunnels:
            found = run_one(count, charon)
            first = first or found
            print(
                f"{charon:8} {count:7} | {found.load_s * 1e3:9.1f} {beside(found, count):>11} |"
                f" {found.leaf_s * 1e3:8.2f} {found.leaf_s / first.leaf_s:7.2f} |"
                f" {found.subnet_s * 1e3:9.2f} {found.subnet_s / first.subnet_s:7.2f} |"
                f" {found.get_s * 1e3:7.2f} {found.get_s / first.get_s:7.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
