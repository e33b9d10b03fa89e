"""The scripts of the Debian package below a systemd that only notes what it is told to do."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen

import pytest

from tests.scripts.agents import ROOT

PACKAGING = ROOT / "packaging/deb"
PLACES = ("/run", "/etc", "/var/lib", "/usr/lib")
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
# Says what it is told to do, and ends if it may.
AGENT = """
import signal, sys
def asked(*_):
    print("ended", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN if "--deaf" in sys.argv else asked)
print("ready", flush=True)
while True:
    signal.pause()
"""
DROP_IN = "package-upgrade.conf"


@dataclass(frozen=True, slots=True)
class Machine:
    """``root``: in place of /; what was called is in the file ``notes`` there."""

    root: Path

    said: list[str] = field(default_factory=list)

    def run(self, script: str, *words: str) -> Sequence[str]:
        """Run a script of the package; return what it has called, but not what it has only asked. What it has
        told the administrator is in ``said``."""
        text = (PACKAGING / f"yangswan.{script}").read_text(encoding="utf-8")
        for place in PLACES:
            text = re.sub(rf"(?<![\w/.*]){place}/", f"{self.root}{place}/", text)
        (self.root / "notes").write_text("")
        environ = {
            "PATH": f"{self.root}/commands:{os.environ['PATH']}", "NOTES": f"{self.root}/notes",
            "UNITS": f"{self.root}/units",
        }  # fmt: skip
        # Whoever waits for long waits a second here.
        text = text.replace("AGENT_LIMIT_S=60", "AGENT_LIMIT_S=1")
        done = subprocess.run(
            ["sh", "-c", text, script, *words],
            env=environ, check=True, cwd=self.root, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.said[:] = done.stderr.splitlines()
        return (self.root / "notes").read_text().replace(str(self.root), "").splitlines()

    def has(self, *units: str) -> None:
        (self.root / "units").write_text("".join(f"{unit}\n" for unit in units))

    @contextmanager
    def runs(self, program: str, *words: str, package: str = "usr/lib/yangswan") -> Iterator[Popen[str]]:
        """Have a program of ``package`` run that ends at SIGTERM."""
        (self.root / package / "bin").mkdir(parents=True, exist_ok=True)
        file = self.root / program
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(AGENT)
        command = [f"{self.root}/{package}/bin/python3", str(file), *words]
        with Popen(command, executable=sys.executable, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            try:
                yield process
            finally:
                process.kill()

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
    assert gateway.run("postrm", "remove") == ["systemctl daemon-reload", "systemctl reset-failed yangswan*"]
    assert not list(gateway.root.glob("run/systemd/system/*"))


def test_an_agent_that_no_unit_has_started_ends_before_leak_protection_is_taken_out(gateway: Machine) -> None:
    """As in a container: an agent that went on would put it in again."""
    (gateway.root / "run/systemd/system").rmdir()
    with gateway.runs("usr/bin/yangswan") as client, gateway.runs("usr/bin/yangswand", "-x") as agent:
        watcher = threading.Thread(target=agent.wait)  # so that it is gone when it has ended
        watcher.start()
        called = gateway.run("prerm", "remove")
        watcher.join()
        assert (agent.returncode, client.poll()) == (0, None)
    assert called[0] == "yangswand --unprotect --config /etc/yangswan/settings.toml"
    assert gateway.said == []


def test_an_agent_that_does_not_end_is_named_with_what_to_do(gateway: Machine) -> None:
    (gateway.root / "run/systemd/system").rmdir()
    with gateway.runs("usr/bin/yangswand", "--deaf") as agent:
        called = gateway.run("prerm", "remove")
        assert agent.poll() is None
    assert "yangswand --unprotect --config /etc/yangswan/settings.toml" in called
    named, what_to_do = gateway.said
    assert named.endswith(f"process {agent.pid}")
    assert what_to_do.endswith("End it, then: nft delete table inet yangswan")


def test_an_agent_of_another_installation_is_left_alone(gateway: Machine) -> None:
    (gateway.root / "run/systemd/system").rmdir()
    with gateway.runs("opt/yangswan/.venv/bin/yangswand", package="opt/yangswan/.venv") as agent:
        gateway.run("prerm", "remove")
        assert agent.poll() is None
    assert gateway.said == []


@pytest.mark.parametrize("reason", ["upgrade", "failed-upgrade", "deconfigure"])
def test_an_upgrade_without_systemd_ends_no_agent(gateway: Machine, reason: str) -> None:
    (gateway.root / "run/systemd/system").rmdir()
    with gateway.runs("usr/bin/yangswand") as agent:
        assert gateway.run("prerm", reason, "2") == []
        assert agent.poll() is None


def test_a_purge_takes_links_to_its_units_and_nothing_of_the_administrators(gateway: Machine) -> None:
    system = gateway.root / "etc/systemd/system"
    wants = system / "sockets.target.wants"
    wants.mkdir()
    (wants / "yangswan.socket").symlink_to("/nowhere/systemd/system/yangswan.socket")
    (wants / "other.socket").symlink_to("/nowhere/systemd/system/other.socket")
    (system / "yangswan.service").write_text("[Service]\n")
    (gateway.root / "etc/yangswan/admin.pub").write_text("")
    called = gateway.run("postrm", "purge")
    # Of what has failed nothing is listed on.
    assert called.index("systemctl daemon-reload") < called.index("systemctl reset-failed yangswan*")
    kept = {path.name for path in gateway.root.glob("etc/**/*") if not path.is_dir()}
    assert kept == {"other.socket", "yangswan.service", "admin.pub"}
