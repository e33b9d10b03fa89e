"""Steps on a charon that refuses, or is lost: played by a double."""

from __future__ import annotations

import pytest

from agent.errors import BackendError, BackendInconsistent
from tests.translators.upkeep.obeying import Charon, run
from translators.strongswan.charon.vici import ViciError, ViciUnavailable
from translators.strongswan.translation.plan import Phase, Request, Step


def load(name: str = "ipsec-1") -> Step:
    return Step(
        Phase.LOAD_SECRET, name, Request("load-shared", {"id": name}), Request("unload-shared", {"id": name})
    )


def connect(name: str = "ipsec-1") -> Step:
    undo = Request("load-conn", {name: "before"})
    return Step(Phase.LOAD_CONNECTION, name, Request("load-conn", {name: "after"}), undo)


def unload(name: str = "ipsec-1") -> Step:
    return Step(
        Phase.UNLOAD_CONNECTION, name, Request("unload-conn", {"name": name}), Request("load-conn", {name: 1})
    )


async def test_steps_run_in_order_and_initiators_are_named_last() -> None:
    charon = Charon()
    assert await run(charon, load(), connect(), Step(Phase.INITIATE, "ipsec-1")) == ["ipsec-1"]
    assert charon.commands() == ["load-shared", "load-conn"]


async def test_a_refused_step_undoes_those_before_it_in_reverse_and_not_itself() -> None:
    charon = Charon({"unload-conn": ViciError("unload-conn", "not today")})
    with pytest.raises(BackendError, match="ipsec-2: unload the connection: not today"):
        await run(charon, load("ipsec-1"), connect("ipsec-1"), unload("ipsec-2"))
    assert charon.asked[3:] == [("load-conn", {"ipsec-1": "before"}), ("unload-shared", {"id": "ipsec-1"})]


async def test_of_many_steps_those_that_were_done_are_undone_in_reverse_and_no_other() -> None:
    names = [f"ipsec-{number}" for number in range(1, 101)]
    charon = Charon({"bad": ViciError("bad", "not today")})
    steps = [connect(name) for name in names]
    steps[70] = Step(Phase.LOAD_CONNECTION, "ipsec-71", Request("bad", {}), Request("load-conn", {"no": 1}))
    with pytest.raises(BackendError, match="ipsec-71: load the connection: not today"):
        await run(charon, *map(load, names), *steps)
    loaded = [message["id"] for command, message in charon.asked if command == "load-shared"]
    assert loaded == names
    done = [step.do.content for step in steps if step.do is not None and step.do.command == "load-conn"]
    undone = [message for command, message in charon.asked if message in [{n: "before"} for n in names]]
    assert undone == [{next(iter(one)): "before"} for one in reversed(done)]
    assert charon.commands()[-100:] == ["unload-shared"] * 100
    assert "no" not in str(charon.asked[200:])


async def test_what_may_be_gone_already_stops_no_other_of_many() -> None:
    charon = Charon({"uninstall": ViciError("uninstall", "not found")})
    steps = [Step(Phase.UNINSTALL, f"ipsec-{number}", Request("uninstall", {})) for number in range(20)]
    await run(charon, *steps)
    assert charon.commands() == ["uninstall"] * 20


async def test_a_charon_that_is_lost_on_the_way_of_many_is_asked_no_undo() -> None:
    charon = Charon({"load-conn": ViciUnavailable("load-conn", "gone")})
    with pytest.raises(BackendError):
        await run(charon, *(connect(f"ipsec-{number}") for number in range(20)))
    assert charon.commands() == ["load-conn", "load-conn"], "the second is the first undo"


async def test_an_undo_that_is_refused_is_reported_after_the_others_are_done() -> None:
    charon = Charon(
        {"load-conn": ViciError("load-conn", "no"), "unload-conn": ViciError("unload-conn", "no")}
    )
    steps = (load(), unload("ipsec-1"), Step(Phase.UNLOAD_SECRET, "ipsec-1", Request("bad", {}), None))
    charon.refuses["bad"] = ViciError("bad", "no")
    del charon.refuses["unload-conn"]
    with pytest.raises(BackendInconsistent):
        await run(charon, *steps)
    assert charon.commands()[-1] == "unload-shared", "the undo of the first step still ran"


async def test_what_is_already_gone_needs_no_undo() -> None:
    charon = Charon({"unload-shared": ViciError("unload-shared", "not found"), "bad": ViciError("bad", "no")})
    with pytest.raises(BackendError) as raised:
        await run(charon, load(), Step(Phase.LOAD_CONNECTION, "ipsec-1", Request("bad", {}), None))
    assert not isinstance(raised.value, BackendInconsistent)


async def test_a_lost_charon_is_no_inconsistency_because_it_is_reconciled() -> None:
    lost = ViciUnavailable("x", "gone")
    charon = Charon({"load-conn": lost, "unload-shared": lost})
    with pytest.raises(BackendError) as raised:
        await run(charon, load(), connect())
    assert not isinstance(raised.value, BackendInconsistent)


async def test_a_trap_that_is_not_there_is_no_failure_but_a_lost_charon_is() -> None:
    step = Step(Phase.UNINSTALL, "ipsec-1", Request("uninstall", {}))
    await run(Charon({"uninstall": ViciError("uninstall", "not found")}), step)
    with pytest.raises(BackendError):
        await run(Charon({"uninstall": ViciUnavailable("uninstall", "gone")}), step)


async def test_a_step_that_says_nothing_to_do_is_a_defect() -> None:
    with pytest.raises(ValueError, match="without a request"):
        await run(Charon(), Step(Phase.LOAD_SECRET, "ipsec-1"))
