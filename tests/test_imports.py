"""Who may import whom: docs/architecture.md, "The rooms", read from the imports themselves.

Imports inside functions count like all others; so does ``if TYPE_CHECKING``.
"""

from __future__ import annotations

from fnmatch import fnmatch

import pytest

from tests.imported import ROOT, Room, violations

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
WITHOUT_A_COMMIT = ("candidate", "fitting", "progress", "records", "store", "store_errors")
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
            *("agent.release", "agent.stopping", "agent.translator"),
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
            "agent/outlasting.py",
            "agent/regular_file.py",
            "agent/stopping.py",
            "agent/supervision.py",
            "agent/turns.py",
            "agent/unfinished.py",
        )
    ),
    Room(("agent/orphans.py",), ("agent.memory", "agent.yang")),
    Room(("agent/data_folder.py",), ("agent.errors", "agent.regular_file")),
    Room(("agent/credential.py",), ("agent.transport.files",)),
    Room(("agent/watchdog.py",), ("agent.supervision",)),
    Room(("agent/loaded.py",), (*VALUES, "agent.datastore", "agent.tables")),
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
    Room(("agent/measures.py", "agent/tables.py", "agent/tally.py"), pure=True),
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
    Room(("agent/datastore/txids.py",), ("agent.tables",), pure=True),
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
    Room(
        ("agent/monitoring.py", "agent/operations/*.py"),
        (*HANDLERS, "agent.operations", "agent.outlasting"),
    ),
    Room(
        ("agent/transport/*.py",),
        ("agent.errors", "agent.netconf", "agent.transport", "agent.turns"),
        ("asyncssh",),
    ),
    Room(("agent/http/limits.py", "agent/http/head.py"), ("agent.http",), pure=True),
    Room(
        ("agent/http/*.py",),
        ("agent.http", "agent.stopping", "agent.transport.address", "agent.transport.doorway"),
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
            *("agent.netconf.messages", "agent.offline.from_json", "agent.outlasting", "agent.release"),
            *(f"agent.transport.{name}" for name in ("accounts", "doorway", "lockout")),
        ),
    ),
    Room(("agent/page/__init__.py", "agent/page/selected.py", "agent/page/sessions.py"), pure=True),
    Room(("agent/page/files.py",)),
    Room(
        ("agent/page/*.py",),
        (
            *(*HANDLERS, "agent.http", "agent.operations", "agent.page", "agent.restconf"),
            *("agent.offline.from_json", "agent.outlasting"),
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
        ("agent/server.py", "agent/live.py", "agent/live_caller.py", "agent/live_writing.py"),
        # Of the transports only what all of them share: a stream of bytes with its peer, and limits.
        (
            *HANDLERS,
            "agent.netconf",
            "agent.operations",
            "agent.breakable",
            "agent.live",
            "agent.live_caller",
            "agent.live_writing",
            "agent.memory",
            "agent.monitoring",
            "agent.stopping",
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
    Room(("agent/assembly.py", "agent/program.py", "agent/tasks.py"), ("agent",)),
    Room(("agent/__main__.py",), ("agent.start",)),
    Room(("agent/start.py",), ("agent.program",)),
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
        _up_to("translation", "agent.errors", "agent.tables"),
        ("cryptography",),
        pure=True,
    ),
    Room((f"{STRONGSWAN}/status/*.py",), _up_to("status", "agent.errors", "agent.measures"), pure=True),
    Room((f"{STRONGSWAN}/tasks.py",), ("agent.at_work", "translators.strongswan.pieces")),
    Room((f"{STRONGSWAN}/charon/charon_config.py",), _up_to("translation", "agent.errors"), pure=True),
    Room(
        (f"{STRONGSWAN}/charon/*.py",),
        _up_to("charon", "agent.at_work", "agent.errors", "agent.outlasting"),
        ("vici",),
    ),
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


SHIPPED = sorted(
    path.relative_to(ROOT).as_posix()
    for package in ("agent", "console", "translators")
    for path in (ROOT / package).rglob("*.py")
)


@pytest.mark.parametrize("path", SHIPPED)
def test_a_file_imports_only_what_its_room_may(path: str) -> None:
    assert violations(path, (ROOT / path).read_text(encoding="utf-8"), room_of(path)) == []


def test_there_are_files_to_look_at() -> None:
    assert "agent/errors.py" in SHIPPED
    assert "translators/strongswan/translation/plan.py" in SHIPPED


@pytest.mark.parametrize("name", ["translation", "status"])
def test_a_pure_room_is_pure_as_a_whole(name: str) -> None:
    rooms = [room_of(path) for path in SHIPPED if path.startswith(f"{STRONGSWAN}/{name}/")]
    assert len(rooms) > 5
    assert all(room is not None and room.pure for room in rooms)
