"""script/machine chroot: a Debian of its own, the status of the command, what is kept and what is not."""

from __future__ import annotations

import re

import pytest

from script.machines.apart import STATUS_LIMIT, STATUS_TROUBLE
from tests.machines.running import machine, told

pytestmark = pytest.mark.machine

PYTHON = (
    "--layer", "python",
    "set -e; apt-get update -qq; "
    "apt-get install -y -qq --no-install-recommends python3-venv; python3 -m venv /python",
)  # fmt: skip


@pytest.mark.parametrize("release", ["12", "13"])
def test_the_command_runs_in_that_debian_and_its_status_is_passed_on(release: str) -> None:
    ended = machine("chroot", release, "--", "sh", "-c", "cat /etc/os-release; exit 7")
    assert f'VERSION_ID="{release}"' in ended.output
    assert ended.status == 7


def test_a_signal_and_a_missing_command_have_the_status_that_a_shell_gives_them() -> None:
    assert machine("chroot", "12", "--", "sh", "-c", "kill -9 $$").status == 128 + 9
    assert told("chroot", "12", "--", "no-such-command").status == 127


def test_the_checkout_is_there_without_what_git_ignores() -> None:
    ended = machine("chroot", "12", "--", "sh", "-c", "ls -A; [ -x script/machine ] && pwd")
    assert ended.output.splitlines()[-1] == "/opt/yangswan"
    assert {"agent", "setup.cfg"} < set(ended.output.splitlines())
    assert not {".git", ".venv", ".tox"} & set(ended.output.splitlines())


def test_devices_and_the_file_systems_of_the_kernel_are_there() -> None:
    script = (
        "set -e; for device in null zero full random urandom tty net/tun; do test -c /dev/$device; done; "
        "echo x >/dev/null; test -c /dev/ptmx; stat -f -c %T /dev/shm /dev/pts /proc /sys /run; "
        "echo $$; grep -c . /proc/self/mounts"
    )
    ended = machine("chroot", "13", "--", "sh", "-c", script)
    kinds = ended.output.split()[:5]
    assert (ended.status, kinds) == (0, ["tmpfs", "devpts", "proc", "sysfs", "tmpfs"])
    assert int(ended.output.split()[5]) < 100  # among processes of its own


def test_apt_and_pip_reach_what_they_reach_here() -> None:
    fetch = "/python/bin/pip download --quiet --no-deps six && ls six*"
    assert re.match(r"six-.*\.whl", machine("chroot", "12", *PYTHON, "--", "sh", "-c", fetch).output)


def test_what_a_run_writes_goes_with_it_and_what_a_layer_writes_stays() -> None:
    layer = ("--layer", "stamp", "cat /proc/sys/kernel/random/uuid >/stamp; touch made-by-the-layer")
    look = "ls /written 2>/dev/null; cat /stamp; ls made-by-the-layer; touch /written"
    first, second = (machine("chroot", "12", *layer, "--", "sh", "-c", look).output for _ in range(2))
    assert len(first.splitlines()) == 2
    assert second == first


def test_a_layer_that_fails_shows_its_last_words_and_is_not_kept() -> None:
    for _ in range(2):
        ended = told("chroot", "12", "--layer", "broken", "echo last words; exit 3", "--", "true")
        assert ended.status == STATUS_TROUBLE
        assert "the layer broken ended with 3" in ended.output
        assert "last words" in ended.output


def test_where_there_is_no_overlayfs_roots_are_copied() -> None:
    copying = {"YANGSWAN_MACHINES_COPY": "1"}
    layer = ("--layer", "copied", "cp script/machine /copied")
    look = "grep -c overlay /proc/self/mounts; ls /copied /written; touch /written"
    for _ in range(2):
        ended = machine("chroot", "12", *layer, "--", "sh", "-c", look, environment=copying)
        assert ended.output.split() == ["0", "/copied"]


def test_a_command_that_takes_too_long_is_ended_and_that_is_said() -> None:
    ended = told("chroot", "12", "--limit", "1", "--", "sleep", "infinity")
    assert ended.status == STATUS_LIMIT
    assert "ended after the limit of 1 s" in ended.output
