"""The story that script/demo tells."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
import time
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from textwrap import indent

from script.demonstration.interrupts import Interrupted, Interrupts
from script.demonstration.laboratory import Failure, Gateway, Laboratory, Site, wait_for
from script.demonstration.orchestrator import Orchestrator, enabled_edit, exchange, read_edit

ALICE = Site("alice", "192.168.0.1", "10.1.0.1")
BOB = Site("bob", "192.168.0.2", "10.2.0.1")
TUNNEL = 1
DATAGRAMS, DATAGRAM_OCTETS, DATAGRAM_TRIES = 20, 1000, 5
STATUS_LIMIT_S = 180.0
EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "site-to-site"

_started = time.monotonic()


def tell(text: str) -> None:
    print(f"[{time.monotonic() - _started:5.1f} s] {text}", flush=True)


def main() -> int:
    options = _parser().parse_args()
    if os.geteuid() != 0:
        print("demo: network namespaces need root", file=sys.stderr)
        return 1
    interrupts = Interrupts()
    interrupts.install()
    laboratory = Laboratory(interrupts)
    status = 1
    try:
        try:
            status = demonstrate(laboratory, once=options.once)
        except Failure as failure:
            tell(f"FAILED: {failure}")
            _keep_logs(laboratory)
        except Exception:
            _keep_logs(laboratory)
            raise
        except Interrupted as interrupted:
            tell(f"{interrupted}: stopping")
            status = interrupted.exit_status
        finally:
            interrupts.silence()
    finally:
        problems = laboratory.remove()
    for problem in problems:
        tell(f"left behind: {problem}")
    tell("namespaces, processes and files are gone" if not problems else "FAILED to remove everything")
    return 1 if problems else status


def _keep_logs(laboratory: Laboratory) -> None:
    kept = laboratory.keep_logs()
    if kept is not None:
        tell(f"the logs of the agents and of charon are kept in {kept}")


def demonstrate(laboratory: Laboratory, *, once: bool) -> int:
    """Tell the story once; return the exit status.

    Raises:
        Failure: a step did not succeed, the traffic included.
    """
    tell(f"two gateways, joined by a wire: alice {ALICE.outside} and bob {BOB.outside}")
    tell("the networks behind them: 10.1.0.0/16 and 10.2.0.0/16")
    laboratory.build_network(ALICE, BOB)
    alice, bob = (_start(laboratory, site) for site in (ALICE, BOB))
    to_alice, to_bob = Orchestrator(alice), Orchestrator(bob)
    bring_up(to_alice, to_bob)
    carry_traffic(alice, bob, {"alice": to_alice, "bob": to_bob})
    for gateway in (alice, bob):
        show(gateway)
    to_alice.close()
    to_bob.close()
    if once:
        return 0
    explain((alice, bob))
    return _wait_for_the_user()


def bring_up(alice: Orchestrator, bob: Orchestrator) -> None:
    """Configure the initiator first: it has to wait for the responder, and does."""
    dormant = (read_edit(EXAMPLES / "bob.xml"), enabled_edit(TUNNEL, False))
    _change(bob, "bob", "bob.xml, not enabled yet", *dormant)
    _show_status(bob, "bob", "down")
    _change(bob, "bob", "enabled = true", enabled_edit(TUNNEL, True))
    _show_status(bob, "bob", "connecting")
    _change(alice, "alice", "alice.xml", read_edit(EXAMPLES / "alice.xml"))
    _show_status(bob, "bob", "installed")
    _show_status(alice, "alice", "installed")


def carry_traffic(alice: Gateway, bob: Gateway, orchestrators: dict[str, Orchestrator]) -> None:
    """Send user data from site to site.

    Raises:
        Failure: some of it did not arrive, or it went past the tunnel.
    """
    before = {name: o.octets(TUNNEL) for name, o in orchestrators.items()}
    arrived = exchange(alice, bob, DATAGRAMS, DATAGRAM_OCTETS, DATAGRAM_TRIES)
    tell(f"{ALICE.inside} -> {BOB.inside} -> {ALICE.inside}: {arrived} of {DATAGRAMS} datagrams "
         f"of {DATAGRAM_OCTETS} octets came back")  # fmt: skip
    if arrived != DATAGRAMS:
        raise Failure("the tunnel does not carry all the traffic")
    least = DATAGRAMS * DATAGRAM_OCTETS

    def counted() -> dict[str, tuple[int, int]] | None:
        after = {name: o.octets(TUNNEL) for name, o in orchestrators.items()}
        moved = all(after[name][i] - before[name][i] >= least for name in after for i in (0, 1))
        return after if moved else None

    for name, (received, sent) in wait_for("the byte counters", counted, STATUS_LIMIT_S).items():
        tell(f"{name}: tunnel {TUNNEL} counts {received} bytes in, {sent} bytes out")


def show(gateway: Gateway) -> None:
    """Show what an operator would see.

    Raises:
        Failure: the command line fails.
    """
    tell(f"{gateway.site.name}: yangswan show ipsec")
    print(indent(gateway.type("show", "ipsec"), "    "), end="", flush=True)


def explain(gateways: Iterable[Gateway]) -> None:
    for gateway in gateways:
        enter = f"ip netns exec {gateway.namespace}"
        print(f"\n{gateway.site.name}, as root: its command line, and what else connects")
        print(f"  {enter} {shlex.join(gateway.command_line)}")
        for hint in gateway.hints:
            if hint.startswith(" "):
                print(f"  {enter} {hint.strip()}")
    print("\nOn the command line 'help' tells what there is to type: 'show ipsec 1' to begin with.")
    print("The tunnel stays up until Ctrl-C.", flush=True)


def _start(laboratory: Laboratory, site: Site) -> Gateway:
    gateway = laboratory.start_agent(site)
    tell(f"{site.name}: the agent and its charon are running")
    return gateway


def _change(orchestrator: Orchestrator, name: str, what: str, *edits: str) -> None:
    orchestrator.change(*edits)
    tell(f"{name}: {what}: edit-config, validate, commit: ok")


def _show_status(orchestrator: Orchestrator, name: str, wanted: str) -> None:
    def reached() -> bool | None:
        return orchestrator.status(TUNNEL) == wanted or None

    wait_for(f"{name}: status {wanted}", reached, STATUS_LIMIT_S)
    tell(f"{name}: tunnel {TUNNEL} is {wanted}")


def _wait_for_the_user() -> int:
    try:
        while True:
            signal.pause()
    except Interrupted:
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="script/demo", description="Two gateways in network namespaces, joined by an IPsec tunnel."
    )
    parser.add_argument("--version", action="version", version=f"yangswan {version('yangswan')}")
    parser.add_argument(
        "--once",
        action="store_true",
        help="show it once, take everything down; exit 0 only if traffic passed",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
