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
from pyroute2.netlink.rtnl import RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR, RTMGRP_LINK

from translators.strongswan.tasks import Background
from translators.strongswan.translation.guards import Connected
from translators.strongswan.translation.prefixes import canonical_address, prefix

log = logging.getLogger(__name__)

SETTLE_S = 0.05
"""An interface that comes up gets several addresses in a row."""
RETRY_S = 5.0
RT_SCOPE_UNIVERSE = 0
IFF_UP = 0x1
IFF_LOOPBACK = 0x8
TUNNEL_KINDS = frozenset({
    "tun", "xfrm", "vti", "vti6", "ipip", "ip6tnl", "gre", "ip6gre", "sit", "wireguard",
})  # fmt: skip


def as_the_kernel_writes(address: object) -> str | None:
    """Return an address in the spelling of the kernel, None if it is none."""
    try:
        return canonical_address(str(address))
    except ValueError:
        return None


class AddressWatch:
    """``present`` is None while it is not known; ``changed`` is called with the addresses that came,
    ``networks_changed`` with all networks that are directly connected when these are others, and
    ``presence_changed`` with the addresses that came or went, None where that may be so of any."""

    def __init__(
        self,
        changed: Callable[[frozenset[str]], None],
        networks_changed: Callable[[frozenset[Connected]], None] = lambda _networks: None,
        presence_changed: Callable[[frozenset[str] | None], None] = lambda _addresses: None,
    ) -> None:
        self._changed = changed
        self._networks_changed = networks_changed
        self._presence_changed = presence_changed
        self._networks: frozenset[Connected] | None = None
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
        return self.is_there(address) is False

    def is_there(self, address: str | None) -> bool | None:
        """Return whether ``address`` is on an interface; None for none, and while nothing is known."""
        if address is None or self.present is None:
            return None
        return address in self.present

    async def _watch(self) -> None:
        while True:
            try:
                await self._follow()
            except (OSError, NetlinkError) as error:
                log.warning("the addresses of this machine cannot be watched: %s", error)
                if self.present is not None:
                    self.present = None
                    self._presence_changed(None)
            finally:
                self._read.set()
            await asyncio.sleep(RETRY_S)

    async def _follow(self) -> None:
        # Two sockets: on one, the answer to a question and the news would have to be told apart.
        async with AsyncIPRoute() as news, AsyncIPRoute() as questions:
            await news.bind(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR)
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
        found: set[str] = set()
        networks: set[Connected] = set()
        connecting = await _connecting(questions)
        async for message in await questions.get_addr():
            # A point-to-point address has both, and IFA_ADDRESS is that of the other end.
            address = message.get_attr("IFA_LOCAL") or message.get_attr("IFA_ADDRESS")
            if address:
                found.add(str(address))
                if message["index"] in connecting and message["scope"] == RT_SCOPE_UNIVERSE:
                    networks |= _network(str(address), message["prefixlen"])
        before, self.present = self.present, frozenset(found)
        came = self.present - (before or frozenset())
        if self._networks is None or networks != self._networks:
            self._networks = frozenset(networks)
            self._networks_changed(self._networks)
        if before is None:
            if self._read.is_set():  # before the first look nobody was told anything
                self._presence_changed(None)
        elif before != self.present:
            self._presence_changed(before ^ self.present)
        self._read.set()
        if came:
            self._changed(came)


async def way_to(destination: str, source: str | None = None) -> tuple[object, object] | None:
    """Return by which interface and to which gateway packets of this machine go, None if there is no way."""
    ends = {"dst": destination} | ({} if source is None else {"src": source})
    try:
        async with AsyncIPRoute() as kernel:
            for route in await kernel.route("get", **ends):
                return route.get_attr("RTA_OIF"), route.get_attr("RTA_GATEWAY")
    except (OSError, NetlinkError) as error:
        log.info("which way packets go to %s is not known: %s", destination, error)
    return None


async def _connecting(questions: AsyncIPRoute) -> set[int]:
    """Return the indexes of interfaces that connect this machine to networks: those that are up, but for
    loopback and the ends of tunnels."""
    found = set()
    async for link in await questions.get_links():
        about = link.get_attr("IFLA_LINKINFO")
        kind = about.get_attr("IFLA_INFO_KIND") if about is not None else None
        if link["flags"] & IFF_UP and not link["flags"] & IFF_LOOPBACK and kind not in TUNNEL_KINDS:
            found.add(link["index"])
    return found


def _network(address: str, length: int) -> set[Connected]:
    network = prefix(f"{address}/{length}")
    return {Connected(network, prefix(address))} if prefix(address) != network else set()
