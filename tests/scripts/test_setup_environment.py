"""script/setup: the virtual environment, which works after every setup that could not finish."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.scripts.made_up import ROOT, make_command

ENVIRONMENT = """
source script/setup
root=$1 venv=$1/.venv stamp=$1/.venv/.yangswan-setup before=$1/.venv.before
libyang_soname() { echo 2.29.2; }
find_python() { echo "$root/python"; }
"$2"
"""
# What makes an environment, and what installs into it; how the latter fails stands in a file.
PYTHON = """
case "$*" in
    -V) echo "Python $(cat {root}/version)" ;;
    "-m venv "*) mkdir -p "$3/bin"; cp {root}/python "$3/bin/python"; echo new >"$3/made" ;;
    *pip*) echo "$*" >>{root}/pip; [ ! -e {root}/failure ] || . {root}/failure ;;
esac
"""


def make(root: Path, *, function: str = "make_environment") -> int:
    return subprocess.run(
        ["bash", "-eu", "-c", ENVIRONMENT, "setup", str(root), function], cwd=ROOT, check=False,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"]},
    ).returncode  # fmt: skip


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with an environment that works."""
    make_command(tmp_path, "python", PYTHON.replace("{root}", str(tmp_path)))
    (tmp_path / "setup.cfg").write_text("[metadata]\n")
    (tmp_path / "version").write_text("3.11")
    assert make(tmp_path) == 0
    (tmp_path / ".venv" / "made").write_text("works")
    return tmp_path


def works(tree: Path) -> bool:
    return (tree / ".venv/made").read_text() == "works" and (tree / ".venv/bin/python").exists()


def test_a_copy_that_pip_has_put_into_the_environment_is_replaced_by_a_link_to_the_checkout(
    tree: Path,
) -> None:
    """Else "everything is there", and no later change of the checkout would ever reach what runs."""
    copy = tree / ".venv/lib/python3.11/site-packages/agent"
    copy.mkdir(parents=True)
    (copy / "__init__.py").touch()
    before = (tree / "pip").read_text()
    (tree / "failure").write_text(NO_NETWORK)
    assert make(tree) != 0
    (tree / "failure").write_text(f"rm -f {copy}/__init__.py")  # as pip does
    assert make(tree) == 0
    assert "--editable" in (tree / "pip").read_text().removeprefix(before)
    assert works(tree)
    before = (tree / "pip").read_text()
    assert make(tree) == 0
    assert (tree / "pip").read_text() == before, "all is there"


NO_NETWORK, POWER = "exit 1", "kill -KILL $PPID"


@pytest.mark.parametrize("failure", [NO_NETWORK, POWER])
@pytest.mark.parametrize("change", ["setup.cfg", "version", ".venv/.yangswan-setup"])
def test_an_environment_that_works_survives_a_setup_that_cannot_finish(
    tree: Path, change: str, failure: str
) -> None:
    """Of another setup.cfg, another Python, and one whose making nobody remembers; and the setup after it."""
    (tree / change).unlink()
    if change != ".venv/.yangswan-setup":
        (tree / change).write_text("3.13")
    (tree / "failure").write_text(failure)
    assert make(tree) != 0
    assert make(tree) != 0
    make(tree, function="settle")  # what a power failure left is put in order by the next one
    assert works(tree)
    (tree / "failure").unlink()
    assert make(tree) == 0
    assert works(tree) == (change == "setup.cfg")
    assert not (tree / ".venv.before").exists()
    pip = (tree / "pip").read_text()
    assert make(tree) == 0
    assert (tree / "pip").read_text() == pip, "all is there"


def test_an_environment_for_another_c_library_is_compiled_anew_also_after_a_failure(tree: Path) -> None:
    stamp = tree / ".venv/.yangswan-setup"
    stamp.write_text(stamp.read_text().replace("2.29.2", "2.29.1"))
    (tree / "failure").write_text(NO_NETWORK)
    assert make(tree) != 0
    (tree / "failure").unlink()
    (tree / "pip").unlink()
    assert make(tree) == 0
    assert "--force-reinstall" in (tree / "pip").read_text()
    assert works(tree)
