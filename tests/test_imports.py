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
HANDLERS = (*VALUES, "agent.xml", "agent.datastore", "agent.nacm", "agent.notifications", "agent.operational")
PURE_TRANSLATION = (
    "announcements", "backoff", "certificates", "charon_config", "connections", "credentials", "dampening",
    "desired", "distinguished_name", "drift", "events", "expiry", "facts", "fields", "identities", "ledger",
    "operational", "options", "overlaps", "packets", "plan", "proposals", "refusals", "state",
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


# The first room that matches a file is its room.
ROOMS = (
    Room(("agent/__init__.py", "translators/__init__.py", "agent/errors.py"), pure=True),
    Room(("agent/xml.py",), ("agent.errors",), ("lxml",), pure=True),
    Room(("agent/settings.py",), ("agent.errors",)),
    Room(("agent/memory.py",)),
    Room(("agent/translator.py",), ("agent.errors", "agent.yang"), pure=True),
    Room(("agent/yang/*.py",), ("agent.errors", "agent.yang"), ("libyang", "_libyang", "cffi")),
    Room(
        ("agent/netconf/messages.py",), ("agent.errors", "agent.xml", "agent.netconf"), ("lxml",), pure=True
    ),
    Room(("agent/netconf/*.py",), ("agent.errors", "agent.xml", "agent.netconf"), pure=True),
    Room(
        ("agent/datastore/edit*.py", "agent/datastore/skeleton.py"), (*VALUES, "agent.datastore", "agent.xml")
    ),
    # What running was, and what a change would do to it, is found without a commit.
    Room(
        ("agent/datastore/preparation.py", "agent/datastore/replay.py"),
        (*VALUES, "agent.datastore.candidate", "agent.datastore.store"),
    ),
    Room(("agent/datastore/*.py",), (*VALUES, "agent.datastore")),
    Room(("agent/nacm/*.py",), (*VALUES, "agent.nacm")),
    Room(("agent/notifications.py", "agent/operational.py"), VALUES),
    Room(("agent/monitoring.py", "agent/operations/*.py"), (*HANDLERS, "agent.operations")),
    Room(("agent/transport/*.py",), ("agent.errors", "agent.netconf", "agent.transport"), ("asyncssh",)),
    Room(("agent/served.py",), ("agent.yang",)),
    Room(
        ("agent/first_start.py",),
        (*VALUES, "agent.datastore", "agent.nacm", "agent.settings", "agent.transport.files"),
        ("asyncssh",),
    ),
    Room(
        ("agent/server.py", "agent/live.py"),
        # Of the transports only what all of them share: a stream of bytes with its peer, and limits.
        (
            *HANDLERS,
            "agent.netconf",
            "agent.operations",
            "agent.live",
            "agent.memory",
            "agent.monitoring",
            "agent.transport.stream",
            "agent.transport.limits",
        ),
    ),
    Room(("agent/__main__.py",), ("agent",)),
    Room(
        ("translators/strongswan/certificates.py",),
        tuple(f"translators.strongswan.{name}" for name in ("distinguished_name", "identities", "refusals")),
        ("cryptography",),
        pure=True,
    ),
    Room(
        (
            "translators/strongswan/__init__.py",
            *(f"translators/strongswan/{name}.py" for name in PURE_TRANSLATION),
        ),
        ("agent.errors", *(f"translators.strongswan.{name}" for name in PURE_TRANSLATION)),
        pure=True,
    ),
    Room(
        ("translators/strongswan/addresses.py",),
        libraries=("pyroute2",),
    ),
    Room(
        ("translators/strongswan/key_store.py", "translators/strongswan/pki.py"),
        ("agent.errors", "agent.translator", "translators.strongswan"),
        ("cryptography",),
    ),
    Room(
        ("translators/strongswan/*.py",),
        ("agent.errors", "agent.translator", "translators.strongswan"),
        ("vici",),
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
    if top not in ("agent", "translators"):
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
    for package in ("agent", "translators")
    for path in (ROOT / package).rglob("*.py")
)


@pytest.mark.parametrize("path", SHIPPED)
def test_a_file_imports_only_what_its_room_may(path: str) -> None:
    assert violations(path, (ROOT / path).read_text(encoding="utf-8")) == []


def test_there_are_files_to_look_at() -> None:
    assert "agent/errors.py" in SHIPPED
    assert "translators/strongswan/plan.py" in SHIPPED


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
        ("agent/datastore/locks.py", "from _libyang import lib"),
        ("agent/operations/read.py", "from agent.netconf.messages import parse"),
        ("agent/operations/read.py", "from lxml import etree"),
        ("agent/netconf/framing.py", "import lxml.etree"),
        ("agent/netconf/framing.py", "import asyncio"),
        ("agent/netconf/session.py", "from agent.yang.tree import Tree"),
        ("agent/netconf/session.py", "from datetime import datetime\nx = datetime.now()"),
        ("agent/transport/ssh.py", "from agent.operations.context import Context"),
        ("agent/transport/ssh.py", "import paramiko"),
        ("agent/server.py", "import translators.strongswan.plan"),
        ("agent/__main__.py", "from translators.strongswan import translator"),
        ("agent/server.py", "def late() -> None:\n    import agent.transport.ssh"),
        (
            "agent/errors.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from agent import server",
        ),
        ("agent/errors.py", "from . import server"),
        ("translators/strongswan/plan.py", "import time"),
        ("translators/strongswan/plan.py", "from translators.strongswan import vici"),
        ("translators/strongswan/plan.py", "text = path.read_text()"),
        ("translators/strongswan/plan.py", "import agent.translator"),
        ("translators/strongswan/vici.py", "from agent.yang.tree import Tree"),
        ("agent/made_up.py", ""),
    ],
)
def test_a_made_up_violation_is_refused(path: str, source: str) -> None:
    assert len(violations(path, source)) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("agent/netconf/messages.py", "from lxml import etree\nfrom agent import xml"),
        ("agent/yang/native.py", "import os, _libyang, cffi\nfrom agent.errors import RpcError"),
        ("agent/operations/read.py", "from agent.datastore.locks import Locks\nimport asyncio"),
        ("translators/strongswan/vici.py", "import asyncio\nfrom translators.strongswan import plan"),
    ],
)
def test_what_a_room_may_is_let_through(path: str, source: str) -> None:
    assert violations(path, source) == []
