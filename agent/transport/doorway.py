"""Connections that have not logged in: how many there may be, and who gives way when there is no room.

Whoever can open connections can fill every place without a key. So a full house refuses nobody: one
that waits gives way, of the source that has most of them.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Callable, Sequence
from ipaddress import IPv6Address, ip_address, ip_interface, ip_network
from pathlib import Path
from typing import Protocol, TypeVar

from agent.transport.files import Latest

log = logging.getLogger(__name__)

MAX_KNOWN = 64
SOURCE_BITS = 64
"""Of an IPv6 address: whoever has a network has all addresses in it (RFC 4291 section 2.5.4)."""
T = TypeVar("T")


def source_of(host: str) -> str:
    """Return what ``host``, an IP address, is counted as: itself, or the network of an IPv6 address."""
    address = ip_address(host.partition("%")[0])
    if not isinstance(address, IPv6Address):
        return str(address)
    # Python 3.13 calls a mapped address of loopback one of loopback, too.
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    if address.is_loopback:
        return str(address)
    return str(ip_network((address, SOURCE_BITS), strict=False))


class Connection(Protocol):
    """One that waits."""

    def abort(self) -> None:
        """End it at once."""


class Doorway:
    """The places of connections that have not logged in.

    Args:
        places: how many there are; places_per_source: from one source, see ``source_of``.
        favoured: True for a source that always gets in: of its own connections the oldest gives way, and
            others never take their places.
        choose: one of several sources that have equally many.
    """

    def __init__(
        self,
        places: int,
        places_per_source: int,
        favoured: Callable[[str], bool],
        choose: Callable[[Sequence[str]], str] = secrets.choice,
    ) -> None:
        self._places = places
        self._places_per_source = places_per_source
        self._favoured = favoured
        self._choose = choose
        self._waiting: dict[str, list[Connection]] = {}

    def bound(self, places: int, places_per_source: int) -> None:
        """Have another number of places, from the next connection on; who has one keeps it."""
        self._places = places
        self._places_per_source = places_per_source

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def enter(self, connection: Connection, source: str) -> bool:
        """Give ``connection`` a place, another one's if need be; False if it gets none."""
        own = self._waiting.setdefault(source, [])
        if len(own) >= self._places_per_source and not self._favoured(source):
            return False
        own.append(connection)
        if len(own) > self._places_per_source:
            self._give_way(source)
        elif len(self) > self._places:
            self._give_way(self._fullest(source))
        return any(connection is one for one in self._waiting.get(source, ()))

    def leave(self, connection: Connection, source: str) -> None:
        """Take the place back; nothing if it had none."""
        own = [one for one in self._waiting.get(source, ()) if one is not connection]
        if own:
            self._waiting[source] = own
        else:
            self._waiting.pop(source, None)

    def _fullest(self, source: str) -> str:
        """Return the source of which one gives way to ``source``."""
        mine = self._favoured(source)
        others = {one: len(held) for one, held in self._waiting.items() if mine or not self._favoured(one)}
        others = others or {source: 0}
        most = max(others.values())
        return self._choose(sorted(one for one, count in others.items() if count == most))

    def _give_way(self, source: str) -> None:
        oldest = self._waiting[source][0]
        self.leave(oldest, source)
        log.info("a connection from %s that has not logged in gives way", source)
        oldest.abort()


class Favoured:
    """Addresses from which recovery users have logged in, over a restart, and the machine itself.

    Args:
        file: keeps them; one that cannot be read is begun anew.
        any_users: whether there are recovery users; without, no address is favoured.
    """

    def __init__(self, file: Path, *, any_users: bool) -> None:
        self.kept = Latest(file)
        self._any_users = any_users
        self._known: list[str] = []
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            self._known = [str(ip_address(source.partition("%")[0])) for source in content]
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError, AttributeError):
            log.warning("%s cannot be read: addresses of recovery users are learnt anew", file)

    def begin(self, *, any_users: bool) -> None:
        """Take note whether there are recovery users from now on."""
        self._any_users = any_users

    def __call__(self, source: str) -> bool:
        return self._any_users and (self.remembered(source) or _is_here(source))

    def remembered(self, source: str) -> bool:
        """True for an address from which a recovery user has logged in."""
        return self._any_users and source.partition("%")[0] in self._known

    def logged_in(self, source: str) -> None:
        """Remember ``source``, from which a recovery user has just logged in."""
        source = source.partition("%")[0]
        if source in self._known:
            return
        self._known = [*self._known, source][-MAX_KNOWN:]
        self.kept.write(json.dumps(self._known).encode())


def _is_here(source: str) -> bool:
    address = ip_interface(source.partition("%")[0])  # of a network, too
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback
