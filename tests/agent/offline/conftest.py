from __future__ import annotations

from pathlib import Path

import pytest

from agent.from_settings import make_schema, make_translators
from agent.settings import Settings
from agent.yang.schema import Schema
from tests.agent.offline.lab import EVERY_CONSTRUCT, EVERY_LEAF, Shell


@pytest.fixture(scope="session")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Schema:
    settings = Settings(
        charon="none", data_dir=tmp_path_factory.mktemp("data"), yang_modules=(EVERY_CONSTRUCT,)
    )
    return make_schema(settings, make_translators(settings))


@pytest.fixture
def shell(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Shell:
    return Shell(tmp_path / "data", capfd)


@pytest.fixture
def used(shell: Shell) -> Shell:
    """One whose folder holds every leaf of a tunnel."""
    shell.good("import", EVERY_LEAF)
    return shell
