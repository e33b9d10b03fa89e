"""A history of which octets are others, or the end is missing: it is used or refused, with a sentence."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from agent.datastore.configuration import Configuration
from agent.datastore.store import Store
from agent.datastore.store_errors import WAY_ON, StoreError
from agent.from_settings import make_schema
from agent.nacm.control import AccessControl
from agent.settings import Settings
from agent.translator import Settings as TranslatorSettings
from agent.yang.schema import Schema
from tests.agent.lab import direct
from tests.histories import restore
from translators.strongswan.assembly import make
from translators.strongswan.translator import StrongSwanTranslator

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def translator(tmp_path_factory: pytest.TempPathFactory) -> StrongSwanTranslator:
    return make(TranslatorSettings(tmp_path_factory.mktemp("translator"), "managed"))


@pytest.fixture(scope="module")
def schema(translator: StrongSwanTranslator) -> Schema:
    return make_schema(Settings(), [translator])


def load(file: Path, schema: Schema, translator: StrongSwanTranslator) -> bytes:
    """Read it as a start does; returns running."""
    store = Store(file)
    try:
        configuration = Configuration(schema, store, translators=[translator], worker=direct)
        configuration.load()
        AccessControl(schema).load(configuration.running)
        return configuration.running.to_xml()
    finally:
        store.close()


@pytest.fixture(scope="module")
def intact(
    tmp_path_factory: pytest.TempPathFactory, schema: Schema, translator: StrongSwanTranslator
) -> tuple[bytes, bytes]:
    """The file of the history before and after it was converted."""
    folder = tmp_path_factory.mktemp("intact")
    older = restore("2026-11-23", folder / "older")
    newer = Path(shutil.copy(older, folder))
    load(newer, schema, translator)
    return older.read_bytes(), newer.read_bytes()


def damaged(octets: bytes, seed: int) -> bytes:
    random, found = Random(seed), bytearray(octets)
    for _ in range(random.choice((1, 20, 200, 2000))):
        found[random.randrange(len(found))] = random.randrange(256)
    return bytes(found[: random.randrange(len(found))] if seed % 5 == 0 else found)


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("form", [0, 1])
def test_any_octets_are_used_or_refused(
    form: int, seed: int, intact: tuple[bytes, bytes], schema: Schema,
    translator: StrongSwanTranslator, tmp_path: Path,
) -> None:  # fmt: skip
    file = tmp_path / "history.db"
    file.write_bytes(damaged(intact[form], seed))
    with suppress(StoreError):
        load(file, schema, translator)


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory, intact: tuple[bytes, bytes], schema: Schema,
    translator: StrongSwanTranslator,
) -> bytes:  # fmt: skip
    file = tmp_path_factory.mktemp("running") / "history.db"
    file.write_bytes(intact[1])
    return load(file, schema, translator)


@pytest.mark.parametrize("seed", range(100))
def test_a_bit_that_has_turned_over_changes_no_unit_without_a_word(
    seed: int, intact: tuple[bytes, bytes], running: bytes, schema: Schema,
    translator: StrongSwanTranslator, tmp_path: Path,
) -> None:  # fmt: skip
    random, octets = Random(seed), bytearray(intact[1])
    used = [place for place, octet in enumerate(octets) if octet] if seed % 2 else range(len(octets))
    octets[random.choice(used)] ^= 1 << random.randrange(8)
    file = tmp_path / "history.db"
    file.write_bytes(octets)
    with suppress(StoreError):  # it names the file and what is damaged
        assert load(file, schema, translator) == running


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE changes SET before = 'text'",
        "UPDATE changes SET path = x'ff'",
        "UPDATE changes SET path = CAST(x'ff' AS TEXT)",
        "UPDATE changes SET after = x'00' WHERE path LIKE '%ipsec:tunnels%'",
        "UPDATE snapshots SET content = 'text'",
        "UPDATE snapshots SET content = content || '<'",
        "UPDATE snapshots SET content = x'00'",
        "UPDATE confirmed_commit SET rollback_to = 'text'",
        "DROP TABLE confirmed_commit; CREATE TABLE confirmed_commit (one)",
        "DROP TABLE commits; CREATE VIEW commits AS SELECT 1 AS id",
        "PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = CAST(x'ff41' AS TEXT)",
    ],
)
def test_rows_of_another_kind_are_refused(
    damage: str, schema: Schema, translator: StrongSwanTranslator, tmp_path: Path
) -> None:
    file = restore("2026-11-23", tmp_path / "data")
    database = sqlite3.connect(file)
    database.executescript(damage)
    database.close()
    with pytest.raises(StoreError, match=str(file)):
        load(file, schema, translator)


def test_an_agent_says_so_in_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    file.write_bytes(b"SQLite format 3\0" + Random(1).randbytes(8000))
    file.chmod(0o600)
    command = ["-m", "agent", "--data-dir", str(tmp_path), "--listen", "127.0.0.1:0", "--charon", "none"]
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (os.EX_CONFIG, "")
    assert done.stderr.startswith(f"yangswand: {file} cannot be used as commit history: ")
    assert done.stderr.endswith(f"{WAY_ON}\n")
    assert done.stderr.count("\n") == 1
