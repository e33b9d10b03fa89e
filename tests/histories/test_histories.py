"""What earlier versions left on disk is all there with this one, and means what it meant."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from lxml import etree

from agent.datastore.configuration import Configuration
from agent.datastore.edit import edit
from agent.datastore.records import CommitInfo
from agent.datastore.store import Store
from agent.datastore.store_errors import StoreError
from agent.from_settings import make_schema
from agent.nacm.access import Access, Decision
from agent.nacm.control import AccessControl
from agent.nacm.rules import Step, parse_path
from agent.settings import Settings
from agent.translator import Settings as TranslatorSettings
from agent.yang.schema import Schema
from agent.yang.schema_node import SchemaNode
from agent.yang.tree import Tree
from tests.agent.lab import config, direct
from tests.agent_process import running_agent
from tests.histories import HERE, restore
from tests.requests import edit_candidate
from tests.wire.raw_client import raw_client
from translators.strongswan.assembly import make
from translators.strongswan.moves import MOVES
from translators.strongswan.translator import StrongSwanTranslator

NAME = "2026-11-23"
NACM = "urn:ietf:params:xml:ns:yang:ietf-netconf-acm"
IPSEC, PKI = (f"urn:yangswan:params:xml:ns:yang:{name}" for name in ("ipsec", "pki"))
MODULES = {
    "certificates": "yangswan-pki",
    "certificate-state": "yangswan-pki",
    "daemon": "yangswan-daemon",
    "tunnels": "yangswan-ipsec",
}
INFO = CommitInfo("tester", 7, "127.0.0.1")
SECRETS = ("not-a-real-secret", "a-pending-secret", "a-token")


@pytest.fixture(scope="module")
def translator(tmp_path_factory: pytest.TempPathFactory) -> StrongSwanTranslator:
    """A translator with all features: rules may be about any of them."""
    return make(TranslatorSettings(tmp_path_factory.mktemp("translator"), "managed"))


@pytest.fixture(scope="module")
def schema(translator: StrongSwanTranslator) -> Schema:
    return make_schema(Settings(), [translator])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return restore(NAME, tmp_path / "data")


@pytest.fixture
def configuration(file: Path, schema: Schema, translator: StrongSwanTranslator) -> Iterator[Configuration]:
    made = loaded(file, schema, translator)
    yield made
    made.store.close()


def loaded(file: Path, schema: Schema, translator: StrongSwanTranslator) -> Configuration:
    configuration = Configuration(schema, Store(file), translators=[translator], worker=direct)
    configuration.load()
    return configuration


def tops(xml: str) -> dict[str, str]:
    """Return the top-level elements of a configuration by name; of access control all but the rule-lists.

    Entries of lists that the system orders are put in the order of their keys, as libyang 3 has them.
    """
    root = etree.fromstring(xml)
    for name in ("group", "certificate", "ipsec"):
        for parent in {entry.getparent() for entry in root.iterfind(f".//{{*}}{name}")}:
            entries = [entry for entry in parent.findall(f"{{*}}{name}") if len(entry)]
            parent.extend(sorted(entries, key=lambda entry: entry[0].text or ""))
    for rule_list in root.iterfind(".//{*}rule-list"):
        rule_list.getparent().remove(rule_list)
    return {etree.QName(top).localname: etree.tostring(top).decode() for top in root}


def as_shown() -> dict[str, str]:
    """Return what the version that wrote the history showed as running, after a start of its own."""
    shown = (HERE / NAME / "running.xml").read_text(encoding="utf-8")
    return tops(shown.replace(f'<certificates xmlns="{IPSEC}">', f'<certificates xmlns="{PKI}">'))


def held(tree: Tree) -> dict[str, str]:
    return tops(f"<data>{tree.to_xml().decode()}</data>")


def recorded(file: Path) -> list[tuple[str, str]]:
    """Return where it stands and the text of everything that is in a history."""
    database = sqlite3.connect(file)
    try:
        found = [
            (f"commit {commit} {side} {path}", octets.decode())
            for commit, path, *sides in database.execute("SELECT commit_id, path, before, after FROM changes")
            for side, octets in zip(("before", "after"), sides, strict=True)
        ]
        snapshots = database.execute("SELECT commit_id, content FROM snapshots").fetchall()
        return found + [(f"snapshot {commit}", content.decode()) for commit, content in snapshots]
    finally:
        database.close()


def nacm(groups: str) -> str:
    return f'<nacm xmlns="{NACM}"><groups>{groups}</groups></nacm>'


def test_running_holds_everything_that_the_earlier_version_showed(configuration: Configuration) -> None:
    assert held(configuration.running) == as_shown()
    assert set(as_shown()) == {"nacm", "certificates", "tunnels"}


def test_the_pending_confirmed_commit_is_rolled_back(file: Path, configuration: Configuration) -> None:
    assert configuration.store.window() is None
    running = configuration.running.to_xml().decode()
    for name, count in (("gateway", 1), ("second", 1), ("later", 0), ("retired", 0)):
        assert running.count(f"<certificate><name>{name}</name>") == count
    assert "<ipsec><id>3</id>" in running
    assert "<ipsec><id>4</id>" not in running
    assert "a-pending-secret" not in running
    assert "<name>robots</name>" in running
    database = sqlite3.connect(file)
    states = database.execute("SELECT id, state, comment FROM commits ORDER BY id DESC LIMIT 5").fetchall()
    database.close()
    assert states == [
        (10, "committed", "rollback of commit 8 at start"),
        (9, "undone", ""),
        (8, "committed", ""),
        (7, "committed", ""),
        (6, "undone", ""),
    ]


def decisions(schema: Schema, running: Tree) -> Iterator[str]:
    """Yield each line of decisions.txt as this version says it, the names of nodes as they were."""
    nacm = AccessControl(schema)
    nacm.load(running)
    for line in (HERE / NAME / "decisions.txt").read_text(encoding="utf-8").splitlines():
        user, kind, what, access, *_ = line.split(" | ")
        decision = decide(schema, nacm.access(user, ()), (kind, what, access))
        verdict = "permit" if decision.permit else "deny"
        by = "-" if decision.rule is None else f"{decision.rule.rule_list}: {decision.rule.name}"
        yield f"{user} | {kind} | {what} | {access} | {verdict} | {by}"


def decide(schema: Schema, access: Access, asked: tuple[str, str, str]) -> Decision:
    kind, what, way = asked
    if kind == "data":
        top = re.split(r"[:/\[]", what)[2]
        steps = parse_path(what.replace("/yangswan-ipsec:", f"/{MODULES[top]}:", 1))
        return access.reach(steps, list(nodes_of(schema, steps)), way)
    nodes = schema.rpcs if kind == "operation" else schema.notifications
    (node,) = (node for node in nodes.values() if node.name == what and node.module.startswith("yangswan-"))
    return access.operation(node) if kind == "operation" else access.notification(node)


def nodes_of(schema: Schema, steps: Sequence[Step]) -> Iterator[SchemaNode]:
    level = schema.roots
    for step in steps:
        node = level[schema.by_name[step.module].namespace, step.name]
        level = node.children | node.actions
        yield node


def test_every_decision_of_access_control_is_what_it_was(
    schema: Schema, configuration: Configuration
) -> None:
    said = (HERE / NAME / "decisions.txt").read_text(encoding="utf-8").splitlines()
    now = list(decisions(schema, configuration.running))
    # By the same rule, or by the copy of it for the module to which the node went.
    copy = r"( \(yangswan-(pki|daemon)( 2)?\))?"
    assert [
        line for line, was in zip(now, said, strict=True) if not re.fullmatch(re.escape(was) + copy, line)
    ] == []
    assert sum(line.endswith("(yangswan-daemon)") for line in now) > 10


def test_rules_about_the_whole_module_have_copies_right_after_them(configuration: Configuration) -> None:
    root = etree.fromstring(
        configuration.running.to_xml()[: configuration.running.to_xml().index(b"</nacm>") + 7]
    )
    rules = {
        rule_list.findtext("{*}name"): [rule.findtext("{*}name") for rule in rule_list.iterfind("{*}rule")]
        for rule_list in root.iterfind("{*}rule-list")
    }
    assert rules["auditors"] == [
        "nothing of certificates",
        "nothing of their state",
        "reads ipsec (yangswan-pki)",
        "reads ipsec",
        "reads ipsec (yangswan-pki 2)",
        "reads ipsec (yangswan-daemon)",
        "changes nothing of ipsec",
        "changes nothing of ipsec (yangswan-pki)",
        "changes nothing of ipsec (yangswan-daemon)",
    ]
    assert rules["robots"] == ["its own certificate", "no other certificate", "agent"]


def test_who_asks_for_something_where_it_was_is_told_where_it_is(schema: Schema) -> None:
    """Each top-level node, rpc and notification that has moved, and none that is still there."""
    for move in MOVES:
        name = move.old.partition(":")[2]
        assert schema.hints[IPSEC, name].startswith(f"since revision {move.since} it is {move.new}, in ")
    for nodes in (schema.roots, schema.rpcs, schema.notifications):
        assert not schema.hints.keys() & nodes.keys()


def test_nothing_is_left_in_the_old_form(file: Path, configuration: Configuration) -> None:
    places = recorded(file)
    assert sum("certificate[name=" in where for where, _ in places) >= 20
    for where, text in places:
        assert f'certificates xmlns="{IPSEC}"' not in text, where
        assert not re.search(r"/ipsec:(certificate|daemon)", text), where
        assert "yangswan-ipsec:certificates" not in where
    assert any(f'<certificates xmlns="{PKI}">' in text for where, text in places if "snapshot" in where)


def test_all_is_written_as_this_version_would_write_it(
    file: Path, schema: Schema, configuration: Configuration
) -> None:
    for where, text in recorded(file):
        if text and "snapshot" not in where:
            assert Tree.parse(schema, text.encode()).to_xml(keep_empty=True).decode() == text


async def test_the_next_snapshot_is_in_the_new_form(
    file: Path, configuration: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.datastore.snapshots.SNAPSHOT_MIN_OCTETS", 1)
    before = [where for where, _ in recorded(file) if "snapshot" in where]
    group = "<group><name>auditors</name><user-name>{}</user-name></group>"
    for number in range(20):
        edit(configuration.candidate, config(nacm(group.format(f"anna-{number}" * 100))))
        await configuration.commit(INFO)
    ((where, text),) = (place for place in recorded(file) if "snapshot" in place[0])
    assert [where] != before
    assert f'<certificates xmlns="{PKI}">' in text
    assert f'certificates xmlns="{IPSEC}"' not in text


def test_what_running_was_after_each_commit_can_still_be_had(configuration: Configuration) -> None:
    names = ("retired", "gateway", "second", "later")
    had = {
        commit: [name for name in names if f"<name>{name}</name><pem>" in held(tree).get("certificates", "")]
        for commit in range(1, 11)
        for tree in [configuration.as_of(commit).tree]
    }
    first = ["retired", "gateway"]
    assert had == {
        1: [], 2: first, 3: first, 4: [*first, "second"], 5: ["gateway", "second"], 6: ["gateway", "second"],
        7: ["gateway", "second"], 8: ["gateway", "later"], 9: ["gateway", "later"], 10: ["gateway", "second"],
    }  # fmt: skip
    assert held(configuration.as_of(7).tree) == held(configuration.running)


def test_the_next_start_finds_what_this_one_left(
    file: Path, schema: Schema, translator: StrongSwanTranslator, configuration: Configuration
) -> None:
    configuration.store.close()
    before = recorded(file)
    again = loaded(file, schema, translator)
    assert held(again.running) == held(configuration.running)
    assert recorded(file) == before
    again.store.close()


def test_the_earlier_version_refuses_what_has_been_rewritten(
    file: Path, configuration: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration.store.close()
    monkeypatch.setattr("agent.datastore.store.SCHEMA_VERSION", 2)
    with pytest.raises(StoreError, match="written by a newer version"):
        Store(file)


async def test_an_agent_starts_on_it_and_goes_on(tmp_path: Path) -> None:
    restore(NAME, tmp_path / "data")
    running = "<get-config><source><running/></source></get-config>"
    with running_agent(tmp_path / "data") as agent:
        async with raw_client(agent, greet="1.1") as client:
            data = etree.fromstring(await client.ask(running))[0]
            assert tops(etree.tostring(data).decode()) == as_shown()
            state = await client.ask(f'<get><filter><certificate-state xmlns="{PKI}"/></filter></get>')
            for key in ("gw1", "gw2"):
                assert f"<private-key>{key}</private-key>".encode() in state
            gone = edit_candidate(
                f'<tunnels xmlns="{IPSEC}" xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0"><ipsec '
                'nc:operation="delete"><id>3</id></ipsec></tunnels>'
            )
            for body in (gone, "<commit/>"):
                assert b"<ok/>" in await client.ask(body)
    told = "".join(agent.log)
    assert "the history has the form of this version" in told
    assert not any(secret in told for secret in SECRETS)
    with running_agent(tmp_path / "data") as again:
        async with raw_client(again, greet="1.1") as client:
            reply = await client.ask(running)
            assert b"<id>2</id>" in reply
            assert b"<id>3</id>" not in reply
    assert not any("form of this version" in line for line in again.log)
