"""Running comes back from the history, as it is and as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.datastore.edit import edit
from agent.datastore.progress import endless
from agent.datastore.records import UnitChange
from agent.datastore.replay import as_of, load, replay
from agent.datastore.store import Store
from agent.datastore.store_errors import StoreError
from agent.errors import RpcErrors
from agent.yang.schema import Schema
from tests.agent.datastore.lab import INFO, ONE, commit, started
from tests.agent.datastore.test_fitting import FITS, GONE, HERE, nacm, rule, rule_list
from tests.agent.lab import EC, config, empty_running, entry, top
from tests.agent.recording_translator import RecordingTranslator

ENTRY = "/every-construct:top/entry[id='1']"
ORDER = "/every-construct:order"


def order(value: str) -> bytes:
    return f'<order xmlns="{EC}">{value}</order>'.encode()


def recorded(store: Store, *changes: UnitChange) -> int:
    commit_id = store.begin(INFO, changes, "2026-11-23T00:00:00Z")
    store.finish(commit_id)
    return commit_id


def test_an_empty_history_is_an_empty_running_with_its_defaults(schema: Schema, tmp_path: Path) -> None:
    running = load(Store(tmp_path / "history.db"), schema, endless()).running
    assert running.to_xml() == empty_running(schema).to_xml() == b""


def test_a_unit_is_put_in_as_it_was_after_or_before_the_commit(schema: Schema) -> None:
    tree = empty_running(schema)
    change = UnitChange(ORDER, before=order("a"), after=order("b"))
    for back, value in ((False, b"b"), (True, b"a")):
        unit = replay(change, tree, back=back)
        assert unit is not None
        assert unit.path == ORDER
        assert tree.to_xml().count(b"<order") == 1
        assert b">" + value + b"<" in tree.to_xml()


def test_a_unit_that_was_not_there_is_taken_out(schema: Schema) -> None:
    tree = empty_running(schema)
    made = UnitChange(ORDER, before=b"", after=order("a"))
    replay(made, tree)
    assert replay(made, tree, back=True) is not None
    assert tree.to_xml() == b""


def test_a_record_that_says_nothing_of_its_unit_changes_nothing(schema: Schema) -> None:
    tree = empty_running(schema)
    assert replay(UnitChange(ORDER, before=b"", after=b""), tree) is None
    assert tree.to_xml() == b""


async def test_running_as_of_any_commit(schema: Schema, tmp_path: Path) -> None:
    configuration = await started(schema, tmp_path)
    was = [configuration.running.to_xml()]
    for body in (
        ONE,
        top("<entry><id>1</id><number>3</number></entry><flag>false</flag>"),
        top('<entry nc:operation="delete"><id>1</id></entry>'),
    ):
        await commit(configuration, body)
        was.append(configuration.running.to_xml())
    now = configuration.running
    for commit_id, content in enumerate(was):
        candidate = as_of(commit_id, store=configuration.store, running=now)
        assert candidate.tree.to_xml() == content
        assert bool(candidate.differing(now)) == (commit_id < 3)
    assert now.to_xml() == was[-1], "nothing has changed"


async def test_what_was_and_no_longer_fits_the_modules_is_left_out(
    schema: Schema, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    configuration = await started(schema, tmp_path)
    await commit(configuration, ONE)
    broken = f'<top xmlns="{EC}"><flag>9</flag></top>'.encode()
    recorded(
        configuration.store,
        UnitChange(ORDER, before=order("a"), after=b""),
        UnitChange("/every-construct:top/flag", before=broken, after=b""),
    )
    candidate = as_of(1, store=configuration.store, running=configuration.running)
    assert list(candidate.changed) == [ORDER]
    assert b"<number>2</number>" in candidate.tree.to_xml()
    assert "flag as it was does not fit the YANG modules any more and is left out" in caplog.text


def test_a_snapshot_that_does_not_fit_the_modules_keeps_the_server_from_starting(
    schema: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.datastore.snapshots.SNAPSHOT_MIN_OCTETS", 1)
    store = Store(tmp_path / "history.db")
    recorded(store, UnitChange(ORDER, before=b"", after=order("a") * 9))
    assert store.snapshot_if_due(lambda: f'<top xmlns="{EC}"><flag>9</flag></top>'.encode())
    with pytest.raises(StoreError, match="/every-construct:top/flag does not fit the YANG modules"):
        load(store, schema, endless())


def test_what_is_not_valid_any_more_is_running_all_the_same(
    schema: Schema, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(tmp_path / "history.db")
    after = entry("<number>2</number><twice>1</twice>").encode()
    recorded(store, UnitChange("/every-construct:top/entry[id='1']", before=b"", after=after))
    assert b"<twice>1</twice>" in load(store, schema, endless()).running.to_xml()
    assert "does not satisfy the YANG modules" in caplog.text


async def test_what_no_longer_fits_the_modules_is_left_out(
    schema: Schema, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    configuration = await started(schema, tmp_path, RecordingTranslator())
    await commit(configuration, ONE)
    broken = UnitChange(
        "/every-construct:order", b"", b'<top xmlns="' + EC.encode() + b'"><flag>9</flag></top>'
    )
    commit_id = configuration.store.begin(INFO, [broken], "2026-11-23T00:00:00Z")
    configuration.store.finish(commit_id)
    again = await started(schema, tmp_path, RecordingTranslator())
    assert b"<number>2</number>" in again.running.to_xml()
    assert "left out" in caplog.text


async def test_entries_whose_keys_hold_quotes_stay_apart(schema: Schema, tmp_path: Path) -> None:
    configuration = await started(schema, tmp_path, RecordingTranslator())
    await commit(configuration, top("<entry><id>a'][id=\"b</id></entry><entry><id>it's \"</id></entry>"))
    await commit(configuration, top("<entry><id>it's \"</id><number>3</number></entry>"))
    again = await started(schema, tmp_path, RecordingTranslator())
    assert again.running.to_xml().count(b"<entry>") == 2
    assert b"<number>3</number>" in again.running.to_xml()


async def test_deletes_and_snapshots_survive_a_restart(
    schema: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.datastore.snapshots.SNAPSHOT_MIN_OCTETS", 1)
    configuration = await started(schema, tmp_path, RecordingTranslator())
    for number in range(20):
        await commit(configuration, top(f"<entry><id>{number}</id><step>a</step><step>b</step></entry>"))
    await commit(configuration, top('<entry nc:operation="delete"><id>3</id></entry>'))
    await commit(configuration, top('<entry><id>4</id><step yang:insert="first">b</step></entry>'))
    rows = configuration.store._db.execute("SELECT count(*) FROM snapshots").fetchone()
    assert rows[0] == 1
    again = await started(schema, tmp_path, RecordingTranslator())
    assert sorted(again.running.to_xml().split(b"<entry>")) == sorted(
        configuration.running.to_xml().split(b"<entry>")
    )


# -- modules that are not served, and access control ---------------------------------------------

RULES = "/ietf-netconf-acm:nacm/rule-list"
OPEN = rule("old", "/x:top/x:older", HERE)
LIST_A = rule_list("a", rule("gone", "/x:box", GONE), FITS)


def rules(before: bytes, after: bytes) -> UnitChange:
    return UnitChange(RULES, before, after)


def box(number: int) -> UnitChange:
    content = f'<box xmlns="urn:gone"><id>{number}</id></box>'
    return UnitChange(f"/gone:box[id='{number}']", b"", content.encode())


async def test_what_is_of_a_module_that_is_not_served_is_said_once(
    schema: Schema, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    configuration = await started(schema, tmp_path)
    await commit(configuration, ONE)
    recorded(configuration.store, *map(box, range(3)))
    again = await started(schema, tmp_path)
    assert again.running.to_xml() == configuration.running.to_xml()
    (said,) = [r.message for r in caplog.records if r.levelname == "ERROR"]
    assert said == (
        "/gone:box[id='0'] and 2 more: 'box' is left out: no module of this server has the namespace urn:gone"
    )


async def test_what_does_not_fit_takes_the_place_of_what_was_there_before(
    schema: Schema, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Else what somebody replaced would be in force again."""
    configuration = await started(schema, tmp_path)
    await commit(configuration, ONE)
    unknown = UnitChange(ENTRY, ONE.encode(), entry("<number>2</number><ruler>3</ruler>").encode())
    recorded(configuration.store, unknown)
    again = await started(schema, tmp_path)
    assert again.running.to_xml() == b""
    assert f"{ENTRY}: it does not fit the YANG modules any more and is left out" in caplog.text


