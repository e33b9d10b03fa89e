"""``yangswand import``: a commit of a stopped agent, checked as over NETCONF, and asked for."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from agent.data_folder import DataDir
from agent.offline import importing
from tests.agent.offline.lab import EVERY_LEAF, INSTANCES, Shell, content_of
from tests.histories import restore

ALICE = INSTANCES / "valid" / "site-to-site-alice.xml"
NACM = """{"ietf-netconf-acm:nacm": {"rule-list": [{"name": "l", "group": ["*"],
  "rule": [{"name": "r", "action": "permit"}]}]}}"""


def commits(shell: Shell) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(shell.good("history", "--json"))
    return found


def test_it_is_a_commit_of_who_imports(shell: Shell) -> None:
    out = shell.good("import", ALICE, "--comment", "a new machine")
    assert f"commit 1 of {shell.folder}/history.db, in force with the next start" in out
    (commit,) = commits(shell)
    assert {name: commit[name] for name in ("id", "comment", "cause", "outcome")} == {
        "id": 1, "comment": "a new machine", "cause": "import", "outcome": "committed",
    }  # fmt: skip
    assert commit["user"]
    assert (shell.folder / "history.db").stat().st_mode & 0o777 == 0o600
    assert shell.folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("comment", [
        "", "x" * 1025, "a\nb", "a\rb", "a\n", "\r\n", "\ta", "a\tb", "a\nb\tc", "a\x1b[2J", "a\x7f",
        "a\x85b", "a\u2028b", "a\u2029", "\udcff", "a\ufffe", "\uffff",
        " ", "\u00a0 ", "\u202ea", "a\u200b", "a\u2069", "\ufeffa", "\U000e0041", "\U000e0002", "\u3164",
    ],
)  # fmt: skip
def test_a_comment_is_what_it_may_be_over_netconf(shell: Shell, comment: str) -> None:
    done = shell("import", ALICE, "--comment", comment)
    assert (done.status, "argument --comment" in done.said) == (2, True)


@pytest.mark.parametrize(
    "comment", [" a ", "\u00e9\u00a0\U0001f600", "a\ufffd", "x" * 1024, "<&>", "a \u3000b"]
)
def test_a_comment_is_recorded_as_it_was_given(shell: Shell, comment: str) -> None:
    shell.good("import", ALICE, "--comment", comment)
    assert commits(shell)[0]["comment"] == comment


def test_a_name_that_is_no_text_is_shown_and_recorded(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "caf\udce9\n.xml"
    file.write_bytes(ALICE.read_bytes())
    assert "caf\\udce9" in shell.good("check", file)
    shell.good("import", file)
    assert str(commits(shell)[0]["comment"]).endswith("/caf\ufffd .xml")


def test_who_used_sudo_is_named(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing.os, "getuid", lambda: 0)
    monkeypatch.setenv("SUDO_USER", "ann")
    shell.good("import", ALICE)
    assert commits(shell)[0]["user"] == "ann"


def test_a_new_folder_without_access_control_gets_the_first_rules(shell: Shell, tmp_path: Path) -> None:
    assert "the next start makes the first rules" in shell.good("import", ALICE)
    (tmp_path / "rules.json").write_text(NACM)
    assert "first rules" not in shell.good("import", tmp_path / "rules.json", folder=tmp_path / "other")


def test_what_is_configured_is_not_replaced_unasked(used: Shell) -> None:
    before = content_of(used.folder)
    done = used("import", ALICE)
    assert done.status == 1
    assert "has a configuration, of which" in done.lines[0]
    assert done.lines[-1] == "yangswand: nothing is changed: there is nobody to ask; say --yes"
    assert content_of(used.folder) == before
    used.good("import", ALICE, "--yes")
    assert [commit["id"] for commit in commits(used)] == [2, 1]


@pytest.mark.parametrize(("answer", "status"), [("yes", 0), ("YES ", 0), ("y", 1), ("", 1)])
def test_whoever_sits_at_the_terminal_is_asked(
    used: Shell, monkeypatch: pytest.MonkeyPatch, answer: str, status: int
) -> None:
    monkeypatch.setattr(importing.sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: answer)
    assert used("import", ALICE).status == status
    assert len(commits(used)) == (2 if status == 0 else 1)


def test_the_whole_configuration_is_replaced(used: Shell, tmp_path: Path) -> None:
    used.good("import", ALICE, "--yes")
    used.good("import", ALICE, folder=tmp_path / "other")
    assert used.good("export", "--format", "xml") == used.good(
        "export", "--format", "xml", folder=tmp_path / "other"
    )


def test_what_is_configured_already_is_no_commit(used: Shell) -> None:
    assert used.good("import", EVERY_LEAF) == f"{EVERY_LEAF} is what is configured: nothing is changed\n"
    assert len(commits(used)) == 1


def test_keys_that_lie_in_the_folder_already_are_not_to_be_copied(tmp_path: Path, shell: Shell) -> None:
    folder = restore("2026-11-23", tmp_path / "old").parent
    shell.good("export", "--with-secrets", "-o", tmp_path / "x", folder=folder)
    shutil.copytree(folder / "strongswan", shell.folder / "strongswan")
    (shell.folder).chmod(0o700)
    out = shell.good("import", tmp_path / "x")
    assert "in force with the next start" in out
    assert "copy" not in out
    shutil.rmtree(shell.folder)
    done = shell("import", tmp_path / "x")
    assert (done.status, "this gateway has no private key" in done.said) == (1, True)
    assert f"copy the private keys to {shell.folder}" in done.said


def test_access_control_that_would_go_is_said(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "rules.json").write_text(NACM)
    shell.good("import", tmp_path / "rules.json")
    done = shell("import", ALICE, "--yes")
    assert "nobody may change anything then but recovery users" in done.said


@pytest.mark.parametrize(
    "document", ["crl-empty.xml", "configuration-with-state.xml", "certificate-without-authority.xml"]
)
def test_what_is_not_valid_changes_nothing_and_makes_no_folder(shell: Shell, document: str) -> None:
    found = INSTANCES / "invalid" / document
    done = shell("import", found)
    assert (done.status, done.out) == (1, "")
    assert done.said.startswith(f"{found}:")
    assert not shell.folder.exists()


def test_settings_are_no_configuration(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("")
    done = shell("import", tmp_path / "settings.toml")
    assert (done.status, len(done.lines)) == (1, 1)
    assert "settings.toml" in done.said


def test_an_export_without_secrets_is_refused_on_an_empty_machine_and_says_what_is_missing(
    used: Shell, tmp_path: Path
) -> None:
    used.good("export", "-o", tmp_path / "x")
    done = used("import", tmp_path / "x", folder=tmp_path / "other")
    assert done.status == 1
    assert "[ipsec:id='7']: one of the cases of the choice 'authentication' is mandatory" in done.said
    assert "--with-secrets" in done.lines[-1]
    assert "--keep-secrets" in done.lines[-1]
    done = used("import", tmp_path / "x", "--keep-secrets", folder=tmp_path / "other")
    assert (done.status, "there are no secrets to keep" in done.said) == (1, True)


def test_secrets_are_kept_over_the_same_tunnels_if_that_is_asked_for(used: Shell, tmp_path: Path) -> None:
    before = used.good("export", "--format", "xml", "--with-secrets", "-o", tmp_path / "before")
    used.good("export", "-o", tmp_path / "x")
    text = (tmp_path / "x").read_text().replace("second floor", "third floor")
    (tmp_path / "x").write_text(text)
    assert used("import", tmp_path / "x", "--yes").status == 1
    out = used.good("import", tmp_path / "x", "--yes", "--keep-secrets")
    assert f"secrets that {tmp_path}/x has not were kept: 2" in out
    used.good("export", "--format", "xml", "--with-secrets", "-o", tmp_path / "after")
    assert (tmp_path / "before").read_text().replace("second", "third") == (tmp_path / "after").read_text()
    assert before == ""


def test_a_secret_that_the_file_replaces_is_not_kept(used: Shell, tmp_path: Path) -> None:
    used.good("export", "--with-secrets", "-o", tmp_path / "x", "--format", "json")
    document = json.loads((tmp_path / "x").read_text())
    document["yangswan-ipsec:tunnels"]["ipsec"][0]["secret"] = "another-good-secret"
    (tmp_path / "x").write_text(json.dumps(document))
    used.good("import", tmp_path / "x", "--yes", "--keep-secrets")
    used.good("export", "--with-secrets", "-o", tmp_path / "y", "--format", "json")
    assert json.loads((tmp_path / "y").read_text()) == document


def test_secrets_that_would_go_are_named(used: Shell, tmp_path: Path) -> None:
    used.good("export", "--with-secrets", "-o", tmp_path / "x", "--format", "json")
    document = json.loads((tmp_path / "x").read_text())
    del document["yangswan-ipsec:tunnels"]["ipsec"][0]["ike"]["ppk"]["key"]
    del document["yangswan-ipsec:tunnels"]["ipsec"][0]["ike"]["ppk"]["id"]
    document["yangswan-ipsec:tunnels"]["ipsec"][0]["ike"]["ppk"].pop("required", None)
    (tmp_path / "x").write_text(json.dumps(document))
    done = used("import", tmp_path / "x")
    assert "1 secret goes that the file has not" in done.said
    assert "/yangswan-ipsec:tunnels/ipsec[id='7']/ike/ppk/key" in done.said


def test_a_folder_that_an_agent_uses_is_left_alone(used: Shell) -> None:
    with DataDir(used.folder):
        done = used("import", ALICE, "--yes")
    assert (done.status, done.out, len(done.lines)) == (1, "", 1)
    assert done.said.startswith(
        f"yangswand: an agent uses the data folder {used.folder}: stop it first, or give"
    )


def test_a_damaged_history_is_not_written_to(used: Shell) -> None:
    database = sqlite3.connect(used.folder / "history.db")
    for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        database.execute(f"DROP TRIGGER {name}")
    database.execute("UPDATE changes SET after = after || ' '")
    database.commit()
    database.close()
    before = content_of(used.folder)
    done = used("import", ALICE, "--yes")
    assert (done.status, "is damaged" in done.said, "--repair" in done.said) == (1, True, True)
    assert content_of(used.folder) == before


def test_a_folder_whose_history_is_lost_is_refused(shell: Shell) -> None:
    shell.folder.mkdir(0o700)
    (shell.folder / "host_key").touch(0o600)
    done = shell("import", ALICE)
    assert (done.status, "is missing, and" in done.said) == (1, True)
    assert not (shell.folder / "history.db").exists()


def test_a_folder_that_cannot_be_made_is_said(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = shell("import", ALICE, folder=tmp_path / "file" / "data")
    assert (done.status, len(done.lines), "Not a directory" in done.said) == (1, 1, True)


@pytest.mark.parametrize("words", [(), ("a", "b"), ("--nope", "a")])
def test_a_mistake_on_the_command_line(shell: Shell, words: tuple[str, ...]) -> None:
    done = shell("import", *words)
    assert (done.status, done.out) == (2, "")


def test_nothing_is_left_of_a_record_that_the_disk_did_not_take(
    used: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agent.datastore.store import Store

    def full(*_: object, **__: object) -> int:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Store, "record", full)
    done = used("import", ALICE, "--yes")
    assert (done.status, "disk is full" in done.said) == (1, True)
    monkeypatch.undo()
    assert len(commits(used)) == 1


def test_what_is_wrong_beside_secrets_has_no_word_about_them(shell: Shell, tmp_path: Path) -> None:
    tunnel = EVERY_LEAF.read_text().partition("<ipsec>")[2].partition("</ipsec>")[0]
    other = tunnel.replace("<id>7<", "<id>8<").replace("az{|}~", "other")
    both = f"<ipsec>{tunnel}</ipsec><ipsec>{other}</ipsec>"
    file = tmp_path / "x.xml"
    file.write_text(f'<tunnels xmlns="urn:yangswan:params:xml:ns:yang:ipsec">{both}</tunnels>')
    done = shell("import", file)
    assert (done.status, "--with-secrets" in done.said) == (1, False)
