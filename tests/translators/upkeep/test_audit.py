"""Somebody else changes charon: noticed, put right, told, and not fought over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.translators.recorded import INSTALLED
from tests.translators.status.test_drift import LISTED
from tests.translators.tunnels import at_alice, at_bob
from tests.translators.upkeep.test_supervisor import until
from translators.strongswan.charon.shared import Shared
from translators.strongswan.charon.vici import ViciError, ViciUnavailable
from translators.strongswan.status.drift import OwnLoads
from translators.strongswan.translation.desired import Desired
from translators.strongswan.upkeep import audit as audit_module
from translators.strongswan.upkeep.audit import Audit


class FakeCharon:
    """Holds names of connections and secrets as a session shows them; a load is logged at once."""

    def __init__(self) -> None:
        self.connections: dict[str, dict[str, Any]] = {"ipsec-1": LISTED, "theirs": {}}
        self.secrets = {"ipsec-1", "theirs"}
        self.own_loads = OwnLoads()
        self.asked: list[str] = []
        self.audit: Audit | None = None
        self.trouble: Exception | None = None
        self.raised = 0
        self.refused: set[str] = set()
        self.sas: list[dict[str, Any]] = []

    async def loaded(self) -> tuple[list[str], list[str]]:
        if self.trouble is not None:
            self.raised += 1
            raise self.trouble
        self.asked.append("loaded")
        return list(self.connections), list(self.secrets)

    async def connection(self, name: str) -> dict[str, Any] | None:
        return self.connections.get(name)

    async def list_sas(self, _name: str | None = None) -> list[Any]:
        return self.sas

    async def request(self, command: str, message: dict[str, Any]) -> dict[str, Any]:
        self.own_loads.sent(command, message)
        self.asked.append(command)
        name = str(message.get("id") or message.get("name") or next(iter(message)))
        if command.startswith("load-") and name in self.refused:
            self.own_loads.refused(command, message)
            raise ViciError(command, "not with me")
        if command == "load-conn":
            self.connections[name] = LISTED
            self.logs(f"added vici connection: {name}")
        elif command == "load-shared":
            self.secrets.add(name)
            self.logs(f"loaded IKE shared key with id '{name}' for: 'x'")
        elif command == "terminate":
            self.sas = [sa for sa in self.sas if sa["uniqueid"] != message["ike-id"]]
        elif command == "unload-conn" and self.connections.pop(name, None) is None:
            raise ViciError(command, "not found")
        return {}

    def logs(self, line: str) -> None:
        assert self.audit is not None
        self.audit.on_log(self, line)  # type: ignore[arg-type]


class Repairs(list[tuple[str, str, str]]):
    def __call__(self, tunnel: str, what: Any, detail: str) -> None:
        self.append((tunnel, what.value, detail))


async def no_keys(_session: object) -> list[str]:
    return []


async def nothing_to_mend(_session: object) -> None:
    pass


@pytest.fixture
def charon() -> FakeCharon:
    return FakeCharon()


@pytest.fixture
def repairs() -> Repairs:
    return Repairs()


@pytest.fixture
async def audit(
    charon: FakeCharon, repairs: Repairs, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Audit]:
    monkeypatch.setattr(audit_module, "SETTLE_S", 0.0)
    desired = Desired()
    desired.put("1", at_bob())
    shared = Shared(desired, charon)  # type: ignore[arg-type]
    made = Audit(shared, interval_s=0.01, repaired=repairs, give_keys=no_keys, mend=nothing_to_mend)
    charon.audit = made
    made.start()
    yield made
    await made.stop()
    await made.stop()


async def looked(charon: FakeCharon, times: int = 2) -> None:
    """Return after ``times`` more complete looks."""
    before = charon.asked.count("loaded")
    await until(lambda: charon.asked.count("loaded") >= before + times)


@pytest.mark.usefixtures("audit")
async def test_a_charon_that_holds_what_it_was_told_is_left_alone(
    charon: FakeCharon, repairs: Repairs
) -> None:
    await looked(charon, 5)
    assert set(charon.asked) == {"loaded"}
    assert repairs == []


@pytest.mark.usefixtures("audit")
async def test_what_was_unloaded_is_loaded_again(charon: FakeCharon, repairs: Repairs) -> None:
    del charon.connections["ipsec-1"]
    await until(lambda: repairs == [("1", "connection-missing", "its connection was unloaded")])
    charon.secrets.remove("ipsec-1")
    await until(lambda: len(repairs) == 2)
    assert repairs[1] == ("1", "secret-missing", "its secret was unloaded")
    assert charon.secrets == {"ipsec-1", "theirs"}
    assert charon.connections.keys() == {"ipsec-1", "theirs"}


async def test_a_barrier_and_the_further_owners_are_put_back(
    audit: Audit, charon: FakeCharon, repairs: Repairs
) -> None:
    desired = audit._shared.desired
    desired.put("2", at_alice(2, local_id={"name": "open"}, remote_id=None, secret="another-secret-2"))
    (barrier,), (handle,) = desired.fence.barriers, desired.fence.further
    await until(lambda: {barrier, "ipsec-2"} <= charon.connections.keys() and handle in charon.secrets)
    repairs.clear()
    del charon.connections[barrier]
    charon.secrets.remove(handle)
    charon.connections["ipsec-2-not-0123456789abcdef"] = LISTED
    await until(lambda: ("2", "connection-missing", "a barrier was unloaded") in repairs)
    await until(lambda: ("2", "secret-missing", "its secret was unloaded") in repairs)
    await until(lambda: charon.connections.keys() == {"ipsec-1", "ipsec-2", barrier, "theirs"})
    before = charon.asked.count("load-conn")
    charon.logs(f"replaced vici connection: {barrier}")
    await until(lambda: charon.asked.count("load-conn") > before and barrier in charon.connections)


@contextmanager
def seldom(audit: Audit) -> Iterator[None]:
    """Have only the log wake the audit."""
    audit._interval_s = 1000.0
    yield


async def test_a_load_of_another_is_seen_in_the_log_even_if_nothing_differs_that_charon_shows(
    audit: Audit, charon: FakeCharon, repairs: Repairs
) -> None:
    with seldom(audit):
        await looked(charon, 1)
        charon.logs("replaced vici connection: ipsec-1")
        await until(
            lambda: repairs == [("1", "connection-changed", "a connection was loaded under its name")]
        )
        assert charon.asked[-3:] == ["unload-conn", "load-shared", "load-conn"]


async def test_an_sa_that_came_of_anothers_connection_is_ended_and_one_of_ours_is_not(
    audit: Audit, charon: FakeCharon, repairs: Repairs
) -> None:
    ours = {**INSTALLED, "child-sas": {"c": {**INSTALLED["child-sas"]["ipsec-1-4"]}}}
    theirs = {**ours, "uniqueid": "7", "local-host": "192.168.0.77"}
    with seldom(audit):
        await looked(charon, 1)
        charon.sas = [ours]
        charon.logs("replaced vici connection: ipsec-1")
        await until(lambda: len(repairs) == 1)
        assert charon.sas == [ours]
        audit._repairs.clear()
        charon.sas = [ours, theirs]
        charon.logs("replaced vici connection: ipsec-1")
        await until(lambda: len(repairs) == 2)
        assert charon.sas == [ours]


async def test_a_secret_of_another_is_seen_in_the_log(
    audit: Audit, charon: FakeCharon, repairs: Repairs
) -> None:
    with seldom(audit):
        await looked(charon, 1)
        charon.logs("loaded IKE shared key with id 'theirs' for: 'x'")
        charon.logs("loaded IKE shared key with id 'ipsec-1' for: 'x'")
        await until(lambda: repairs == [("1", "secret-changed", "a secret was loaded under its name")])


@pytest.mark.usefixtures("audit")
async def test_a_connection_that_differs_is_found_in_its_turn_and_repaired_once(
    charon: FakeCharon, repairs: Repairs
) -> None:
    charon.connections["ipsec-1"] = {**LISTED, "local_addrs": ["%any"]}
    await until(lambda: repairs == [("1", "connection-changed", "its connection had local_addrs %any")])
    charon.connections["ipsec-1"] = {**LISTED, "local_addrs": ["%any"]}
    await looked(charon, 10)
    assert len(repairs) == 1, "should charon show it so, repairing would never end"


@pytest.mark.usefixtures("audit")
async def test_a_connection_under_a_name_of_ours_that_is_not_configured_goes(
    charon: FakeCharon, repairs: Repairs
) -> None:
    charon.connections["ipsec-9"] = {}
    await until(lambda: len(repairs) == 1)
    assert repairs == [("9", "connection-unknown", "a connection of this name was loaded")]
    assert charon.connections.keys() == {"ipsec-1", "theirs"}


async def test_who_does_it_again_and_again_is_put_up_with_for_longer_and_longer(
    audit: Audit, charon: FakeCharon, repairs: Repairs
) -> None:
    now = asyncio.get_running_loop().time()
    audit._repairs["ipsec-1"] = (3, now)
    audit._interval_s = 100.0
    assert not audit._may_repair("ipsec-1")
    audit._repairs["ipsec-1"] = (3, now - 399)
    assert not audit._may_repair("ipsec-1")
    audit._repairs["ipsec-1"] = (3, now - 401)
    assert audit._may_repair("ipsec-1")
    audit._repairs["ipsec-1"] = (50, now - 2001)
    assert audit._may_repair("ipsec-1")
    audit._repairs["ipsec-1"] = (50, now - 4001)
    assert audit._may_repair("ipsec-1")
    assert audit._repairs == {}, "it is forgiven"
    assert repairs == []


@pytest.mark.usefixtures("audit")
async def test_a_lost_charon_or_a_defect_does_not_end_the_audit(
    charon: FakeCharon, repairs: Repairs, caplog: pytest.LogCaptureFixture
) -> None:
    for trouble in (ViciUnavailable("get-conns", "gone"), RuntimeError("made up")):
        charon.trouble, charon.raised = trouble, 0
        await until(lambda: charon.raised > 1)
    charon.trouble = None
    del charon.connections["ipsec-1"]
    await until(lambda: len(repairs) == 1)
    assert "made up" in caplog.text


def test_connections_are_compared_in_turn(charon: FakeCharon, repairs: Repairs) -> None:
    names = {f"ipsec-{number:03}" for number in range(70)}
    audit = Audit(Shared(), interval_s=1.0, repaired=repairs, give_keys=no_keys, mend=nothing_to_mend)
    turns = [audit._in_turn(names) for _ in range(3)]
    assert [len(turn) for turn in turns] == [32, 32, 6]
    assert sorted(name for turn in turns for name in turn) == sorted(names)
    assert audit._in_turn(names) == turns[0]


# --- what keeps others out ---

OPEN = at_alice(2, local_id={"name": "open"}, remote_id=None, secret="another-secret-2")


@pytest.fixture
async def barrier(audit: Audit, charon: FakeCharon, repairs: Repairs) -> str:
    """A barrier that charon holds as it should; from here on only the log wakes the audit."""
    desired = audit._shared.desired
    desired.put("2", OPEN)
    (name,), (handle,) = desired.fence.barriers, desired.fence.further
    await until(lambda: {name, "ipsec-2"} <= charon.connections.keys() and handle in charon.secrets)
    audit._interval_s = 1000.0
    await looked(charon, 1)
    audit._repairs.clear()
    repairs.clear()
    return name


async def test_two_agents_do_not_fight_over_barriers(
    audit: Audit, charon: FakeCharon, repairs: Repairs, barrier: str
) -> None:
    stray = "ipsec-2-not-0123456789abcdef"

    async def again() -> None:
        charon.connections.pop(barrier, None)
        charon.connections[stray] = LISTED
        charon.secrets.discard("ipsec-2-further")
        charon.logs(f"added vici connection: {stray}")
        charon.logs(f"replaced vici connection: {barrier}")
        await looked(charon, 1)

    await again()
    await until(lambda: len(repairs) == 2)
    for _time in range(5):
        await again()
    assert repairs == [
        ("2", "connection-missing", "a barrier was unloaded"),
        ("2", "secret-missing", "its secret was unloaded"),
    ]
    assert stray in charon.connections
    assert audit._barriers == {stray, barrier}, "it is looked at when there is patience again"
    audit._repairs.clear()
    await again()
    await until(lambda: len(repairs) == 4)
    assert barrier in charon.connections
    assert stray not in charon.connections


@pytest.mark.parametrize("refused", ["barrier", "ipsec-2-further", "ipsec-1"])
async def test_what_charon_refuses_hinders_no_other_repair(
    audit: Audit, charon: FakeCharon, repairs: Repairs, barrier: str, refused: str
) -> None:
    name = barrier if refused == "barrier" else refused
    charon.refused.add(name)
    charon.connections.clear()
    charon.secrets.clear()
    audit._wake.set()
    everything = {"ipsec-1", "ipsec-2", barrier, "ipsec-2-further"}
    await until(lambda: everything - {name} <= charon.connections.keys() | charon.secrets)
    assert name not in charon.connections.keys() | charon.secrets
    assert audit._repairs[name][0] == 1, "it is tried again later and later"
    assert repairs != []


async def test_a_tunnel_that_is_loaded_again_comes_before_the_barriers_that_name_its_peer(
    audit: Audit, charon: FakeCharon, repairs: Repairs, barrier: str
) -> None:
    for trouble in (lambda: charon.connections.pop("ipsec-1"), lambda: None):
        audit._repairs.clear()
        repairs.clear()
        trouble()
        charon.logs("replaced vici connection: ipsec-1")
        await until(lambda: len(repairs) == 1)
        names = list(charon.connections)
        assert names.index("ipsec-1") < names.index(barrier)
        assert {name for name in names if "-not-" in name} == {barrier}


async def test_a_barrier_in_the_wrong_place_is_moved(
    audit: Audit, charon: FakeCharon, repairs: Repairs, barrier: str
) -> None:
    charon.connections["ipsec-1"] = charon.connections.pop("ipsec-1")
    audit._wake.set()
    await until(lambda: len(repairs) == 1)
    names = list(charon.connections)
    assert names.index("ipsec-1") < names.index(barrier)
