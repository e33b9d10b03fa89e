"""``yangswand history``: the commits of a stopped agent."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.agent.offline.lab import EVERY_LEAF, Shell
from tests.histories import restore


def test_commits_are_listed_the_newest_first_with_what_they_changed(used: Shell) -> None:
    first, comment, *paths = used.good("history").splitlines()
    assert re.fullmatch(r"1  \d{4}-\d\d-\d\dT\S+  \S+  import  in force", first)
    assert comment == f"    comment: import of {EVERY_LEAF}"
    assert paths == [
        "    /yangswan-ipsec:tunnels/leak-protection",
        "    /yangswan-ipsec:tunnels/bypass[network='192.0.2.128/25']",
        "    /yangswan-ipsec:tunnels/bypass[network='2001:db8:ff::/64']",
        "    and 1 more",
    ]


def test_one_commit_has_all_its_paths(used: Shell) -> None:
    assert used.good("history", "1").splitlines()[-1] == "    /yangswan-ipsec:tunnels/ipsec[id='7']"
    found = json.loads(used.good("history", "1", "--json"))
    assert (found["id"], len(found["changed"])) == (1, 4)


def test_an_older_history_is_listed_with_outcome_session_and_source(shell: Shell, tmp_path: Path) -> None:
    folder = restore("2026-11-23", tmp_path / "old").parent
    found = json.loads(shell.good("history", "--json", folder=folder))
    ids = [commit["id"] for commit in found]
    assert ids == sorted(ids, reverse=True)
    assert {commit["outcome"] for commit in found} == {"committed", "undone", "applying"}
    assert {commit["user"] for commit in found} == {"admin", "yangswan"}
    assert all("source-host" in commit for commit in found if commit["user"] == "admin")
    text = shell.good("history", folder=folder)
    assert "interrupted; the next start marks it undone" in text
    assert " (session " in text
    assert "not-a-real-secret" not in text
    assert not re.search("yangswan-ipsec:certificates", text), "paths are in the words of today's model"


def test_a_commit_that_is_not_there(used: Shell) -> None:
    done = used("history", "7")
    assert (done.status, done.out) == (1, "")
    assert done.said == f"yangswand: there is no commit 7 in {used.folder}/history.db: the newest is 1\n"


@pytest.mark.parametrize("number", ["0", "x", "-1", "1.5", "9" * 30, "\u0661"])
def test_what_is_no_number_of_a_commit(used: Shell, number: str) -> None:
    assert used("history", number).status == 2


def test_a_terminal_obeys_nothing_of_a_comment(shell: Shell) -> None:
    shell.good("import", EVERY_LEAF, "--comment", "a\x1b[2Jb\r\nc")
    assert "comment: a\ufffd[2Jb c" in shell.good("history")
