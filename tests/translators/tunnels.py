"""Entries for tests, as the agent hands them over: RFC 7951 JSON with defaults."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

SECRET = "right-secret-0001"


def tunnel(id: int = 1, **members: Any) -> Json:
    """Return a responder with an address and a secret; ``local_id`` stands for ``local-id``."""
    entry: Json = {
        "id": id,
        "enabled": True,
        "initiator": False,
        "local-address": "192.168.0.1",
        "secret": SECRET,
        "dpd": {"enabled": True, "delay": 30},
    }
    entry |= {name.replace("_", "-"): value for name, value in members.items()}
    return {name: value for name, value in entry.items() if value is not None}


def at_alice(id: int = 1, **members: Any) -> Json:
    """Return alice's end of the tunnel: the responder."""
    defaults: Json = {
        "local_id": {"name": f"alice{id}"},
        "remote_id": {"name": f"bob{id}"},
        "local_subnet": ["10.1.0.0/16"],
        "remote_subnet": ["10.2.0.0/16"],
    }
    return tunnel(id, **{**defaults, **members})


def at_bob(id: int = 1, **members: Any) -> Json:
    """Return bob's end of the tunnel: the initiator."""
    defaults: Json = {
        "initiator": True,
        "local_address": "192.168.0.2",
        "peer": "192.168.0.1",
        "local_id": {"name": f"bob{id}"},
        "remote_id": {"name": f"alice{id}"},
        "local_subnet": ["10.2.0.0/16"],
        "remote_subnet": ["10.1.0.0/16"],
    }
    return tunnel(id, **{**defaults, **members})
