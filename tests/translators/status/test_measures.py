"""What of tunnels, charon and certificates is measured: rows that the model knows, the state behind them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent.from_settings import make_schema
from agent.measures import Kind, Metric, Reading, Table
from agent.metrics.derived import Memory, families
from agent.settings import Settings as AgentSettings
from agent.translator import Json, Settings
from agent.yang.schema import Schema
from agent.yang.schema_node import Kind as NodeKind
from agent.yang.schema_node import SchemaNode
from tests.translators.status.test_state import FACTS, INSTALLED
from tests.translators.test_state_data import SlowCharon
from tests.translators.tunnels import at_bob
from translators.strongswan import state_data
from translators.strongswan.assembly import make
from translators.strongswan.model import LIST_PATH
from translators.strongswan.status import operational
from translators.strongswan.status.facts import Facts, Reason, failed
from translators.strongswan.status.measures import TABLES, TUNNELS
from translators.strongswan.status.operational import Applied
from translators.strongswan.status.state import Status


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Schema:
    return make_schema(AgentSettings(), [make(Settings(tmp_path_factory.mktemp("data"), "managed"))])


ROWS = [(table, metric) for table in TABLES for metric in table.metrics]


def nodes(schema: Schema, table: Table, metric: Metric) -> list[SchemaNode]:
    """Return the leafs that a row looks at."""
    prefix = f"{table.of}/{metric.each}" if metric.each else table.of
    paths = [f"{prefix}/{path}" for path in (metric.path, *metric.labels.values(), *metric.marks) if path]
    paths += [f"{table.of}/{path}" for path in table.labels.values()]
    return [schema.find(path) for path in paths]


@pytest.mark.parametrize(("table", "metric"), ROWS, ids=[metric.name for _, metric in ROWS])
def test_each_row_is_about_leafs_of_the_model_of_which_none_is_secret(
    schema: Schema, table: Table, metric: Metric
) -> None:
    found = nodes(schema, table, metric)
    assert all(node.kind is NodeKind.LEAF and not node.deny_all and not node.secret for node in found)
    if metric.each:
        assert schema.find(f"{table.of}/{metric.each}").kind is NodeKind.LIST
    assert bool(metric.states) == (metric.kind is Kind.STATES)
    assert bool(metric.means) == (metric.reading is Reading.IS)


def test_a_row_about_a_secret_is_seen(schema: Schema) -> None:
    secret = Metric("x", "", "secret")
    assert any(node.deny_all for node in nodes(schema, TUNNELS, secret))


def test_the_names_are_all_different_and_their_states_all_that_there_are() -> None:
    names = [metric.name for _, metric in ROWS]
    assert len(set(names)) == len(names)
    (status,) = (metric for _, metric in ROWS if metric.kind is Kind.STATES)
    assert status.states == tuple(one.value for one in Status)


def test_what_is_measured_is_part_of_the_state_that_a_get_shows() -> None:
    facts = failed(FACTS, Reason.PEER_SILENT, "x", 1_000_150.0)
    state = operational.tunnel_state([INSTALLED], facts, Applied.APPLIED, None, True, 1_000_200.0)
    measured = operational.measured_state([INSTALLED], facts, retrying=False, names=())
    for name in ("status", "since", "time-since-rekey", "last-error", "counters"):
        assert measured[name] == state[name]
    (child,), (shown,) = measured["child-sa"], state["child-sa"]
    assert child == {leaf: shown[leaf] for leaf in (*operational.SA_MARKS, *operational.SA_COUNTERS)}


async def measured(tmp_path: Path, charon: Any, *, entry: Json) -> Json:
    translator = make(Settings(tmp_path, "external", {"vici-socket": str(tmp_path / "vici")}))
    translator.parts.shared.session = charon
    translator.parts.shared.desired.replace({"1": entry, "2": {**at_bob(), "id": 2, "enabled": False}})
    first, second = await translator.measured(LIST_PATH)
    assert (second["id"], second["enabled"], second["state"]["status"]) == ("2", False, "down")
    return first


async def test_every_configured_tunnel_is_measured_and_its_secret_is_not_there(tmp_path: Path) -> None:
    charon = SlowCharon()
    charon.may.set()
    entry = {**at_bob(), "description": "to Bob"}
    found = await measured(tmp_path, charon, entry=entry)
    assert entry["secret"] not in str(found)
    assert {**found, "state": {}} == {
        "id": "1",
        "description": "to Bob",
        "peer": entry["peer"],
        "enabled": True,
        "state": {},
    }
    assert found["state"]["status"] == "installed"
    lines = {
        (sample.name, *sample.labels.values()): sample.value
        for family in families(TUNNELS, [found], Memory(), 0)
        for sample in family.samples
    }
    assert lines["yangswan_tunnel_up", "1", "to Bob", str(entry["peer"])] == 1
    assert lines["yangswan_tunnel_status", "1", "installed"] == 1
    assert lines["yangswan_tunnel_status", "1", "down"] == 0


async def test_of_many_tunnels_charon_is_asked_once(tmp_path: Path) -> None:
    translator = make(Settings(tmp_path, "external", {"vici-socket": str(tmp_path / "vici")}))
    charon = SlowCharon()
    charon.may.set()
    translator.parts.shared.session = charon  # type: ignore[assignment]
    numbers = range(1, 1001)
    translator.parts.shared.desired.replace({str(n): {**at_bob(), "id": n} for n in numbers})
    found = await translator.measured(LIST_PATH)
    assert [one["id"] for one in found] == [str(n) for n in numbers]
    assert charon.asked == [None]


async def test_while_charon_does_not_answer_nobody_says_what_its_sas_carried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_data, "MEASURE_LIMIT_S", 0.001)
    found = await measured(tmp_path, SlowCharon(), entry=at_bob())
    assert "child-sa" not in found["state"]
    assert found["state"]["status"] == "down"


async def test_without_charon_every_tunnel_is_down(tmp_path: Path) -> None:
    translator = make(Settings(tmp_path, "none"))
    await translator.start({("1",): at_bob()})
    (found,) = await translator.measured(LIST_PATH)
    assert found["state"]["status"] == "down"
    assert "child-sa" not in found["state"]
    (daemon,) = await translator.measured("/yangswan-daemon:daemon")
    assert daemon == {"backend": "none", "connected": False}
    await translator.stop()


def test_failures_are_counted_by_reason_and_one_that_is_explained_later_moves() -> None:
    facts = failed(Facts(), Reason.PEER_SILENT, "", 10.0)
    facts = failed(facts, Reason.PEER_SILENT, "", 20.0)
    facts = failed(facts, Reason.UNKNOWN, "", 30.0)
    assert facts.counters.reasons == {Reason.PEER_SILENT: 2, Reason.UNKNOWN: 1}
    explained = failed(facts, Reason.NO_PROPOSAL_CHOSEN, "", 30.1)
    assert explained.counters.reasons == {Reason.PEER_SILENT: 2, Reason.NO_PROPOSAL_CHOSEN: 1}
    assert explained.counters.failures == sum(explained.counters.reasons.values())
