"""Every instance document through libyang and through yanglint."""

from __future__ import annotations

import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.yang.conftest import IETF_DIR, INSTANCES, LIBYANG_3, WITH_DATA, YANG_DIR, Validate

VALID = sorted((INSTANCES / "valid").glob("*.xml"))
INVALID = sorted((INSTANCES / "invalid").glob("*.xml"))


@dataclass(frozen=True, slots=True)
class Expected:
    """``rule`` is the YANG statement that is broken (or type, choice, unknown, config). ``path`` leads to it;
    ``told_path`` is what the library at hand says: libyang 3 has a path of its own for some.
    """

    rule: str
    path: str
    message: str
    app_tag: str | None
    told_path: str


def expected(document: Path) -> Expected:
    """Return what stands beside ``document``; an unknown key is an error."""
    table = tomllib.loads(document.with_suffix(".expect").read_text())
    path = table.pop("path")
    other = table.pop("path-libyang-3", path)
    told = Expected(
        rule=table.pop("rule"),
        path=path,
        message=table.pop("message"),
        app_tag=table.pop("app-tag", None),
        told_path=other if LIBYANG_3 else path,
    )
    assert not table, f"{document.stem}.expect has unknown keys {sorted(table)}"
    return told


def is_config(document: Path) -> bool:
    return not document.name.startswith("state-")


def yanglint(document: Path) -> subprocess.CompletedProcess[str]:
    """Run yanglint as a user would."""
    kind = "config" if is_config(document) else "data"
    paths = ["-p", str(YANG_DIR), "-p", str(IETF_DIR)]
    modules = [str(YANG_DIR / f"{name}.yang") for name in WITH_DATA]
    command = ["yanglint", *paths, "-t", kind, *modules, str(document)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def name(document: Path) -> str:
    return document.stem


@pytest.mark.parametrize("document", VALID, ids=name)
def test_libyang_accepts_every_valid_document(document: Path, validate: Validate) -> None:
    assert validate(document.read_text(), config=is_config(document)) is None


@pytest.mark.parametrize("document", VALID, ids=name)
def test_yanglint_accepts_every_valid_document(document: Path) -> None:
    done = yanglint(document)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("document", INVALID, ids=name)
def test_libyang_refuses_every_invalid_document_for_the_expected_reason(
    document: Path, validate: Validate
) -> None:
    refusal = validate(document.read_text(), config=is_config(document))
    told = expected(document)
    assert refusal is not None
    assert (refusal.app_tag, refusal.path) == (told.app_tag, told.told_path)
    assert told.message in refusal.message


@pytest.mark.parametrize("document", INVALID, ids=name)
def test_yanglint_refuses_every_invalid_document_for_the_expected_reason(document: Path) -> None:
    done = yanglint(document)
    told = expected(document)
    assert done.returncode != 0
    assert told.message in done.stderr
    assert (f"({told.told_path})" if LIBYANG_3 else f'"{told.told_path}"') in done.stderr


def test_every_invalid_document_has_its_expectation_and_the_reverse() -> None:
    assert {path.stem for path in INVALID} == {path.stem for path in (INSTANCES / "invalid").glob("*.expect")}
    assert VALID
    assert INVALID
