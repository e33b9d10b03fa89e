"""Which SAs end for a change, what is waited for, and what is forced; charon is played by a double."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agent.errors import BackendError
from tests.translators.recorded import INSTALLED, sa
from tests.translators.tunnels import at_bob
from tests.translators.upkeep.obeying import Charon, run
from translators.strongswan.charon.vici import ViciError
from translators.strongswan.translation import connections
from translators.strongswan.translation.plan import Phase, Replacement, Step
from translators.strongswan.upkeep import executor
from translators.strongswan.upkeep.executor import SaIds, end_found, execute, to_end
from translators.strongswan.upkeep.listing import ONE_BY_ONE_MAX

END = Step(Phase.END, "ipsec-1")


async def test_sas_are_ended_without_waiting_for_the_peer() -> None:
    charon = Charon(sas=[sa("ESTABLISHED", "INSTALLED", uniqueid="5")])
    await run(charon, END)
    assert charon.asked == [("terminate", {"ike-id": "5", "timeout": "-1", "force": "no"})]


async def test_sas_of_other_tunnels_are_left_alone() -> None:
    charon = Charon(sas=[{**sa("ESTABLISHED", uniqueid="9"), "name": "ipsec-2"}])
    await run(charon, END)
    assert charon.asked == []


async def test_what_does_not_end_by_itself_is_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executor, "END_LIMIT_S", 0.01)
    charon = Charon(sas=[sa("ESTABLISHED", uniqueid="5")])
    charon.forced_only = True
    await run(charon, END)
    assert [message["force"] for _command, message in charon.asked] == ["no", "yes"]


ASKING = ["IKE_DPD"]


async def test_a_peer_that_is_known_to_be_silent_is_not_waited_for() -> None:
    charon = Charon(sas=[sa("ESTABLISHED", uniqueid="5", tasks_active=ASKING)])
    charon.forced_only = True
    await execute([END], charon, lambda _name: None, lambda _name: True)  # type: ignore[arg-type]
    assert [message["force"] for _command, message in charon.asked] == ["yes"]


@pytest.mark.parametrize("silent", [True, False])
async def test_a_child_that_a_dead_peer_does_not_let_go_takes_its_ike_sa_with_it(
    monkeypatch: pytest.MonkeyPatch, silent: bool
) -> None:
    """charon destroys no CHILD_SA by force: it takes that word for an IKE_SA only."""
    monkeypatch.setattr(executor, "END_LIMIT_S", 0.01)
    with_child = sa("ESTABLISHED", "INSTALLED", uniqueid="5", tasks_active=ASKING)
    charon = Charon(sas=[with_child, sa("ESTABLISHED", uniqueid="6")])
    charon.forced_only = True
    step = Step(Phase.END, "ipsec-1", child_only=True)
    await execute([step], charon, lambda _name: None, lambda _name: silent)  # type: ignore[arg-type]
    assert charon.asked[-1] == ("terminate", {"ike-id": "5", "timeout": "-1", "force": "yes"})
    assert [message["force"] for _command, message in charon.asked] == (["yes"] if silent else ["no", "yes"])
    assert [each["uniqueid"] for each in charon.sas] == ["6"]


@pytest.mark.parametrize("child_only", [True, False])
async def test_of_several_peers_of_a_tunnel_only_the_silent_one_is_forced(child_only: bool) -> None:
    silent = sa("ESTABLISHED", "INSTALLED", uniqueid="5", tasks_active=ASKING)
    answers = sa("ESTABLISHED", "INSTALLED", uniqueid="6")
    (child,) = answers["child-sas"].values()
    answers["child-sas"] = {"ipsec-1-77": {**child, "uniqueid": "77"}}
    charon = Charon(sas=[silent, answers])
    step = Step(Phase.END, "ipsec-1", child_only=child_only)
    await execute([step], charon, lambda _name: None, lambda _name: True)  # type: ignore[arg-type]
    forced = {"ike-id": "5", "timeout": "-1", "force": "yes"}
    in_order = {"child-id": "77"} if child_only else {"ike-id": "6"}
    assert charon.asked == [
        ("terminate", forced),
        ("terminate", {**in_order, "timeout": "-1", "force": "no"}),
    ]
    assert [each["uniqueid"] for each in charon.sas] == (["6"] if child_only else [])


class SlowCharon(Charon):
    """Takes its time to list, and has let go of everything it was told to after ``looks`` lists."""

    def __init__(self, tunnels: int, looks: int) -> None:
        super().__init__()
        self.sas = [
            {**sa("ESTABLISHED", "INSTALLED", uniqueid=str(n)), "name": f"ipsec-{n}"}
            for n in range(1, tunnels + 1)
        ]
        for each in self.sas:
            (child,) = each["child-sas"].values()
            each["child-sas"] = {"only": {**child, "uniqueid": each["uniqueid"]}}
        self.forced_only, self.looks, self.lists = True, looks, 0

    async def list_sas(self, name: str | None = None) -> Any:
        self.lists += 1
        for _ in range(10):
            await asyncio.sleep(0)
        if self.lists > self.looks:
            for each in self.sas:
                each["child-sas"] = {}
        return await super().list_sas(name)

    def steps(self) -> list[Step]:
        return [Step(Phase.END, each["name"], child_only=True) for each in self.sas]

    def forced(self) -> list[Any]:
        return [message for _command, message in self.asked if message["force"] == "yes"]


async def test_what_has_gone_when_it_is_too_late_is_looked_at_before_anything_is_forced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(executor, "END_LIMIT_S", 0.0)
    monkeypatch.setattr(executor, "EACH_S", 0.0)
    charon = SlowCharon(tunnels=3, looks=3)
    await run(charon, *charon.steps())
    assert charon.forced() == []
    assert len(charon.sas) == 3, "the IKE_SAs stay"


async def test_many_cost_one_list_for_each_look() -> None:
    charon = SlowCharon(tunnels=ONE_BY_ONE_MAX + 1, looks=1)
    await run(charon, *charon.steps())
    assert (charon.lists, charon.forced()) == (2, [])


@pytest.mark.parametrize(("each_s", "forced"), [(100.0, 0), (0.0, 3)])
async def test_the_more_there_are_the_longer_they_are_waited_for(
    monkeypatch: pytest.MonkeyPatch, each_s: float, forced: int
) -> None:
    monkeypatch.setattr(executor, "END_LIMIT_S", 0.0)
    monkeypatch.setattr(executor, "EACH_S", each_s)
    monkeypatch.setattr(executor, "POLL_S", 0.0)
    charon = SlowCharon(tunnels=3, looks=8)
    await run(charon, *charon.steps())
    assert len(charon.forced()) == forced


async def test_a_child_that_has_moved_to_a_new_ike_sa_takes_that_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An IKE_SA that is rekeyed hands its children on (RFC 7296 section 2.8)."""
    monkeypatch.setattr(executor, "END_LIMIT_S", 0.0)
    monkeypatch.setattr(executor, "EACH_S", 0.0)
    charon = Charon(sas=[sa("ESTABLISHED", "INSTALLED", uniqueid="5")])
    charon.forced_only = True
    request = charon.request

    async def rekeys(command: str, message: Any = None) -> Any:
        answer = await request(command, message)
        charon.sas = [{**each, "uniqueid": "8"} for each in charon.sas]
        return answer

    charon.request = rekeys  # type: ignore[method-assign]
    await run(charon, Step(Phase.END, "ipsec-1", child_only=True))
    assert [message.get("ike-id") for _command, message in charon.asked] == [None, "8"]
    assert charon.sas == []


