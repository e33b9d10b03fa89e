"""What a subscription can be to: who reads the parameters of an rpc, and makes the source they ask for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from agent.operations.context import Caller, Context
from agent.push.refusal import Structure
from agent.push.source import Counters, Source
from agent.xml import Element


@dataclass(frozen=True, slots=True)
class Request:
    """An establish-subscription or modify-subscription whose parameters have the types that YANG says, and
    what of it does not depend on what the subscription is to. ``stop``: None if it goes on for ever."""

    context: Context
    caller: Caller
    operation: Element
    id: int
    stop: datetime | None
    counters: Counters


@dataclass(frozen=True, slots=True)
class Established:
    """A source, and what the reply says beside the id, as XML."""

    source: Source
    output: bytes = b""


class Target(Protocol):
    """One kind of what subscriptions are to: event streams, datastores.

    ``establishing`` and ``modifying``: in which structures of error-info its refusals tell their reasons.
    ``parameters``: (namespace, name) of those children of the two rpcs that only this target has. An rpc
    that names parameters of two targets is refused before anybody reads them.
    """

    @property
    def establishing(self) -> Structure: ...
    @property
    def modifying(self) -> Structure: ...
    @property
    def parameters(self) -> frozenset[tuple[str, str]]: ...

    async def established(self, request: Request) -> Established:
        """Return the source that an establish-subscription asks for; nothing is sent yet.

        Raises:
            Declined: it cannot be had, with an identity derived from establish-subscription-error.
        """

    async def modified(self, request: Request, before: Source) -> Source:
        """Return the source that follows on ``before``, one of this target's own, which is left as it is and
        may go on until the reply is sent: the new one takes over what waits there when it is first asked.

        Raises:
            Declined: it cannot be had, with an identity derived from modify-subscription-error.
        """
