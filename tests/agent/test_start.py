"""A library that is not there is a sentence, with what to install, and no traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from agent.start import what_is_missing

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "libyang.so.2: cannot open shared object file: No such file or directory",
            "libyang.so.2 is not installed: install the package libyang2 (Debian 12, Ubuntu 24.04)",
        ),
        ("libyang.so.3: cannot open shared object file", "install the package libyang3 (Debian 13)"),
        ("libyang.so.4: cannot open shared object file", "install the package libyang4,"),
        ("/v/_libyang.abi3.so: undefined symbol: lyd_parse", "a library cannot be used (/v/_libyang.abi3.so"),
    ],
)
def test_a_c_library_is_named_with_its_package(text: str, words: str) -> None:
    assert words in what_is_missing(ImportError(text))


def test_a_library_of_python_is_named() -> None:
    said = what_is_missing(ModuleNotFoundError("No module named 'asyncssh'", name="asyncssh"))
    assert said.startswith("the Python library asyncssh is not installed")


@pytest.mark.parametrize(
    ("module", "raised", "words"),
    [
        ("_libyang", "ImportError('libyang.so.2: cannot open shared object file')", "package libyang2"),
        ("asyncssh", "ModuleNotFoundError('no', name='asyncssh')", "library asyncssh is not installed"),
    ],
)
def test_the_program_ends_with_that_sentence_alone(module: str, raised: str, words: str) -> None:
    source = f"""
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            raise {raised}
sys.meta_path.insert(0, Missing())
from agent.start import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", source, "--version"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("yangswand: ")
    assert words in line


def test_with_all_libraries_it_is_the_program() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from agent.start import main; main()", "--version"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.startswith("yangswand ")
