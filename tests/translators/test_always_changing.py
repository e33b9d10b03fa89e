"""What subscriptions to changes leave out of the state of tunnels is in the model."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from agent.push.changeable import changeable
from agent.served import SERVED, standard_modules
from agent.yang.schema import Schema
from translators.strongswan.model import (
    ALWAYS_CHANGING,
    CERTIFICATE_STATE_ROOT,
    DAEMON_ROOT,
    LIST_PATH,
    STATE_PATH,
)
from translators.strongswan.translator import StrongSwanTranslator

YANG = Path(__file__).parents[2] / "yang"
MODULES = [YANG / f"yangswan-{name}.yang" for name in ("types", "ipsec", "daemon", "pki")]


@cache
def schema() -> Schema:
    return Schema(standard_modules(), SERVED, MODULES)


@pytest.mark.parametrize("path", ALWAYS_CHANGING)
def test_each_is_a_node_of_state(path: str) -> None:
    assert not schema().find(path).config


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (f"{STATE_PATH}/status", True),
        (f"{STATE_PATH}/child-sa", True),
        (f"{STATE_PATH}/child-sa/bytes-in", False),
        (f"{STATE_PATH}/time-since-rekey", False),
        (f"{STATE_PATH}/counters/rekeys", True),
        (f"{LIST_PATH}/description", True),
        (DAEMON_ROOT, True),
        (f"{DAEMON_ROOT}/uptime-seconds", False),
        (CERTIFICATE_STATE_ROOT, True),
        ("/ietf-netconf-acm:nacm", True),
        ("/ietf-netconf-acm:nacm/denied-operations", False),
        ("/ietf-netconf-monitoring:netconf-state", False),
        ("/yangswan-agent:agent", False),
        ("/ietf-subscribed-notifications:subscriptions", False),
    ],
)
def test_what_is_on_change_able(path: str, said: bool) -> None:
    found = changeable(schema(), [StrongSwanTranslator])  # type: ignore[list-item]
    assert found.is_said([schema().find(path)]) is said
