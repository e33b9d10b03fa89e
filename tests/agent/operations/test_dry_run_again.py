"""A dry-run of a given configuration that is done again is of that one still."""

from __future__ import annotations

from typing import Any

import pytest

from agent.operations import dry_run as module
from agent.operations.dispatch import dispatch
from agent.xml import NETCONF_NS, parse
from tests.agent.handlers import Lab
from tests.agent.lab import PREFIXES
from tests.agent.operations.guarded import AGENT, SAM
from tests.agent.operations.test_rules_meanwhile import OPEN, entries, lab  # noqa: F401


async def test_a_given_configuration_is_looked_at_again(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    await lab.commit(OPEN + entries(range(1, 3), 2))
    prepare, done = module._prepare, list[int]()

    async def then_rules_change(*arguments: Any) -> None:
        await prepare(*arguments)
        done.append(1)
        if len(done) == 1:
            lab.context.nacm.load(lab.context.configuration.running)

    monkeypatch.setattr(module, "_prepare", then_rules_change)
    given = f"<config>{entries(range(70, 71), 5)}</config>"
    asked = f'<dry-run xmlns="{AGENT}"><source>{given}</source></dry-run>'
    rpc = parse(f'<rpc xmlns="{NETCONF_NS}" {PREFIXES}>{asked}</rpc>'.encode())
    assert b"entry[id='70']" in await dispatch(lab.context, lab.caller(SAM), rpc[0])
    assert len(done) == 2
