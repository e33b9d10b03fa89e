"""script/build-man: pages that groff and mandoc take without a word, and that say all there is to say."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from agent.settings import SETTINGS
from agent.transport.limits import Limits
from agent.web_settings import KEYS as WEB
from console.grammar import command as grammar
from script.manual import __main__ as manual
from script.manual import markdown, pages, programs, roff, typed
from script.manual.parsers import Command
from tests.scripts.agents import ROOT
from tests.scripts.test_settings_page import named
from translators.strongswan.options import Options

PAGES = ("yangswand.8", "yangswan.1", "yangswan-settings.5")
EDITION = pages.Edition("yangswan 1.2.3", "2026-01-02")
INSTALLS = "(script/setup --tests installs it)"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run script/build-man with this interpreter, from another folder."""
    folder = tmp_path_factory.mktemp("manual")
    subprocess.run(
        [ROOT / "script/build-man", "made"], cwd=folder, check=True,
        env={**os.environ, "PYTHON": sys.executable, "SOURCE_DATE_EPOCH": "86400"},
    )  # fmt: skip
    return folder / "made"


def shown(page: Path) -> str:
    """Return the characters of a page as a terminal shows it, see ``bare``."""
    if shutil.which("groff") is None:
        pytest.skip(f"groff is not installed {INSTALLS}")
    done = subprocess.run(
        ["groff", "-man", "-Tascii", "-P-c", page], capture_output=True, text=True, check=True
    )
    return bare(re.sub(r".\x08", "", done.stdout))


def bare(text: str) -> str:
    """Return text without blanks and hyphens, which depend on where lines end."""
    return re.sub(r"[\s-]", "", text).casefold()


def source(page: Path) -> str:
    """Return a page without its escapes."""
    text = re.sub(r"\\f[BIR]|\\&", "", page.read_text(encoding="utf-8"))
    return text.replace("\\-", "-").replace("\\(aq", "'").replace("\\(dq", '"')


def test_five_files_are_written(built: Path) -> None:
    assert {path.name for path in built.iterdir()} == {*PAGES, "yangswan.bash", "_yangswan"}


