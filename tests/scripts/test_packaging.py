"""The wheel holds every package and every YANG module, and its metadata says what the tree says."""

from __future__ import annotations

import configparser
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel of a copy of the tree: building one leaves files where it is built."""
    copy = tmp_path_factory.mktemp("tree")
    for name in ("setup.cfg", "pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    for name in ("agent", "console", "translators", "yang", "docs", "examples/gateway"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", "out", "."]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (file,) = (copy / "out").glob("yangswan-*.whl")
    return zipfile.ZipFile(file)


@pytest.fixture(scope="module")
def config() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "setup.cfg")
    return parser


def test_every_module_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    tree = {
        p.relative_to(ROOT).as_posix()
        for name in ("agent", "console", "translators")
        for p in (ROOT / name).rglob("*.py")
    }
    assert {name for name in wheel.namelist() if name.endswith(".py")} == tree


def test_the_yang_modules_travel_in_the_package_that_serves_them(wheel: zipfile.ZipFile) -> None:
    modules = {f"translators/strongswan/yang/{path.name}" for path in (ROOT / "yang").glob("*.yang")}
    modules |= {f"agent/modules/{path.name}" for path in (ROOT / "yang" / "agent").glob("*.yang")}
    assert len(modules) == 10
    assert {name for name in wheel.namelist() if name.endswith(".yang")} == modules


def test_the_files_of_the_web_page_travel_with_it(wheel: zipfile.ZipFile) -> None:
    files = {f"agent/page/static/{path.name}" for path in (ROOT / "agent/page/static").iterdir()}
    assert "agent/page/static/index.html" in files
    assert {name for name in wheel.namelist() if "/static/" in name} == files


@pytest.mark.parametrize(
    ("module", "function", "folder"),
    [
        ("translators.strongswan.translator", "find_yang_files()[0].parent", "translators/strongswan/yang"),
        ("agent.served", "agent_modules()", "agent/modules"),
    ],
)
def test_the_yang_modules_are_found_where_the_wheel_puts_them(
    wheel: zipfile.ZipFile, tmp_path: Path, module: str, function: str, folder: str
) -> None:
    wheel.extractall(tmp_path)
    done = subprocess.run(
        [sys.executable, "-P", "-c", f"import {module}; print({module}.{function})"],
        cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert Path(done.stdout.strip()) == tmp_path / folder


def test_a_wheel_brings_what_a_gateway_needs_besides_the_programs(wheel: zipfile.ZipFile) -> None:
    share = {name.partition(".data/data/share/")[2] for name in wheel.namelist() if ".data/data/" in name}
    docs = {f"doc/yangswan/{path.name}" for path in (ROOT / "docs").iterdir()}
    gateway = {f"yangswan/gateway/{path.name}" for path in (ROOT / "examples/gateway").iterdir()}
    assert {"yangswan/gateway/settings.toml", "yangswan/gateway/yangswan.service"} <= gateway
    assert share == docs | gateway | {"doc/yangswan/README.md", "doc/yangswan/CHANGELOG.md"}


@pytest.mark.parametrize(("extra", "binding"), [("debian12", "2.8.0"), ("debian13", "3.3.0")])
def test_pip_is_told_by_an_extra_which_binding_fits(
    config: configparser.ConfigParser, extra: str, binding: str
) -> None:
    """The same that script/setup takes, and one that the wheel itself accepts."""
    (line,) = config["options.extras_require"][extra].split("\n")[1:]
    assert Requirement(line) == Requirement(f"libyang =={binding}")
    setup = (ROOT / "script/setup").read_text(encoding="utf-8")
    assert f"echo {binding} ;;" in setup


def test_the_wheel_names_its_entry_points(wheel: zipfile.ZipFile) -> None:
    (name,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    entry_points = configparser.ConfigParser()
    entry_points.read_string(wheel.read(name).decode())
    assert dict(entry_points["console_scripts"]) == {
        "yangswan": "console.start:main",
        "yangswand": "agent.start:main",
    }
    assert dict(entry_points["yangswan.translators"]) == {
        "strongswan": "translators.strongswan.assembly:make"
    }


LOAD_ENTRY_POINTS = """
import importlib.metadata as metadata
import inspect
for entry_point in metadata.distribution("yangswan").entry_points:
    called = entry_point.load()
    assert callable(called), entry_point
    print(entry_point.name, inspect.getfile(called))
"""


def test_what_the_entry_points_name_can_be_called(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path)
    done = subprocess.run(
        [sys.executable, "-P", "-c", LOAD_ENTRY_POINTS],
        cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    assert dict(line.split() for line in done.stdout.splitlines()) == {
        "yangswan": str(tmp_path / "console/start.py"),
        "yangswand": str(tmp_path / "agent/start.py"),
        "strongswan": str(tmp_path / "translators/strongswan/assembly.py"),
    }


def test_each_package_says_that_it_has_types(wheel: zipfile.ZipFile) -> None:
    typed = {name for name in wheel.namelist() if name.endswith("py.typed")}
    assert typed == {"agent/py.typed", "console/py.typed", "translators/py.typed"}


def test_the_packages_listed_are_those_of_the_tree(config: configparser.ConfigParser) -> None:
    listed = set(config["options"]["packages"].split()) - {"agent.modules", "translators.strongswan.yang"}
    assert {line for line in listed if not line.startswith("#")} == {
        path.parent.relative_to(ROOT).as_posix().replace("/", ".")
        for name in ("agent", "console", "translators")
        for path in (ROOT / name).rglob("__init__.py")
    }


def test_only_the_bindings_that_fit_a_supported_c_library_are_accepted(
    config: configparser.ConfigParser,
) -> None:
    lines = config["options"]["install_requires"].splitlines()
    (binding,) = (Requirement(line) for line in lines if line.startswith("libyang"))
    published = [
        "2.7.1",
        "2.8.0",
        "2.8.1",
        "2.8.4",
        "3.0.0",
        "3.0.3",
        "3.1.0",
        "3.2.0",
        "3.3.0",
        "4.0.0",
        "5.1.0",
    ]
    assert [version for version in published if version in binding.specifier] == ["2.8.0", "3.3.0"]
