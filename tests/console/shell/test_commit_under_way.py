"""A commit that is under way: Ctrl-C, a session that is lost, a commit that would cut off its own session."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.console.shell.between import Between, Does, between
from tests.console.shell.lines import CommandLine, Terminal
from tests.console.shell.test_interactive import CTRL_C, IN_TUNNEL, leave
from tests.console.shell.test_script import TUNNEL, edit, other


@contextmanager
def on_the_way(line: CommandLine, folder: Path, does: Does) -> Iterator[Between]:
    with between(line.agent.data_dir / "netconf.sock", folder, does) as found:
        yield found


def edited(line: CommandLine, way: Between) -> Terminal:
    terminal = line.terminal(YANGSWAN_SOCKET=str(way.path))
    terminal.at("alice:/")
    terminal.types("config").at("alice:/config/")
    terminal.types("tunnel").at("alice:/config/tunnel/")
    for one in TUNNEL[2:]:
        terminal.types(one).at(f"*{IN_TUNNEL}")
    return terminal


def in_force(line: CommandLine) -> bool:
    return "192.0.2.1" in line.run("show", "running-config", "tunnel").stdout


def test_ctrl_c_while_the_agent_commits_says_what_became_of_it(line: CommandLine, tmp_path: Path) -> None:
    with on_the_way(line, tmp_path, Does.HOLD) as way:
        terminal = edited(line, way)
        terminal.types("commit")
        assert way.reached.wait(20)
        terminal.sends(CTRL_C).sees("the wait is over; what the server has begun it ends")
        terminal.sees(r"commit \d+ was carried out, and is in force")
        terminal.child.close(force=True)
    assert in_force(line)


def test_ctrl_c_while_a_confirmed_commit_is_carried_out_says_that_it_waits(
    line: CommandLine, tmp_path: Path
) -> None:
    with on_the_way(line, tmp_path, Does.HOLD) as way:
        terminal = edited(line, way)
        terminal.types("commit confirmed 600")
        assert way.reached.wait(20)
        terminal.sends(CTRL_C).sees("the wait is over; what the server has begun it ends")
        terminal.sees(r"commit \d+ was carried out, and is in force; it is taken back unless 'commit'")
        terminal.child.close(force=True)


@pytest.mark.parametrize(
    ("does", "said", "is_in_force"),
    [
        (Does.CUT, r"commit \d+ was carried out, and is in force", True),
        (Does.DROP, "the commit was not carried out", False),
    ],
)
def test_a_session_that_is_lost_in_the_middle_of_a_commit(
    line: CommandLine, tmp_path: Path, does: Does, said: str, is_in_force: bool
) -> None:
    with on_the_way(line, tmp_path, does) as way:
        terminal = edited(line, way)
        terminal.types("commit").sees("the session with .* has ended")
        terminal.sees(said)
        assert "connected again" in terminal.types("show version").at("alice:/")
        leave(terminal)
        assert in_force(line) == is_in_force


@pytest.mark.parametrize(
    ("does", "said", "is_in_force"),
    [(Does.CUT, "was carried out, and is in force", True), (Does.DROP, "was not carried out", False)],
)
def test_a_script_whose_session_is_lost_has_a_status_of_its_own(
    line: CommandLine, tmp_path: Path, does: Does, said: str, is_in_force: bool
) -> None:
    with on_the_way(line, tmp_path, does) as way:
        done = line.run("-c", "; ".join(TUNNEL), "--commit", YANGSWAN_SOCKET=str(way.path))
    assert done.returncode == 3
    assert said in done.stderr
    assert in_force(line) == is_in_force


def test_a_confirmed_commit_that_is_lost_is_not_said_to_stay(line: CommandLine, tmp_path: Path) -> None:
    """The server takes it back when it finds the session ended: what is said is what came of that."""
    with on_the_way(line, tmp_path, Does.CUT) as way:
        lines = "; ".join((*TUNNEL, "commit confirmed 600"))
        done = line.run("-c", lines, YANGSWAN_SOCKET=str(way.path))
    assert done.returncode == 3
    assert re.search(
        r"commit (\d+) was taken back by commit \d+ \('rollback \1' loads it again\)", done.stderr
    )
    assert not in_force(line)


def test_what_would_cut_off_this_session_is_committed_after_a_yes(line: CommandLine, tmp_path: Path) -> None:
    with on_the_way(line, tmp_path, Does.REFUSE) as way:
        terminal = edited(line, way)
        shown = terminal.types("commit").sees("perhaps lose this session")
        assert "not committed: the way of this session would go into tunnel 1" in shown
        terminal.types("no").at(f"*{IN_TUNNEL}")
        assert not in_force(line)
        terminal.types("commit").sees("perhaps lose this session")
        assert "Committed" in terminal.types("yes").at(IN_TUNNEL)
        leave(terminal)
    assert in_force(line)


def test_a_script_has_to_say_that_it_may_be_cut_off(line: CommandLine, tmp_path: Path) -> None:
    with on_the_way(line, tmp_path, Does.REFUSE) as way:
        done = line.run("-c", "; ".join(TUNNEL), "--commit", YANGSWAN_SOCKET=str(way.path))
        assert done.returncode == 1
        assert "'commit even-if-cut-off' commits it all the same" in done.stderr
        assert not in_force(line)
        lines = (*TUNNEL, "commit even-if-cut-off")
        assert line.run("-c", "; ".join(lines), YANGSWAN_SOCKET=str(way.path)).returncode == 0
    assert in_force(line)


def test_a_shared_script_commits_what_is_its_own_only(line: CommandLine) -> None:
    words = ("-c", "; ".join(("config shared", *TUNNEL[1:])), "--commit")
    client = other(line)
    edit(client)
    done = line.run(*words)
    assert (done.returncode, "others made" in done.stderr) == (1, True)
    assert line.run("discard").returncode == 0
    client.close()
    done = line.run(*words)
    assert (done.returncode, done.stderr) == (0, "")
    assert in_force(line)