async def test_sas_that_never_go_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executor, "END_LIMIT_S", 0.01)
    monkeypatch.setattr(executor, "FORCED_END_LIMIT_S", 0.01)
    charon = Charon({"terminate": ViciError("terminate", "no")}, [sa("ESTABLISHED", uniqueid="5")])
    with pytest.raises(BackendError, match="did not end"):
        await run(charon, END)


@pytest.mark.parametrize(
    ("sas", "child_only", "expected"),
    [
        ([sa("ESTABLISHED", "INSTALLED", uniqueid="5")], False, SaIds(frozenset("5"))),
        ([sa("ESTABLISHED", "INSTALLED", "DELETED")], True, SaIds(child=frozenset("1"))),
        ([sa("REKEYING", "INSTALLED")], True, SaIds(child=frozenset("1"))),
        # What has replaced the child is listed, and ends like it.
        ([sa("ESTABLISHED", "REKEYED", "INSTALLED")], True, SaIds(child=frozenset("12"))),
        # What is to replace it is not, and would have the old configuration.
        ([sa("ESTABLISHED", "REKEYING", uniqueid="5")], True, SaIds(frozenset("5"))),
        (
            [sa("ESTABLISHED", "INSTALLED", uniqueid="5", tasks_active=["CHILD_REKEY"])],
            True,
            SaIds(frozenset("5")),
        ),
        (
            [sa("ESTABLISHED", "INSTALLED", uniqueid="5", tasks_queued=["CHILD_REKEY"])],
            True,
            SaIds(frozenset("5")),
        ),
        (
            [sa("ESTABLISHED", "INSTALLED", uniqueid="5", tasks_passive=["CHILD_REKEY"])],
            True,
            SaIds(frozenset("5")),
        ),
        ([sa("ESTABLISHED", "INSTALLED", tasks_active=["IKE_REKEY"])], True, SaIds(child=frozenset("1"))),
        # The child's old configuration waits in the queue of what is still being negotiated.
        ([sa("CONNECTING", uniqueid="5")], True, SaIds(frozenset("5"))),
        ([sa("ESTABLISHED", uniqueid="5", tasks_active=["CHILD_CREATE"])], True, SaIds(frozenset("5"))),
        ([sa("ESTABLISHED")], True, SaIds()),
    ],
)
def test_what_has_to_go_for_a_change_of_the_child_alone(sas: Any, child_only: bool, expected: SaIds) -> None:
    assert to_end(sas, child_only) == expected


