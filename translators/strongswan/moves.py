"""The table of moves: what stood elsewhere in an earlier revision of our YANG modules.

It is applied to histories that an earlier version wrote (``Translator.moves``, agent/datastore/migration.py).
Every later change of the model goes here, and no row is ever taken out.
"""

from __future__ import annotations

from agent.translator import Move


def _all(since: str, old: str, new: str, *names: str) -> tuple[Move, ...]:
    """Return a move of each of ``names`` from the top level of the module ``old`` to that of ``new``."""
    return tuple(Move(since, f"/{old}:{name}", f"/{new}:{name}") for name in names)


MOVES = (
    *_all(
        "2026-11-27",
        "yangswan-ipsec",
        "yangswan-pki",
        "certificates",
        "certificate-state",
        "generate-key-pair",
        "import-private-key",
        "delete-private-key",
        "generate-signing-request",
        "certificate-expiring",
    ),
    *_all(
        "2026-11-27",
        "yangswan-ipsec",
        "yangswan-daemon",
        "daemon",
        "restart-daemon",
        "start-monitor",
        "stop-monitor",
        "packet",
        "monitor-ended",
        "start-log",
        "stop-log",
        "log-line",
        "log-ended",
        "daemon-started",
        "daemon-stopped",
    ),
)
