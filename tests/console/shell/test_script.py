"""Lines that nobody types: exit statuses, all or nothing, where an error is said to be."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from console.client.connection import Connection
from console.client.unix import UnixStream
from tests.console.client.servers import NETCONF, answering, reply, server
from tests.console.shell.lines import CommandLine

TUNNEL = ("config", "tunnel", "ipsec 1", "local-address 192.0.2.1", "secret Zebra-Crossing-7")
IPSEC = "urn:yangswan:params:xml:ns:yang:ipsec"
MANY_TUNNELS, MANY_LIMIT_S = 2000, 300


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


def newest(line: CommandLine) -> int:
    """Return the number of the newest commit."""
    shown = json.loads(line.run("show", "history", "--json").stdout)
    return int(shown["yangswan-agent:agent"]["history"]["commit"][0]["id"])


def wait_for(events: Iterator[etree._Element], confirm_event: str) -> None:
    """Wait until a confirmed commit has come so far (RFC 6470)."""
    for event in events:
        if any(one.text == confirm_event for one in event.iter("{*}confirm-event")):
            return


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


def test_parts_of_the_configuration_are_shown_and_compared(line: CommandLine) -> None:
    shown = line.lines(*TUNNEL, "show", "diff nacm", "diff tunnel ipsec 1", "abort")
    assert shown.stderr == ""
    here, _, differences = shown.stdout.partition("There is no difference.")
    assert here.splitlines() == ["local-address 192.0.2.1", "# secret is not shown"]
    assert "192.0.2.1" in differences
    assert line.lines(*TUNNEL, commit=True).returncode == 0
    part = line.run("show", "running-config", "tunnel", "ipsec", "1", "local-address")
    assert "  local-address 192.0.2.1" in part.stdout.replace("    ", "  ")
    assert line.run("show", "running-config", "tunnel", "ipsec", "8").returncode == 1
    assert line.run("diff", "nowhere").returncode == 2


@pytest.mark.parametrize(
    ("wrong", "status", "said"),
    [
        ("peer 1.2.3", 2, "line 6: peer takes an IP address"),
        ("nonsense", 2, "line 6: 'nonsense' is not known here"),
        ("do show", 2, "line 6: a word is missing"),
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
    assert "(type 'local-address ADDRESS')" in done.stderr
    assert "(type 'secret SECRET' or 'certificate own OWN')" in done.stderr
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


def test_no_agent_is_a_status_of_its_own(line: CommandLine, tmp_path: Path) -> None:
    done = line.run("--socket", str(tmp_path / "none"), "show", "ipsec")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("yangswan: no agent runs here")
    assert line.run("--host", "a b", "show", "ipsec").returncode == 2


def test_a_mistake_needs_no_agent(line: CommandLine, tmp_path: Path) -> None:
    done = line.run("--socket", str(tmp_path / "none"), "show", "ipsce")
    assert (done.returncode, done.stdout) == (2, "")
    assert "'ipsce' is not known here" in done.stderr


BEGUN = "import sys; from console.start import main; sys.exit(main())"


def test_over_ssh_it_is_the_same(line: CommandLine, tmp_path: Path) -> None:
    agent = line.agent
    where = ("--host", f"{agent.host}:{agent.port}", "--user", agent.user, "--key", str(agent.key))
    done = line.run(*where, "--known-hosts", str(tmp_path / "none"), "show", "ipsec")
    assert (done.returncode, "is not known (ssh-ed25519 SHA256:" in done.stderr) == (3, True)
    done = line.run(*where, "--known-hosts", str(agent.data_dir / "known_hosts"), "show", "ipsec")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("last", "status"),
    [
        (("quit", "description x"), 2),
        (("end", "end", "end", "exit", "foo"), 2),
        (("quit",), 0),
        (("quit", "", "# that is all"), 0),
    ],
)  # fmt: skip
@pytest.mark.parametrize("how", ["file", "input"])
def test_lines_behind_the_end_are_not_left_out_silently(
    line: CommandLine, tmp_path: Path, last: tuple[str, ...], status: int, how: str
) -> None:
    text = "\n".join((*TUNNEL, *last))
    (tmp_path / "lines").write_text(text)
    done = line.run("--commit", *(["-f", str(tmp_path / "lines")] if how == "file" else []), typed=text)
    assert done.returncode == status
    number = len(TUNNEL) + len(last)
    ended = f"line {number}: line {number - 1} has ended everything"
    assert (ended in done.stderr) == (status == 2)
    assert ("There is no tunnel" in line.run("show", "ipsec").stdout) == (status == 2)


def test_who_says_quit_to_a_command_line_need_not_say_that_nothing_follows(line: CommandLine) -> None:
    """Without --commit a program may talk with it through a pipe."""
    process = subprocess.Popen(
        [sys.executable, "-m", "console"], env=dict(line.environ), text=True, cwd=line.home,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write("show ipsec\nquit\n")
    process.stdin.flush()
    assert process.wait(timeout=60) == 0
    process.communicate()


@pytest.mark.parametrize("words", [("no t", "no n"), ("no tun",), ("no nacm",)])
def test_a_container_goes_by_its_whole_name_alone(line: CommandLine, words: tuple[str, ...]) -> None:
    assert line.lines(*TUNNEL, commit=True).returncode == 0
    for word in words:
        done = line.lines("config", word, commit=True)
        whole = word == "no nacm"
        assert (done.returncode, "type it in full" in done.stderr) == ((0, False) if whole else (2, True))
    assert "192.0.2.1" in line.run("show", "running-config").stdout
    assert line.lines("config", "no tunnels", commit=True).returncode == 0
    assert "There is no tunnel" in line.run("show", "ipsec").stdout


def test_a_confirmed_commit_is_confirmed_or_taken_back(line: CommandLine) -> None:
    done = line.lines(*TUNNEL, "commit confirmed 30")
    assert done.returncode == 1
    assert "taken back now" in done.stderr
    assert "There is no tunnel" in line.run("show", "ipsec").stdout
    done = line.lines(*TUNNEL, "commit confirmed 30", "cancel-commit", "end", "end", "end", "show ipsec")
    assert "There is no tunnel" in done.stdout
    assert line.lines(*TUNNEL, "commit confirmed", "commit").returncode == 0
    assert "192.0.2.1" in line.run("show", "running-config").stdout


@pytest.mark.parametrize("more", [(), ("description changed",)])
def test_a_failing_line_says_which_commit_stays(line: CommandLine, more: tuple[str, ...]) -> None:
    done = line.lines(*TUNNEL, "commit", *more, "nonsense")
    number = newest(line)
    assert done.returncode == 2
    assert f"commit {number} before it is in force" in done.stderr
    assert ("nothing of it is in force" in done.stderr) is bool(more)
    done = line.lines("config", "tunnel", "ipsec 1", "description x", "commit confirmed 30", "nonsense")
    assert "the confirmed commit is taken back now" in done.stderr
    assert "in force" not in done.stderr


def test_a_script_does_not_confirm_what_was_taken_back(line: CommandLine) -> None:
    client = other(line)
    with client.events() as events, line.typing() as typing:
        typing.types(*TUNNEL, "commit confirmed 1")
        wait_for(events, "timeout")
        typing.types("commit")
        done = typing.ends()
    client.close()
    number = newest(line)
    assert done.returncode == 1
    assert f"nothing to confirm: commit {number - 1} was taken back by commit {number}" in done.stderr
    assert "nobody confirmed it in time" in done.stderr
    assert "Confirmed" not in done.stdout


def test_the_history_says_which_commits_wait_until_they_are_confirmed_or_taken_back(
    line: CommandLine,
) -> None:
    assert line.lines(*TUNNEL, commit=True).returncode == 0
    number = newest(line)
    waits = "to be confirmed by"
    edited = ("config", "tunnel", "ipsec 1")
    done = line.lines(
        *edited, "description a", "commit confirmed 600", "description b", "commit confirmed 600",
        "end", "end", "end", "show history last 3", f"show history {number + 1}", "cancel-commit",
        "show history last 4",
    )  # fmt: skip
    assert done.returncode == 0
    before, after = done.stdout.split("was taken back")
    rows = [one for one in before.splitlines() if one.split(" ")[0] in map(str, range(number, number + 3))]
    assert [waits in one for one in rows] == [True, True, False]
    assert re.search(rf"^Waits +{waits} .* in \d+ minutes", before.replace("(", " "), re.MULTILINE)
    assert after.count(f"taken back by {number + 3}") == 2
    assert waits not in after
    done = line.lines(
        *edited, "description c", "commit confirmed 600", "commit", "end", "end", "end", "show history last 1"
    )
    assert "committed" in done.stdout.splitlines()[-1]
    assert waits not in done.stdout


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


# What is being imported when it comes, from the first on; the program that pip makes does the same.
@pytest.mark.parametrize(
    "seen",
    ["argparse", "console.command_line", "lxml.etree", "console.shell.opening", "pyang", "pyang.syntax"],
)
def test_ctrl_c_while_a_script_starts_says_nothing(line: CommandLine, tmp_path: Path, seen: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", "-c", BEGUN, "-c", "config; tunnel"], cwd=line.home, text=True,
        env={**line.environ, "XDG_CACHE_HOME": str(tmp_path)},
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    for told in process.stderr:
        if told.split()[-1] == seen:
            break
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert [one for one in errors.splitlines() if not one.startswith("import time:")] == []
    assert process.returncode == 130


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


def test_thousands_of_tunnels_of_a_script_come_back_as_its_lines(line: CommandLine) -> None:
    script = ["config", "tunnel"]
    for number in range(1, MANY_TUNNELS + 1):
        peer = f"198.51.{number // 250}.{number % 250 + 1}"
        script += [f"ipsec {number}", "local-address 192.0.2.1", f"peer {peer}", "initiator"]
        script += [f"secret Zebra-Crossing-{number}", "end"]
    text = "\n".join(script)
    done = line.run("-f", "-", "--commit", typed=text, limit_s=MANY_LIMIT_S)
    assert done.returncode == 0, done.stderr
    shown = line.run("show", "running-config", limit_s=MANY_LIMIT_S).stdout
    entered = [text.strip() for text in shown.splitlines() if text.strip().startswith("ipsec ")]
    assert entered == [f"ipsec {number}" for number in range(1, MANY_TUNNELS + 1)]
    peers = [text.split()[1] for text in map(str.strip, shown.splitlines()) if text.startswith("peer ")]
    assert peers == [text.split()[1] for text in script if text.startswith("peer ")]
