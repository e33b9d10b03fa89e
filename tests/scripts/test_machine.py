"""script/machine: what it refuses, and its decisions. tests/machines sees the machines themselves."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from script.machines import cache as cache_module
from script.machines import checkout, kernels, layers, requirements, surroundings
from script.machines.__main__ import main
from script.machines.apart import STATUS_TROUBLE
from script.machines.cache import Cache, mounts_below, remove_tree
from script.machines.progress import Trouble, run_quietly
from tests.scripts.agents import ROOT


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cache]:
    monkeypatch.setenv("YANGSWAN_MACHINES", str(tmp_path / "machines"))
    made = Cache(tmp_path / "machines")
    yield made
    made.close()


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)


# --- what it refuses -------------------------------------------------------------------------------


def test_help_names_every_kind_of_machine() -> None:
    done = subprocess.run([ROOT / "script/machine", "--help"], capture_output=True, text=True, check=True)
    for word in ("chroot", "guest", "system", "list", "clean", "YANGSWAN_MACHINES"):
        assert word in done.stdout


def test_who_is_not_root_is_told_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert main(["chroot", "12", "--", "true"]) == STATUS_TROUBLE
    assert "this needs root" in capsys.readouterr().err


def test_another_system_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    with pytest.raises(Trouble, match="this needs Linux, and here is Darwin"):
        requirements.require(requirements.FOR_CHROOT)


def test_guests_are_refused_on_another_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with pytest.raises(Trouble, match="guests are made for amd64, and this machine is aarch64"):
        requirements.require(requirements.FOR_GUEST)


def test_what_cannot_be_installed_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda program: "/bin/x" if program == "apt-get" else None)
    asked = []

    def refuse(command: list[str], environment: object) -> str:
        asked.append(command[1])
        if command[1] == "install":
            raise Trouble("no such package")
        return ""

    monkeypatch.setattr(requirements, "run_quietly", refuse)
    with pytest.raises(Trouble, match="no such package"):
        requirements.require(requirements.FOR_CHROOT)
    assert asked == ["install", "update", "install"]
    monkeypatch.setattr(requirements, "run_quietly", lambda command, environment: "")
    with pytest.raises(Trouble, match=r"still not there .*debootstrap"):
        requirements.require(requirements.FOR_CHROOT)
    monkeypatch.setattr(shutil, "which", lambda program: None)
    with pytest.raises(Trouble, match=r"this is no Debian; install by hand: .*debootstrap"):
        requirements.require(requirements.FOR_CHROOT)


def test_a_command_is_asked_for(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(requirements, "require", lambda programs: None)
    assert main(["chroot", "12"]) == STATUS_TROUBLE
    assert "After -- comes a command" in capsys.readouterr().err


def test_the_name_of_a_layer_is_part_of_a_file_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["chroot", "12", "--layer", "a/b", "true", "--", "true"])
    assert "a/b: a name is of small letters and digits" in capsys.readouterr().err


def test_a_disk_that_is_too_full_is_said_with_what_is_needed(cache: Cache) -> None:
    too_much = shutil.disk_usage(cache.folder).total // cache_module.MEGABYTE + 1
    with pytest.raises(Trouble, match=f"{too_much} MB are needed below {cache.folder}"):
        cache.obtain("thing", too_much, lambda folder: None)
    assert cache.sizes() == []


# --- the cache -------------------------------------------------------------------------------------


def test_a_thing_is_made_once_and_one_that_failed_leaves_nothing(cache: Cache) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise Trouble("half way")

    with pytest.raises(Trouble, match="half way"):
        cache.obtain("thing", 0, fail)
    assert list(cache.things.iterdir()) == []
    cache.close()
    made = []
    for _ in range(2):
        cache.obtain("thing", 0, made.append)
    assert len(made) == 1


def test_clean_keeps_what_somebody_uses_and_removes_the_rest(cache: Cache) -> None:
    cache.obtain("thing", 0, lambda folder: (folder / "file").touch())
    with cache.run_folder() as run:
        other = Cache(cache.folder)
        other.clean(everything=True)
        assert run.exists()
    assert not run.exists()
    assert [name for name, _, _ in other.sizes()] == ["thing"]
    cache.close()
    other.clean(everything=False)
    assert [name for name, _, _ in other.sizes()] == ["thing"]
    os.utime(other.things / "thing", (0, 0))
    other.clean(everything=False)
    assert other.sizes() == []


def test_leftovers_of_a_killed_run_go_with_the_next_one(cache: Cache) -> None:
    (cache.runs / "run-1-abc").mkdir()
    (cache.things / "thing.making").mkdir()
    with cache.run_folder() as run:
        assert list(cache.runs.iterdir()) == [run]
    assert list(cache.things.iterdir()) == []


def test_nothing_is_removed_below_which_something_stays_mounted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(cache_module, "mounts_below", lambda path: [str(path)])
    monkeypatch.setattr(cache_module, "run_quietly", lambda command: "")
    with pytest.raises(Trouble, match="is mounted and cannot be unmounted"):
        remove_tree(tmp_path)
    assert (tmp_path / "file").exists()


def test_mounts_are_found_by_their_place() -> None:
    assert "/proc" in mounts_below(Path("/proc"))
    assert mounts_below(Path("/pro")) == []


def test_a_quiet_command_that_fails_shows_its_words() -> None:
    with pytest.raises(Trouble, match="ended with 3\n    why"):
        run_quietly(["sh", "-c", "echo why >&2; exit 3"])
    with pytest.raises(Trouble, match="no-such-command: No such file"):
        run_quietly(["no-such-command"])


def test_what_is_kept_is_listed(cache: Cache, capsys: pytest.CaptureFixture[str]) -> None:
    cache.obtain("thing", 0, lambda folder: (folder / "file").write_bytes(b"x" * 3_000_000))
    assert main(["list"]) == 0
    thing, total = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r" +[34] MB  used  0\.0 days ago  thing", thing)
    assert total.endswith(str(cache.folder))


@pytest.mark.parametrize("vanishes", ["a file", "all of it"])
def test_what_another_run_makes_or_removes_meanwhile_is_no_trouble(
    cache: Cache, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, vanishes: str
) -> None:
    """A ``du`` in whose sight something goes says so on standard error, and ends with 1."""
    for name in ("gone", "thing"):
        cache.obtain(name, 0, lambda folder: (folder / "file").touch())
    cache.close()
    (cache.things / "layer.making").mkdir()
    run = subprocess.run

    def racing(command: list[str], **options: Any) -> Any:
        if command[-1].endswith("/gone"):
            if vanishes == "all of it":
                shutil.rmtree(command[-1])
            else:
                command = ["sh", "-c", f'du "$@"; du {cache.things}/no-such', *command]
        return run(command, **options)

    monkeypatch.setattr(cache_module.subprocess, "run", racing)
    assert main(["list"]) == 0
    printed = capsys.readouterr()
    names = [line.split()[-1] for line in printed.out.splitlines()[:-1]]
    assert names == (["thing"] if vanishes == "all of it" else ["gone", "thing"])
    assert printed.err == ""


def test_clean_leaves_what_another_run_makes(cache: Cache) -> None:
    other = Cache(cache.folder)

    def make(folder: Path) -> None:
        other.clean(everything=True)
        (folder / "file").touch()

    assert (cache.obtain("thing", 0, make) / "file").exists()


# --- what machines take over -----------------------------------------------------------------------

ONE_LINE = """\
deb http://mirror.invalid/security bookworm-security main
deb [arch=amd64] http://mirror.invalid/debian bookworm main contrib
"""
DEB822 = """\
Types: deb
URIs: http://mirror.invalid/security
Suites: bookworm-security
Components: main

