"""Limits of what a client may take before, while and after it authenticates."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """All settable as ``[limits]`` in the settings file; the unit is in the name.

    ``unauthenticated`` and ``unauthenticated_per_source`` count connections that have not logged in;
    ``unfinished_octets`` those of messages that have begun to arrive and are not answered.
    """

    sessions: int = 64
    sessions_per_user: int = 16
    sessions_per_source: int = 8
    unauthenticated: int = 32
    unauthenticated_per_source: int = 4
    authentication_tries: int = 6
    lockout_tries: int = 30
    lockout_s: int = 30
    login_timeout_s: int = 30
    hello_timeout_s: int = 30
    idle_timeout_s: int = 3600
    keepalive_interval_s: int = 20
    keepalive_count: int = 3
    write_timeout_s: int = 60
    read_buffer_octets: int = 256 * 1024
    message_octets: int = 64 * 1024 * 1024
    unfinished_octets: int = 128 * 1024 * 1024
    unfinished_octets_per_user: int = 64 * 1024 * 1024
    message_elements: int = 1_000_000
    message_depth: int = 256
    notification_events: int = 10_000
    notification_octets: int = 8 * 1024 * 1024


@dataclass(slots=True)
class Refused:
    """How many connections and sessions a limit has refused since the start."""

    connections: int = 0
