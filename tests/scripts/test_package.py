"""What the Debian package is made of agrees with what a checkout has."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from agent.settings import from_file
from tests.scripts.agents import ROOT

PACKAGING = ROOT / "packaging/deb"
GATEWAY = ROOT / "examples/gateway"
COMPILING = {"gcc", "libc6-dev"}
"""What a checkout needs to compile the binding, which the package has in it."""


def field(name: str) -> set[str]:
    """Return the packages in a field of the binary package, without substitution variables."""
    _, _, binary = (PACKAGING / "control").read_text(encoding="utf-8").partition("\n\n")
    found = re.search(rf"(?m)^{name}:((?:\n .*)+)", binary)
    assert found is not None
    return {word for word in re.split(r"[,\s]+", found[1]) if word and not word.startswith("$")}


def test_the_package_asks_for_what_setup_installs() -> None:
    setup = (ROOT / "script/setup").read_text(encoding="utf-8")
    found = re.search(r'base_packages="([^"]*)"', setup)
    assert found is not None
    wanted = set(found[1].split()) - COMPILING
    assert wanted <= field("Depends") | field("Recommends")
    # Without these an agent cannot do its work; the others are for a person, or for one rpc.
    assert {name for name in wanted if "strongswan" in name or name == "nftables"} <= field("Depends")


def test_strongswans_own_service_is_asked_for_by_strongswan_alone() -> None:
    assert not any("strongswan-starter" in field(name) for name in ("Depends", "Recommends", "Suggests"))


@pytest.mark.parametrize(
    "unit", [*GATEWAY.glob("*.service"), *GATEWAY.glob("*.socket")], ids=lambda unit: unit.name
)
def test_of_a_unit_the_package_can_tell_each_place(unit: Path) -> None:
    """Below the comment on copying it, what packaging/deb/contents replaces is all that names a checkout."""
    _, section, text = unit.read_text(encoding="utf-8").partition("[Unit]\n")
    assert section
    text = text.replace("/opt/yangswan/.venv/bin/", "").replace("file:/opt/yangswan/README.md", "")
    assert "/opt/" not in text


def test_the_settings_of_the_package_name_no_users(tmp_path: Path) -> None:
    """By the very command that makes them: a file of keys that is not there keeps an agent from starting."""
    contents = (PACKAGING / "contents").read_text(encoding="utf-8")
    found = re.search(r"sed -e '([^']*)' \"\$gateway/settings.toml\"", contents)
    assert found is not None
    done = subprocess.run(
        ["sed", "-e", found[1], GATEWAY / "settings.toml"], capture_output=True, text=True, check=True
    )
    file = tmp_path / "settings.toml"
    file.write_text(done.stdout)
    settings = from_file(file)
    assert (settings.users, settings.charon, str(settings.data_dir)) == ({}, "managed", "/var/lib/yangswan")
    assert from_file(GATEWAY / "settings.toml").users


@pytest.mark.parametrize("script", sorted(PACKAGING.glob("yangswan.p*")), ids=lambda script: script.name)
def test_a_script_of_the_package_can_be_read_by_its_shell(script: Path) -> None:
    assert script.read_text(encoding="utf-8").startswith("#!/bin/sh\n")
    subprocess.run(["sh", "-n", script], check=True)
    assert "#DEBHELPER#" in script.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("address", "name"), [("Zoe <zoe@example.org>", "Zoe"), ("zoe", "Zoe"), ("zoe@example.org", "Zoe <z>\n")]
)
def test_a_maintainer_that_is_none_is_refused(address: str, name: str) -> None:
    refused = subprocess.run(
        [ROOT / "script/build-deb"], env={**os.environ, "DEBEMAIL": address, "DEBFULLNAME": name},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "DEBEMAIL" in refused.stderr


def test_documents_are_where_the_manual_pages_say(tmp_path: Path) -> None:
    """And refer to each other there: by the very function that lays them down."""
    contents = (PACKAGING / "contents").read_text(encoding="utf-8")
    found = re.search(r"(?ms)^documents\(\) \{\n.*?^\}\n", contents)
    assert found is not None
    for name in ("README.md", "docs"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "debian").mkdir()
    (tmp_path / "debian/versions.txt").write_text("")
    subprocess.run(["bash", "-euc", f"package=made\n{found[0]}documents"], cwd=tmp_path, check=True)
    folder = tmp_path / "made/usr/share/doc/yangswan"
    laid = {path.name: path.read_text(errors="replace") for path in folder.iterdir()}
    pages = (ROOT / "packaging/man/pages.md").read_text(encoding="utf-8")
    rows = re.findall(r"(?m)^\| `/usr/share/doc/yangswan` \| (.*) \|$", pages)
    named = {name for row in rows for name in re.findall(r"`([^`]+)`", row)}
    assert named
    assert named <= set(laid)
    links = {link for text in laid.values() for link in re.findall(r"\]\(([^):]+\.md)", text)}
    assert named & links
    assert links <= set(laid)


@pytest.mark.parametrize("script", ["build-deb", "try-deb"])
def test_help_names_each_option_and_others_are_refused(script: str) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [ROOT / "script" / script, *words], capture_output=True, text=True, check=False
        )

    said = run("--help")
    assert said.returncode == 0
    assert not said.stdout.startswith("#")
    refused = run("--colour")
    assert refused.returncode == 2
    options = re.findall(r"--[a-z]+", refused.stderr.partition("(")[2])
    assert options
    assert all(f"  {option} " in said.stdout for option in options)
    for words in (("--suite",), ("--suite", "woody")):
        wrong = run(*words)
        assert (wrong.returncode, len(wrong.stderr.splitlines())) == (2, 1)
