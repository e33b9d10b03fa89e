"""Histories that earlier versions wrote; README.md says what is in them."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

HERE = Path(__file__).parent


def restore(name: str, data_dir: Path) -> Path:
    """Make ``data_dir`` that of an agent which left the history ``name``; returns the history's file."""
    file = data_dir / "history.db"
    keys = data_dir / "strongswan" / "private-keys"
    data_dir.mkdir(mode=0o700, exist_ok=True)
    database = sqlite3.connect(file)
    database.executescript((HERE / name / "history.sql").read_text(encoding="utf-8"))
    database.close()
    os.chmod(file, 0o600)
    shutil.copytree(HERE / name / "private-keys", keys)
    os.chmod(keys, 0o700)
    for key in keys.iterdir():
        os.chmod(key, 0o600)
    return file
