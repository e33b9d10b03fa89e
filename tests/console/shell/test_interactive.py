"""The command line in a pseudo terminal, beside a live agent."""

from __future__ import annotations

import random
import re
import signal
import sys
from types import SimpleNamespace
from typing import Any, cast

import pexpect
import pytest
from prompt_toolkit.formatted_text import FormattedText

from console.shell import interactive
from console.shell.shell import Shell
from tests.console.shell.lines import LIMIT_S, CommandLine, Terminal
from tests.console.shell.test_script import TUNNEL, lock, other

CTRL_C, CTRL_D, CTRL_R, TAB = "\x03", "\x04", "\x12", "\t"
IN_TUNNEL = "alice:/config/tunnel/ipsec-1/"


def opened(line: CommandLine, *words: str, **others: str) -> Terminal:
    terminal = line.terminal(*words, **others)
    terminal.at("alice:/")
    return terminal


def edited(line: CommandLine) -> Terminal:
    """A command line in a tunnel that is complete and not committed."""
    terminal = opened(line)
    terminal.types("config").at("alice:/config/")
    terminal.types("tunnel").at("alice:/config/tunnel/")
    terminal.types("ipsec 1").at(f"*{IN_TUNNEL}")
    for one in TUNNEL[3:]:
        terminal.types(one).at(f"*{IN_TUNNEL}")
    return terminal


def leave(terminal: Terminal) -> None:
    terminal.types("quit")
    terminal.ends()


def test_the_banner_says_what_to_do_first(line: CommandLine) -> None:
    terminal = line.terminal()
    said = terminal.at("alice:/")
    assert "you are " in said
    assert "There are no tunnels yet. To make one, type: config, tunnel, ipsec 1" in said
    leave(terminal)


def test_a_tunnel_is_typed_committed_and_shown_from_the_prompts_of_the_manual(line: CommandLine) -> None:
    terminal = edited(line)
    terminal.types("end").at("*alice:/config/tunnel/")
    terminal.types("end").at("*alice:/config/")
    terminal.types("leave")
    assert "Committed: commit " in terminal.at("alice:/")
    terminal.types("tunnel").at("alice:/tunnel/")
    assert "ipsec 1" not in terminal.types("show ipsec").at("alice:/tunnel/").partition("ID")[2]
    terminal.types("exit").at("alice:/")
    terminal.types("exit")
    assert terminal.ends() == 0


def test_abort_drops_what_was_edited(line: CommandLine) -> None:
    terminal = edited(line)
    assert "dropped" in terminal.types("abort").at("alice:/")
    assert "There is no tunnel" in terminal.types("show ipsec").at("alice:/")
    leave(terminal)


def test_leaving_the_configuration_by_end_keeps_edits_and_says_so(line: CommandLine) -> None:
    terminal = edited(line)
    for where in ("*alice:/config/tunnel/", "*alice:/config/"):
        terminal.types("end").at(where)
    assert "what was edited is not in force" in terminal.types("end").at("*alice:/")
    terminal.types("discard").at("alice:/")
    leave(terminal)


def test_who_only_looks_into_a_tunnel_edits_nothing(line: CommandLine) -> None:
    assert line.lines(*TUNNEL, commit=True).returncode == 0
    terminal = opened(line)
    terminal.types("config").at("alice:/config/")
    terminal.types("tunnel").at("alice:/config/tunnel/")
    terminal.types("ipsec 1").at(IN_TUNNEL)
    lock(client := other(line))  # nobody else has it
    client.close()
    leave(terminal)


@pytest.mark.parametrize(
    ("typed", "said", "marked"),
    [
        ("peer 1.2.3", "peer takes an IP address", "^^^^^\n"),
        ("pee 1.2.3.4 5", "", "^\n"),
        ("nonsense", "is not known here", "^^^^^^^^\n"),
        ("local-address 300.1.1.1", "", "^^^^^^^^^\n"),
        (
            "show running-config foo",
            "'foo' is not known here",
            " " * len(f"*{IN_TUNNEL}#> show running-config ") + "^^^\n",
        ),
    ],
)
def test_a_mistake_is_marked_at_its_place(line: CommandLine, typed: str, said: str, marked: str) -> None:
    terminal = edited(line)
    shown = terminal.types(typed).at(f"*{IN_TUNNEL}")
    assert said in shown
    assert marked in shown
    terminal.types("abort").at("alice:/")
    leave(terminal)


