"""pyang and yanglint have nothing to say about the modules."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.yang.conftest import IETF_DIR, TUNNELS_FILE, YANG_DIR

PYANG = Path(sys.executable).with_name("pyang")
# --lint-namespace-prefix is left out: it wants the module's whole name behind the prefix.
STRICT = ("--strict", "--lint", "--lint-modulename-prefix=yangswan", "--lint-ensure-hyphenated-names")
ALL = sorted(YANG_DIR.rglob("*.yang"))
OURS = [file for file in ALL if file.stem.startswith("yangswan-")]
STANDARD = [file for file in ALL if file not in OURS]
"""Written here, with the names that their RFCs give; those know nothing of our rules."""
AGENT_FILE = YANG_DIR / "agent" / "yangswan-agent.yang"
WHERE = [word for folder in (YANG_DIR, YANG_DIR / "agent", IETF_DIR) for word in ("-p", str(folder))]
"""Where modules are looked for."""


def pyang(*arguments: str) -> subprocess.CompletedProcess[str]:
    # Through the interpreter: the script's first line may name one that has moved.
    return subprocess.run(
        [sys.executable, str(PYANG), *arguments], capture_output=True, text=True, check=False
    )


def yanglint(file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["yanglint", *WHERE, str(file)],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("file", OURS, ids=lambda file: file.stem)
def test_pyang_strict_and_lint_find_nothing(file: Path) -> None:
    done = pyang(*STRICT, *WHERE, str(file))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("file", STANDARD, ids=lambda file: file.stem)
def test_pyang_strict_finds_nothing_in_what_a_standard_names(file: Path) -> None:
    done = pyang("--strict", *WHERE, str(file))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_module_is_looked_at() -> None:
    assert AGENT_FILE in OURS
    assert {"nc-notifications", "notifications"} <= {file.stem for file in STANDARD}


@pytest.mark.parametrize("file", ALL, ids=lambda file: file.stem)
def test_yanglint_accepts_the_module_without_a_word(file: Path) -> None:
    done = yanglint(file)
    assert (done.returncode, done.stderr) == (0, "")


def test_both_see_a_module_that_is_wrong(tmp_path: Path) -> None:
    wrong = tmp_path / TUNNELS_FILE.name
    text = TUNNELS_FILE.read_text()
    wrong.write_text(text.replace("type types:pre-shared-key;", "type types:preshared-key;"))
    assert wrong.read_text() != text
    assert pyang(*STRICT, *WHERE, str(wrong)).returncode != 0
    assert yanglint(wrong).returncode != 0


@pytest.mark.parametrize("file", [AGENT_FILE, *STANDARD], ids=lambda file: file.stem)
def test_both_see_a_brace_that_is_missing(file: Path, tmp_path: Path) -> None:
    wrong = tmp_path / file.name
    at = file.read_text().index("}\n") + 1
    wrong.write_text(file.read_text()[: at - 1] + file.read_text()[at:])
    assert pyang("--strict", *WHERE, str(wrong)).returncode != 0
    assert yanglint(wrong).returncode != 0


def test_pyang_sees_a_leaf_without_description(tmp_path: Path) -> None:
    text = TUNNELS_FILE.read_text()
    wrong = tmp_path / TUNNELS_FILE.name
    wrong.write_text(text.replace('description\n          "The number of the tunnel.";', "", 1))
    assert wrong.read_text() != text
    assert "description" in pyang(*STRICT, *WHERE, str(wrong)).stderr


def test_yang_holds_nothing_but_modules() -> None:
    assert {path.suffix for path in YANG_DIR.rglob("*") if path.is_file()} == {".yang"}
