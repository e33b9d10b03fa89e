"""A script beside others who edit: who is locked out, what is edited along with them."""

from __future__ import annotations

import pytest
from lxml import etree

from tests.console.client.servers import NETCONF
from tests.console.shell.lines import CommandLine
from tests.console.shell.test_script import TUNNEL, edit, lock, other


def test_a_confirmed_commit_of_another_is_cancelled_with_a_word_of_this_command_line(
    line: CommandLine,
) -> None:
    client = other(line)
    edit(client)
    client.rpc(etree.XML(f'<commit xmlns="{NETCONF}"><confirmed/></commit>'))
    done = line.lines("config", "tunnel", "ipsec 9", "description x", commit=True)
    assert (done.returncode, "cancel it with cancel-commit\n" in done.stderr) == (1, True)
    assert "<" not in done.stderr
    client.close()


def test_a_session_that_is_not_there_cannot_be_ended(line: CommandLine) -> None:
    done = line.run("kill-session", "99999")
    assert (done.returncode, done.stderr.startswith("there is no session 99999")) == (1, True)


def test_who_is_locked_out_is_told_by_whom_and_what_to_do(line: CommandLine) -> None:
    client = other(line)
    lock(client)
    done = line.lines(*TUNNEL, commit=True)
    assert done.returncode == 1
    assert (
        f"is editing: wait for the commit, ask, or end that session (kill-session {client.session_id})"
        in done.stderr
    )
    assert "(session " in done.stderr
    assert line.run("kill-session", str(client.session_id)).returncode == 0
    assert line.lines(*TUNNEL, commit=True).returncode == 0


def test_what_others_have_edited_is_neither_committed_nor_dropped(line: CommandLine) -> None:
    client = other(line)
    edit(client)
    done = line.lines(*TUNNEL, commit=True)
    assert done.returncode == 1
    assert "others have changed the candidate and not committed it" in done.stderr
    done = line.run("commit")
    assert (done.returncode, "changes that others made" in done.stderr) == (1, True)
    assert "'9'" in line.run("diff").stdout
    done = line.lines("config shared", *TUNNEL[1:], commit=True)  # shared, but not to commit theirs
    assert (done.returncode, "others made" in done.stderr) == (1, True)
    assert line.run("discard").returncode == 0
    client.close()


def test_who_asks_to_edit_along_with_others_locks_nothing_and_commits_theirs_too(line: CommandLine) -> None:
    """It was asked for: --shared means both, and says what all is committed."""
    client = other(line)
    edit(client)
    done = line.run("--shared", "-c", "; ".join((*TUNNEL, "do show sessions")), "--commit")
    assert (done.returncode, "have to be committed or discarded" in done.stderr) == (0, False)
    assert "This is committed, whoever has edited it:" in done.stdout
    assert "[id='9']" in done.stdout
    assert "[id='1']" in done.stdout
    assert "Zebra" not in done.stdout
    assert "192.0.2.9" in line.run("show", "running-config").stdout
    assert line.lines("config", "no tunnels", commit=True).returncode == 0
    edit(client, 8)
    assert line.run("--shared", "commit").returncode == 0
    assert line.lines("config", "no tunnels", commit=True).returncode == 0
    edit(client, 7)
    done = line.run("-c", "show history", "--commit")
    assert (done.returncode, "(--shared commits it, too)" in done.stderr) == (1, True)
    assert line.run("--shared", "-c", "show history", "--commit").returncode == 0
    assert "7" in line.run("show", "ipsec").stdout
    client.close()


def test_of_what_is_edited_along_with_others_nothing_is_dropped_where_the_commit_is_refused(
    line: CommandLine,
) -> None:
    done = line.run("--shared", "-c", "config; tunnel; ipsec 3; description x", "--commit")
    assert (done.returncode, "stays in the candidate" in done.stderr) == (1, True)
    assert line.run("--shared", "-c", "config; no tunnels", "--commit").returncode == 0


@pytest.mark.parametrize(("last", "status"), [("end", 1), ("nonsense", 2)])
def test_what_is_edited_along_with_others_stays_and_it_is_said(
    line: CommandLine, last: str, status: int
) -> None:
    done = line.lines("config shared", *TUNNEL[1:], last)
    assert done.returncode == status
    assert "stays in the candidate" in done.stderr
    assert "dropped" not in done.stderr
    assert "+" in line.run("diff").stdout
