"""The check of imports refuses what is made up against the rules, and lets through what a room may."""

from __future__ import annotations

import pytest

from tests.imported import violations
from tests.test_imports import room_of


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("agent/errors.py", "import agent.yang.tree"),
        ("agent/errors.py", "import lxml"),
        ("agent/datastore/store.py", "from agent import xml"),
        ("agent/datastore/locks.py", "import libyang"),
        ("agent/datastore/preparation.py", "from agent.datastore.transaction import Transactions"),
        ("agent/datastore/preparation.py", "from agent.datastore import backends"),
        ("agent/datastore/replay.py", "from agent.datastore.datastores import Datastores"),
        ("agent/datastore/moves.py", "from agent.datastore.store import Store"),
        ("agent/datastore/moved_units.py", "import logging"),
        ("agent/datastore/migration.py", "from agent import xml"),
        ("agent/datastore/locks.py", "from _libyang import lib"),
        ("agent/datastore/locks.py", "from agent.yang.native import NULL"),
        ("agent/operations/read.py", "from agent.yang import native"),
        ("agent/yang/tree.py", "import libyang"),
        ("agent/operations/read.py", "from agent.netconf.messages import parse"),
        ("agent/operations/read.py", "from lxml import etree"),
        ("agent/netconf/framing.py", "import lxml.etree"),
        ("agent/netconf/messages.py", "from lxml import etree"),
        ("agent/netconf/framing.py", "import asyncio"),
        ("agent/netconf/session.py", "from agent.yang.tree import Tree"),
        ("agent/netconf/session.py", "from datetime import datetime\nx = datetime.now()"),
        ("agent/transport/ssh.py", "from agent.operations.context import Context"),
        ("agent/transport/ssh.py", "import paramiko"),
        ("agent/server.py", "import translators.strongswan.translation.plan"),
        ("agent/program.py", "from translators.strongswan import translator"),
        ("agent/server.py", "def late() -> None:\n    import agent.transport.ssh"),
        (
            "agent/errors.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from agent import server",
        ),
        ("agent/errors.py", "from . import server"),
        ("translators/strongswan/translation/plan.py", "import time"),
        ("translators/strongswan/translation/plan.py", "from translators.strongswan.charon import vici"),
        ("translators/strongswan/translation/plan.py", "from translators.strongswan.status import facts"),
        ("translators/strongswan/status/state.py", "import logging"),
        ("translators/strongswan/status/state.py", "from translators.strongswan.charon import session"),
        ("translators/strongswan/status/state.py", "from translators.strongswan import tasks"),
        ("translators/strongswan/charon/keeper.py", "from translators.strongswan.pki.pki import Pki"),
        ("translators/strongswan/protection/ruleset.py", "import asyncio"),
        ("translators/strongswan/protection/ruleset.py", "from translators.strongswan.protection import nft"),
        ("translators/strongswan/protection/keeping.py", "import pyroute2"),
        ("translators/strongswan/protection/keeping.py", "from translators.strongswan.upkeep import audit"),
        ("translators/strongswan/protection/watch.py", "from translators.strongswan.charon import vici"),
        ("translators/strongswan/upkeep/addresses.py", "from translators.strongswan.charon import vici"),
        ("translators/strongswan/pki/pki.py", "import translators.strongswan.diagnosis.monitor"),
        ("translators/strongswan/diagnosis/logs.py", "from translators.strongswan.upkeep import tunnels"),
        ("translators/strongswan/upkeep/audit.py", "from translators.strongswan.translator import make"),
        ("translators/strongswan/upkeep/audit.py", "import vici"),
        ("translators/strongswan/options.py", "from translators.strongswan.status import state"),
        ("translators/strongswan/backoff.py", "import random"),
        ("translators/strongswan/moves.py", "from translators.strongswan import options"),
        ("translators/strongswan/charon/charon_config.py", "import os"),
        ("translators/strongswan/made_up.py", ""),
        ("translators/strongswan/made_up/file.py", ""),
        ("translators/strongswan/translation/plan.py", "text = path.read_text()"),
        ("translators/strongswan/translation/plan.py", "import agent.translator"),
        ("translators/strongswan/charon/vici.py", "from agent.yang.tree import Tree"),
        ("console/command_line.py", "from agent.settings import Settings"),
        ("console/command_line.py", "import translators.strongswan.model"),
        ("agent/program.py", "from console import command_line"),
        ("agent/start.py", "from agent import settings"),
        ("console/command_line.py", "import ncclient"),
        ("console/model/compiled.py", "from console.model.cache import Cache"),
        ("console/model/types.py", "import os"),
        ("console/model/modules.py", "from console.grammar import reading"),
        ("console/grammar/edits.py", "from console.client.session import Client"),
        ("console/grammar/lines.py", "import time"),
        ("console/grammar/reading.py", "from console.model.compiled import compile_schema"),
        ("agent/command_line.py", "from agent import server"),
        ("agent/settings.py", "from agent import command_line"),
        ("agent/made_up.py", ""),
    ],
)
def test_a_made_up_violation_is_refused(path: str, source: str) -> None:
    assert len(violations(path, source, room_of(path))) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("agent/netconf/messages.py", "from agent import xml"),
        ("agent/yang/native.py", "import os, _libyang, cffi\nfrom agent.errors import RpcError"),
        ("agent/operations/read.py", "from agent.datastore.locks import Locks\nimport asyncio"),
        (
            "translators/strongswan/charon/vici.py",
            "import asyncio, vici\nfrom translators.strongswan.translation import plan",
        ),
        ("translators/strongswan/translator.py", "from translators.strongswan.upkeep.audit import Audit"),
    ],
)
def test_what_a_room_may_is_let_through(path: str, source: str) -> None:
    assert violations(path, source, room_of(path)) == []
