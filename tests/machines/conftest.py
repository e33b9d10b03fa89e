"""What several tests on other machines need, and takes minutes to make."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.machines.running import ROOT


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of Debian 12, made of this tree."""
    folder = tmp_path_factory.mktemp("package")
    subprocess.run([ROOT / "script/build-deb", "--out", folder], check=True)
    (made,) = folder.glob("*.deb")
    return made
