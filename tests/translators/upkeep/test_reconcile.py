"""A charon is made to agree with what is wanted, and what it refuses hinders nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from tests.translators.tunnels import Json, tunnel
from translators.strongswan.charon.vici import ViciError, ViciUnavailable
from translators.strongswan.status.facts import Reason
from translators.strongswan.translation.desired import Desired
from translators.strongswan.translation.strangers import barred
from translators.strongswan.upkeep.reconcile import reconcile

NAMED = tunnel(1, local_id={"name": "own"}, remote_id={"name": "b"}, secret="key-number-one-1")
OPEN = tunnel(2, local_id={"name": "open"}, secret="key-number-two-2")
AS_OPEN = tunnel(3, local_id={"name": "third"}, remote_id={"name": "c"}, secret="key-number-two-2")

Refuses = Callable[[str, Mapping[str, Any]], bool]


class FakeCharon:
    """Holds connections and secrets in the order of charon; refuses what ``refuses`` says."""

    algorithms = None
    plugins = None

    def __init__(self, refuses: Refuses = lambda _command, _message: False) -> None:
        self.refuses = refuses
        self.held: dict[str, dict[str, Any]] = {"conn": {}, "shared": {}}
        self.asked: list[tuple[str, str]] = []

    async def request(self, command: str, message: Mapping[str, Any]) -> dict[str, Any]:
        verb, _, kind = command.partition("-")
        name = str(message.get("id") or message.get("name") or next(iter(message)))
        if kind not in self.held:
            return {}
        self.asked.append((command, name))
        if self.refuses(command, message):
            raise ViciError(command, "not with me")
        if verb == "load":
            self.held[kind][name] = message
        elif self.held[kind].pop(name, None) is None:
            raise ViciError(command, "not found")
        return {}

    async def hear_log(self) -> None:
        self.asked.append(("hear-log", ""))

    async def each(self, requests: Sequence[tuple[str, Mapping[str, Any]]]) -> list[ViciError | None]:
        found: list[ViciError | None] = []
        for command, message in requests:
            try:
                await self.request(command, message)
                found.append(None)
            except ViciError as error:
                found.append(error)
        return found

    async def loaded(self) -> tuple[list[str], list[str]]:
        return list(self.held["conn"]), list(self.held["shared"])

    async def connection(self, _name: str) -> dict[str, Any]:
        return {}

    async def list_sas(self, _name: str | None = None) -> list[Any]:
        if self.asked:  # before, of what is to be unloaded
            self.asked.append(("list-sas", ""))
        return []


async def nothing(_session: object) -> None:
    pass


async def reconciled(charon: FakeCharon, *entries: Json) -> tuple[Desired, dict[str, str]]:
    """Return what is desired afterwards, and what was recorded of tunnels that failed."""
    desired = Desired()
    desired.entries = {str(entry["id"]): entry for entry in entries}
    failed, _changed = await agreed(charon, desired)
    return desired, failed


async def agreed(charon: FakeCharon, desired: Desired) -> tuple[dict[str, str], list[str]]:
    """Have ``charon`` agree with ``desired``; return what was recorded of tunnels that failed, and those of
    which it was said that their state is another."""
    failed: dict[str, str] = {}
    changed: list[str] = []

    def fail(tunnel: str, reason: Reason, detail: str) -> None:
        assert reason is Reason.OTHER
        failed[tunnel] = detail

    live = SimpleNamespace(
        supervisor=SimpleNamespace(hold_all=lambda: None),
        fail=fail,
        changed=changed.append,
        found=lambda _session, _sas: None,
        want_all=lambda: None,
    )
    trust = SimpleNamespace(agree=nothing, settle=nothing)
    await reconcile(charon, desired, live, trust=trust)  # type: ignore[arg-type]
    return failed, changed


async def test_connections_come_before_barriers_and_the_secrets_after_both() -> None:
    charon = FakeCharon()
    desired, failed = await reconciled(charon, OPEN, NAMED)
    (barrier,), (further,) = desired.fence.barriers, desired.fence.further
    assert failed == {}
    assert charon.asked == [
        ("load-conn", "ipsec-1"),
        ("load-conn", barrier),
        ("load-conn", "ipsec-2"),
        ("load-shared", "ipsec-2"),
        ("load-shared", "ipsec-1"),
        ("load-shared", further),
        ("hear-log", ""),
        ("list-sas", ""),
    ]


REFUSED: dict[str, Refuses] = {
    "its barrier": lambda command, message: command == "load-conn" and barred(next(iter(message))) == "2",
    "its connection": lambda command, message: command == "load-conn" and "ipsec-2" in message,
    "its secret": lambda command, message: command == "load-shared" and message["id"] == "ipsec-2",
    "its further owners": lambda command, message: (
        message.get("id") == "ipsec-2-further" and command == "load-shared"
    ),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_a_tunnel_of_which_anything_is_refused_is_not_held_and_the_others_are(what: str) -> None:
    charon = FakeCharon()
    await reconciled(charon, NAMED, OPEN, AS_OPEN)  # what an agent before left there
    charon.refuses = REFUSED[what]
    desired, failed = await reconciled(charon, NAMED, OPEN, AS_OPEN)
    assert failed == {"2": "not with me"}
    assert desired.refused == {"2"}
    assert charon.held["conn"].keys() == charon.held["shared"].keys() == {"ipsec-1", "ipsec-3"}
    assert desired.change("2", None).before is None, "a commit that removes it asks charon nothing"
    assert desired.messages.keys() == {"1", "3"}
    charon.refuses = lambda _command, _message: False
    desired, failed = await reconciled(charon, *desired.entries.values())
    assert (failed, desired.refused) == ({}, set())
    assert "ipsec-2" in charon.held["conn"]


async def test_the_state_of_a_tunnel_is_another_once_it_is_not_refused_any_more() -> None:
    charon = FakeCharon(REFUSED["its secret"])
    desired, _failed = await reconciled(charon, NAMED, OPEN)
    assert await agreed(charon, desired) == ({"2": "not with me"}, [])
    charon.refuses = lambda _command, _message: False
    assert await agreed(charon, desired) == ({}, ["2"])
    assert await agreed(charon, desired) == ({}, [])


async def test_a_tunnel_that_another_refused_one_stood_in_the_way_of_gets_all_it_needs() -> None:
    ends = {"local_address": "192.0.2.1", "peer": "198.51.100.1"}
    first = tunnel(1, local_id={"name": "a"}, secret="key-number-one-1", **ends)
    second = tunnel(2, local_id={"name": "b"}, secret="key-number-two-2", **ends)
    other = tunnel(3, local_id={"name": "c"}, secret="key-number-three", local_address="192.0.2.2")
    charon = FakeCharon(lambda command, message: command == "load-shared" and message["id"] == "ipsec-1")
    desired, failed = await reconciled(charon, first, second, other)
    assert failed.keys() == {"1"}
    assert charon.held["conn"].keys() == {"ipsec-2", "ipsec-3", *desired.fence.barriers}
    assert charon.held["shared"].keys() == {"ipsec-2", "ipsec-3", *desired.fence.further}


async def test_a_charon_that_is_lost_ends_it() -> None:
    class Lost(FakeCharon):
        async def request(self, command: str, message: Mapping[str, Any]) -> dict[str, Any]:
            if barred(str(next(iter(message)))) is not None:
                raise ViciUnavailable(command, "gone")
            return await super().request(command, message)

    with pytest.raises(ViciUnavailable):
        await reconciled(Lost(), NAMED, OPEN)


async def test_of_many_tunnels_each_that_charon_refuses_is_left_out_and_no_other() -> None:
    entries = [tunnel(number, local_id={"name": f"gateway-{number}"}) for number in range(1, 101)]

    def refuses(command: str, message: Mapping[str, Any]) -> bool:
        names = {str(message.get("id")), *message}
        return (command, names & {"ipsec-7", "ipsec-64"}) in REFUSED_OF_MANY

    charon = FakeCharon(refuses)
    desired, failed = await reconciled(charon, *entries)
    assert failed == {"7": "not with me", "64": "not with me"}
    assert desired.refused == {"7", "64"}
    expected = {f"ipsec-{number}" for number in range(1, 101)} - {"ipsec-7", "ipsec-64"}
    assert charon.held["conn"].keys() == expected
    assert {name for name in charon.held["shared"] if not name.endswith("-further")} == expected


REFUSED_OF_MANY: list[tuple[str, set[str]]] = [("load-conn", {"ipsec-7"}), ("load-shared", {"ipsec-64"})]
