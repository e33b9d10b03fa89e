"""At the prompt: confirmed commits that end, others who edit, sessions and agents that are lost."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lxml import etree

from tests.agent_process import running_agent
from tests.console.client.servers import NETCONF
from tests.console.shell.lines import CommandLine
from tests.console.shell.test_interactive import CTRL_D, IN_TUNNEL, edited, leave, opened
from tests.console.shell.test_script import TUNNEL, edit, newest, other, wait_for


def test_a_confirmed_commit_is_asked_about_before_leaving(line: CommandLine) -> None:
    terminal = edited(line)
    assert "is taken back in 60 s" in terminal.types("commit confirmed 60").at(IN_TUNNEL)
    terminal.sends(CTRL_D).sees("A confirmed commit waits")
    terminal.types("").at(IN_TUNNEL)
    assert "Confirmed" in terminal.types("commit").at(IN_TUNNEL)
    leave(terminal)
    assert "192.0.2.1" in line.run("show", "running-config").stdout


@pytest.mark.parametrize("how", ["timeout", "cancel"])
def test_a_confirmed_commit_that_has_ended_is_not_said_to_be_confirmed(line: CommandLine, how: str) -> None:
    client = other(line)
    terminal = edited(line)
    with client.events() as events:
        terminal.types(f"commit confirmed {1 if how == 'timeout' else 600}").at(IN_TUNNEL)
        if how == "cancel":
            client.rpc(etree.XML(f'<cancel-commit xmlns="{NETCONF}"/>'))
        wait_for(events, how)
    number = newest(line)
    shown = terminal.types("commit").at(IN_TUNNEL)
    assert f"nothing to confirm: commit {number - 1} was taken back by commit {number}" in shown
    assert ("nobody confirmed it in time" if how == "timeout" else "it was cancelled, by ") in shown
    assert "Confirmed" not in shown
    client.close()
    leave(terminal)


def test_the_prompt_says_that_a_confirmed_commit_has_ended(line: CommandLine) -> None:
    client = other(line)
    terminal = edited(line)
    with client.events() as events:
        terminal.types("commit confirmed 1").at(IN_TUNNEL)
        wait_for(events, "timeout")
    assert "was taken back by commit" in terminal.types("").at(IN_TUNNEL)
    assert "nothing to confirm: commit" in terminal.types("commit").at(IN_TUNNEL)
    assert "There is nothing to commit" in terminal.types("commit").at(IN_TUNNEL)
    client.close()
    leave(terminal)


def test_what_cannot_be_verified_is_refused_in_words(line: CommandLine) -> None:
    terminal = edited(line)
    shown = terminal.types("commit verify 5").at(f"*{IN_TUNNEL}")
    assert "not committed: tunnel ipsec 1: " in shown
    terminal.types("abort").at("alice:/")
    leave(terminal)


def test_a_session_that_is_not_there_is_not_asked_about(line: CommandLine) -> None:
    terminal = opened(line)
    shown = terminal.types("kill-session 99999").at("alice:/")
    assert "there is no session 99999" in shown
    assert "[y/N]" not in shown
    leave(terminal)


def test_two_at_once_the_second_is_told_who_edits(line: CommandLine) -> None:
    first, second = edited(line), opened(line)
    shown = second.types("config").at("*alice:/config/")
    assert "changes that others made" in shown
    second.types("tunnel").at("*alice:/config/tunnel/")
    shown = second.types("ipsec 2").at("*alice:/config/tunnel/")
    assert "is editing: wait for the commit, ask, or end that session" in shown
    for one in ("commit", "leave", "discard", "commit verify"):
        shown = second.types(one).at("*alice:/config/tunnel/")
        assert "is editing: wait for the commit, ask, or end that session" in shown
        assert "[y/N]" not in shown
    first.types("leave").at("alice:/")
    second.types("ipsec 2").at("*alice:/config/tunnel/ipsec-2/")
    second.types("abort").at("alice:/")
    leave(first)
    leave(second)


def test_edits_of_others_are_named_and_dropped_or_committed_only_when_asked(line: CommandLine) -> None:
    client = other(line)
    edit(client)
    terminal = opened(line)
    terminal.types("commit").sees("Commit them, too")
    terminal.types("n").at("*alice:/")
    terminal.types("discard").sees("All of it is of others")
    terminal.types("y").at("alice:/")
    edit(client)
    assert "changes that others made" in terminal.types("config shared").at("*alice:/config/")
    terminal.types("tunnel").at("*alice:/config/tunnel/")
    terminal.types("ipsec 2").at("*alice:/config/tunnel/ipsec-2/")
    terminal.types("discard").at("alice:/config/tunnel/ipsec-2/")
    client.close()
    leave(terminal)


def test_edits_that_are_lost_with_the_session_are_named(tmp_path: Path) -> None:
    with running_agent(tmp_path / "agent") as agent:
        own = CommandLine(agent, tmp_path)
        terminal = edited(own)
        own.run("kill-session", re.search(r"in session (\d+)", terminal.shown)[1])  # type: ignore[index]
        shown = terminal.types("show ipsec").at("alice:/")
        assert "connected again" in shown
        assert "what you had edited and not committed is lost" in shown
        leave(terminal)
        with own.typing() as typing:
            typing.types(*TUNNEL, "diff")
            assert typing.process.stdout is not None
            assert "+" in typing.process.stdout.readline()
            agent.kill()
            typing.types("diff")
            done = typing.ends()
    assert done.returncode == 3
    assert "what was edited is lost with that session: nothing of it is in force" in done.stderr


@pytest.mark.parametrize("typed", ["exit", "commit", "show", "no ipsec 1", "end\nquit", "nonsense"])
def test_a_line_for_where_one_was_is_not_carried_out_elsewhere(line: CommandLine, typed: str) -> None:
    terminal = edited(line)
    line.run("kill-session", re.search(r"in session (\d+)", terminal.shown)[1])  # type: ignore[index]
    end = "" if "\n" in typed else "\r"
    # What is pasted with an end of a line is entered by it.
    terminal.sends(f"\x1b[200~{typed}\x1b[201~{end}")
    shown = terminal.at("alice:/")
    assert "nothing was carried out: this was typed in the configuration, which is left" in shown
    assert ("the line behind it that was pasted is left out" in shown) is ("\n" in typed)
    assert "There is no tunnel" in terminal.types("show ipsec").at("alice:/")
    leave(terminal)


def test_a_lock_that_was_asked_for_stays_after_a_commit(line: CommandLine) -> None:
    terminal = opened(line)
    assert "yours until 'unlock'" in terminal.types("lock").at("alice:/")
    terminal.types("commit").at("alice:/")
    assert line.lines(*TUNNEL, commit=True).returncode == 1
    terminal.types("unlock").at("alice:/")
    assert line.lines(*TUNNEL, commit=True).returncode == 0
    leave(terminal)


def test_an_agent_that_is_killed_before_the_first_line_is_said(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with running_agent(tmp_path) as agent:
        line = CommandLine(agent, home)
        terminal = opened(line)
        agent.kill()
        shown = terminal.types("show ipsec").sees("no agent runs")
        assert ("has ended" in shown, "Traceback" in shown) == (True, False)
        leave(terminal)


def test_an_agent_that_is_killed_is_said_and_found_again(tmp_path: Path) -> None:
    data, home = tmp_path / "data", tmp_path / "home"
    data.mkdir()
    home.mkdir()
    with running_agent(data) as first:
        line = CommandLine(first, home)
        terminal = edited(line)
        first.kill()
        shown = terminal.types("description x").sees("no agent runs")
        assert "has ended" in shown
        assert "is lost with that session" in terminal.at(IN_TUNNEL)
    with running_agent(data) as again:
        shown = terminal.types("exit").at("alice:/")
        assert "connected again, as session" in shown
        assert "nothing was carried out: this was typed in the configuration" in shown
        assert "There is no tunnel" in terminal.types("show ipsec").at("alice:/")
        terminal.types("config").at("alice:/config/")
        again.kill()
        terminal.types("commit").sees("has ended")
        leave(terminal)