def test_completion_and_question_mark(line: CommandLine) -> None:
    terminal = edited(line)
    terminal.sends("desc" + TAB).sees("description")
    terminal.sends(CTRL_C).at(f"*{IN_TUNNEL}")
    terminal.sends("dpd-action ?")
    for word in ("clear ", "trap ", "restart "):
        terminal.sees(word)
    terminal.sends(CTRL_C).at(f"*{IN_TUNNEL}")
    terminal.sends('description "why?').sees("why\\?")
    terminal.sends(CTRL_C).at(f"*{IN_TUNNEL}")
    terminal.types("description what?now").at(f"*{IN_TUNNEL}")
    assert "what?now" in terminal.types("diff").at(f"*{IN_TUNNEL}")
    terminal.types("description what ? now").at(f"*{IN_TUNNEL}")
    assert "what ? now" in terminal.types("diff").at(f"*{IN_TUNNEL}")
    terminal.sends("ipsec?").sees("  ipsec  ")
    terminal.sends(CTRL_C).at(f"*{IN_TUNNEL}")
    terminal.sends("nonsense?").sees("'nonsense' is not known here")
    terminal.sends(CTRL_C).at(f"*{IN_TUNNEL}")
    terminal.types("leave comment why? 4711").at("alice:/")
    assert "why? 4711" in terminal.types("show history").at("alice:/")
    terminal.sends("show ipsec ?").sees(r"\s1\s")
    terminal.sends(CTRL_C).at("alice:/")
    leave(terminal)


def test_a_secret_is_asked_for_twice_and_shown_nowhere(line: CommandLine) -> None:
    terminal = edited(line)
    terminal.types("secret").sees("secret:")
    terminal.types("Walrus-Hunting-9").sees("once more:")
    terminal.types("Walrus-Hunting-8").sees("not the same")
    terminal.sees("secret:")
    terminal.types("Walrus-Hunting-9").sees("once more:")
    terminal.types("Walrus-Hunting-9").at(f"*{IN_TUNNEL}")
    terminal.types("secret").sees("secret:")
    terminal.sends(CTRL_C).at(f"*{IN_TUNNEL}")
    terminal.types("secret sh").at(f"*{IN_TUNNEL}")
    terminal.types("diff").at(f"*{IN_TUNNEL}")
    assert "Walrus" not in terminal.shown
    assert "**" not in terminal.shown  # nor how long it is
    terminal.types("leave").at("alice:/")
    terminal.types("secret Elk-Watching-9").at("alice:/")
    terminal.types("show ipsec").at("alice:/")
    leave(terminal)
    kept = line.history.read_text()
    assert "show ipsec" in kept
    assert "\nsecret\n" in kept
    assert not any(secret in kept for secret in ("Walrus", "Zebra", "Elk", "secret sh"))
    assert line.history.stat().st_mode & 0o777 == 0o600


def test_behind_a_secret_a_question_shows_its_answer_and_nothing_of_the_secret(line: CommandLine) -> None:
    terminal = edited(line)
    terminal.types("secret").sees("secret:")
    terminal.types("Yellow-Submarine").sees("once more:")
    terminal.types("Yellow-Submarine").at(f"*{IN_TUNNEL}")
    terminal.sends(CTRL_D).sees("N]")
    up = "\x1b[A"
    terminal.sends(up + up + "Q").sees("Q")
    terminal.sends(CTRL_C).at(f"*{IN_TUNNEL}")
    assert "Yellow" not in terminal.shown
    terminal.types("abort").at("alice:/")
    leave(terminal)


