"""script/setup: its decisions, on made-up machines. script/test runs the whole of it on this one."""

from __future__ import annotations

import os
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.scripts.made_up import ROOT, make_command


def call(
    function: str, *arguments: str, commands: Path | None = None, **environment: str
) -> tuple[int, str, str]:
    """Return (status, output, messages) of one function of the script; ``commands`` come first in PATH."""
    path = os.environ["PATH"] if commands is None else f"{commands}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", f'source script/setup; {function} "$@"', "setup", *arguments],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env={"PATH": path, "HOME": os.environ.get("HOME", "/"), "SETUP_LOG": os.devnull, **environment},
    )  # fmt: skip
    return done.returncode, done.stdout.strip(), done.stderr


@pytest.mark.parametrize(("interface", "binding"), [("2.29.2", "2.8.0"), ("3.9.1", "3.3.0")])
def test_the_binding_is_the_one_made_for_the_c_library(interface: str, binding: str) -> None:
    assert call("libyang_binding", interface)[:2] == (0, binding)


@pytest.mark.parametrize("interface", ["1.10.17", "2.46.3", "3.1.0", "4.2.2", "5.11.9", ""])
def test_another_c_library_is_refused_with_what_to_do(interface: str) -> None:
    status, output, messages = call("libyang_binding", interface)
    assert (status, output) == (1, "")
    assert "libyang2-dev or libyang-dev" in messages
    assert "LIBYANG_BINDING=2.8.0" in messages


def test_the_user_may_choose_the_binding() -> None:
    assert call("libyang_binding", "4.2.2", LIBYANG_BINDING="4.0.0")[:2] == (0, "4.0.0")


def test_only_packages_that_are_missing_are_installed(tmp_path: Path) -> None:
    make_command(
        tmp_path,
        "dpkg-query",
        'case "$4" in gcc) printf installed;; old) printf config-files;; *) exit 1; esac',
    )
    assert call("missing_packages", "gcc", "old", "iproute2", commands=tmp_path)[1] == "old iproute2"


DEBIAN_12 = ("libyang2-dev", "libyang2-tools")
DEBIAN_13 = ("libyang-dev", "libyang3-tools")


def offer(*packages: str) -> str:
    """Return an apt-cache that offers ``packages`` and knows every other name without offering it."""
    return f'case "$2" in {"|".join(packages)}) echo "Package: $2";; *) echo N: none >&2;; esac; exit 0'


