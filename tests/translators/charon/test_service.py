"""systemctl as a child: what it is asked, and each way in which it does not do it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tests.translators.systemctls import put_on_path
from translators.strongswan.charon.service import WORDS_MAX, ServiceError, restart_unit
from translators.strongswan.options import OptionError, Options

LIMIT_S = 30.0


async def failure(unit: str = "some.service", limit_s: float = LIMIT_S) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        await restart_unit(unit, limit_s)
    return caught.value


async def test_systemctl_is_asked_to_restart_the_unit_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_on_path(monkeypatch, tmp_path / "bin", "")
    await restart_unit("some.service", LIMIT_S)
    assert (tmp_path / "bin" / "called").read_text() == "--no-ask-password restart -- some.service\n"


async def test_without_systemctl_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    error = await failure()
    assert error.app_tag == "systemctl-missing"
    assert "not installed" in str(error)


async def test_a_systemctl_that_cannot_run_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = put_on_path(monkeypatch, tmp_path / "bin", "")
    file.write_text("#!/nonexistent/interpreter\n")
    error = await failure()
    assert error.app_tag == "systemctl-missing"
    assert str(file) in str(error)


async def test_the_words_and_the_exit_code_of_a_refusal_are_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "Failed to restart some.service:\\n  Unit some.service not found."
    put_on_path(
        monkeypatch, tmp_path / "bin", f"sys.stderr.write({words!r}.replace('\\\\n', '\\n')); sys.exit(5)"
    )
    error = await failure()
    assert error.app_tag == "systemctl-failed"
    assert "exit code 5: Failed to restart some.service: Unit some.service not found." in str(error)
    assert "charon-unit" in str(error)


async def test_a_refusal_without_a_word_and_one_with_too_many_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_on_path(monkeypatch, tmp_path / "bin", "sys.exit(1)")
    assert "exit code 1: without a word" in str(await failure())
    put_on_path(monkeypatch, tmp_path / "bin", "sys.stderr.write('x' * 1_000_000); sys.exit(1)")
    assert str(await failure()).count("x") < WORDS_MAX + 20


async def test_one_that_hangs_is_ended_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = tmp_path / "pids"
    os.mkfifo(pids)
    put_on_path(
        monkeypatch,
        tmp_path / "bin",
        "import os, subprocess, time\n"
        "agent = subprocess.Popen(['sleep', '3600'])\n"
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{agent.pid}}')\n"
        "time.sleep(3600)",
    )
    reading = asyncio.create_task(asyncio.to_thread(pids.read_text))
    restarting = asyncio.create_task(failure(limit_s=2.0))
    own, child = (int(pid) for pid in (await reading).split())
    error = await restarting
    assert error.app_tag == "systemctl-timeout"
    assert "within 2 s" in str(error)
    assert "systemctl status some.service" in str(error)
    assert ended(own)
    async with asyncio.timeout(LIMIT_S):
        while not ended(child):
            await asyncio.to_thread(os.stat, "/")


def ended(pid: int) -> bool:
    """Return whether the process is gone, or only waits to be collected by whoever adopted it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


async def test_who_stops_waiting_leaves_no_systemctl_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = tmp_path / "pids"
    os.mkfifo(pids)
    put_on_path(
        monkeypatch,
        tmp_path / "bin",
        f"import os, time\nopen({str(pids)!r}, 'w').write(str(os.getpid()))\ntime.sleep(3600)",
    )
    reading = asyncio.create_task(asyncio.to_thread(pids.read_text))
    restarting = asyncio.create_task(restart_unit("some.service", 3600))
    pid = int(await reading)
    restarting.cancel()
    await asyncio.gather(restarting, return_exceptions=True)
    assert restarting.cancelled()
    assert ended(pid)


@pytest.mark.parametrize("unit", ["strongswan.service", "strongswan-starter", r"charon@a\x2db.service"])
def test_the_unit_is_a_setting(unit: str) -> None:
    assert Options.parse({"charon-unit": unit}).charon_unit == unit


@pytest.mark.parametrize("unit", ["", "--help", "-x", "a b", "a;b", "../x", "x" * 256, 5, True])
def test_what_is_no_name_of_a_unit_is_refused(unit: object) -> None:
    with pytest.raises(OptionError, match="charon-unit"):
        Options.parse({"charon-unit": unit})


def test_the_time_limit_is_a_setting() -> None:
    assert Options.parse({"restart-limit": 5}).restart_limit == 5.0
    with pytest.raises(OptionError, match="restart-limit"):
        Options.parse({"restart-limit": 0})
