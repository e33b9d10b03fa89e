"""What handlers work with."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from agent.apart import Apart, FewAtOnce
from agent.datastore.configuration import Configuration
from agent.datastore.confirming import ConfirmedCommits
from agent.datastore.locks import Locks
from agent.nacm.access import Access
from agent.nacm.control import AccessControl
from agent.notifications import Stream, Subscription
from agent.operational import Operational
from agent.operations.publisher import Publisher
from agent.operations.shared import Shared
from agent.subscriptions import Subscriptions
from agent.yang.gate import GATE
from agent.yang.schema import Schema
from agent.yang.worker import Worker

COMPARISONS_AT_ONCE = 2


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


class EndKind(Enum):
    """How a session ended, in the words of netconf-session-end (RFC 6470 section 2.2)."""

    CLOSED = "closed"
    KILLED = "killed"
    DROPPED = "dropped"
    TIMEOUT = "timeout"
    BAD_HELLO = "bad-hello"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a session is to end; ``reason`` is for the log, ``killed_by`` a session-id."""

    kind: EndKind
    reason: str
    killed_by: int | None = None


class Caller(Protocol):
    """The session on whose behalf a handler runs. ``groups``: what the transport knows of its user.
    ``source`` and ``local``: the addresses of its client and of this machine, "" where there are none.
    ``administers``: the system lets him change the files of this agent, so that no rule need apply.
    ``sees_secrets``: False for a web page, which is sent none whatever rules permit."""

    @property
    def session_id(self) -> int: ...
    @property
    def user(self) -> str: ...
    @property
    def groups(self) -> tuple[str, ...]: ...
    @property
    def source(self) -> str: ...
    @property
    def local(self) -> str: ...
    @property
    def transport(self) -> str: ...
    @property
    def administers(self) -> bool: ...
    @property
    def sees_secrets(self) -> bool: ...
    @property
    def login_time(self) -> str: ...
    @property
    def counters(self) -> Counters: ...

    def end(self, ending: Ending) -> None:
        """Close the session once its reply is written."""

    async def ended(self) -> None:
        """Return when the session is to end, or its client is gone."""

    @property
    def send(self) -> Callable[[bytes], Awaitable[None]]:
        """Writes a notification; returns when the client has room for it."""

    def subscribed(self) -> bool:
        """Return whether it has a subscription of create-subscription."""

    def subscribe(self, subscription: Subscription) -> None:
        """Begin to send, after the reply to the request being answered."""

    def after_reply(self, do: Callable[[], None]) -> None:
        """Have something done after the reply to the request being answered."""

    def follow(self, run: Callable[[], Awaitable[None]]) -> None:
        """Have something run from after that reply on, to its own end or that of the session."""


@dataclass(slots=True)
class Context:
    """Everything a handler may use. ``callers`` lists the live sessions.

    ``worker``: the thread that writes, and that alone looks at the candidate and the history. ``reader``: one
    that reads running while it is ``held`` (agent.datastore.published), so that it waits for no write.
    """

    schema: Schema
    configuration: Configuration
    locks: Locks
    confirmed: ConfirmedCommits
    stream: Stream
    subscriptions: Subscriptions
    nacm: AccessControl
    operational: Operational
    worker: Worker
    reader: Worker
    callers: Callable[[], Iterable[Caller]]
    now: Callable[[], str]
    apart: Apart = field(default_factory=lambda: Apart(GATE.alone))
    looking_ahead: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by a dry run: one at a time, for each costs as much as a commit."""
    shared: Shared = field(default_factory=Shared)
    """What subscribers are told of events."""
    comparing: FewAtOnce = field(default_factory=lambda: FewAtOnce(COMPARISONS_AT_ONCE))
    """Admits who compares, for each keeps what differs in memory, and the thread of libyang busy."""
    publisher: Publisher = field(default_factory=Publisher)
    """What subscriptions to datastores share."""

    def access(self, caller: Caller) -> Access:
        """Return what ``caller`` may do now."""
        return self.nacm.access(
            caller.user, caller.groups, recovers=self.recovers(caller), secrets=caller.sees_secrets
        )

    def recovers(self, caller: Caller) -> bool:
        """Return whether it is a recovery session (RFC 8341 section 3.2.3)."""
        return caller.administers or self.nacm.is_recovery(caller.user)
