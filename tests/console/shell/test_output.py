"""Where commands write: a terminal gets what is harmless, a pipe no colours, and narrow is no trouble."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import threading
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from console.harmless import harmless, harmless_json, harmless_lines
from console.shell.output import Terminal, _Progress

EVIL = "a\x1b[31m\x07\u202eb\x9bc\u2028d\x00"


class Screen(io.StringIO):
    """A file that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def written(*, terminal: bool = False, **environ: str) -> tuple[Terminal, io.StringIO]:
    file = Screen() if terminal else io.StringIO()
    return Terminal(stdout=file, stderr=file, environ={"TERM": "xterm", **environ}), file


def test_nothing_that_a_terminal_obeys_comes_through() -> None:
    out, file = written()
    out.text(EVIL)
    out.warn(EVIL)
    out.table(["ID", "NAME"], [["1", EVIL]])
    out.json({"name": EVIL})
    out.rich.print(EVIL)
    out.rich.print(Text(EVIL))
    said = file.getvalue()
    assert not any(unicodedata.category(one) in ("Cc", "Cf", "Zl", "Zp") for one in said if one != "\n")
    assert said.count("\\x1b[31m") == 5
    assert json.loads(harmless_json(json.dumps({"name": EVIL}, ensure_ascii=False))) == {"name": EVIL}


@given(st.text())
def test_whatever_it_is_it_is_one_visible_line(text: str) -> None:
    shown = harmless(text)
    assert "\n" not in shown
    assert not any(unicodedata.category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp") for one in shown)
    assert harmless_lines(text).count("\n") == text.count("\n")


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colours_are_for_terminals_that_want_them(environ: dict[str, str]) -> None:
    coloured, plain = written(terminal=True), written(terminal=True, **environ)
    piped = written()
    for out, _ in (coloured, plain, piped):
        out.rich.print("x", style="red")
    assert "\x1b[31m" in coloured[1].getvalue()
    assert "31m" not in plain[1].getvalue()
    assert piped[1].getvalue() == "x\n"


def test_markup_and_emoji_are_text() -> None:
    out, file = written()
    out.rich.print("[red]x[/red] :smile:")
    assert file.getvalue() == "[red]x[/red] :smile:\n"


def test_a_pipe_gets_lines_as_long_as_they_are() -> None:
    out, file = written()
    out.table(["ID", "NAME"], [["1", "word " * 100]])
    assert len(file.getvalue().splitlines()) == 2


@pytest.mark.parametrize("columns", [20, 30, 40, 80])
def test_a_table_fits_a_narrow_terminal_or_becomes_rows(columns: int) -> None:
    out, file = written(terminal=True)
    out.set_width(columns)
    out.table(["ID", "DESCRIPTION", "STATUS"], [["1", "to the branch office in Bern", "Up(Installed)"]])
    lines = file.getvalue().splitlines()
    assert all(len(line.replace("\x1b[1m", "").replace("\x1b[0m", "")) <= columns for line in lines)
    assert "Installed" in file.getvalue()


def test_an_empty_table_says_so() -> None:
    out, file = written()
    out.table(["ID"], [], empty="There is nothing.")
    out.table(["ID"], [])
    assert file.getvalue() == "There is nothing.\n"


def test_progress_is_for_terminals() -> None:
    out, file = written()
    with out.progress("working") as say:
        say("still working")
    assert file.getvalue() == ""


@pytest.mark.parametrize("place", ["begin", "join"])
def test_progress_ends_where_ctrl_c_comes_as_it_begins_and_as_it_ends(
    monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    threads: list[threading.Thread] = []
    work = getattr(_Progress, place)

    def interrupted(shown: _Progress) -> None:
        threads.append(shown._thread)
        signal.raise_signal(signal.SIGINT)
        work(shown)

    monkeypatch.setattr(_Progress, place, interrupted)
    with pytest.raises(KeyboardInterrupt), Terminal(stderr=Screen()).progress("working"):
        pass
    for thread in threads:
        thread.join(30)
    assert [thread.is_alive() for thread in threads] == [False]


def test_progress_ends_when_nobody_holds_it_any_more() -> None:
    shown = _Progress(Screen(), "working", lambda: 80)
    shown.begin()
    thread = shown._thread
    del shown
    thread.join(30)
    assert not thread.is_alive()


@pytest.mark.parametrize(
    "environ",
    [{}, {"COLUMNS": "61"}, {"COLUMNS": "x"}, {"TERM": "dumb", "COLUMNS": "61"}],
)
def test_the_columns_of_a_terminal_are_those_that_rich_finds(environ: dict[str, str]) -> None:
    out, _ = written(terminal=True, **environ)
    assert out.columns == out.rich.width
    if environ.get("TERM") != "dumb":
        out.set_width(47)
        assert (out.columns, out.rich.width) == (47, 47)
        out.set_width(0)
    assert out.columns == out.rich.width


def test_a_terminal_that_says_it_has_no_columns_has_some() -> None:
    out, _ = written(terminal=True, COLUMNS="0")
    assert (out.columns or 0) > 0


def test_where_nobody_looks_there_are_no_columns() -> None:
    out, _ = written(COLUMNS="61")
    out.set_width(50)
    assert out.columns is None


def test_what_most_commands_do_without_is_not_imported_before_it_is_needed() -> None:
    heavy = ("rich", "importlib.metadata", "paramiko", "prompt_toolkit", "pyang", "asyncio")
    asked = f"import sys, console.shell.opening; print(*(one for one in {heavy} if one in sys.modules))"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
