"""What handlers work with."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from agent.datastore.locks import Locks
from agent.datastore.transaction import Configuration, Worker
from agent.operational import Operational
from agent.yang.schema import Schema


class Counters(Protocol):
    """Message counters of one session (RFC 6022 section 2.1.5)."""

    @property
    def in_rpcs(self) -> int: ...
    @property
    def in_bad_rpcs(self) -> int: ...
    @property
    def out_rpc_errors(self) -> int: ...
    @property
    def out_notifications(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Caller:
    """The session on whose behalf a handler runs. ``end`` closes it, with a reason for the log."""

    session_id: int
    user: str
    source: str
    transport: str
    login_time: str
    counters: Counters
    end: Callable[[str], None]


@dataclass(slots=True)
class Context:
    """Everything a handler may use. ``callers`` lists the live sessions."""

    schema: Schema
    configuration: Configuration
    locks: Locks
    operational: Operational
    worker: Worker
    callers: Callable[[], Iterable[Caller]]
    now: Callable[[], str]
