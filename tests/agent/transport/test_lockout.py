"""Sources that fail too often: refused for longer each time, forgiven by a success, known after a restart."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from agent.transport.files import write_durably
from agent.transport.lockout import LONGEST_S, MAX_SOURCES, Lockout


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def lockout(file: Path, clock: Clock) -> Lockout:
    return Lockout(file, tries=3, first_s=10, now=clock)


def test_a_source_is_refused_from_its_third_failure_on_and_longer_each_time(tmp_path: Path) -> None:
    clock = Clock()
    made = lockout(tmp_path / "lockout.json", clock)
    made.failed("192.0.2.1")
    made.failed("192.0.2.1")
    assert made.remaining_s("192.0.2.1") == 0
    made.failed("192.0.2.1")
    assert made.remaining_s("192.0.2.1") == 10
    assert made.remaining_s("192.0.2.2") == 0
    clock.now_s += 10
    assert made.remaining_s("192.0.2.1") == 0
    made.failed("192.0.2.1")
    assert made.remaining_s("192.0.2.1") == 20
    for _ in range(20):
        made.failed("192.0.2.1")
    assert made.remaining_s("192.0.2.1") == LONGEST_S


def test_a_success_forgives(tmp_path: Path) -> None:
    made = lockout(tmp_path / "lockout.json", Clock())
    for _ in range(3):
        made.failed("192.0.2.1")
    made.succeeded("192.0.2.1")
    assert made.remaining_s("192.0.2.1") == 0
    made.failed("192.0.2.1")
    assert made.remaining_s("192.0.2.1") == 0
    assert lockout(tmp_path / "lockout.json", Clock()).remaining_s("192.0.2.1") == 0


def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    made = lockout(tmp_path / "lockout.json", Clock())
    for _ in range(4):
        made.failed("192.0.2.1")
    again = lockout(tmp_path / "lockout.json", Clock())
    assert again.remaining_s("192.0.2.1") == 20
    again.failed("192.0.2.1")
    assert again.remaining_s("192.0.2.1") == 40
    assert (tmp_path / "lockout.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", ["", "[]", "nonsense", '{"192.0.2.1": 1}', '{"192.0.2.1": ["x", 1]}'])
def test_a_file_that_cannot_be_read_is_begun_anew(
    tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "lockout.json").write_text(content)
    made = lockout(tmp_path / "lockout.json", Clock())
    assert made.remaining_s("192.0.2.1") == 0
    assert "counted anew" in caplog.text


def test_a_file_that_cannot_be_written_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = lockout(tmp_path / "missing" / "lockout.json", Clock())
    for _ in range(3):
        made.failed("192.0.2.1")
    assert made.remaining_s("192.0.2.1") == 10
    assert "cannot be written" in caplog.text


def test_the_number_of_sources_is_bounded(tmp_path: Path) -> None:
    made = lockout(tmp_path / "lockout.json", Clock())
    for number in range(MAX_SOURCES + 10):
        made.failed(f"source {number}")
    assert len(made._failures) == MAX_SOURCES


def test_sources_that_failed_once_put_out_none_that_failed_more_often(tmp_path: Path) -> None:
    made = lockout(tmp_path / "lockout.json", Clock())
    made.failed("guesser")
    made.failed("guesser")
    for number in range(MAX_SOURCES + 10):
        made.failed(f"source {number}")
    made.failed("guesser")
    assert made.remaining_s("guesser") > 0


@pytest.mark.parametrize(
    "content",
    [b'{"a": [Infinity, 1]}', b'{"a": [1e999, 1]}', b"[" * 200_000, b'{"a": {}}', b"[[1]]", b'"a"', b"\0"],
)
def test_octets_of_any_kind_are_begun_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    (tmp_path / "lockout.json").write_bytes(content)
    assert Lockout(tmp_path / "lockout.json", 3, 30).remaining_s("a") == 0
    assert "failed logins are counted anew" in caplog.text


def test_damage_refuses_nobody_for_longer_than_failures_do(tmp_path: Path) -> None:
    (tmp_path / "lockout.json").write_text('{"a": [3, 1e300], "b": [3, Infinity], "c": [3, NaN]}')
    lockout = Lockout(tmp_path / "lockout.json", 3, 30, now=lambda: 1000.0)
    assert [lockout.remaining_s(source) for source in "abc"] == [3600, 3600, 0]


@pytest.mark.parametrize("call", ["fsync", "open", "replace"])
def test_a_full_disk_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(*((Path, call) if call == "replace" else (os, call)), full)
    with pytest.raises(OSError, match="No space left") as told:
        write_durably(tmp_path / "host_key", b"key", 0o600)
    assert (told.value.errno, told.value.filename) == (errno.ENOSPC, str(tmp_path / "host_key"))
