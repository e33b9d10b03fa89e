"""The scripts of the Debian package below a systemd that only notes what it is told to do."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.scripts.agents import ROOT

PACKAGING = ROOT / "packaging/deb"
PLACES = ("/run", "/etc", "/var/lib")
STUB = """#!/bin/sh
echo "${0##*/} $*" >>"$NOTES"
"""
# Which units there are: a line each, what they are active as, and for a socket what it starts.
SYSTEMCTL = """#!/bin/sh
case "$*" in
    *list-units*.service*) sed -n 's/^\\(.*\\.service\\) .*/\\1 loaded active running/p' "$UNITS" ;;
    *list-units*.socket*) sed -n 's/^\\(.*\\.socket\\) .*/\\1 loaded active listening/p' "$UNITS" ;;
    show*) sed -n "s/^$4 //p" "$UNITS" ;;
    *) echo "systemctl $*" >>"$NOTES" ;;
esac
"""
DROP_IN = "package-upgrade.conf"


@dataclass(frozen=True, slots=True)
class Machine:
    """``root``: in place of /; what was called is in the file ``notes`` there."""

    root: Path

    def run(self, script: str, *words: str) -> Sequence[str]:
        """Run a script of the package; return what it has called, but not what it has only asked."""
        text = (PACKAGING / f"yangswan.{script}").read_text(encoding="utf-8")
        for place in PLACES:
            text = re.sub(rf"(?<![\w/.*]){place}/", f"{self.root}{place}/", text)
        (self.root / "notes").write_text("")
        environ = {
            "PATH": f"{self.root}/commands:{os.environ['PATH']}", "NOTES": f"{self.root}/notes",
            "UNITS": f"{self.root}/units",
        }  # fmt: skip
        subprocess.run(["sh", "-c", text, script, *words], env=environ, check=True, cwd=self.root)
        return (self.root / "notes").read_text().replace(str(self.root), "").splitlines()

    def has(self, *units: str) -> None:
        (self.root / "units").write_text("".join(f"{unit}\n" for unit in units))

    @property
    def halted(self) -> set[str]:
        return {file.parent.name for file in self.root.glob(f"run/systemd/system/*/{DROP_IN}")}


@pytest.fixture
def gateway(tmp_path: Path) -> Machine:
    for folder in ("commands", "run/systemd/system", "etc/systemd/system", "etc/yangswan", "var/lib"):
        (tmp_path / folder).mkdir(parents=True)
    stubs = ("yangswand", "yangswan-apparmor", "adduser", "deluser", "delgroup", "chown", "chmod", "nft",
             "start-stop-daemon", "dpkg-statoverride", "deb-systemd-invoke")  # fmt: skip
    for name, text in ((name, STUB) for name in stubs):
        (tmp_path / "commands" / name).write_text(text)
    (tmp_path / "commands/systemctl").write_text(SYSTEMCTL)
    for command in (tmp_path / "commands").iterdir():
        command.chmod(0o755)
    return Machine(tmp_path)


@pytest.mark.parametrize("reason", ["upgrade", "failed-upgrade", "deconfigure"])
def test_what_runs_halts_and_starts_again(gateway: Machine, reason: str) -> None:
    """Also a unit of the administrator's, as that of an external charon, and not one that has ended."""
    gateway.has("yangswan.service notify", "yangswan-protect.service oneshot", "yangswan-west.service notify")
    called = gateway.run("prerm", reason, "2")
    halted = {"yangswan.service.d", "yangswan-west.service.d"}
    assert gateway.halted == halted
    assert called == [
        "systemctl daemon-reload", "systemctl restart yangswan.service",
        "systemctl restart yangswan-west.service",
    ]  # fmt: skip
    called = gateway.run("postinst", "configure", "1")
    assert not list(gateway.root.glob("run/systemd/system/*"))
    assert [line for line in called if line.startswith("systemctl ")] == [
        "systemctl daemon-reload", "systemctl try-restart yangswan-west.service",
        "systemctl try-restart yangswan.service",
    ]  # fmt: skip


def test_the_program_that_waits_takes_the_place_of_the_agent_in_any_unit(gateway: Machine) -> None:
    gateway.has("yangswan.service notify")
    gateway.run("prerm", "upgrade", "2")
    lines = (gateway.root / f"run/systemd/system/yangswan.service.d/{DROP_IN}").read_text().splitlines()
    assert lines[lines.index("ExecStart=") + 1].startswith("ExecStart=/bin/sleep ")
    # It says nothing to systemd, but the agent that still goes may: it may need more time.
    assert {"Type=exec", "WatchdogSec=0", "NotifyAccess=main"} <= set(lines)


def test_a_socket_goes_on_and_starts_no_agent_meanwhile(gateway: Machine) -> None:
    gateway.has("yangswan.socket yangswan.service")
    called = gateway.run("prerm", "upgrade", "2")
    assert gateway.halted == {"yangswan.service.d"}
    assert called == ["systemctl daemon-reload"]
    assert "systemctl try-restart yangswan.service" in gateway.run("postinst", "configure", "1")
    assert gateway.halted == set()


def test_an_upgrade_that_is_given_up_starts_the_old_agent_again(gateway: Machine) -> None:
    gateway.has("yangswan.service notify")
    gateway.run("prerm", "upgrade", "2")
    called = gateway.run("postinst", "abort-upgrade", "2")
    assert called == ["systemctl daemon-reload", "systemctl try-restart yangswan.service"]


def test_nothing_of_a_halt_is_left_where_it_is_removed_instead(gateway: Machine) -> None:
    gateway.has("yangswan.service notify", "yangswan.socket yangswan.service")
    gateway.run("prerm", "deconfigure", "in-favour", "other", "1")
    called = gateway.run("prerm", "remove", "in-favour", "other", "1")
    stops = [line for line in called if line.startswith("systemctl stop")]
    assert stops == [
        "systemctl stop yangswan*.socket", "systemctl stop yangswan.service",
        "systemctl stop yangswan-charon*.scope",
    ]  # fmt: skip
    assert gateway.run("postrm", "remove") == ["systemctl daemon-reload"]
    assert not list(gateway.root.glob("run/systemd/system/*"))


def test_a_purge_takes_links_to_its_units_and_nothing_of_the_administrators(gateway: Machine) -> None:
    system = gateway.root / "etc/systemd/system"
    wants = system / "sockets.target.wants"
    wants.mkdir()
    (wants / "yangswan.socket").symlink_to("/nowhere/systemd/system/yangswan.socket")
    (wants / "other.socket").symlink_to("/nowhere/systemd/system/other.socket")
    (system / "yangswan.service").write_text("[Service]\n")
    (gateway.root / "etc/yangswan/admin.pub").write_text("")
    assert "systemctl daemon-reload" in gateway.run("postrm", "purge")
    kept = {path.name for path in gateway.root.glob("etc/**/*") if not path.is_dir()}
    assert kept == {"other.socket", "yangswan.service", "admin.pub"}
