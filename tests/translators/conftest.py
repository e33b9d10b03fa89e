"""A translator whose charon is an external one that does not run."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.translator import Settings
from translators.strongswan.assembly import make
from translators.strongswan.translator import StrongSwanTranslator


@pytest.fixture
def translator(tmp_path: Path) -> StrongSwanTranslator:
    return make(Settings(tmp_path, "external", {"vici-socket": str(tmp_path / "vici")}))
