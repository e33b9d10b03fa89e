"""Whether a tunnel works as it is configured, and why not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.translators.recorded import CONNECTING, INSTALLED
from tests.translators.tunnels import at_bob
from translators.strongswan.status import state, working
from translators.strongswan.status.facts import Facts, LastError, Reason
from translators.strongswan.translation import connections

NOTHING = Facts()


def why(*sas: dict[str, Any], facts: Facts = NOTHING, **members: Any) -> str | None:
    messages = connections.messages("1", at_bob(**members))
    status = state.status(sas, facts, bool(members.get("initiator", True)), messages.children)
    return working.hindrance(messages, sas, facts, status=status)


def failed(reason: Reason, detail: str = "") -> Facts:
    return Facts(last_error=LastError(reason, detail, 0.0))


def test_a_tunnel_whose_children_carry_traffic_works() -> None:
    assert why(INSTALLED) is None
    assert why(INSTALLED, facts=failed(Reason.PEER_SILENT)) is None
    assert why(CONNECTING, INSTALLED) is None


@pytest.mark.parametrize(
    ("sas", "facts", "members", "expected"),
    [
        ([], NOTHING, {}, "connecting: it waits for its peer to answer, or for the next attempt"),
        ([], NOTHING, {"initiator": False}, "down: it does not initiate, and its peer has not come"),
        ([CONNECTING], failed(Reason.PEER_SILENT), {}, "connecting: peer-silent"),
        (
            [],
            failed(Reason.AUTHENTICATION_FAILED, "the peer refused"),
            {},
            "connecting: authentication-failed, the peer refused",
        ),
        (
            [INSTALLED],
            NOTHING,
            {"remote_subnet": ["10.99.0.0/16"]},
            "installed: its SA is of another configuration",
        ),
        (
            [],
            Facts(last_down=LastError(Reason.CONFIGURATION_CHANGED, "changed", 0.0)),
            {},
            "connecting: it waits for its peer to answer, or for the next attempt",
        ),
        ([], Facts(last_down=LastError(Reason.PEER_CLOSED, "", 0.0)), {}, "connecting: peer-closed"),
    ],
)
def test_one_that_does_not_work_says_why(
    sas: list[dict[str, Any]], facts: Facts, members: dict[str, Any], expected: str
) -> None:
    assert why(*sas, facts=facts, **members) == expected


def test_of_several_children_all_have_to_carry_traffic() -> None:
    child = INSTALLED["child-sas"]["ipsec-1-4"]
    first = {**INSTALLED, "child-sas": {"ipsec-1-1-4": {**child, "name": "ipsec-1-1"}}}
    two = {"remote_subnet": ["10.1.0.0/16", "10.3.0.0/16"], "esp": {"sa-per-subnet-pair": True}}
    assert why(first, **two) == "ike-established: 1 of 2 CHILD_SAs are missing"


def test_a_peer_that_does_not_answer_is_no_success() -> None:
    asking = {**INSTALLED, "tasks-active": ["IKE_DPD"]}
    assert why(asking, facts=Facts(retransmitting=True)) is not None


def test_a_tunnel_whose_peer_has_moved_works_with_mobike() -> None:
    moved = {**INSTALLED, "remote-host": "203.0.113.5"}
    assert why(moved, ike={"mobike": True}) is None
    assert why(moved) == "installed: its SA is of another configuration"


def at(reason: Reason, time: float) -> LastError:
    return LastError(reason, "", time)


@pytest.mark.parametrize(
    ("error", "down", "expected"),
    [
        (at(Reason.AUTHENTICATION_FAILED, 1), at(Reason.PEER_CLOSED, 2), "peer-closed"),
        (at(Reason.AUTHENTICATION_FAILED, 2), at(Reason.PEER_CLOSED, 1), "authentication-failed"),
        (at(Reason.AUTHENTICATION_FAILED, 2), at(Reason.PEER_CLOSED, 2), "authentication-failed"),
        (at(Reason.AUTHENTICATION_FAILED, 2), at(Reason.CONFIGURATION_CHANGED, 1), "authentication-failed"),
        (at(Reason.AUTHENTICATION_FAILED, 1), at(Reason.CONFIGURATION_CHANGED, 2), working.WAITS[True]),
    ],
)
def test_what_went_wrong_last_is_the_reason(error: LastError, down: LastError, expected: str) -> None:
    assert why(facts=Facts(last_error=error, last_down=down)) == f"connecting: {expected}"


def test_what_went_wrong_before_it_came_up_is_no_reason() -> None:
    facts = Facts(last_error=at(Reason.AUTHENTICATION_FAILED, 1), since=2, children=frozenset("4"))
    assert "authentication-failed" not in str(why({**INSTALLED, "child-sas": {}}, facts=facts))


def test_an_sa_with_the_outermost_of_its_selectors_is_of_this_configuration() -> None:
    assert why(INSTALLED, remote_subnet=["10.1.0.0/16", "10.1.2.0/24"]) is None
