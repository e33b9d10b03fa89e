"""What is written down of what charon says, and how much at most."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from translators.strongswan.diagnosis import capture as capture_module
from translators.strongswan.diagnosis.capture import Capture
from translators.strongswan.options import OptionError, Options
from translators.strongswan.status.events import Notice


def test_each_signal_is_one_line_with_its_time(tmp_path: Path) -> None:
    path = tmp_path / "said"
    capture = Capture(path)
    capture.found(1.0, "log")
    capture.sas(1.5, ["ipsec-1"], {"ipsec-1": [{"state": "ESTABLISHED"}]})
    capture.event(2.0, "ike-updown", {"up": "yes"})
    capture.notice(2.5, Notice(8, "text", "ipsec-1", "bob", "192.0.2.1[500]"))
    capture.lost(3.0, "gone")
    capture.close()
    capture.close()
    capture.lost(4.0, "not written any more")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["at"] for line in lines] == [1.0, 1.5, 2.0, 2.5, 3.0]
    assert path.stat().st_mode & 0o777 == 0o600


def test_without_a_file_nothing_is_written() -> None:
    capture = Capture(None)
    capture.lost(1.0, "gone")
    capture.close()


def test_a_capture_ends_at_its_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture_module, "OCTETS_MAX", 100)
    capture = Capture(tmp_path / "said")
    for at in range(100):
        capture.lost(float(at), "gone")
    assert (tmp_path / "said").stat().st_size < 200


def test_a_full_disk_ends_the_capture_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    capture = Capture(Path("/dev/full"))
    capture.lost(1.0, "gone")
    capture.lost(2.0, "gone")
    assert caplog.text.count("the capture ends") == 1


def test_a_file_that_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"capture: .*: No such file or directory"):
        Capture(tmp_path / "nowhere" / "said")
    assert Options.parse({"capture": "/tmp/said"}).capture == Path("/tmp/said")
