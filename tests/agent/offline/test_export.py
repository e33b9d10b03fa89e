"""``yangswand export``: the whole configuration of a stopped agent; the folder stays as it is."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from agent.data_folder import DataDir
from agent.offline.formats import Format
from tests.agent.offline.lab import EVERY_LEAF, Shell, content_of
from tests.histories import restore

LEFT_OUT = "yangswand: 2 secrets are left out: say --with-secrets for a backup that can be restored anywhere"


def damage(folder: Path) -> None:
    with sqlite3.connect(folder / "history.db") as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {name}")
        database.execute("UPDATE changes SET after = after || ' '")
    database.close()


@pytest.mark.parametrize("format", list(Format), ids=str)
def test_what_is_exported_and_imported_is_the_same(used: Shell, tmp_path: Path, format: Format) -> None:
    used.good("export", "--with-secrets", "-o", tmp_path / "one", "--format", format.value)
    used.good("import", tmp_path / "one", folder=tmp_path / "other")
    for kind in Format:
        two, three = tmp_path / f"two-{kind}", tmp_path / f"three-{kind}"
        used.good("export", "--with-secrets", "-o", two, "--format", kind.value)
        used.good("export", "--with-secrets", "-o", three, "--format", kind.value, folder=tmp_path / "other")
        lines = [
            [line for line in file.read_text().splitlines() if "timestamp" not in line]
            for file in (two, three)
        ]
        assert lines[0] == lines[1]


def test_the_default_is_instance_data_that_says_what_it_is(used: Shell) -> None:
    done = used("export")
    assert done.out.startswith("<?xml version='1.0' encoding='UTF-8'?>\n<instance-data-set xmlns=")
    for words in ("<module>yangswan-ipsec@20", "<datastore xmlns:ds=", "<timestamp>20", "<content-data>"):
        assert words in done.out
    document = json.loads(used("export", "--format", "instance-json").out)
    (members,) = document.values()
    assert list(document) == ["ietf-yang-instance-data:instance-data-set"]
    assert members["datastore"] == "ietf-datastores:running"
    assert members["includes-defaults"] == "explicit"
    assert "yangswan-ipsec:tunnels" in members["content-data"]


@pytest.mark.parametrize("format", list(Format), ids=str)
def test_secrets_are_left_out_counted_and_said(used: Shell, format: Format) -> None:
    done = used("export", "--format", format.value)
    assert (done.status, done.lines) == (0, [LEFT_OUT])
    for word in ("!&quot;#$", '!\\"', "<secret>", "<key>0", '"secret"'):
        assert word not in done.out
    assert "<key>bob</key>" in done.out or '"key": "bob"' in done.out


def test_a_file_is_private_and_not_overwritten(used: Shell, tmp_path: Path) -> None:
    file = tmp_path / "backup.xml"
    used.good("export", "--with-secrets", "-o", file)
    assert file.stat().st_mode & 0o777 == 0o600
    before = file.read_bytes()
    done = used("export", "-o", file)
    assert (done.status, done.lines[0].startswith(f"yangswand: {file} is there already")) == (1, True)
    assert file.read_bytes() == before
    used.good("export", "-o", file, "--force")
    assert file.read_bytes() != before


@pytest.mark.parametrize("task", ["export", "history", "check"])
def test_the_folder_stays_as_it_is_also_with_a_history_of_an_older_version(
    shell: Shell, tmp_path: Path, task: str
) -> None:
    folder = restore("2026-11-23", tmp_path / "old").parent
    unfinished = folder / "strongswan" / "private-keys" / ".x.new"
    unfinished.write_text("")
    before = content_of(folder)
    done = shell(task, *([EVERY_LEAF] if task == "check" else []), folder=folder)
    assert done.status == 0
    assert content_of(folder) == before


def test_an_export_is_what_the_next_start_has_and_says_so_of_a_pending_commit(
    shell: Shell, tmp_path: Path
) -> None:
    folder = restore("2026-11-23", tmp_path / "old").parent
    done = shell("export", folder=folder)
    assert "a confirmed commit of admin is pending" in done.lines[0]
    assert "rolled back" not in done.said


def test_private_keys_are_no_part_and_named(shell: Shell, tmp_path: Path) -> None:
    folder = restore("2026-11-23", tmp_path / "old").parent
    done = shell("export", "--with-secrets", "-o", tmp_path / "x", folder=folder)
    keys = folder / "strongswan" / "private-keys"
    assert done.lines[-1] == (
        f"yangswand: copy {keys}, too: the 2 private keys in it are no configuration, and in no export of it"
    )
    assert "PRIVATE KEY" not in (tmp_path / "x").read_text()


@pytest.mark.parametrize("task", ["export", "history"])
def test_a_damaged_history_is_said_as_by_the_agent(used: Shell, task: str) -> None:
    damage(used.folder)
    before = content_of(used.folder)
    done = used(task)
    assert (done.status, done.out, len(done.lines)) == (1, "", 1)
    assert f"{used.folder}/history.db is damaged: " in done.said
    assert "yangswand --repair" in done.said
    assert content_of(used.folder) == before


@pytest.mark.parametrize("task", ["export", "history"])
def test_a_folder_that_an_agent_uses_is_left_alone(used: Shell, task: str) -> None:
    with DataDir(used.folder):
        done = used(task)
    assert (done.status, done.out, len(done.lines)) == (1, "", 1)
    assert done.said.startswith(
        f"yangswand: an agent uses the data folder {used.folder}: stop it first, or ask"
    )


@pytest.mark.parametrize("task", ["export", "history"])
@pytest.mark.parametrize("state", ["missing", "empty", "exposed", "writable", "lost"])
def test_a_folder_that_no_start_would_take_is_refused(
    used: Shell, tmp_path: Path, task: str, state: str
) -> None:
    folder = used.folder
    if state == "missing":
        folder = tmp_path / "nope"
    elif state == "empty":
        folder = tmp_path / "empty"
        folder.mkdir()
    elif state == "exposed":
        (folder / "history.db").chmod(0o644)
    elif state == "writable":
        folder.chmod(0o777)
    else:
        (folder / "history.db").rename(tmp_path / "elsewhere")
        (folder / "host_key").write_text("")
        (folder / "host_key").chmod(0o600)
    done = used(task, folder=folder)
    assert (done.status, done.out, len(done.lines)) == (1, "", 1)
    assert str(folder) in done.said
    assert folder.exists() is (state != "missing")


@pytest.mark.parametrize("words", [("x",), ("--format", "yaml"), ("-o",), ("-o", "")])
def test_a_mistake_on_the_command_line(shell: Shell, words: tuple[str, ...]) -> None:
    done = shell("export", *words)
    assert (done.status, done.out) == (2, "")
    assert "usage: yangswand export" in done.said


@pytest.mark.parametrize("format", list(Format), ids=str)
def test_access_control_is_whole_in_an_export_without_secrets(
    shell: Shell, tmp_path: Path, format: Format
) -> None:
    rules = {
        "enable-nacm": True,
        "yangswan-agent:writers-only": True,
        "groups": {"group": [{"name": "ops", "user-name": ["ann"]}]},
        "rule-list": [{"name": "l", "group": ["ops"], "rule": [{"name": "r", "action": "permit"}]}],
    }
    (tmp_path / "rules.json").write_text(json.dumps({"ietf-netconf-acm:nacm": rules}))
    shell.good("import", tmp_path / "rules.json")
    done = shell("export", "--format", format.value, "-o", tmp_path / "out")
    assert done.said == ""
    shell.good("import", tmp_path / "out", folder=tmp_path / "other")
    found = json.loads(shell.good("export", "--format", "json", folder=tmp_path / "other"))
    assert found == {"ietf-netconf-acm:nacm": rules}
