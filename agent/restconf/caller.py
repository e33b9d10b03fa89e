"""On whose behalf a request is carried out: a session of its own for each, which ends with it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from agent.errors import OperationNotSupported
from agent.notifications import Subscription
from agent.operations.context import Ending
from agent.page.sessions import Session


@dataclass(frozen=True, slots=True)
class Nothing:
    """Counters: a request of HTTP has none."""

    in_rpcs: int = 0
    in_bad_rpcs: int = 0
    out_rpc_errors: int = 0
    out_notifications: int = 0


async def _nowhere(_message: bytes) -> None:
    """Where there is no stream, nothing is sent."""


@dataclass(eq=False, slots=True)
class Requester:
    """As agent.operations.context.Caller. ``over`` is set when the client is gone.

    ``by_password``: that is how he came, and not with a certificate; ``logged_in``: when he logged in on the
    web page, by whose cookie he came.
    """

    session_id: int
    user: str
    groups: tuple[str, ...]
    source: str
    local: str
    login_time: str
    transport: str = "restconf"
    administers: bool = False
    sees_secrets: bool = True
    counters: Nothing = field(default_factory=Nothing)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    sender: Callable[[bytes], Awaitable[None]] = _nowhere
    subscription: Subscription | None = None
    by_password: bool = False
    logged_in: Session | None = None

    def end(self, _ending: Ending) -> None:
        self.over.set()

    async def ended(self) -> None:
        await self.over.wait()

    @property
    def send(self) -> Callable[[bytes], Awaitable[None]]:
        return self.sender

    def subscribed(self) -> bool:
        return self.subscription is not None

    def subscribe(self, subscription: Subscription) -> None:
        self.subscription = subscription

    def after_reply(self, do: Callable[[], None]) -> None:
        do()

    def follow(self, run: Callable[[], Awaitable[None]]) -> None:
        raise OperationNotSupported("what goes on after its reply needs a session of NETCONF")
