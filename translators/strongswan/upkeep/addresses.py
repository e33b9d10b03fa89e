"""Which addresses this gateway has, watched through netlink.

What the kernel says in its messages is only taken as the word that something changed; what there is then is
read as a whole. So a message that was lost, which netlink allows, is made good by the next.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from pyroute2 import AsyncIPRoute
from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.netlink.rtnl import RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR

from translators.strongswan.tasks import Background

log = logging.getLogger(__name__)

SETTLE_S = 0.05
"""An interface that comes up gets several addresses in a row."""
RETRY_S = 5.0


class AddressWatch:
    """``present`` is None while it is not known; ``changed`` is called with the addresses that came."""

    def __init__(self, changed: Callable[[frozenset[str]], None]) -> None:
        self._changed = changed
        self._task = Background()
        self._read = asyncio.Event()
        self.present: frozenset[str] | None = None

    async def start(self) -> None:
        """Begin to watch; return once the addresses were read, or could not be."""
        self._task.start(self._watch())
        await self._read.wait()

    async def stop(self) -> None:
        """Stop watching. Safe to call twice."""
        await self._task.stop()
        self.present = None

    def missing(self, address: str) -> bool:
        """Return whether ``address`` is known to be on no interface."""
        return self.present is not None and address not in self.present

    async def _watch(self) -> None:
        while True:
            try:
                await self._follow()
            except (OSError, NetlinkError) as error:
                log.warning("the addresses of this machine cannot be watched: %s", error)
                self.present = None
            finally:
                self._read.set()
            await asyncio.sleep(RETRY_S)

    async def _follow(self) -> None:
        # Two sockets: on one, the answer to a question and the news would have to be told apart.
        async with AsyncIPRoute() as news, AsyncIPRoute() as questions:
            await news.bind(RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR)
            await self._learn(questions)
            while True:
                # Each call yields the messages of one datagram.
                async for _message in news.get():
                    pass
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(SETTLE_S):
                        while True:
                            async for _message in news.get():
                                pass
                await self._learn(questions)

    async def _learn(self, questions: AsyncIPRoute) -> None:
        found = set()
        async for message in await questions.get_addr():
            # A point-to-point address has both, and IFA_ADDRESS is that of the other end.
            address = message.get_attr("IFA_LOCAL") or message.get_attr("IFA_ADDRESS")
            if address:
                found.add(str(address))
        came = frozenset(found) - (self.present or frozenset())
        self.present = frozenset(found)
        self._read.set()
        if came:
            self._changed(came)