@pytest.mark.parametrize("names", [DEBIAN_12, DEBIAN_13, ("libyang-dev", "libyang-tools")])
def test_the_yang_packages_are_found_under_the_names_that_they_have(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    make_command(tmp_path, "dpkg-query", "exit 1")
    make_command(tmp_path, "apt-cache", offer(*names))
    assert call("find_yang_packages", commands=tmp_path) == (0, " ".join(names), "")


def test_the_yang_packages_that_are_installed_come_before_those_that_are_offered(tmp_path: Path) -> None:
    make_command(
        tmp_path, "dpkg-query", f'case "$4" in {"|".join(DEBIAN_13)}) printf installed;; *) exit 1; esac'
    )
    make_command(tmp_path, "apt-cache", offer(*DEBIAN_12))
    assert call("find_yang_packages", commands=tmp_path)[1] == " ".join(DEBIAN_13)


@pytest.mark.parametrize("names", [("none",), ("libyang2-dev",), ("libyang2-dev", "libyang3-tools")])
def test_a_distribution_without_the_yang_packages_is_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    make_command(tmp_path, "dpkg-query", "exit 1")
    make_command(tmp_path, "apt-cache", offer(*names))
    status, output, messages = call("find_yang_packages", commands=tmp_path)
    assert (status, output) == (1, "")
    assert "neither libyang2-dev nor libyang-dev" in messages


def test_a_python_that_is_too_old_is_passed_over(tmp_path: Path) -> None:
    make_command(tmp_path, "ancient", "exit 1")
    status, output, _ = call("find_python", commands=tmp_path, PYTHON="ancient python3")
    assert status == 0
    assert Path(output).exists()
    assert "ancient" not in output


def test_an_environment_that_an_older_setup_cfg_made_is_brought_up_to_date(tmp_path: Path) -> None:
    """Else it would lack the commands that a newer one names."""

    def fingerprint(setup_cfg: str) -> str:
        (tmp_path / "setup.cfg").write_text(setup_cfg)
        script = f"source script/setup; root={tmp_path}; fingerprint 2.8.0 2.29.2 python3"
        return subprocess.run(
            ["bash", "-euc", script], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout

    older = "[options.entry_points]\nconsole_scripts =\n    yangswan = agent.program:main\n"
    assert fingerprint(older) == fingerprint(older)
    assert fingerprint(older) != fingerprint(older + "    yangswand = agent.program:main\n")


def test_without_root_and_sudo_it_says_what_to_run(tmp_path: Path) -> None:
    make_command(tmp_path, "id", "echo 1000")
    script = "source script/setup; command() { return 1; }; install_packages gcc"
    done = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=False,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.returncode == 1
    assert "apt-get install --no-install-recommends gcc" in done.stderr


INSTALL = """
source script/setup
policy=$1/policy-rc.d
as_root() { "$@"; }
is_installed() { [ -e "$1/$2.installed" ]; }
install_packages strongswan-charon
"""


def install(folder: Path, apt_get: str) -> tuple[int, str, str]:
    """Run the installation with a made-up apt-get; return (status, messages, what systemctl was told)."""
    make_command(folder, "id", "echo 0")
    make_command(folder, "apt-get", apt_get)
    make_command(folder, "systemctl", f'echo "$@" >>{folder}/told')
    script = INSTALL.replace('"$1/$2.installed"', f'"{folder}/$1.installed"')
    done = subprocess.run(
        ["bash", "-c", script, "setup", str(folder)],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env={"PATH": f"{folder}:{os.environ['PATH']}", "SETUP_LOG": str(folder / "setup.log")},
    )  # fmt: skip
    told = folder / "told"
    return done.returncode, done.stderr, told.read_text() if told.exists() else ""


def test_no_service_is_started_by_the_installation_and_the_block_is_lifted(tmp_path: Path) -> None:
    status, messages, told = install(
        tmp_path, f"cp {tmp_path}/policy-rc.d {tmp_path}/seen; touch {tmp_path}/strongswan-starter.installed"
    )
    assert status == 0
    assert "exit 101" in (tmp_path / "seen").read_text()
    assert not (tmp_path / "policy-rc.d").exists()
    assert told == "disable --quiet strongswan-starter.service\n"
    assert "systemctl enable --now strongswan-starter.service" in messages


def test_the_server_of_openssh_that_came_for_the_tests_lets_nobody_log_in(tmp_path: Path) -> None:
    status, messages, told = install(tmp_path, f"touch {tmp_path}/openssh-server.installed")
    assert (status, told) == (0, "disable --quiet ssh.service ssh.socket\n")
    assert "systemctl enable --now ssh\n" in messages


def test_the_prometheus_that_came_for_the_tests_looks_at_nothing(tmp_path: Path) -> None:
    status, messages, told = install(tmp_path, f"touch {tmp_path}/prometheus.installed")
    assert (status, told) == (0, "disable --quiet prometheus.service\n")
    assert "--now prometheus\n" in messages


def test_a_service_that_was_there_before_is_left_alone(tmp_path: Path) -> None:
    for package in ("strongswan-starter", "openssh-server", "prometheus"):
        (tmp_path / f"{package}.installed").touch()
    assert install(tmp_path, "exit 0") == (
        0,
        "setup: installing distribution packages: strongswan-charon\n",
        "",
    )


def test_a_failed_installation_is_said_and_lifts_the_block(tmp_path: Path) -> None:
    status, messages, _ = install(tmp_path, "seq 100; echo 'E: no room' >&2; exit 100")
    assert status == 1
    assert "apt-get could not install: strongswan-charon" in messages
    assert "E: no room\n" in messages
    assert "\n80\n" not in messages, "its last lines are enough"
    assert f"all that it said is in {tmp_path}/setup.log" in messages
    assert not (tmp_path / "policy-rc.d").exists()


def test_what_an_installation_says_is_for_the_log(tmp_path: Path) -> None:
    status, messages, _ = install(tmp_path, "seq 370; echo and more >&2")
    assert (status, messages) == (0, "setup: installing distribution packages: strongswan-charon\n")
    log = (tmp_path / "setup.log").read_text()
    assert "apt-get install" in log
    assert "\n370\nand more\n" in log


def test_a_log_that_cannot_be_written_ends_it_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "setup.log").mkdir()
    status, messages, _ = install(tmp_path, "exit 0")
    assert status == 1
    assert "setup.log cannot be written" in messages


def test_a_block_of_the_machine_s_own_stays(tmp_path: Path) -> None:
    (tmp_path / "policy-rc.d").write_text("#!/bin/sh\nexit 101\n")
    install(tmp_path, "exit 0")
    assert (tmp_path / "policy-rc.d").exists()


def test_where_there_is_no_apt_it_names_what_is_missing(tmp_path: Path) -> None:
    script = (
        "source script/setup; command() { return 1; }; libyang_soname() { :; }; find_python() { :; }; "
        "require_tools"
    )
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    for word in ("libyang", "yanglint", "gcc", "iproute2", "OpenSSH", "Python 3.11"):
        assert word in done.stderr


TEST_PACKAGES = """
source script/setup
policy=$1/policy-rc.d
as_root() { "$@"; }
is_installed() { [ -e "$1/$2.installed" ]; }
test_packages="yangcli openssh-server"
ensure_test_packages
"""


def install_for_tests(folder: Path, *, apt_get: str, offered: str, root: bool = True) -> tuple[int, str, str]:
    """Run with a made-up apt; return (status, messages, what apt-get was told)."""
    make_command(folder, "id", f"echo {0 if root else 1000}")
    make_command(folder, "apt-get", f'echo "$*" >>{folder}/told; {apt_get}')
    make_command(folder, "apt-cache", offered)
    make_command(folder, "systemctl", "exit 0")
    script = TEST_PACKAGES.replace('"$1/$2.installed"', f'"{folder}/$1.installed"')
    if not root:
        script = script.replace("ensure_test", 'command() { [ "$2" != sudo ]; }\nensure_test')
    done = subprocess.run(
        ["bash", "-eu", "-c", script, "setup", str(folder)], cwd=ROOT, capture_output=True, text=True,
        check=False, env={"PATH": f"{folder}:{os.environ['PATH']}"},
    )  # fmt: skip
    told = folder / "told"
    return done.returncode, done.stderr, told.read_text() if told.exists() else ""


def test_the_tests_get_their_packages(tmp_path: Path) -> None:
    status, messages, told = install_for_tests(
        tmp_path,
        apt_get=f"touch {tmp_path}/yangcli.installed {tmp_path}/openssh-server.installed",
        offered=offer("yangcli", "openssh-server"),
    )
    assert (status, messages.splitlines()[0]) == (
        0,
        "setup: installing distribution packages: yangcli openssh-server",
    )
    assert told.startswith("install ")
    assert told.endswith(" yangcli openssh-server\n")
    (tmp_path / "told").unlink()
    assert install_for_tests(tmp_path, apt_get="exit 1", offered="exit 1") == (0, "", "")


def test_a_package_of_the_tests_that_is_not_offered_is_looked_for_once_more_and_done_without(
    tmp_path: Path,
) -> None:
    status, messages, told = install_for_tests(tmp_path, apt_get="exit 0", offered=offer("none"))
    assert status == 0
    assert messages == "setup: could not be installed, so its tests are skipped: yangcli openssh-server \n"
    assert told == "update -qq\n"


def test_a_package_of_the_tests_that_cannot_be_installed_is_done_without(tmp_path: Path) -> None:
    status, messages, _ = install_for_tests(tmp_path, apt_get="exit 100", offered=offer("yangcli"))
    assert status == 0
    assert "apt-get could not install: yangcli" in messages
    assert "its tests are skipped: yangcli" in messages
    assert not (tmp_path / "policy-rc.d").exists()


def test_without_root_and_sudo_the_packages_of_the_tests_are_done_without(tmp_path: Path) -> None:
    status, messages, told = install_for_tests(
        tmp_path, apt_get="exit 0", offered=offer("yangcli"), root=False
    )
    assert (status, told) == (0, "")
    assert messages == "setup: not root, and no sudo: skipping the tests of: yangcli openssh-server \n"


STEPS = """
source script/setup
command() { return 0; }
for step in ensure_packages ensure_test_packages ensure_confinement make_environment; do
    eval "$step() { echo $step; }"
done
main "$@"
"""


@pytest.mark.parametrize("options", [(), ("--quiet",), ("--tests",), ("--quiet", "--tests")])
def test_the_packages_of_the_tests_come_with_their_option_alone(options: tuple[str, ...]) -> None:
    """A browser among them: a gateway gets none."""
    done = subprocess.run(
        ["bash", "-eu", "-c", STEPS, "setup", *options], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ("ensure_test_packages" in done.stdout.split()) == ("--tests" in options)
    assert "chromium" in call("eval", "echo $test_packages")[1].split()
    assert "chromium" not in call("eval", "echo $base_packages")[1].split()


def test_an_option_that_it_does_not_know_is_refused() -> None:
    status, _, messages = call("main", "--test")
    assert status == 1
    assert messages == "setup: unknown: --test (--quiet, --tests, --version)\n"


def test_it_says_its_version_and_does_nothing() -> None:
    done = subprocess.run(
        [ROOT / "script/setup", "--version"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"yangswan {version('yangswan')}\n", "")


SCRIPTS = (
    "run", "demo", "test", "setup", "machine", "apparmor", "lint-yang", "build-man", "build-deb", "try-deb",
)  # fmt: skip


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_is_found_where_it_lies_also_through_a_link(name: str, tmp_path: Path) -> None:
    for folder in ("tree/script", "bin"):
        (tmp_path / folder).mkdir(parents=True)
    lines = (ROOT / "script" / name).read_text().splitlines()
    (line,) = [line for line in lines if line.startswith(("root=$(", "cd "))][:1]
    make_command(tmp_path / "tree/script", name, f"set -eu\n{line}\necho ${{root:-$PWD}}")
    (tmp_path / "bin/further").symlink_to(Path("../tree/script") / name)
    (tmp_path / "bin/link").symlink_to("further")
    for called in (tmp_path / "tree/script" / name, tmp_path / "bin/link", Path("link")):
        done = subprocess.run([called if called.is_absolute() else f"./{called}"], cwd=tmp_path / "bin",
                              capture_output=True, text=True, check=True)  # fmt: skip
        assert done.stdout == f"{tmp_path}/tree\n"


def test_every_script_that_a_user_calls_is_looked_at() -> None:
    found = {p.name for p in (ROOT / "script").iterdir() if p.is_file() and not p.suffix}
    assert found == set(SCRIPTS)
