"""Changes to steps: the order, and that doing and undoing them is what it says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.translators.tunnels import tunnel
from translators.strongswan.translation.connections import Messages, messages
from translators.strongswan.translation.plan import (
    Change,
    ChangeClass,
    Phase,
    Replacement,
    Request,
    Step,
    classify,
    plan_steps,
)

BOTH = {"initiator": True, "peer": "192.0.2.2", "remote_id": {"name": "b"}}

TWO = ["10.9.0.0/16", "10.8.0.0/16"]
PAIRWISE = {"remote_subnet": ["10.2.0.0/16"], "esp": {"sa-per-subnet-pair": True}}


def made(id: int = 1, **members: Any) -> Messages:
    return messages(str(id), tunnel(id, **members))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (None, None, ChangeClass.NOTHING),
        ({}, {}, ChangeClass.NOTHING),
        ({}, {"description": "x"}, ChangeClass.NOTHING),
        ({"local_subnet": TWO}, {"local_subnet": TWO[::-1]}, ChangeClass.NOTHING),
        ({"remote_subnet": TWO}, {"remote_subnet": [*TWO[::-1], TWO[0]]}, ChangeClass.NOTHING),
        (PAIRWISE | {"local_subnet": TWO}, PAIRWISE | {"local_subnet": TWO[::-1]}, ChangeClass.NOTHING),
        (None, {}, ChangeClass.ADDED),
        ({}, None, ChangeClass.REMOVED),
        ({}, {"secret": "another-secret"}, ChangeClass.SECRET),
        ({}, {"secret": "another-secret", "local_subnet": ["10.0.0.0/8"]}, ChangeClass.SECRET),
        ({}, {"local_subnet": ["10.0.0.0/8"]}, ChangeClass.CHILD),
        ({}, {"esp": {"proposal": [{"priority": 1, "cipher": "aes128gcm16"}]}}, ChangeClass.CHILD),
        ({}, {"peer": "192.0.2.9"}, ChangeClass.IKE),
        ({}, {"local_address": "192.0.2.8"}, ChangeClass.IKE),
        ({}, {"remote_id": {"name": "x"}}, ChangeClass.IKE),
        ({}, {"dpd": {"enabled": False}}, ChangeClass.IKE),
        (BOTH, {**BOTH, "dpd": {"enabled": True, "delay": 30, "action": "clear"}}, ChangeClass.NOTHING),
        (BOTH, {**BOTH, "dpd": {"enabled": True, "delay": 30, "action": "trap"}}, ChangeClass.CHILD),
        (BOTH, {**BOTH, "initiator": False}, ChangeClass.IKE),
    ],
)
def test_a_change_is_classified_by_what_it_means_to_charon(
    before: Any, after: Any, expected: ChangeClass
) -> None:
    sides = [None if members is None else made(**members) for members in (before, after)]
    assert classify(*sides) is expected


def lines(*changes: Change) -> list[str]:
    return [str(step) for step in plan_steps(changes)]


def test_a_new_initiator_golden() -> None:
    assert lines(Change("ipsec-1", None, made(**BOTH))) == [
        "ipsec-1: load the connection",
        "ipsec-1: load the secret",
        "ipsec-1: initiate",
    ]


def test_a_deleted_tunnel_golden() -> None:
    assert lines(Change("ipsec-1", made(), None)) == [
        "ipsec-1: unload the connection",
        "ipsec-1: end the SAs and the IKE SA",
        "ipsec-1: uninstall a trap, if there is one",
        "ipsec-1: unload the secret",
    ]


def test_changed_subnets_end_the_child_alone() -> None:
    assert lines(Change("ipsec-1", made(**BOTH), made(**BOTH, local_subnet=["10.0.0.0/8"]))) == [
        "ipsec-1: load the connection",
        "ipsec-1: end the SAs of the child only",
        "ipsec-1: initiate",
    ]


def test_a_changed_secret_is_loaded_alone_and_ends_the_ike_sa() -> None:
    assert lines(Change("ipsec-1", made(), made(secret="another-secret"))) == [
        "ipsec-1: load the secret",
        "ipsec-1: end the SAs and the IKE SA",
    ]


def test_an_sa_may_prove_to_be_new_unless_the_secret_changed() -> None:
    before = made(**BOTH)
    for after, provable in (
        (made(**BOTH, local_subnet=["10.0.0.0/8"]), True),
        (made(**BOTH, local_subnet=["10.0.0.0/8"], secret="another-secret"), False),
        (made(**BOTH, local_address="192.168.0.9"), True),
        (made(**{**BOTH, "remote_id": {"name": "c"}}), False),  # the owner of the secret
    ):
        (end,) = (step for step in plan_steps([Change("ipsec-1", before, after)]) if step.phase is Phase.END)
        assert end.replacement == (Replacement(before, after) if provable else None)


def test_a_changed_identity_also_loads_the_secret_because_its_owner_changes() -> None:
    steps = plan_steps([Change("ipsec-1", made(remote_id={"name": "a"}), made(remote_id={"name": "b"}))])
    assert [step.phase for step in steps] == [Phase.LOAD_CONNECTION, Phase.LOAD_SECRET, Phase.END]


def test_a_trap_that_may_be_there_is_uninstalled() -> None:
    trap = made(**BOTH, dpd={"enabled": True, "action": "trap"})
    steps = plan_steps([Change("ipsec-1", trap, made(**BOTH))])
    assert Phase.UNINSTALL in [step.phase for step in steps]


def test_nothing_that_ends_sas_comes_before_anything_that_charon_may_refuse() -> None:
    changes = [
        Change("ipsec-1", made(1), None),
        Change("ipsec-2", made(2), made(2, secret="another-secret")),
        Change("ipsec-3", None, made(3, **BOTH)),
    ]
    assert lines(*changes) == [
        "ipsec-3: load the connection",
        "ipsec-1: unload the connection",
        "ipsec-2: load the secret",
        "ipsec-3: load the secret",
        "ipsec-1: end the SAs and the IKE SA",
        "ipsec-2: end the SAs and the IKE SA",
        "ipsec-1: uninstall a trap, if there is one",
        "ipsec-1: unload the secret",
        "ipsec-3: initiate",
    ]


def test_no_secret_is_in_the_text_of_a_plan() -> None:
    steps = plan_steps([Change("ipsec-1", made(secret="secret-before"), made(secret="secret-after-1"))])
    assert "secret-before" not in f"{steps!r}{steps[0]}"
    assert "secret-after-1" not in f"{steps!r}{steps[0]}"


# --- what the requests do, on a model of charon ---

Charon = tuple[dict[str, object], dict[str, object]]


def request(charon: Charon, asked: Request | None) -> None:
    connections, secrets = charon
    if asked is None:
        return
    match asked.command, dict(asked.message):
        case "load-shared", {"id": str(handle)} as message:
            secrets[handle] = message
        case "unload-shared", {"id": str(handle)}:
            del secrets[handle]
        case "load-conn", message:
            connections.update(message)
        case "unload-conn", {"name": str(name)}:
            del connections[name]
        case "uninstall", _:
            pass
        case command, _:
            raise AssertionError(command)


def holding(*held: Messages | None) -> Charon:
    charon: Charon = ({}, {})
    for each in held:
        if each is not None:
            charon[0].update(each.load_conn)
            charon[1].update({str(secret["id"]): dict(secret) for secret in each.secrets})
    return charon


MEMBERS = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {"secret": st.sampled_from(["secret-one-1", "secret-two-2"])},
        optional={
            "remote_id": st.sampled_from([{"name": "a"}, {"key": "b"}]),
            "local_subnet": st.sampled_from([["10.1.0.0/16"], ["10.2.0.0/16"]]),
            "description": st.just("x"),
        },
    ),
)
PAIRS = st.lists(st.tuples(MEMBERS, MEMBERS), min_size=1, max_size=4)


def changes(pairs: Any) -> list[Change]:
    return [
        Change(
            f"ipsec-{id}",
            None if before is None else made(id, **before),
            None if after is None else made(id, **after),
        )
        for id, (before, after) in enumerate(pairs, 1)
    ]


@given(PAIRS)
def test_the_steps_lead_to_what_is_wanted_and_their_undo_back(pairs: Any) -> None:
    wanted = changes(pairs)
    charon = holding(*(change.before for change in wanted))
    steps = plan_steps(wanted)
    for step in steps:
        request(charon, step.do)
    assert charon == holding(*(change.after for change in wanted))
    for step in reversed(steps):
        request(charon, step.undo)
    assert charon == holding(*(change.before for change in wanted))


@given(PAIRS, st.integers(0, 20))
def test_undoing_a_part_of_the_steps_leads_back_too(pairs: Any, count: int) -> None:
    wanted = changes(pairs)
    charon = holding(*(change.before for change in wanted))
    done: list[Step] = list(plan_steps(wanted)[:count])
    for step in done:
        request(charon, step.do)
    for step in reversed(done):
        request(charon, step.undo)
    assert charon == holding(*(change.before for change in wanted))


@given(PAIRS)
def test_the_reversed_changes_lead_back(pairs: Any) -> None:
    wanted = changes(pairs)
    charon = holding(*(change.after for change in wanted))
    for step in plan_steps(change.reversed() for change in wanted):
        request(charon, step.do)
    assert charon == holding(*(change.before for change in wanted))