async def test_what_does_not_fit_and_was_replaced_is_not_spoken_of(
    schema: Schema, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    configuration = await started(schema, tmp_path)
    torn, opened = entry("<ruler>3</ruler>").encode(), nacm(rule_list("a", OPEN))
    recorded(configuration.store, UnitChange(ENTRY, b"", torn), rules(b"", opened))
    recorded(configuration.store, UnitChange(ENTRY, torn, ONE.encode()), rules(opened, b""))
    again = await started(schema, tmp_path)
    assert b"<number>2</number>" in again.running.to_xml()
    assert b"nacm" not in again.running.to_xml()
    assert not [r for r in caplog.records if r.levelname == "ERROR"]


async def test_what_does_not_fit_can_be_deleted(schema: Schema, tmp_path: Path) -> None:
    configuration = await started(schema, tmp_path)
    await commit(configuration, ONE)
    recorded(configuration.store, UnitChange(ENTRY, b"<torn", b""))
    again = await started(schema, tmp_path)
    assert again.running.to_xml() == b""


@pytest.mark.parametrize("content", [order("a"), nacm(rule_list("a", FITS))])
async def test_a_record_of_something_else_than_it_says_is_said(
    content: bytes, schema: Schema, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    configuration = await started(schema, tmp_path)
    recorded(configuration.store, UnitChange(ENTRY, b"", content))
    if content == order("a"):
        again = await started(schema, tmp_path)
        assert again.running.to_xml() == b""
        assert f"{ENTRY}: it does not fit" in caplog.text
    else:
        with pytest.raises(StoreError, match=r"entry.* cannot be used: its record holds something else"):
            await started(schema, tmp_path)


@pytest.mark.parametrize("snapshot", [False, True])
async def test_a_rule_about_nothing_is_left_out_and_its_rule_list_stays(
    snapshot: bool, schema: Schema, tmp_path: Path, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("agent.datastore.snapshots.SNAPSHOT_MIN_OCTETS", 1 if snapshot else 10**9)
    store = Store(tmp_path / "history.db")
    recorded(store, rules(b"", nacm(LIST_A)))
    assert store.snapshot_if_due(lambda: nacm(LIST_A)) == snapshot
    store.close()
    configuration = await started(schema, tmp_path)
    assert b"<name>stays</name>" in configuration.running.to_xml()
    assert b"<name>gone</name>" not in configuration.running.to_xml()
    assert "rule 'gone' of rule-list 'a' is left out: it is about /x:box" in caplog.text


@pytest.mark.parametrize("snapshot", [False, True])
async def test_a_denial_of_what_may_have_another_name_keeps_the_server_from_starting(
    snapshot: bool, schema: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.datastore.snapshots.SNAPSHOT_MIN_OCTETS", 1 if snapshot else 10**9)
    content = nacm(rule_list("a", FITS), rule_list("b", OPEN))
    store = Store(tmp_path / "history.db")
    recorded(store, rules(b"", content))
    assert store.snapshot_if_due(lambda: content) == snapshot
    store.close()
    with pytest.raises(StoreError, match=r"rule 'old' of rule-list 'b' .* denies .*Serve the modules"):
        await started(schema, tmp_path)


async def test_access_control_that_is_not_valid_keeps_the_server_from_starting(
    schema: Schema, tmp_path: Path
) -> None:
    configuration = await started(schema, tmp_path)
    no_action = FITS.replace("<action>deny</action>", "")
    recorded(configuration.store, rules(b"", nacm(rule_list("a", no_action))))
    with pytest.raises(StoreError, match=r"the stored access control is not valid: .*action"):
        await started(schema, tmp_path)


@pytest.mark.parametrize("content", [LIST_A, rule_list("a", OPEN)])
async def test_access_control_is_not_put_back_without_one_of_its_rules(
    content: str, schema: Schema, tmp_path: Path
) -> None:
    configuration = await started(schema, tmp_path)
    recorded(configuration.store, rules(nacm(content), nacm(rule_list("a", FITS))))
    with pytest.raises(StoreError, match=r"access control cannot be put back as it was: .*rule-list 'a'"):
        as_of(0, store=configuration.store, running=configuration.running)


GROUP = "<groups><group><name>g</name><user-name>u</user-name></group></groups>"
DELETE_A = '<rule-list nc:operation="delete"><name>a</name></rule-list>'


async def test_a_rule_list_without_one_of_its_rules_is_not_recorded(schema: Schema, tmp_path: Path) -> None:
    """It would be without it when the module is served again; who wants that deletes it."""
    store = Store(tmp_path / "history.db")
    recorded(store, rules(b"", nacm(LIST_A)))
    store.close()
    configuration = await started(schema, tmp_path)
    edit(configuration.candidate, config(nacm(GROUP).decode()))
    await configuration.commit(INFO)
    edit(configuration.candidate, config(nacm(rule_list("b", FITS)).decode()))
    for refused in (configuration.validate(configuration.candidate), configuration.commit(INFO)):
        with pytest.raises(RpcErrors, match=r"rule 'gone' of rule-list 'a' is left.*delete this rule-list"):
            await refused
    edit(configuration.candidate, config(nacm(DELETE_A).decode()))
    await configuration.validate(configuration.candidate)
    await configuration.commit(INFO)
    again = await started(schema, tmp_path)
    assert b"<name>b</name>" in again.running.to_xml()
    await commit(again, nacm(rule_list("a", FITS)).decode())


async def test_no_snapshot_is_taken_of_a_rule_list_without_one_of_its_rules(
    schema: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.datastore.snapshots.SNAPSHOT_MIN_OCTETS", 1)
    store = Store(tmp_path / "history.db")
    recorded(store, rules(b"", nacm(LIST_A)))
    store.close()
    configuration = await started(schema, tmp_path)
    count = "SELECT count(*) FROM snapshots"
    for number in range(30):
        await commit(configuration, entry(f"<number>{number}</number>"))
    assert configuration.store._db.execute(count).fetchone() == (0,)
    await commit(configuration, nacm(DELETE_A).decode())
    assert configuration.store._db.execute(count).fetchone() == (1,)
