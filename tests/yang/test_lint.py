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


def pyang(*arguments: str) -> subprocess.CompletedProcess[str]:
    # Through the interpreter: the script's first line may name one that has moved.
    return subprocess.run(
        [sys.executable, str(PYANG), *arguments], capture_output=True, text=True, check=False
    )


def yanglint(file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["yanglint", "-p", str(YANG_DIR), "-p", str(IETF_DIR), str(file)],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("file", sorted(YANG_DIR.glob("*.yang")), ids=lambda file: file.stem)
def test_pyang_strict_and_lint_find_nothing(file: Path) -> None:
    done = pyang(*STRICT, "-p", str(YANG_DIR), str(file))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("file", sorted(YANG_DIR.glob("*.yang")), ids=lambda file: file.stem)
def test_yanglint_accepts_the_module_without_a_word(file: Path) -> None:
    done = yanglint(file)
    assert (done.returncode, done.stderr) == (0, "")


def test_both_see_a_module_that_is_wrong(tmp_path: Path) -> None:
    wrong = tmp_path / TUNNELS_FILE.name
    text = TUNNELS_FILE.read_text()
    wrong.write_text(text.replace("type types:pre-shared-key;", "type types:preshared-key;"))
    assert wrong.read_text() != text
    assert pyang(*STRICT, "-p", str(YANG_DIR), str(wrong)).returncode != 0
    assert yanglint(wrong).returncode != 0


def test_pyang_sees_a_leaf_without_description(tmp_path: Path) -> None:
    text = TUNNELS_FILE.read_text()
    wrong = tmp_path / TUNNELS_FILE.name
    wrong.write_text(text.replace('description\n          "The number of the tunnel.";', "", 1))
    assert wrong.read_text() != text
    assert "description" in pyang(*STRICT, "-p", str(YANG_DIR), str(wrong)).stderr


def test_yang_holds_nothing_but_modules() -> None:
    assert {path.suffix for path in YANG_DIR.rglob("*") if path.is_file()} == {".yang"}
