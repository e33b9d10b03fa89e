"""``commit verify`` as it is typed: what is shown while tunnels come up, and what Ctrl-C does meanwhile."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.console.shell.lines import CommandLine, Terminal
from tests.real.gateways import on
from tests.real.test_manual_session import CTRL_C
from tests.real.test_netconf_to_charon import OTHER_SECRET, Pair, pair, tunnel, up
from tests.real.test_verify import under_way

__all__ = ["pair"]
pytestmark = pytest.mark.real

IN_TUNNEL = "bob:/config/tunnel/ipsec-1/"


@contextmanager
def at_bob(pair: Pair, home: Path) -> Iterator[Terminal]:
    """The command line of bob, within tunnel 1, that is up."""
    up(pair, 1)
    terminal = CommandLine(pair.bob, home).terminal("--name", "bob", columns=160)
    try:
        terminal.at("bob:/")
        for line, where in (("config", "bob:/config/"), ("tunnel", "bob:/config/tunnel/")):
            terminal.types(line).at(where)
        terminal.types("ipsec 1").at(IN_TUNNEL)
        yield terminal
    finally:
        terminal.child.close(force=True)


def test_what_comes_up_is_waited_for_and_confirmed(pair: Pair, tmp_path: Path) -> None:
    with at_bob(pair, tmp_path) as terminal:
        pair.on_alice(tunnel(1, "alice", "bob", initiator=False, secret=OTHER_SECRET))
        terminal.types(f"secret {OTHER_SECRET}").at(f"*{IN_TUNNEL}")
        said = terminal.types("commit verify 60").at(IN_TUNNEL)
        assert "Everything works: commit 3 is in force, and confirmed." in said
        assert "There is nothing to commit" in terminal.types("commit").at(IN_TUNNEL)
    pair.alice_until(1, "installed")


def test_what_does_not_come_up_is_named_meanwhile_and_taken_back(pair: Pair, tmp_path: Path) -> None:
    with at_bob(pair, tmp_path) as terminal:
        terminal.types(f"secret {OTHER_SECRET}").at(f"*{IN_TUNNEL}")
        terminal.types("commit verify 8").sees(
            "in force; not working yet: tunnel ipsec 1: .*authentication-failed"
        )
        said = terminal.at(IN_TUNNEL)
        assert "not everything worked within 8 s" in said
        assert "commit 3 was taken back by commit 4 ('rollback 3' loads it again)" in said
        # Nobody is kept out by what is not there any more, and what was said can be done.
        pair.on_bob("<ipsec><id>1</id><description>of another</description></ipsec>")
        terminal.types("rollback 3").at(f"*{IN_TUNNEL}")
    pair.bob_until(1, "installed")


def test_ctrl_c_has_it_taken_back_and_confirms_nothing(pair: Pair, tmp_path: Path) -> None:
    with at_bob(pair, tmp_path) as terminal:
        terminal.types(f"secret {OTHER_SECRET}").at(f"*{IN_TUNNEL}")
        terminal.types("commit verify 600").sees("in force; not working yet: tunnel ipsec 1: ")
        said = terminal.sends(CTRL_C).at("bob:/")
        assert "the wait is over, and with it this session: the server takes the commit back" in said
        assert "commit 3 was taken back by commit 4 ('rollback 3' loads it again)" in said
        assert "lost" not in said
        assert "There is nothing to commit" in terminal.types("commit").at("bob:/")
        shown = terminal.types("show history").at("bob:/")
        assert re.search(r"(?m)^3 .*taken back by 4\s*$", shown), shown
        assert not re.search(r"(?m)^5 ", shown), shown
    pair.bob_until(1, "installed")


def test_ctrl_c_has_a_script_end_and_its_commit_taken_back(pair: Pair, tmp_path: Path) -> None:
    up(pair, 1)
    lines = f"config; tunnel; ipsec 1; secret {OTHER_SECRET}; commit verify 600"
    line = CommandLine(pair.bob, tmp_path)
    words = [sys.executable, "-m", "console", "-c", lines]
    with subprocess.Popen(
        words, env=line.environ, cwd=tmp_path, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            on(pair.lab.bob_ns, pair.bob, under_way)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert "commit 3 was taken back by commit 4 ('rollback 3' loads it again)" in said
    pair.bob_until(1, "installed")
