"""A message to charon as anybody may see it: as JSON, with a mark in the place of each secret. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

SECRETS = {"load-shared": "data", "load-key": "data", "load-token": "pin"}
"""What of the message of a command is a secret."""


def shown(command: str, message: Mapping[str, object], mark: str) -> dict[str, Any]:
    """Return ``message`` with ``mark`` in the place of a secret; octets by number and digest."""
    secret = SECRETS.get(command)
    return {key: mark if key == secret else _plain(value) for key, value in message.items()}


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, bytes):
        return f"<{len(value)} octets, SHA-256 {hashlib.sha256(value).hexdigest()}>"
    return str(value)
