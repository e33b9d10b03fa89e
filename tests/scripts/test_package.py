"""What the Debian package is made of agrees with what a checkout has."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from agent.settings import from_file
from tests.scripts.agents import ROOT
from tests.scripts.links import dead_links

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


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """What the package has below /usr/share/doc/yangswan: by the very function that lays it down."""
    contents = (PACKAGING / "contents").read_text(encoding="utf-8")
    functions, called, _ = contents.partition("\nunits\nsettings\n")
    assert called
    (tmp_path / "README.md").symlink_to(ROOT / "README.md")
    for name in ("docs", "examples", "yang"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "debian").mkdir()
    (tmp_path / "debian/versions.txt").write_text("")
    subprocess.run(["bash", "-c", f"{functions}\ndocuments", "contents", "made"], cwd=tmp_path, check=True)
    return tmp_path / "made/usr/share/doc/yangswan"


def test_documents_are_where_the_manual_pages_say(documents: Path) -> None:
    pages = (ROOT / "packaging/man/pages.md").read_text(encoding="utf-8")
    rows = re.findall(r"(?m)^\| `/usr/share/doc/yangswan` \| (.*) \|$", pages)
    named = {name for row in rows for name in re.findall(r"`([^`]+)`", row)}
    assert named
    assert named <= {path.name for path in documents.iterdir()}


def test_each_link_of_the_documents_leads_to_what_the_package_has(documents: Path) -> None:
    for of_debhelper in ("changelog.gz", "copyright"):
        (documents / of_debhelper).touch()
    pages = [*documents.rglob("*.md")]
    assert {documents / "README.md", documents / "examples/certificates/README.md"} <= {*pages}
    assert dead_links(pages) == []
    (documents / "examples/gateway/yangswan.service").unlink()
    assert dead_links(pages) != []


def test_each_link_of_the_checkout_leads_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/*/*.md")]
    assert ROOT / "README.md" in pages
    assert dead_links(pages) == []


def test_the_examples_of_the_package_are_those_of_the_tree_with_its_places(documents: Path) -> None:
    shipped = {path.relative_to(documents) for path in documents.glob("examples/*/*")}
    assert {ROOT / path for path in shipped} >= {*ROOT.glob("examples/*/*.*")}
    unit = (documents / "examples/gateway/yangswan-external.service").read_text(encoding="utf-8")
    assert "\nExecStart=/usr/bin/yangswand --config" in unit
    assert "/opt/" not in unit
    assert unit.startswith("# ")


def test_a_link_to_nothing_is_seen(tmp_path: Path) -> None:
    page, other = tmp_path / "page.md", tmp_path / "other.md"
    other.write_text("# What `it` is, and why\n\n## Again\n\n```sh\n# no heading\n```\n\n## Again\n")
    page.write_text(
        "[a](other.md#what-it-is-and-why) [b](other.md#again-1)\n"
        "[c](https://example.org/none) [d](#here)\n# Here\n"
    )
    assert dead_links([page]) == []
    page.write_text("[a](gone.md) [b](other.md#no-heading) [c](#nowhere) [d](other.md#again-2)\n")
    assert [line.rpartition(": ")[2] for line in dead_links([page])] == [
        "gone.md", "other.md#no-heading", "#nowhere", "other.md#again-2",
    ]  # fmt: skip


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