@pytest.mark.parametrize("page", PAGES)
def test_groff_has_nothing_to_say(built: Path, page: str) -> None:
    if shutil.which("groff") is None:
        pytest.skip(f"groff is not installed {INSTALLS}")
    done = subprocess.run(
        ["groff", "-man", "-ww", "-z", "-Tascii", built / page], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.parametrize("page", PAGES)
def test_mandoc_has_nothing_to_say(built: Path, page: str) -> None:
    if shutil.which("mandoc") is None:
        pytest.skip(f"mandoc is not installed {INSTALLS}")
    done = subprocess.run(["mandoc", "-T", "lint", built / page], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("page", PAGES)
def test_man_finds_name_and_purpose(built: Path, page: str) -> None:
    lines = (built / page).read_text(encoding="utf-8").splitlines()
    name, number = page.split(".")
    title = f".TH {name.upper()} {number} 1970-01-02".replace("-SETTINGS", "\\-SETTINGS")
    assert lines[1].startswith(title)
    assert lines[2] == ".SH NAME"
    assert re.fullmatch(re.escape(name).replace(r"\-", r"\\-") + r" \\- [^.]+", lines[3])


@pytest.mark.parametrize("page", PAGES)
def test_any_terminal_shows_every_character(built: Path, page: str) -> None:
    assert (built / page).read_text(encoding="utf-8").isascii()


def test_the_synopsis_of_yangswan_says_that_it_takes_commands(built: Path) -> None:
    first = (built / "yangswan.1").read_text().partition(".SY yangswan\n")[2].partition(".YS\n")[0]
    assert first.rstrip().endswith("[\\fICOMMAND\\fR\\~.\\|.\\|.\\&]")
    assert "fICOMMAND" not in (built / "yangswand.8").read_text().partition(".YS")[0]


@pytest.mark.parametrize("page", ["yangswand.8", "yangswan.1"])
def test_the_sections_stand_in_the_order_that_readers_know(built: Path, page: str) -> None:
    found = re.findall(r"^\.SH (.*)$", (built / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert found == [heading for heading in pages.ORDER if heading in found]
    assert set(found) >= {"NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "OPTIONS", "EXIT STATUS", "SEE ALSO"}


@pytest.mark.parametrize(
    ("page", "program"), [("yangswand.8", programs.yangswand()), ("yangswan.1", programs.yangswan())]
)
def test_every_option_and_its_help_is_in_its_page(built: Path, page: str, program: Command) -> None:
    text = shown(built / page)
    described = (program,) if page == "yangswand.8" else (program, *program.commands)
    for command in described:
        assert bare(command.about) in text
        for option in command.options:
            assert all(bare(name) in text for name in option.names)
            assert bare(option.help) in text


def test_every_setting_is_in_the_page_of_settings(built: Path) -> None:
    keys = set(re.findall(r"^\.TP\n(\S+)", source(built / "yangswan-settings.5"), re.MULTILINE))
    tables = {"users", "limits", "metrics", "translator", "web"}
    general = {*(SETTINGS - tables), "[users]", "[web]"}
    expected = general | {*named(Limits), *named(Options), *WEB, "anybody", "hosts"}
    assert expected <= keys


def test_no_word_of_the_page_of_settings_is_lost(built: Path) -> None:
    text = shown(built / "yangswan-settings.5")
    page = (ROOT / "docs/settings.md").read_text(encoding="utf-8")
    page = re.sub(r"\]\([^)]*\)|^\|( key|-).*$|^# .*$", "|", page, flags=re.MULTILINE)
    parts = [bare(part) for part in re.split(r"[|`*\[]|\n- |\n#+ ", page)]
    assert len(parts) > 500
    assert [part for part in parts if part not in text] == []


def test_every_signal_that_ends_the_agent_is_in_its_page(built: Path) -> None:
    ending = (ROOT / "agent/ending.py").read_text(encoding="utf-8")
    handled = {name for name in re.findall(r"signal\.(SIG[A-Z0-9]+)", ending) if hasattr(signal, name)}
    assert {"SIGTERM", "SIGHUP"} <= handled
    part = source(built / "yangswand.8").partition(".SH SIGNALS")[2].partition(".SH ")[0]
    assert set(re.findall(r"^SIG[A-Z0-9]+$", part, re.MULTILINE)) == handled


def test_every_variable_that_a_program_reads_is_in_a_page(built: Path) -> None:
    read = re.compile(r"(?:environ(?:ment)?(?:\.get\(|\.pop\(|\[)\s*|VARIABLE = )\"(\w+)\"")
    files = [
        path.read_text(encoding="utf-8")
        for tree in ("agent", "console")
        for path in (ROOT / tree).rglob("*.py")
    ]
    parts = [source(built / page).partition(".SH ENVIRONMENT")[2].partition(".SH ")[0] for page in PAGES]
    tags = [tag for part in parts for tag in re.findall(r"^\.TP\n(.*)$", part, re.MULTILINE)]
    names = {name for tag in tags for name in re.findall(r"[A-Z_]+", tag)}
    assert {name for text in files for name in read.findall(text)} <= names


def test_the_same_sources_make_the_same_bytes(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert manual.files() == {path.name: path.read_text(encoding="utf-8") for path in built.iterdir()}


@pytest.mark.parametrize("text", ["# A\n\n> quoted\n", "# A\n\n![x](y.png)\n", "# A\n\n<b>x</b>\n"])
def test_what_has_no_form_in_a_page_is_refused(text: str) -> None:
    with pytest.raises(markdown.Unknown):
        markdown.parse(text)


def test_a_section_that_no_page_has_is_refused() -> None:
    written = pages.Written("# yangswan(1)\n\noperator's command\n\n## Author\n\nNobody.\n")
    with pytest.raises(pages.Misplaced, match=r"yangswan\(1\) has no section AUTHOR"):
        pages.program(programs.yangswan(), 1, written=written, edition=EDITION)


def test_a_program_that_nothing_is_written_for_is_refused() -> None:
    with pytest.raises(pages.Misplaced, match=r"nothing is written for other\(1\)"):
        pages.program(
            replace(programs.yangswan(), name="other"), 1, written=pages.Written(""), edition=EDITION
        )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (".SH x", "\\&.SH x"),
        ("'quoted' and \\n", "\\(aqquoted\\(aq and \\en"),
        ("--data-dir of a half-open line", "\\fB\\-\\-data\\-dir\\fR of a half-open line"),
        ("an ö", "an \\[u00F6]"),
    ],
)
def test_text_is_text_in_roff(text: str, expected: str) -> None:
    assert roff.filled(roff.prose(text)) == expected


def test_the_commands_of_the_command_line_stand_where_they_can_be_typed() -> None:
    commands = [
        grammar.Command(
            "show ipsec ID [log]", "one tunnel", print, arguments={"ID": grammar.Argument("its number")}
        ),
        grammar.Command("[no] ipsec (restart|monitor)", "the daemon", print, where=grammar.Where.EXEC),
        grammar.Command("commit", "put it in force", print, where=grammar.Where.CONFIG),
    ]
    text = "\n".join(typed.blocks(commands))
    assert text.split("\n") == [
        ".SS Everywhere", ".TP", r"\fBshow\fR \fBipsec\fR \fIID\fR [\fBlog\fR]", "One tunnel.",
        ".RS", ".TP", r"\fIID\fR", "Its number.", ".RE",
        ".SS Outside of the configuration", ".TP",
        r"[\fBno\fR] \fBipsec\fR (\fBrestart\fR|\fBmonitor\fR)", "The daemon.",
        ".SS In the configuration", ".TP", r"\fBcommit\fR", "Put it in force.",
    ]  # fmt: skip