def test_a_commit_that_is_loaded_once_more_drops_no_edits_and_an_answer_that_is_none_is_no(
    line: CommandLine,
) -> None:
    assert line.lines(*TUNNEL, commit=True).returncode == 0
    assert line.lines(*TUNNEL[:3], "description another", commit=True).returncode == 0
    terminal = opened(line)
    last = max(int(one) for one in re.findall(r"(?m)^ *(\d+) ", line.run("show", "history").stdout))
    terminal.types(f"rollback {last - 1}").at("*alice:/")
    assert "Drop it?" not in terminal.types(f"rollback {last - 1}").at("*alice:/")
    terminal.types("config").at("*alice:/config/")
    terminal.types("tunnel").at("*alice:/config/tunnel/")
    terminal.types("ipsec 1").at(f"*{IN_TUNNEL}")
    terminal.types("description a third").at(f"*{IN_TUNNEL}")
    terminal.types(f"rollback {last - 1}").sees("Drop it.*N]")
    terminal.types("perhaps").sees("Drop it.*N]")
    terminal.types("rollback 1").sees("Drop it.*N]")
    terminal.types("sure").at(f"*{IN_TUNNEL}")
    assert "a third" in terminal.types("diff").at(f"*{IN_TUNNEL}")
    terminal.types("abort").at("alice:/")
    leave(terminal)


def test_what_was_typed_before_is_searched(line: CommandLine) -> None:
    terminal = opened(line)
    terminal.types("show sessions").at("alice:/")
    leave(terminal)
    terminal = opened(line)
    terminal.sends(CTRL_R + "sess").sees("reverse-i-search")
    terminal.sends("\r").sees("show sessions")
    terminal.sends("\r").sees("USER")
    terminal.at("alice:/")
    leave(terminal)


def test_pasted_lines_are_read_as_if_they_were_typed(line: CommandLine) -> None:
    terminal = opened(line)
    pasted = "\n".join((*TUNNEL, "  description pasted", "end", "diff", "show ver"))
    terminal.sends(f"\x1b[200~{pasted}\x1b[201~").sees("description = pasted")
    terminal.sees("show ver")
    terminal.sends(CTRL_C).at("*alice:/config/tunnel/")
    terminal.types("abort").at("alice:/")
    pasted = "config\nnonsense\ntunnel\n"
    terminal.sends(f"\x1b[200~{pasted}\x1b[201~").sees("the line behind it that was pasted is left out")
    terminal.at("alice:/config/")
    leave(terminal)


@pytest.mark.parametrize("seen", ["console.command_line", "prompt_toolkit", "console.shell.interactive"])
def test_ctrl_c_while_it_starts_says_nothing(line: CommandLine, seen: str) -> None:
    child = pexpect.spawn(
        sys.executable, ["-X", "importtime", "-m", "console"], timeout=LIMIT_S, encoding="utf-8",
        env=line.environ, cwd=str(line.home),
    )  # fmt: skip
    child.expect(rf"\| +{re.escape(seen)}\r")
    child.kill(signal.SIGINT)
    child.expect(pexpect.EOF)
    child.close()
    assert [one for one in child.before.splitlines()[1:-1] if not one.startswith("import time:")] == []
    assert child.exitstatus == 130


ODD_KEYS = (
    "\x1b[31m", "\x1b[0m", "\x1b[1;31m", "\x1b[<0;1m", "\x1b[99999;1R", "\x1b[;m", "\x1b[200m",
    "\x1b[M\xff\xff\xff",
    "\x1bOP", "\x1b]0;x\x07", "\x1b[?1;2c", "\x1b[I", "\x1b-5", "\x1b[1;5D", "\x00", "\x1b[3;5~",
)  # fmt: skip


def test_escape_sequences_that_arrive_as_keys_do_nothing(line: CommandLine) -> None:
    terminal = opened(line)
    for keys in ODD_KEYS:
        terminal.sends(keys + CTRL_C).at("alice:/")
    chance = random.Random(1)
    for _ in range(20):
        odd = "".join(
            "\x1b" + chance.choice("[]O(P") + "".join(chance.choices("0123456789;<?mMRcnht~", k=5))
            for _ in range(20)
        )
        terminal.sends(odd + CTRL_C).at("alice:/")
    assert "There is no tunnel" in terminal.types("show ipsec").at("alice:/")
    assert "Unhandled" not in terminal.shown
    assert "Traceback" not in terminal.shown
    leave(terminal)


