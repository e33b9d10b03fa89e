"""A history that others may read or write is refused, and its mode stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.data_folder import KEYS, Exposed, faults, may_begin, refuse_read_history
from agent.datastore.store import Store
from agent.regular_file import ENDINGS


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o622, 0o666])
def test_it_is_refused_and_left_as_it_is(tmp_path: Path, ending: str, mode: int) -> None:
    Store(tmp_path / "history.db").close()
    refuse_read_history(tmp_path)
    file = tmp_path / f"history.db{ending}"
    file.touch(0o600)
    file.chmod(mode)
    said = rf"{file} may be read by others \(mode {mode:04o}\)\. Put a copy of .* chmod 600 {file}$"
    with pytest.raises(Exposed, match=said):
        refuse_read_history(tmp_path)
    assert len(faults(tmp_path)) == 1
    assert file.stat().st_mode & 0o777 == mode


@pytest.mark.parametrize("key", KEYS)
def test_beside_keys_no_history_is_made(tmp_path: Path, key: str) -> None:
    assert may_begin(tmp_path)
    (tmp_path / key).touch()
    assert not may_begin(tmp_path)
