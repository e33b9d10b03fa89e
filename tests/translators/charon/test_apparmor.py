"""charon/apparmor.py, on made-up files of the kernel; tests/machines/test_apparmor.py has the real ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from translators.strongswan.charon import apparmor
from translators.strongswan.charon.apparmor import HERE, Places, denied_paths, enforced_profile, refusal

PID = 640
PROFILE = "/usr/lib/ipsec/charon"
ENFORCED = f"{PROFILE} (enforce)\n"


def denied(path: str, pid: int = PID) -> str:
    """Return a record of /dev/kmsg as Debian 13 has written it; ``path`` with quotes or in hexadecimal."""
    return (
        '5,554,58145758,-;audit: type=1400 audit(1795743819.044:108): apparmor="DENIED" operation="open" '
        f'class="file" profile="{PROFILE}" name={path} pid={pid} comm="charon" requested_mask="r" '
        'denied_mask="r" fsuid=0 ouid=0\n'
    )


Kernel = Callable[..., Places]


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    """Make a kernel that says ``label`` of the process, and has ``log``; None: the log cannot be read."""

    def make(label: str = ENFORCED, log: str | None = "", attribute: str = "apparmor/current") -> Places:
        path = tmp_path / "proc" / str(PID) / "attr" / attribute
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(label)
        if log is not None:
            (tmp_path / "kmsg").write_text(log)
        tool = tmp_path / "script/apparmor"
        tool.parent.mkdir(exist_ok=True)
        tool.touch(0o755)
        return Places(tmp_path / "proc", tmp_path / "kmsg", tool)

    return make


@pytest.mark.parametrize(
    ("label", "profile"),
    [
        (ENFORCED, PROFILE),
        (f"{PROFILE} (kill)", PROFILE),
        ("a (strange) name (enforce)\n", "a (strange) name"),
        (f"{PROFILE} (complain)\n", None),
        ("unconfined\n", None),
        ("system_u:system_r:ipsec_t:s0\0", None),
        ("", None),
    ],
)
def test_only_a_profile_that_is_enforced_counts(kernel: Kernel, label: str, profile: str | None) -> None:
    assert enforced_profile(PID, kernel(label).processes) == profile


def test_an_older_kernel_says_it_in_another_file(kernel: Kernel) -> None:
    assert enforced_profile(PID, kernel(attribute="current").processes) == PROFILE


def test_a_process_that_is_gone_has_no_profile(kernel: Kernel) -> None:
    assert enforced_profile(PID + 1, kernel().processes) is None


def test_what_was_denied_to_the_process_is_found_among_all_that_the_kernel_says(kernel: Kernel) -> None:
    log = (
        "6,1,0,-;Linux version 6.12\n"
        + denied('"/of/another"', PID + 1)
        + denied('"/var/lib/x/strongswan/strongswan.conf"')
        + denied('"/var/lib/x/strongswan/charon.log"').replace("DENIED", "ALLOWED")
        + denied("2F7661722F6D7920782FC3BC")
        + denied('"net_admin"').replace("name=", "capname=")
        + " SUBSYSTEM=tty\n\xff\n"
    )
    found = denied_paths(PID, kernel(log=log).kernel_log)
    assert found == [Path("/var/lib/x/strongswan/strongswan.conf"), Path("/var/my x/ü")]


def test_a_log_that_may_not_be_read_has_nothing(kernel: Kernel) -> None:
    assert denied_paths(PID, kernel(log=None).kernel_log) == []


def test_no_more_of_the_log_is_read_than_it_can_have(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apparmor, "KERNEL_LOG_OCTETS_MAX", 8192)
    log = "6,1,0,-;x\n" * 2000 + denied('"/late"')
    assert denied_paths(PID, kernel(log=log).kernel_log) == []


def test_it_says_the_profile_what_was_denied_and_the_command(kernel: Kernel, tmp_path: Path) -> None:
    folder = tmp_path / "my data" / "strongswan"
    path = f"{folder}/strongswan.conf".encode().hex().upper()
    places = kernel(log=denied(path))
    assert refusal(PID, folder, silent=False, places=places) == (
        f"AppArmor's profile {PROFILE} is in force and does not let charon use {folder}/strongswan.conf: "
        f"run {places.tool} allow '{tmp_path}/my data'"
    )


def test_the_folder_is_known_by_its_real_path(kernel: Kernel, tmp_path: Path) -> None:
    (tmp_path / "real/strongswan").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    places = kernel(log=denied(f'"{tmp_path}/real/strongswan/strongswan.conf"'))
    said = refusal(PID, tmp_path / "link/strongswan", silent=False, places=places)
    assert said is not None
    assert f"use {tmp_path}/real/strongswan/strongswan.conf" in said


def test_without_the_log_the_silence_of_charon_says_it(kernel: Kernel, tmp_path: Path) -> None:
    said = refusal(PID, tmp_path / "strongswan", silent=True, places=kernel(log=None))
    assert said is not None
    assert f"does not let charon use {tmp_path}/strongswan: run " in said


@pytest.mark.parametrize("label", ["unconfined\n", f"{PROFILE} (complain)\n"])
def test_apparmor_is_not_blamed_where_it_enforces_nothing(kernel: Kernel, tmp_path: Path, label: str) -> None:
    assert refusal(PID, tmp_path / "strongswan", silent=True, places=kernel(label)) is None


def test_apparmor_is_not_blamed_for_what_charon_itself_complains_of(kernel: Kernel, tmp_path: Path) -> None:
    """A confined charon is denied this and that which it can do without."""
    places = kernel(log=denied('"/etc/ssl/openssl.cnf"'))
    assert refusal(PID, tmp_path / "strongswan", silent=False, places=places) is None


def test_where_the_command_is_not_installed_it_says_what_to_do(kernel: Kernel, tmp_path: Path) -> None:
    places = replace(kernel(), tool=tmp_path / "nowhere")
    said = refusal(PID, tmp_path / "strongswan", silent=True, places=places)
    assert said is not None
    assert said.endswith(
        f"add rules for {tmp_path}/strongswan to its file in /etc/apparmor.d/local, and load it anew"
    )


def test_the_command_is_there() -> None:
    assert HERE.tool.is_file()