def test_ctrl_c_clears_a_line_and_commits_nothing(line: CommandLine) -> None:
    terminal = edited(line)
    terminal.sends("commit" + CTRL_C).at(f"*{IN_TUNNEL}")
    terminal.sends(CTRL_C).at(f"*{IN_TUNNEL}")
    assert "There is no tunnel" in line.run("show", "ipsec").stdout
    terminal.types("abort").at("alice:/")
    leave(terminal)


def test_ctrl_d_asks_when_something_is_not_committed(line: CommandLine) -> None:
    terminal = edited(line)
    terminal.sends(CTRL_D).sees("not committed, and is dropped. Leave")
    terminal.types("no").at(f"*{IN_TUNNEL}")
    for asked in (CTRL_D, "quit\r"):
        terminal.sends(asked).sees(r"Leave\? .y/N\]")
        terminal.sends(CTRL_D).at(f"*{IN_TUNNEL}")
    terminal.sends(CTRL_D).sees("Leave")
    terminal.types("yes")
    assert terminal.ends() == 0
    assert "no difference" in line.run("diff").stdout


@pytest.mark.parametrize("on_terminal", [True, False])
def test_the_end_of_what_is_typed_leaves_only_where_the_terminal_is_gone(
    monkeypatch: pytest.MonkeyPatch, on_terminal: bool
) -> None:
    def ends(question: str) -> bool:
        raise EOFError

    editing = SimpleNamespace(edited=True, differs=True, pending=None, refresh=lambda: True)
    talk = object.__new__(interactive._Conversation)
    talk._shell = cast(Shell, SimpleNamespace(client=SimpleNamespace(gone=None), editing=editing))
    talk._notice = lambda: None  # type: ignore[method-assign]
    talk._confirm = ends  # type: ignore[method-assign]
    monkeypatch.setattr(interactive.os, "isatty", lambda _number: on_terminal)
    assert talk._may_leave() is not on_terminal


def test_long_output_is_paged_and_narrow_terminals_get_rows(line: CommandLine) -> None:
    terminal = opened(line, rows=10, columns=40, PAGER="sed s/^/PAGED/")  # type: ignore[arg-type]
    assert "PAGED" in terminal.types("show running-config").at("alice:/")
    assert "PAGED" not in terminal.types("show ipsec").at("alice:/")
    terminal.types("terminal length 0").at("alice:/")
    assert "PAGED" not in terminal.types("show running-config").at("alice:/")
    terminal.types("terminal width 30").at("alice:/")
    leave(terminal)


def test_what_removes_all_of_a_container_is_asked_about_with_how_much_goes(line: CommandLine) -> None:
    second = ("end", "ipsec 2", "local-address 192.0.2.3", "secret Walrus-Hunting-9")
    assert line.lines(*TUNNEL, *second, commit=True).returncode == 0
    terminal = opened(line)
    terminal.types("config").at("alice:/config/")
    assert "type it in full" in terminal.types("no t").at("alice:/config/")
    terminal.types("no tunnels").sees(r"All of tunnels goes away: 2 entries\. Remove it\?")
    terminal.types("n").at("alice:/config/")
    terminal.types("no tunnels").sees(r"Remove it\?")
    terminal.types("y").at("*alice:/config/")
    terminal.types("no tunnels").at("*alice:/config/")  # nothing is left to ask about
    terminal.types("abort").at("alice:/")
    leave(terminal)


def test_of_more_lines_than_can_be_pasted_none_is_carried_out(
    line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    shell = SimpleNamespace(out=SimpleNamespace(warn=said.append), context=None, waits=lambda _line: False)
    monkeypatch.setattr(interactive, "MOST_PASTED_LINES", 3)
    talk = object.__new__(interactive._Conversation)
    talk._shell, talk._pasted, talk._rest = cast(Shell, shell), [], ""
    talk._prompt = FormattedText  # type: ignore[method-assign]
    talk._notice = lambda: None  # type: ignore[method-assign]
    for pasted, first, rest in (("a\nb\nc", "a", ["b", "c"]), ("a\nb\nc\nd", "", [])):
        talk._pasted = []
        talk._session = cast(Any, SimpleNamespace(prompt=lambda *_, text=pasted, **__: text))
        assert (talk._next_line(), talk._pasted) == (first, rest)
    assert said == [
        "4 lines are more than can be pasted (3): none of them is carried out ('yangswan -f FILE' takes more)"
    ]
