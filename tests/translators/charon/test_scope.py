"""The scope that systemd is asked for, by a stand-in for busctl; tests/machines asks a real one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from translators.strongswan.charon import scope as scope_module
from translators.strongswan.charon.scope import Scope, control_group, own_service

PID = 4321


@pytest.fixture
def busctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A busctl that writes its words down, a line each, and does as its file ``does`` says."""
    file = tmp_path / "busctl"
    file.write_text(
        f"#!{sys.executable}\nimport sys\nfrom pathlib import Path\nhere = Path(__file__).parent\n"
        "(here / 'asked').write_text('\\n'.join(sys.argv[1:]))\nsys.exit((here / 'does').read_text() or 0)\n"
    )
    file.chmod(0o700)
    (tmp_path / "does").write_text("")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def in_group(monkeypatch: pytest.MonkeyPatch, group: str) -> None:
    monkeypatch.setattr(scope_module, "control_group", lambda _pid: group)


async def asked(busctl: Path, scope: Scope) -> list[str]:
    await scope.take(PID)
    return (busctl / "asked").read_text().splitlines() if (busctl / "asked").exists() else []


async def test_charon_is_moved_to_a_scope_that_ends_with_the_service(
    busctl: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    in_group(monkeypatch, "/system.slice/yangswan.service")
    words = await asked(busctl, Scope("yangswan.service", ends_with_service=True))
    text = " ".join(words)
    assert "StartTransientUnit ssa(sv)a(sa(sv)) yangswan-charon-4321.scope fail 7 Description s" in text
    assert "PIDs au 1 4321" in text
    assert "PartOf as 1 yangswan.service" in text
    assert "Before as 1 yangswan.service" in text
    assert caplog.text == ""


async def test_a_charon_that_is_to_be_kept_does_not_end_with_the_service(
    busctl: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_group(monkeypatch, "/system.slice/yangswan-charon-4321.scope")
    text = " ".join(await asked(busctl, Scope("yangswan.service", ends_with_service=False)))
    assert " yangswan-charon-kept-4321.scope fail 6 " in text
    assert "PartOf" not in text


@pytest.mark.parametrize(
    ("name", "ends"), [("yangswan-charon-4321.scope", True), ("yangswan-charon-kept-4321.scope", False)]
)
async def test_a_charon_that_is_in_its_scope_stays_there(
    busctl: Path, monkeypatch: pytest.MonkeyPatch, name: str, ends: bool
) -> None:
    in_group(monkeypatch, f"/system.slice/{name}")
    assert await asked(busctl, Scope("yangswan.service", ends_with_service=ends)) == []


async def test_what_busctl_says_against_it_is_logged_and_nothing_else_happens(
    busctl: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    in_group(monkeypatch, "/system.slice/yangswan.service")
    (busctl / "does").write_text("Call failed: no")
    await Scope("yangswan.service", ends_with_service=True).take(PID)
    assert "systemctl stop leaves it running" in caplog.text
    assert "busctl: Call failed: no" in caplog.text


async def test_without_busctl_that_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    in_group(monkeypatch, "/system.slice/yangswan.service")
    monkeypatch.setenv("PATH", str(tmp_path))
    await Scope("yangswan.service", ends_with_service=True).take(PID)
    assert "No such file" in caplog.text


@pytest.mark.parametrize(
    ("main", "group", "service"),
    [
        (True, "/system.slice/yangswan.service", "yangswan.service"),
        (True, "/system.slice/gateway.slice/yangswan@1.service", "yangswan@1.service"),
        (False, "/system.slice/cron.service", None),
        (True, "/user.slice/user-0.slice/user@0.service/app.slice/mine.service", None),
        (True, "/user.slice/user-0.slice/session-1.scope", None),
        (True, "", None),
    ],
)
def test_only_the_main_process_of_a_service_of_the_system_has_one(
    monkeypatch: pytest.MonkeyPatch, main: bool, group: str, service: str | None
) -> None:
    monkeypatch.setenv("SYSTEMD_EXEC_PID", str(os.getpid() if main else os.getppid()))
    in_group(monkeypatch, group)
    assert own_service() == service


def test_without_systemd_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SYSTEMD_EXEC_PID", raising=False)
    assert own_service() is None


def test_the_control_group_is_read_of_both_hierarchies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert control_group("no-such-process") == ""
    for text, group in (
        ("0::/a.slice/b.service\n", "/a.slice/b.service"),
        ("2:cpu:/\n1:name=systemd:/a.slice/b.service\n0::/\n", "/a.slice/b.service"),
        ("2:cpu:/\n", ""),
    ):
        (tmp_path / "7").mkdir(exist_ok=True)
        (tmp_path / "7/cgroup").write_text(text)
        monkeypatch.setattr(scope_module, "PROCESSES", tmp_path)
        assert control_group("7") == group