def between(before: dict[str, Any], after: dict[str, Any]) -> Replacement:
    return Replacement(*(connections.messages("1", at_bob(**members)) for members in (before, after)))


OTHER_SUBNET = {"remote_subnet": ["10.3.0.0/16"]}
(CHILD,) = INSTALLED["child-sas"].values()
NEW_CHILD = {**CHILD, "uniqueid": "9", "remote-ts": ["10.3.0.0/16"]}
BOTH_CHILDREN = {**INSTALLED, "child-sas": {"ipsec-1-4": CHILD, "ipsec-1-9": NEW_CHILD}}


async def test_a_child_that_the_peer_negotiated_with_the_new_configuration_stays() -> None:
    """Before we looked: its own configuration had changed, or strongSwan 6 had ended the old IKE_SA."""
    charon = Charon(sas=[{**BOTH_CHILDREN}])
    await run(charon, Step(Phase.END, "ipsec-1", child_only=True, replacement=between({}, OTHER_SUBNET)))
    assert [message.get("child-id") for _command, message in charon.asked] == ["4"]
    assert list(charon.sas[0]["child-sas"]) == ["ipsec-1-9"]


async def test_an_ike_sa_that_was_negotiated_with_the_new_configuration_stays() -> None:
    new = {**INSTALLED, "uniqueid": "7", "local-host": "192.168.0.9"}
    charon = Charon(sas=[INSTALLED, new])
    step = Step(Phase.END, "ipsec-1", replacement=between({}, {"local_address": "192.168.0.9"}))
    await run(charon, step)
    assert charon.sas == [new]


@pytest.mark.parametrize(
    "replacement",
    [
        None,
        # Both allow what was negotiated, so it may have been either.
        between({"remote_subnet": ["10.0.0.0/8"]}, OTHER_SUBNET),
        between(OTHER_SUBNET, {**OTHER_SUBNET, "esp": {"copy-dscp": "no"}}),
        # Neither does.
        between({}, {"remote_subnet": ["10.4.0.0/16"]}),
    ],
)
def test_what_does_not_prove_to_be_new_goes(replacement: Replacement | None) -> None:
    only_new = {**INSTALLED, "child-sas": {"ipsec-1-9": NEW_CHILD}}
    assert to_end([only_new], True, replacement) == SaIds(child=frozenset("9"))
    assert to_end([only_new], False, replacement) == SaIds(frozenset("6"))


@pytest.mark.parametrize("members", [{"state": "CONNECTING"}, {"tasks-queued": ["CHILD_CREATE"]}])
def test_what_still_negotiates_a_child_goes_whatever_it_has(members: Any) -> None:
    replacement = between({}, OTHER_SUBNET)
    assert to_end([{**BOTH_CHILDREN, **members}], True, replacement) == SaIds(frozenset("6"))


def test_a_child_that_is_being_rekeyed_proves_nothing() -> None:
    rekeying = {**INSTALLED, "child-sas": {"ipsec-1-9": {**NEW_CHILD, "state": "REKEYING"}}}
    assert to_end([rekeying], True, between({}, OTHER_SUBNET)) == SaIds(frozenset("6"))


async def test_a_child_is_seen_to_go_whatever_else_its_ike_sa_does_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(executor, "END_LIMIT_S", 0.01)
    charon = Charon(sas=[sa("ESTABLISHED", "INSTALLED", uniqueid="5")])
    charon.forced_only = True
    request = charon.request

    async def asked(command: str, message: Any = None) -> Any:
        answer = await request(command, message)
        charon.sas = [{**each, "tasks-active": ["CHILD_CREATE", "CHILD_REKEY"]} for each in charon.sas]
        return answer

    charon.request = asked  # type: ignore[method-assign]
    await run(charon, Step(Phase.END, "ipsec-1", child_only=True))
    assert [message.get("ike-id") for _command, message in charon.asked] == [None, "5"]
    assert charon.sas == []


async def test_only_the_sas_that_were_found_end() -> None:
    charon = Charon(sas=[sa("ESTABLISHED", uniqueid="5"), sa("ESTABLISHED", uniqueid="6")])
    await end_found({"ipsec-1": charon.sas[:1], "ipsec-2": []}, charon)  # type: ignore[arg-type]
    assert [message["ike-id"] for _command, message in charon.asked] == ["5"]