Types: deb deb-src
URIs: http://mirror.invalid/debian
Suites: bookworm
Components: main
"""


@pytest.mark.parametrize(
    ("name", "text"),
    [("sources.list", ONE_LINE), ("parts/debian.sources", DEB822)], ids=["one-line", "deb822"],
)  # fmt: skip
def test_the_mirror_is_the_one_of_apt_here(
    name: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / name).write_text(text)
    (tmp_path / "apt.conf").write_text(
        f'Dir::Etc::sourcelist "{tmp_path}/sources.list";\nDir::Etc::sourceparts "{tmp_path}/parts";\n'
    )
    monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))
    found = surroundings.sources("trixie")
    assert found == [
        surroundings.Source("http://mirror.invalid/debian", "trixie"),
        surroundings.Source("http://mirror.invalid/security", "trixie-security"),
    ]
    (tmp_path / name).write_text("")
    with pytest.raises(Trouble, match="no source of bookworm or trixie"):
        surroundings.sources("trixie")


def test_variables_of_pip_and_of_the_tests_are_passed_on_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "environ", {
        "PIP_TIMEOUT": "9", "CI": "1", "YANGSWAN_SEED": "3", "https_proxy": "http://proxy.invalid",
        "YANGSWAN_MACHINES": "/here", "SOME_TOKEN": "secret", "LIBYANG_BINDING": "2.8.0",
        "HOME": "/home/user", "PYTHONPATH": "/here",
    })  # fmt: skip
    passed = surroundings.environment(network=False)
    assert {"PIP_TIMEOUT", "CI", "YANGSWAN_SEED", "https_proxy"} <= set(passed)
    # The machine has a libyang of its own, and so another binding.
    assert not {"YANGSWAN_MACHINES", "SOME_TOKEN", "PYTHONPATH", "LIBYANG_BINDING"} & set(passed)
    assert passed["HOME"] == "/root"


def test_the_certificates_of_this_machine_have_a_file_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "authorities").write_text("ours")
    monkeypatch.setenv("PIP_CERT", str(tmp_path / "authorities"))
    root = tmp_path / "root"
    (root / "etc/apt/apt.conf.d").mkdir(parents=True)
    surroundings.write_all(root)
    assert (root / surroundings.CA_FILE[1:]).read_text() == "ours"
    assert surroundings.environment()["PIP_CERT"] == surroundings.CA_FILE


def test_folders_of_packages_that_pip_is_told_of_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("index/simple", "wheels"):
        (tmp_path / folder).mkdir(parents=True)
    configuration = tmp_path / "pip.conf"
    configuration.write_text(
        f"[global]\nextra-index-url = https://mirror.invalid/simple file://{tmp_path}/index/simple\n"
        f"find-links = {tmp_path}/wheels {tmp_path}/gone\n"
    )
    monkeypatch.setattr(surroundings, "PIP_FILES", (str(configuration),))
    monkeypatch.setattr(os, "environ", {})
    assert surroundings.local_places() == [tmp_path / "index", tmp_path / "wheels"]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init")
    (folder / ".gitignore").write_text("ignored\n")
    for name in ("tracked", "removed", "untracked", "ignored", "setup.cfg"):
        (folder / name).write_text(name)
    git(folder, "add", "tracked", "removed")
    (folder / "removed").unlink()
    monkeypatch.setattr(checkout, "ROOT", folder)
    return folder


def test_the_checkout_is_what_git_tracks_or_would_as_it_stands(repository: Path, tmp_path: Path) -> None:
    assert checkout.files() == [".gitignore", "setup.cfg", "tracked", "untracked"]
    root = tmp_path / "root"
    root.mkdir()
    checkout.copy_to(root)
    copied = root / checkout.PLACE
    assert sorted(path.name for path in copied.iterdir()) == checkout.files()
    (copied / "made").touch()
    checkout.remove_from(root)
    assert [path.name for path in copied.iterdir()] == ["made"]


def test_a_checkout_that_cannot_be_written_is_said(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "opt").touch()  # where a folder has to be
    with pytest.raises(Trouble, match="could not be copied"):
        checkout.copy_to(tmp_path)
    with pytest.raises(Trouble, match="could not be copied"):
        checkout.copy_to(tmp_path / "nowhere")


def test_a_layer_depends_on_the_files_that_its_command_names(repository: Path) -> None:
    command = "bash ./tracked && cp untracked /etc"
    assert sorted(layers.depends_on(command)) == ["setup.cfg", "tracked", "untracked"]
    assert sorted(layers.depends_on("pip install .")) == ["setup.cfg"]
    assert layers.depends_on("cat /etc/os-release") == {}
    (repository / "tracked").write_text("changed")
    assert layers.depends_on(command)["tracked"] == "changed"
    with pytest.raises(Trouble, match="No closing quotation"):
        layers.depends_on("echo '")


# --- guests ----------------------------------------------------------------------------------------


def test_the_archive_that_a_kernel_starts_with_has_the_form_of_cpio() -> None:
    octets = kernels.archive_of([("dev", b"", 0o40755), ("start", b"12345", 0o100755)])
    found = []
    while not found or found[-1][0] != "TRAILER!!!":
        assert octets[:6] == b"070701"
        numbers = [int(octets[6 + 8 * i : 14 + 8 * i], 16) for i in range(13)]
        mode, size, name_size = numbers[1], numbers[6], numbers[11]
        begin = (110 + name_size + 3) // 4 * 4
        found.append((octets[110 : 110 + name_size - 1].decode(), octets[begin : begin + size], mode))
        octets = octets[(begin + size + 3) // 4 * 4 :]
    assert found[:-1] == [("dev", b"", 0o40755), ("start", b"12345", 0o100755)]
    assert octets == b""
