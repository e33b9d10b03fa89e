"""``yangswand history``: the commits of a stopped agent."""

from __future__ import annotations

import json
import re
from contextlib import closing
from pathlib import Path

import pytest
from lxml import etree

from agent.datastore.records import CommitInfo, timestamp
from agent.datastore.store import Store
from agent.offline import listing
from tests.agent.offline.lab import EVERY_LEAF, INSTANCES, Shell
from tests.agent_process import running_agent
from tests.histories import restore
from tests.requests import edit_candidate, tunnel
from tests.wire.raw_client import raw_client

ALICE = INSTANCES / "valid" / "site-to-site-alice.xml"


def test_commits_are_listed_the_newest_first_with_what_they_changed(used: Shell) -> None:
    first, comment, *paths = used.good("history").splitlines()
    assert re.fullmatch(r"1  \d{4}-\d\d-\d\dT\S+  \S+  import  committed", first)
    assert comment == f"    comment: import of {EVERY_LEAF}"
    assert paths == [
        "    create /yangswan-ipsec:tunnels/leak-protection",
        "    create /yangswan-ipsec:tunnels/bypass[network='192.0.2.128/25']",
        "    create /yangswan-ipsec:tunnels/bypass[network='2001:db8:ff::/64']",
        "    and 1 more",
    ]


def test_one_commit_has_all_its_paths(used: Shell) -> None:
    assert used.good("history", "1").splitlines()[-1] == "    create /yangswan-ipsec:tunnels/ipsec[id='7']"
    found = json.loads(used.good("history", "1", "--json"))
    assert (found["id"], len(found["change"]), found["changed-count"]) == (1, 4, 4)


def test_an_older_history_is_listed_with_outcome_session_and_source(shell: Shell, tmp_path: Path) -> None:
    folder = restore("2026-11-23", tmp_path / "old").parent
    found = json.loads(shell.good("history", "--json", folder=folder))
    ids = [commit["id"] for commit in found]
    assert ids == sorted(ids, reverse=True)
    assert {commit["outcome"] for commit in found} == {"committed", "undone", "applying"}
    assert {commit["user"] for commit in found} == {"admin", "yangswan"}
    assert all("source-address" in commit for commit in found if commit["user"] == "admin")
    text = shell.good("history", folder=folder)
    assert "  applying (interrupted: the next start marks it undone)" in text
    assert "  committed (pending: the next start takes it back)" in text
    assert "in force" not in text
    assert " (session " in text
    assert "not-a-real-secret" not in text
    assert not re.search("yangswan-ipsec:certificates", text), "paths are in the words of today's model"


def test_a_commit_that_is_not_there(used: Shell) -> None:
    done = used("history", "7")
    assert (done.status, done.out) == (1, "")
    assert done.said == f"yangswand: {used.folder}/history.db: there is no commit 7: the newest one is 1\n"


@pytest.mark.parametrize("number", ["0", "x", "-1", "1.5", "9" * 30, "\u0661"])
def test_what_is_no_number_of_a_commit(used: Shell, number: str) -> None:
    assert used("history", number).status == 2


def test_a_terminal_obeys_nothing_of_a_comment(shell: Shell) -> None:
    shell.folder.mkdir(0o700)
    with closing(Store(shell.folder / "history.db")) as store:  # as an older version took one
        info = CommitInfo("ann", 7, "192.0.2.1", "a\x1b[2Jb\r\nc")
        store.finish(store.begin(info, [], timestamp()))
    assert "comment: a\ufffd[2Jb c" in shell.good("history")


def test_all_commits_are_listed_however_many_there_are(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "AT_ONCE", 2)
    for number in range(5):
        shell.good("import", EVERY_LEAF if number % 2 else ALICE, "--yes")
    assert [commit["id"] for commit in json.loads(shell.good("history", "--json"))] == [5, 4, 3, 2, 1]


def test_a_folder_without_commits_has_an_empty_list(shell: Shell) -> None:
    shell.folder.mkdir(0o700)
    Store(shell.folder / "history.db").close()
    assert shell.good("history") == ""
    assert json.loads(shell.good("history", "--json")) == []
    assert "nothing has been committed yet" in shell("history", "1").said


async def test_a_commit_that_was_rolled_back_or_is_pending_says_so(shell: Shell) -> None:
    agent_ns = "urn:yangswan:params:xml:ns:yang:agent"
    confirmed = "<commit><confirmed/></commit>"
    bodies = [
        (edit_candidate(tunnel(1)), "<commit/>"),
        (edit_candidate(tunnel(2)), confirmed, edit_candidate(tunnel(3)), confirmed, "<cancel-commit/>"),
        (edit_candidate(tunnel(4)), confirmed, "<commit/>"),
        (edit_candidate(tunnel(5)), "<commit><confirmed/><persist>p</persist></commit>"),
    ]
    with running_agent(shell.folder) as agent:
        async with raw_client(agent, greet="1.1") as client:
            for body in (body for some in bodies for body in some):
                assert b"<ok/>" in await client.ask(body)
            asked = f'<agent xmlns="{agent_ns}"><history><commit/></history></agent>'
            reply = etree.fromstring(await client.ask(f'<get><filter type="subtree">{asked}</filter></get>'))
        agent.kill()
    shown = {
        commit.findtext("{*}id"): commit.findtext("{*}taken-back-by") for commit in reply.iter("{*}commit")
    }
    assert shown == {"1": None, "2": None, "3": "5", "4": "5", "5": None, "6": None, "7": None}
    found = json.loads(shell.good("history", "--json"))
    assert {str(commit["id"]): commit.get("taken-back-by") for commit in found} == {
        number: by and int(by) for number, by in shown.items()
    }
    lines = [line for line in shell.good("history").splitlines() if not line.startswith(" ")]
    assert [line.rpartition("  ")[2] for line in lines] == [
        "committed (pending: the next start takes it back)",
        "committed",
        "committed",
        "committed (taken back by 5)",
        "committed (taken back by 5)",
        "committed",
        "committed",
    ]
    with running_agent(shell.folder):
        pass
    assert json.loads(shell.good("history", "7", "--json"))["taken-back-by"] == 8
    assert "  committed (taken back by 8)" in shell.good("history", "7")


async def test_json_is_what_netconf_shows(shell: Shell) -> None:
    with running_agent(shell.folder) as agent:
        async with raw_client(agent, greet="1.1") as client:
            for body in (edit_candidate(tunnel(1)), "<commit/>"):
                assert b"<ok/>" in await client.ask(body)
            asked = (
                '<agent xmlns="urn:yangswan:params:xml:ns:yang:agent"><history><commit/></history></agent>'
            )
            reply = etree.fromstring(await client.ask(f'<get><filter type="subtree">{asked}</filter></get>'))
    shown = [
        {etree.QName(leaf).localname: leaf.text for leaf in commit if not len(leaf)}
        for commit in reply.iter("{*}commit")
    ]
    found = json.loads(shell.good("history", "--json"))
    assert len(found) == 2
    assert shown == [
        {name: str(value) for name, value in commit.items() if name != "change"} for commit in found
    ]
