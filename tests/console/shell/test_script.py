"""Lines that nobody types: exit statuses, all or nothing, where an error is said to be."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from lxml import etree

from console.client.connection import Connection
from console.client.unix import UnixStream
from tests.console.client.servers import NETCONF, answering, reply, server
from tests.console.shell.lines import CommandLine

TUNNEL = ("config", "tunnel", "ipsec 1", "local-address 192.0.2.1", "secret Zebra-Crossing-7")
IPSEC = "urn:yangswan:params:xml:ns:yang:ipsec"


def other(line: CommandLine) -> Connection:
    return Connection(lambda: UnixStream(line.agent.data_dir / "netconf.sock"), "the agent")


def edit(client: Connection, tunnel: int = 9) -> None:
    client.rpc(
        etree.XML(
            f'<edit-config xmlns="{NETCONF}"><target><candidate/></target><config><tunnels xmlns="{IPSEC}">'
            f"<ipsec><id>{tunnel}</id><local-address>192.0.2.9</local-address><secret>abcdefgh</secret></ipsec>"
            "</tunnels></config></edit-config>"
        )
    )


def lock(client: Connection) -> None:
    client.rpc(etree.XML(f'<lock xmlns="{NETCONF}"><target><candidate/></target></lock>'))


def test_lines_are_committed_together_and_shown(line: CommandLine) -> None:
    done = line.run(
        "-c", "; ".join((*TUNNEL, "description 'to; Bern'", "end")), "--commit", "--comment", "ticket 1"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Committed" in done.stdout
    shown = line.run("show", "ipsec")
    assert "to; Bern" in shown.stdout
    assert (
        json.loads(line.run("show", "ipsec", "--json").stdout)["yangswan-ipsec:tunnels"]["ipsec"][0]["id"]
        == 1
    )
    assert json.loads(line.run("--json", "show", "ipsec").stdout)["yangswan-ipsec:tunnels"]
    assert "ticket 1" in line.run("show", "history").stdout


@pytest.mark.parametrize(
    ("wrong", "status", "said"),
    [
        ("peer 1.2.3", 2, "line 6: peer takes an IP address"),
        ("nonsense", 2, "line 6: 'nonsense' is not known here"),
        ("show", 2, "line 6: a word is missing"),
        ('description "x', 2, "line 6: the quote is not closed"),
        ("rollback 4000000", 1, "line 6: "),
        ("commit check; do nonsense", 2, "line 7: "),
    ],
)
def test_where_a_line_fails_nothing_is_done(line: CommandLine, wrong: str, status: int, said: str) -> None:
    done = line.lines(*TUNNEL, wrong, "description after", commit=True)
    assert done.returncode == status
    assert said in done.stderr
    assert "nothing of it is in force" in done.stderr
    assert "There is no tunnel" in line.run("show", "ipsec").stdout
    assert "no difference" in line.run("diff").stdout


def test_what_the_server_refuses_is_said_in_words_and_dropped(line: CommandLine) -> None:
    done = line.lines("config", "tunnel", "ipsec 3", "description x", commit=True)
    assert done.returncode == 1
    assert "not committed: tunnel ipsec 3 local-address: the mandatory node" in done.stderr
    assert "<" not in done.stderr
    assert "no difference" in line.run("diff").stdout


def test_edits_that_nothing_commits_are_an_error(line: CommandLine) -> None:
    done = line.lines(*TUNNEL)
    assert done.returncode == 1
    assert "nothing commits it: --commit does" in done.stderr
    assert line.lines(*TUNNEL, "abort").returncode == 0
    assert line.lines(*TUNNEL, "leave").returncode == 0
    assert line.lines("config", "tunnel", "no ipsec 1", "commit", "end", "end", "show ipsec").returncode == 0


def test_no_with_another_value_than_the_one_set_changes_nothing(line: CommandLine) -> None:
    assert line.lines(*TUNNEL, "dpd-action clear", "commit").returncode == 0
    for typed in ("no dpd-action trap", "no peer 192.0.2.9", "no local-id name bob", "no description bar"):
        done = line.lines("config", "tunnel", "ipsec 1", "dpd-delay 9", typed, "commit")
        assert done.returncode == 1, done
        assert "line 5: " in done.stderr
        assert "nothing is removed" in done.stderr
    shown = line.run("show", "running-config").stdout
    assert "dpd-action clear" in shown
    assert "dpd-delay" not in shown
    assert line.lines("config", "tunnel", "ipsec 1", "no dpd-action clear", "commit").returncode == 0
    assert "no dpd-action" in line.run("show", "running-config").stdout


def test_a_dry_run_says_what_is_wrong_as_commit_check_does(line: CommandLine) -> None:
    wrong = ("config", "tunnel", "ipsec 3", "peer 192.0.2.1", "end", "ipsec 4", "secret abcdefgh")
    checked = line.lines(*wrong, "commit check").stderr
    found = [one for one in checked.splitlines() if one.startswith("tunnel ipsec ")]
    assert len(found) > 1, checked
    told = line.lines(*wrong, "dry-run").stdout.splitlines()
    assert told == [f"would be refused: {one}" for one in found]


@pytest.mark.parametrize("how", ["file", "input", "dash"])
def test_lines_of_a_file_and_of_standard_input(line: CommandLine, tmp_path: Path, how: str) -> None:
    text = "# a tunnel\n\n" + "\r\n".join((*TUNNEL, "commit comment made of lines")) + "\nend\nfoo"
    if how == "file":
        (tmp_path / "lines").write_text(text)
        done = line.run("-f", str(tmp_path / "lines"))
    else:
        done = line.run(*(["-f", "-"] if how == "dash" else []), typed=text)
    assert done.returncode == 2
    assert "line 10: 'foo' is not known here" in done.stderr
    assert "Committed" in done.stdout  # what was committed before is


def test_a_file_that_is_missing_or_no_text_is_said(line: CommandLine, tmp_path: Path) -> None:
    assert (
        line.run("-f", str(tmp_path / "none")).stderr
        == f"yangswan: {tmp_path / 'none'}: No such file or directory\n"
    )
    (tmp_path / "octets").write_bytes(b"config\n\xff\xfe\n")
    done = line.run("-f", str(tmp_path / "octets"))
    assert done.returncode == 2
    assert "UTF-8" in done.stderr


def test_secrets_come_from_a_file_or_are_missing(line: CommandLine, tmp_path: Path) -> None:
    lines = (*TUNNEL[:4], "secret")
    done = line.lines(*lines, commit=True)
    assert (done.returncode, "line 5: the secret is missing: --secret-file" in done.stderr) == (2, True)
    (tmp_path / "secret").write_text("Walrus-Hunting-9\n")
    done = line.run("-c", "; ".join(lines), "--commit", "--secret-file", str(tmp_path / "secret"))
    assert (done.returncode, done.stderr) == (0, "")
    done = line.run(
        "-c", "; ".join((*lines, "diff", "abort")), "--secret-file", "-", typed="Zebra-Crossing-8\n"
    )
    assert done.returncode == 0
    assert "Zebra" not in done.stdout


def test_no_agent_is_a_status_of_its_own(line: CommandLine, tmp_path: Path) -> None:
    done = line.run("--socket", str(tmp_path / "none"), "show", "ipsec")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("yangswan: no agent runs here")
    assert line.run("--host", "a b", "show", "ipsec").returncode == 2


def test_a_mistake_needs_no_agent(line: CommandLine, tmp_path: Path) -> None:
    done = line.run("--socket", str(tmp_path / "none"), "show", "ipsce")
    assert (done.returncode, done.stdout) == (2, "")
    assert "'ipsce' is not known here" in done.stderr


def test_what_is_typed_is_not_obeyed_by_a_terminal(line: CommandLine) -> None:
    for words in (
        ("foo\x1b[31m",),
        ("--foo\x1b[31m",),
        ("show", "foo\x1b[31m"),
        ("-f", "foo\x1b[31m"),
        ("-c", "foo\x1b[31m"),
    ):
        done = line.run(*words)
        assert done.returncode == 2
        assert "\x1b" not in done.stderr + done.stdout
        assert done.stderr.count("\n") == 1


def test_over_ssh_it_is_the_same(line: CommandLine, tmp_path: Path) -> None:
    agent = line.agent
    where = ("--host", f"{agent.host}:{agent.port}", "--user", agent.user, "--key", str(agent.key))
    done = line.run(*where, "--known-hosts", str(tmp_path / "none"), "show", "ipsec")
    assert (done.returncode, "is not known (ssh-ed25519 SHA256:" in done.stderr) == (3, True)
    done = line.run(*where, "--known-hosts", str(agent.data_dir / "known_hosts"), "show", "ipsec")
    assert (done.returncode, done.stderr) == (0, "")


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
    done = line.run("--shared", "-c", "; ".join(TUNNEL), "--commit")
    assert "others made" in done.stderr
    assert done.returncode == 1
    assert line.run("discard").returncode == 0
    client.close()


def test_a_confirmed_commit_is_confirmed_or_taken_back(line: CommandLine) -> None:
    done = line.lines(*TUNNEL, "commit confirmed 30")
    assert done.returncode == 1
    assert "taken back now" in done.stderr
    assert "There is no tunnel" in line.run("show", "ipsec").stdout
    done = line.lines(*TUNNEL, "commit confirmed 30", "cancel-commit", "end", "end", "end", "show ipsec")
    assert "There is no tunnel" in done.stdout
    assert line.lines(*TUNNEL, "commit confirmed", "commit").returncode == 0
    assert "192.0.2.1" in line.run("show", "running-config").stdout


def test_the_way_back_and_what_a_commit_would_do(line: CommandLine) -> None:
    assert line.lines(*TUNNEL, commit=True).returncode == 0
    newest = json.loads(line.run("show", "history", "--json").stdout)
    number = newest["yangswan-agent:agent"]["history"]["commit"][0]["id"]
    done = line.lines("config", "tunnel", "no ipsec 1", "dry-run", "diff", "commit check", "commit")
    assert done.returncode == 0
    assert "deleted" in done.stdout
    assert "- /yangswan-ipsec:tunnels/ipsec[id='1']" in done.stdout
    assert "may be committed" in done.stdout
    assert line.lines(f"rollback {number}", "diff", "commit comment back").returncode == 0
    assert "192.0.2.1" in line.run("show", "running-config").stdout
    assert "Nothing differs" in line.run("rollback", str(number)).stdout


def test_ctrl_c_drops_what_was_edited(line: CommandLine) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "console"], env=dict(line.environ), text=True, cwd=line.home,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("".join(f"{one}\n" for one in (*TUNNEL, "diff")))
    process.stdin.flush()
    assert "+" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in errors) == (130, False)
    assert "no difference" in line.run("diff").stdout


def test_a_reader_that_has_seen_enough_is_no_error(line: CommandLine) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m console show running-config | head -1; exit ${{PIPESTATUS[0]}}"],
        env=dict(line.environ), cwd=line.home, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_an_answer_is_made_harmless(line: CommandLine, tmp_path: Path) -> None:
    message = "<error-message>bad \u202e\u009b text</error-message>"
    error = f"<rpc-error><error-tag>x</error-tag><error-severity>error</error-severity>{message}</rpc-error>"
    with server(tmp_path / "s", answering(lambda number, message: reply(number, error))) as path:
        done = line.run("--socket", str(path), "commit", PYTHONIOENCODING="utf-8")
    assert done.returncode == 1
    assert "\\u202e\\x9b" in done.stderr


def test_help_needs_no_agent(line: CommandLine, tmp_path: Path) -> None:
    assert "commit [confirmed" in line.run("--socket", str(tmp_path / "none"), "help").stdout
    assert "SECONDS" in line.run("help", "commit").stdout
    assert line.run("help", "shwo").returncode == 2


def test_nothing_colours_a_pipe(line: CommandLine) -> None:
    assert "\x1b" not in line.run("show", "ipsec").stdout
