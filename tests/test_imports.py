"""Who may import whom: docs/architecture.md, "The rooms", read from the imports themselves.

Imports inside functions count like all others; so does ``if TYPE_CHECKING``.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

VALUES = ("agent.errors", "agent.yang", "agent.translator")
HANDLERS = (
    *VALUES,
    "agent.apart",
    "agent.at_work",
    "agent.memory",
    "agent.xml",
    "agent.datastore",
    "agent.history",
    "agent.nacm",
    "agent.notifications",
    "agent.operational",
    "agent.push",
    "agent.subscribed",
    "agent.subscriptions",
    "agent.turns",
    "agent.visible",
)
FOR_TRANSLATORS = ("agent.at_work", "agent.errors", "agent.translator")
WITHOUT_A_COMMIT = ("candidate", "fitting", "progress", "records", "store")
MOVES = ("moves", "moved_rules", "moved_units")
# YANG texts to a tree: without the server that they come from, and without the cache.
CONSOLE_MODEL = ("schema", "visible", "types", "weight", "compiled")
STRONGSWAN = "translators/strongswan"
# From the ground up: a room imports from those before it and from itself. The ground is its files; tasks is a
# file that stands between the pure rooms and those that have a loop.
STRONGSWAN_GROUND = ("backoff", "model", "moves", "options", "pieces")
STRONGSWAN_ROOMS = ("translation", "status", "tasks", "charon", "protection", "pki", "diagnosis", "upkeep")
PROTECTION = "translators.strongswan.protection"
SELECTORS = ("translators.strongswan.translation.guards", "translators.strongswan.translation.prefixes")
STRONGSWAN_TOP = (
    "actions", "captured", "changes", "cut_off", "foresight", "outlook", "planning", "state_data",
    "translator", "assembly",
)  # fmt: skip

# A pure room has no loop, socket, clock, process, file or log; what it needs to know is an argument.
IMPURE_MODULES = frozenset({
    "asyncio", "fcntl", "io", "logging", "multiprocessing", "os", "random", "secrets", "select", "selectors",
    "shutil", "signal", "socket", "sqlite3", "ssl", "subprocess", "tempfile", "threading", "time",
})  # fmt: skip
IMPURE_CALLS = frozenset({
    "open", "print", "input", "now", "today", "utcnow", "read_text", "read_bytes", "write_text",
    "write_bytes", "unlink", "mkdir", "exists", "is_file", "iterdir", "glob",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Room:
    """Files that match one of ``files`` may import the standard library, ``may`` and ``libraries``.

    A name in ``may`` stands for a module or a package with all that is in it.
    """

    files: tuple[str, ...]
    may: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    pure: bool = False


def _up_to(room: str, *more: str) -> tuple[str, ...]:
    """Return ``more``, the ground of translators/strongswan, and its rooms up to ``room`` ("": none)."""
    rooms = STRONGSWAN_ROOMS[: STRONGSWAN_ROOMS.index(room) + 1] if room else ()
    return (*more, *(f"translators.strongswan.{name}" for name in (*STRONGSWAN_GROUND, *rooms)))


# The first room that matches a file is its room.
ROOMS = (
    Room(("agent/__init__.py", "translators/__init__.py", "agent/errors.py"), pure=True),
    Room(("agent/xml.py",), ("agent.errors",), ("lxml",), pure=True),
    Room(("agent/web_settings.py",), pure=True),
    Room(("agent/settings.py",), ("agent.errors", "agent.regular_file", "agent.web_settings")),
    Room(
        ("agent/web.py",),
        (
            *("agent.http", "agent.operations", "agent.page", "agent.restconf", "agent.settings"),
            *("agent.release", "agent.translator"),
            *(f"agent.transport.{name}" for name in ("limits", "lockout", "ssh")),
            "agent.web_settings",
        ),
    ),
    Room(("agent/search_path.py",), pure=True),
    Room(("agent/visible.py",)),
    Room(("agent/release.py",)),
    Room(("agent/at_work.py",), pure=True),
    Room(("agent/log_format.py",), ("agent.visible",), pure=True),
    Room(("agent/logs.py",), ("agent.at_work", "agent.log_format")),
    Room(
        (
            "agent/apart.py",
            "agent/breakable.py",
            "agent/memory.py",
            "agent/ending.py",
            "agent/regular_file.py",
            "agent/supervision.py",
            "agent/turns.py",
            "agent/unfinished.py",
        )
    ),
    Room(("agent/data_folder.py",), ("agent.errors", "agent.regular_file")),
    Room(("agent/credential.py",), ("agent.transport.files",)),
    Room(("agent/watchdog.py",), ("agent.supervision",)),
    Room(("agent/loaded.py",), (*VALUES, "agent.datastore")),
    Room(
        ("agent/phases.py",),
        (*VALUES, "agent.datastore", "agent.loaded", "agent.supervision", "agent.watchdog"),
    ),
    Room(
        ("agent/named.py",),
        (
            "agent.credential",
            "agent.data_folder",
            "agent.http.tls",
            "agent.made_user",
            "agent.regular_file",
            "agent.restconf.passwords",
            "agent.settings",
            "agent.transport.address",
            "agent.transport.files",
            "agent.transport.local_socket",
            "agent.transport.users",
        ),
    ),
    Room(
        ("agent/transport/users.py",),
        ("agent.errors", "agent.netconf", "agent.regular_file", "agent.transport"),
        ("asyncssh",),
    ),
    Room(("agent/repair.py",), ("agent.datastore",)),
    Room(("agent/measures.py", "agent/tally.py"), pure=True),
    Room(("agent/translator.py",), ("agent.errors", "agent.measures", "agent.yang"), pure=True),
    Room(("agent/yang/native.py",), ("agent.errors", "agent.yang.gate"), ("libyang", "_libyang", "cffi")),
    Room(("agent/yang/*.py",), ("agent.errors", "agent.yang")),
    Room(("agent/netconf/*.py",), ("agent.errors", "agent.xml", "agent.netconf"), pure=True),
    Room(
        ("agent/datastore/admission.py", "agent/datastore/edit*.py", "agent/datastore/skeleton.py"),
        (*VALUES, "agent.datastore", "agent.xml"),
    ),
    # What running was, and what a change would do to it, is found without a commit.
    Room(
        ("agent/datastore/preparation.py", "agent/datastore/replay.py"),
        (*VALUES, *(f"agent.datastore.{name}" for name in WITHOUT_A_COMMIT)),
    ),
    Room(
        ("agent/datastore/fitting.py",),
        ("agent.errors", "agent.xml", "agent.yang", "agent.datastore.moved_rules", "agent.datastore.moves"),
    ),
    Room(
        ("agent/datastore/moves.py", "agent/datastore/moved_*.py"),
        ("agent.errors", "agent.translator", "agent.xml", *(f"agent.datastore.{name}" for name in MOVES)),
        pure=True,
    ),
    Room(
        ("agent/datastore/database.py", "agent/datastore/salvage.py"),
        (*VALUES, "agent.datastore", "agent.regular_file"),
    ),
    Room(("agent/datastore/txids.py",), pure=True),
    Room(("agent/datastore/differing.py",), ("agent.datastore.txids",), pure=True),
    Room(
        ("agent/datastore/*.py",),
        (*VALUES, "agent.at_work", "agent.datastore", "agent.memory", "agent.tally"),
    ),
    Room(("agent/history/*.py",), (*VALUES, "agent.datastore", "agent.history"), pure=True),
    Room(("agent/nacm/*.py",), (*VALUES, "agent.nacm")),
    Room(("agent/push/*.py",), (*VALUES, "agent.datastore", "agent.history", "agent.push"), pure=True),
    Room(("agent/notifications.py", "agent/operational.py"), VALUES),
    Room(
        ("agent/subscribed.py", "agent/subscriptions.py"),
        (*VALUES, "agent.breakable", "agent.notifications", "agent.push", "agent.subscribed"),
    ),
    Room(("agent/monitoring.py", "agent/operations/*.py"), (*HANDLERS, "agent.operations")),
    Room(
        ("agent/transport/*.py",),
        ("agent.errors", "agent.netconf", "agent.transport", "agent.turns"),
        ("asyncssh",),
    ),
    Room(("agent/http/limits.py", "agent/http/head.py"), ("agent.http",), pure=True),
    Room(
        ("agent/http/*.py",),
        ("agent.http", "agent.transport.address", "agent.transport.doorway"),
        ("h11", "uvicorn"),
    ),
    Room(
        ("agent/metrics/__init__.py", "agent/metrics/derived.py", "agent/metrics/figures.py"),
        ("agent.measures", "agent.tally", "agent.translator", "agent.visible"),
        ("prometheus_client",),
        pure=True,
    ),
    Room(
        ("agent/metrics/*.py",),
        (
            *("agent.http", "agent.measures", "agent.memory", "agent.metrics", "agent.settings"),
            "agent.release",
            "agent.tally",
            "agent.translator",
        ),
        ("prometheus_client",),
    ),
    Room(("agent/restconf/media.py",), pure=True),
    Room(
        tuple(f"agent/restconf/{name}.py" for name in ("problems", "queries", "uris", "validators")),
        (
            *VALUES,
            *("agent.netconf.messages", "agent.datastore.txids"),
            *(f"agent.restconf.{name}" for name in ("media", "problems", "uris")),
        ),
        pure=True,
    ),
    Room(("agent/restconf/passwords.py",), (), ("cryptography",)),
    Room(
        ("agent/restconf/*.py",),
        (
            *HANDLERS,
            *("agent.http", "agent.operations", "agent.page.sessions", "agent.restconf"),
            *("agent.netconf.messages", "agent.offline.from_json", "agent.release"),
            *(f"agent.transport.{name}" for name in ("accounts", "doorway", "lockout")),
        ),
    ),
    Room(("agent/page/__init__.py", "agent/page/selected.py", "agent/page/sessions.py"), pure=True),
    Room(("agent/page/files.py",)),
    Room(
        ("agent/page/*.py",),
        (
            *(*HANDLERS, "agent.http", "agent.operations", "agent.page", "agent.restconf"),
            "agent.offline.from_json",
        ),
        ("starlette",),
    ),
    Room(("agent/served.py",), ("agent.yang",)),
    Room(
        ("agent/first_start.py",),
        (
            *(*VALUES, "agent.datastore"),
            *("agent.data_folder", "agent.made_user", "agent.nacm", "agent.settings"),
            "agent.transport.files",
        ),
    ),
    Room(
        ("agent/server.py", "agent/live.py"),
        # Of the transports only what all of them share: a stream of bytes with its peer, and limits.
        (
            *HANDLERS,
            "agent.netconf",
            "agent.operations",
            "agent.breakable",
            "agent.live",
            "agent.memory",
            "agent.monitoring",
            "agent.tally",
            "agent.transport.stream",
            "agent.transport.limits",
            "agent.turns",
            "agent.unfinished",
        ),
    ),
    Room(("agent/command_line.py",), ("agent.credential", "agent.errors", "agent.settings")),
    Room(("agent/loop.py",), ("agent.settings",)),
    Room(
        ("agent/offline/instance_data.py", "agent/offline/formats.py", "agent/offline/from_json.py"),
        (*VALUES, "agent.datastore.edit_attributes", "agent.offline.instance_data", "agent.xml"),
        pure=True,
    ),
    Room(("agent/offline/withheld.py",), VALUES, pure=True),
    Room(("agent/offline/output.py",)),
    Room(
        ("agent/offline/__init__.py", "agent/offline/folder.py"),
        (*VALUES, "agent.data_folder", "agent.datastore"),
    ),
    # A program of its own, which has none of what serves.
    Room(
        ("agent/offline/*.py",),
        (
            *HANDLERS,
            *(f"agent.{name}" for name in ("command_line", "data_folder", "from_settings", "named")),
            *(f"agent.{name}" for name in ("offline", "regular_file", "settings")),
            "agent.history",
            "agent.netconf.messages",
            "agent.operations.write",
        ),
    ),
    Room(("agent/from_settings.py",), ("agent",)),
    Room(("agent/made_user.py",), ("agent.settings",)),
    Room(
        ("agent/reread.py",),
        ("agent.ending", "agent.made_user", "agent.settings", "agent.web_settings"),
    ),
    Room(
        ("agent/threads.py",),
        ("agent.at_work", "agent.datastore.store", "agent.yang.gate", "agent.yang.worker"),
    ),
    Room(("agent/__main__.py", "agent/assembly.py", "agent/tasks.py"), ("agent",)),
    Room(("agent/start.py",), ("agent.__main__",)),
    # A client: what it knows comes over NETCONF.
    Room(
        tuple(f"console/model/{name}.py" for name in ("__init__", *CONSOLE_MODEL)),
        ("console.harmless", *(f"console.model.{name}" for name in CONSOLE_MODEL)),
        ("pyang",),
        pure=True,
    ),
    Room(("console/model/*.py",), ("console.model", "console.client"), ("pyang", "lxml")),
    Room(
        ("console/grammar/*.py",),
        ("console.grammar", "console.harmless", "console.model.schema"),
        ("lxml",),
        pure=True,
    ),
    Room(("console/client/*.py",), ("console.client",), ("lxml", "paramiko")),
    Room(
        (
            *(f"console/show/{name}.py" for name in ("__init__", "data", "layout", "rfc7951", "sas")),
            *(f"console/show/{name}.py" for name in ("differences", "pending", "status", "times")),
            "console/live/followed.py",
            "console/live/picture.py",
        ),
        (
            "console.client.session",
            "console.grammar",
            "console.harmless",
            "console.model.schema",
            "console.show",
        ),
        ("lxml", "rich"),
        pure=True,
    ),
    Room(
        ("console/show/*.py", "console/live/*.py"),
        tuple(
            f"console.{room}"
            for room in ("client", "grammar", "harmless", "live", "model", "shell.console", "show")
        ),
        ("lxml", "rich"),
    ),
    Room(("console/shell/*.py",), ("console",), ("lxml", "prompt_toolkit", "rich")),
    Room(("console/harmless.py",), pure=True),
    Room(("console/passwd.py",), ("console.interrupts",), ("cryptography",)),
    Room(("console/*.py",), ("console",)),
    Room((f"{STRONGSWAN}/moves.py",), ("agent.translator",), pure=True),
    Room(
        (f"{STRONGSWAN}/__init__.py", *(f"{STRONGSWAN}/{name}.py" for name in STRONGSWAN_GROUND)),
        _up_to("", "agent.errors"),
        pure=True,
    ),
    Room(
        (f"{STRONGSWAN}/translation/*.py",),
        _up_to("translation", "agent.errors"),
        ("cryptography",),
        pure=True,
    ),
    Room((f"{STRONGSWAN}/status/*.py",), _up_to("status", "agent.errors", "agent.measures"), pure=True),
    Room((f"{STRONGSWAN}/tasks.py",), ("agent.at_work", "translators.strongswan.pieces")),
    Room((f"{STRONGSWAN}/charon/charon_config.py",), _up_to("translation", "agent.errors"), pure=True),
    Room((f"{STRONGSWAN}/charon/*.py",), _up_to("charon", "agent.at_work", "agent.errors"), ("vici",)),
    Room(
        (f"{STRONGSWAN}/protection/ruleset.py",),
        SELECTORS,
        pure=True,
    ),
    Room((f"{STRONGSWAN}/protection/nft.py",)),
    Room((f"{STRONGSWAN}/protection/watch.py",), (f"{PROTECTION}.nft",)),
    Room((f"{STRONGSWAN}/protection/rules.py",), SELECTORS, ("pyroute2",)),
    Room((f"{STRONGSWAN}/protection/*.py",), _up_to("protection", "agent.errors")),
    Room((f"{STRONGSWAN}/pki/expiry.py",), _up_to("translation", "agent.errors"), pure=True),
    Room(
        (f"{STRONGSWAN}/pki/crls.py",), _up_to("translation", "agent.errors", "agent.translator"), pure=True
    ),
    Room(
        (f"{STRONGSWAN}/pki/signing_request.py",),
        _up_to("translation", "agent.errors"),
        ("cryptography",),
        pure=True,
    ),
    Room((f"{STRONGSWAN}/pki/*.py",), _up_to("pki", "agent.errors", "agent.translator"), ("cryptography",)),
    Room((f"{STRONGSWAN}/diagnosis/packets.py",), _up_to("", "agent.errors"), pure=True),
    Room((f"{STRONGSWAN}/diagnosis/*.py",), _up_to("diagnosis", *FOR_TRANSLATORS)),
    Room((f"{STRONGSWAN}/upkeep/addresses.py",), ("translators.strongswan.tasks", *SELECTORS), ("pyroute2",)),
    Room((f"{STRONGSWAN}/upkeep/*.py",), _up_to("upkeep", *FOR_TRANSLATORS)),
    Room(
        tuple(f"{STRONGSWAN}/{name}.py" for name in STRONGSWAN_TOP),
        ("agent.errors", "agent.measures", "agent.translator", "translators.strongswan"),
    ),
)


def room_of(path: str) -> Room | None:
    return next((room for room in ROOMS if any(fnmatch(path, files) for files in room.files)), None)


def violations(path: str, source: str) -> list[str]:
    """Return in words what the file ``path`` (relative to the repository) imports against the rules."""
    room = room_of(path)
    if room is None:
        return [f"{path} is in no room: give it one here and in docs/architecture.md"]
    tree = ast.parse(source)
    found = [
        f"{path}:{line} imports {module}"
        for module, line in _imports(tree)
        if not _allowed(module, room) or (room.pure and module.split(".")[0] in IMPURE_MODULES)
    ]
    if room.pure:
        found += [f"{path}:{line} calls {name}, and is pure" for name, line in _impure_calls(tree)]
    return found


def _allowed(module: str, room: Room) -> bool:
    top = module.split(".")[0]
    # Raw memory: whoever needs something of it asks the rest of agent.yang.
    if module == "agent.yang.native" and not room.files[0].startswith("agent/yang/"):
        return False
    if top not in ("agent", "console", "translators"):
        return top in sys.stdlib_module_names or top in room.libraries
    return any(module == allowed or module.startswith(f"{allowed}.") for allowed in room.may)


def _imports(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                yield "." * node.level + module, node.lineno
                continue
            for alias in node.names:
                inner = f"{module}.{alias.name}"
                yield (inner if _is_module(inner) else module), node.lineno


def _is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def _impure_calls(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in IMPURE_CALLS:
                yield name, node.lineno


SHIPPED = sorted(
    path.relative_to(ROOT).as_posix()
    for package in ("agent", "console", "translators")
    for path in (ROOT / package).rglob("*.py")
)


@pytest.mark.parametrize("path", SHIPPED)
def test_a_file_imports_only_what_its_room_may(path: str) -> None:
    assert violations(path, (ROOT / path).read_text(encoding="utf-8")) == []


def test_there_are_files_to_look_at() -> None:
    assert "agent/errors.py" in SHIPPED
    assert "translators/strongswan/translation/plan.py" in SHIPPED


@pytest.mark.parametrize("name", ["translation", "status"])
def test_a_pure_room_is_pure_as_a_whole(name: str) -> None:
    rooms = [room_of(path) for path in SHIPPED if path.startswith(f"{STRONGSWAN}/{name}/")]
    assert len(rooms) > 5
    assert all(room is not None and room.pure for room in rooms)


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
        ("agent/__main__.py", "from translators.strongswan import translator"),
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
        ("agent/__main__.py", "from console import command_line"),
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
    assert len(violations(path, source)) == 1


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
    assert violations(path, source) == []
