"""script/demo when something fails: what it says, and what it keeps. The whole of it: test_demo.py."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from ncclient.operations import RPCError

from script.demonstration import __main__ as program
from script.demonstration.interrupts import Interrupts
from script.demonstration.laboratory import Failure, Laboratory
from script.demonstration.orchestrator import Orchestrator
from tests.scripts.agents import ROOT

BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"


@pytest.mark.parametrize(
    ("path", "said"), [("", "no (room)"), ("<error-path>/a</error-path>", "no (room) (/a)")]
)
def test_a_refusal_is_said_with_its_path_if_it_has_one(path: str, said: str) -> None:
    error = etree.fromstring(
        f'<rpc-error xmlns="{BASE}">{path}<error-message>no (room)</error-message></rpc-error>'
    )

    class Session:
        def edit_config(self, **_options: str) -> None:
            raise RPCError(error)

    orchestrator: Any = Orchestrator.__new__(Orchestrator)
    orchestrator._name, orchestrator._session = "bob", Session()
    with pytest.raises(Failure) as caught:
        orchestrator.change("<config/>")
    assert str(caught.value) == f"bob refused: {said}"


@pytest.mark.parametrize("problem", [Failure("no tunnel"), TimeoutError("no answer")])
def test_a_failure_keeps_the_logs_and_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], problem: Exception
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(program.os, "geteuid", lambda: 0)
    monkeypatch.setattr(program.sys, "argv", ["demo"])
    monkeypatch.setattr(Interrupts, "install", lambda _self: None)
    monkeypatch.setattr(Interrupts, "silence", lambda _self: None)

    def fail(laboratory: Laboratory, *, once: bool) -> int:
        folder = laboratory._folder = tmp_path / "made"
        (folder / "bob" / "strongswan").mkdir(parents=True)
        (folder / "bob" / "agent.log").write_text("what the agent said")
        (folder / "bob" / "strongswan" / "charon.log").write_text("what charon said")
        (folder / "bob" / "client_key").write_text("secret")
        raise problem

    monkeypatch.setattr(program, "demonstrate", fail)
    if isinstance(problem, Failure):
        assert program.main() == 1
    else:
        with pytest.raises(TimeoutError):
            program.main()
    assert not (tmp_path / "made").exists()
    (kept,) = tmp_path.glob("yangswan-logs-*")
    assert f"kept in {kept}" in capsys.readouterr().out
    assert {file.name: file.read_text() for file in kept.iterdir()} == {
        "bob-agent.log": "what the agent said",
        "bob-charon.log": "what charon said",
    }


def test_it_says_its_version(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(program.sys, "argv", ["demo", "--version"])
    with pytest.raises(SystemExit) as ended:
        program.main()
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"yangswan {version('yangswan')}\n"


def test_nothing_is_kept_where_there_are_no_logs(tmp_path: Path) -> None:
    laboratory = Laboratory(Interrupts())
    assert laboratory.keep_logs() is None
    laboratory._folder = tmp_path
    assert laboratory.keep_logs() is None


@pytest.mark.parametrize("options", [["--help"], ["-h"], ["--once", "--help"]])
def test_help_begins_nothing(tmp_path: Path, options: list[str]) -> None:
    """Also where there is nothing that it could begin with: no script/setup."""
    script = tmp_path / "script" / "demo"
    script.parent.mkdir()
    shutil.copy(ROOT / "script" / "demo", script)
    found = subprocess.run([script, *options], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.startswith("usage: script/demo [--once]\nTwo gateways")
    assert subprocess.run([script], capture_output=True, check=False).returncode != 0
