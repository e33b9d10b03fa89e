"""What a script is read from, and written to: files, standard input, secrets, locales, closed streams."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.console.shell.lines import CommandLine
from tests.console.shell.test_script import TUNNEL


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


@pytest.mark.parametrize(
    ("text", "number", "why"),
    [
        ("", 5, "is empty"),
        ("\n", 5, "line 1 of {} is empty"),
        ("\n\n", 5, "line 1 of {} is empty"),
        ("\r\nabcdefgh\n", 5, "line 1 of {} is empty"),
        ("abcdefgh", 9, "{} has line 1, and ends there"),
        ("abcdefgh\n", 9, "{} has line 1, and ends there"),
        ("abcdefgh\n\nabcdefgh\n", 9, "line 2 of {} is empty"),
        ("abcdefgh\nabcdefgh\n", 13, "{} has lines 1 to 2, and ends there"),
    ],
)
@pytest.mark.parametrize("how", ["file", "input"])
def test_which_line_of_secrets_is_missing_is_said(
    line: CommandLine, tmp_path: Path, how: str, text: str, number: int, why: str
) -> None:
    file = tmp_path / "secrets"
    file.write_text(text)
    where, option = ("standard input", "-") if how == "input" else (str(file), str(file))
    tunnels = [f"ipsec {one}; local-address 192.0.2.1; secret; end" for one in (1, 2, 3)]
    done = line.run("-c", "; ".join(("config; tunnel", *tunnels)), "--secret-file", option, typed=text)
    said = why.format(where) if "{}" in why else f"{where} {why}"
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == f"line {number}: the secret is missing: {said}"
    assert "abcdefgh" not in done.stderr


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


@pytest.mark.parametrize(
    "words",
    [
        ("--commit", "--comment", "esc \x1b[31m x", "-c", "diff"),
        ("--name", "a\x1b", "diff"),
        ("--host", "a\x01", "diff"),
        ("--host", "a", "--user", "b\ufffe", "diff"),
        ("commit", "comment", "esc \x1b[31m x"),
        ("--commit", "--comment", os.fsdecode(b"\xff"), "-c", "diff"),
        ("show", "ipsec", os.fsdecode(b"\xff")),
    ],
)
def test_what_xml_cannot_carry_is_a_mistake(line: CommandLine, words: tuple[str, ...]) -> None:
    done = line.run(*words)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize("typed", ['description "a\\u0001b"', "description a\x1b[31mb", "peer \x07"])
def test_what_xml_cannot_carry_is_a_mistake_in_a_line(line: CommandLine, typed: str) -> None:
    done = line.lines(*TUNNEL, typed)
    assert done.returncode == 2
    assert "line 6: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_secret_that_xml_cannot_carry_is_a_mistake(line: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("Zebra\x1bCrossing\n")
    done = line.run("-c", "; ".join((*TUNNEL[:4], "secret")), "--secret-file", str(tmp_path / "secret"))
    assert (done.returncode, "Zebra" in done.stderr) == (2, False)
    assert "line 5: " in done.stderr


C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": ""}


@pytest.mark.parametrize("how", ["words", "input"])
def test_what_the_locale_lacks_is_written_out(line: CommandLine, how: str) -> None:
    lines = (*TUNNEL, "description Z\u00fcrich \u2192 Gen\u00e8ve", "commit")
    if how == "words":
        done = line.run("-c", "; ".join(lines), **C_LOCALE)
    else:
        done = line.run(typed="\n".join(lines), **C_LOCALE)
    assert (done.returncode, done.stderr) == (0, "")
    for shown in (line.run("show", "ipsec", **C_LOCALE), line.run("show", "running-config", **C_LOCALE)):
        assert (shown.returncode, shown.stderr) == (0, "")
        assert r"Z\xfcrich \u2192 Gen\xe8ve" in shown.stdout
    assert "Z\u00fcrich" in line.run("show", "ipsec").stdout


@pytest.mark.parametrize("how", ["file", "input"])
def test_a_byte_order_mark_is_no_word(line: CommandLine, tmp_path: Path, how: str) -> None:
    text = "\ufeff" + "\n".join((*TUNNEL, "commit"))
    (tmp_path / "lines").write_text(text)
    done = line.run("-f", str(tmp_path / "lines")) if how == "file" else line.run(typed=text)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "typed", "said"),
    [
        (("show", "access", "operation", "a\x01b"), "", "OPERATION takes no control characters"),
        (("-c", "commit comment a\x01b"), "", "TEXT takes no control characters"),
        (("--commit", "--comment", "a\x01b", "-c", "diff"), "", "--comment takes no control characters"),
        (("--secret-file", "-", "-c", "config; tunnel; ipsec 1; secret"), "a\x01bcdefghijk\n", "line 4: "),
        (("--secret-file", "-"), "config\ntunnel\nipsec 1\nsecret\n", "standard input has the lines"),
    ],
)  # fmt: skip
def test_what_cannot_be_sent_is_a_mistake(
    line: CommandLine, words: tuple[str, ...], typed: str, said: str
) -> None:
    done = line.run(*words, typed=typed)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
    assert said in done.stderr
    assert "bcdef" not in done.stderr


def test_a_terminal_without_a_letter_gets_its_number(line: CommandLine) -> None:
    done = line.run("-c", "; ".join((*TUNNEL, "description \u20ac", "diff")), PYTHONIOENCODING="ascii")
    assert (done.returncode, "\\u20ac" in done.stdout, "Traceback" in done.stderr) == (1, True, False)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_who_closes_its_streams_gets_a_status_all_the_same(line: CommandLine, closed: str) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m console show ipsec 77 {closed}"],
        env=dict(line.environ), cwd=line.home, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)


@pytest.mark.parametrize(
    ("to", "why"), [(">&-", "standard output is closed"), (">/dev/full", "No space left on device")]
)
@pytest.mark.parametrize(
    "words", ["show ipsec", "--json show history", "show running-config", "diff", "show version", "watch"]
)
def test_what_is_asked_for_and_cannot_be_written_is_an_error(
    line: CommandLine, words: str, to: str, why: str
) -> None:
    done = redirected(line, f"{words} {to}")
    assert (done.returncode, done.stderr) == (1, f"yangswan: {why}\n")


@pytest.mark.parametrize("to", [">&-", ">/dev/full"])
def test_what_becomes_of_edits_whose_output_cannot_be_written_is_said(line: CommandLine, to: str) -> None:
    tunnel = "; ".join(TUNNEL)
    done = redirected(line, f"--commit -c '{tunnel}; do show ipsec' {to}")
    assert (done.returncode, "it is dropped: nothing of it is in force\n" in done.stderr) == (1, True)
    assert "There is no tunnel" in line.run("show", "ipsec").stdout
    # Nothing is written: nothing is lost.
    done = redirected(line, f"-c '{tunnel}; discard' {to}")
    assert (done.returncode, done.stderr) == (0, "")
    done = redirected(line, f"--commit -c '{tunnel}' {to}")
    assert done.returncode == 1
    assert re.match(r"commit \d+ before it is in force\nyangswan: .*\n\Z", done.stderr)
    assert "192.0.2.1" in line.run("show", "running-config").stdout


def redirected(line: CommandLine, words: str) -> subprocess.CompletedProcess[str]:
    """Run it as a shell does that is told where its output goes."""
    return subprocess.run(
        ["bash", "-c", f"{sys.executable} -m console {words}"],
        env=dict(line.environ), cwd=line.home, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("how", ["file", "input"])
def test_secrets_have_an_end(line: CommandLine, tmp_path: Path, how: str) -> None:
    text = "x" * 5_000_000
    (tmp_path / "secrets").write_text(text)
    where = str(tmp_path / "secrets") if how == "file" else "-"
    done = line.run("--secret-file", where, "-c", "; ".join((*TUNNEL[:4], "secret")), typed=text)
    assert (done.returncode, "Traceback" in done.stderr, "xxx" in done.stderr) == (2, False, False)
    assert "characters" in done.stderr


def test_a_reader_that_has_seen_enough_is_no_error(line: CommandLine) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m console show running-config | head -1; exit ${{PIPESTATUS[0]}}"],
        env=dict(line.environ), cwd=line.home, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_a_reader_that_goes_before_the_commit_is_an_error(line: CommandLine) -> None:
    lines = "; ".join((*TUNNEL, "do show running-config"))
    read, written = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "console", "--commit", "-c", lines],
            env=dict(line.environ),
            cwd=line.home,
            stdout=written,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(written)
    assert (done.returncode, "is dropped" in done.stderr, "Traceback" in done.stderr) == (1, True, False)
    assert "There is no tunnel" in line.run("show", "ipsec").stdout
