"""What the settings name, users, files, folders and addresses: whether an agent can use it.

A fault is there until somebody changes the settings, or what they name. A hindrance goes by itself: the next
start may find it gone. Nothing is written, and an agent that runs does not matter.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable
from itertools import combinations
from pathlib import Path

from agent import credential, data_folder, made_user
from agent.http.tls import Tls, TlsFault, context_of
from agent.regular_file import read_regular
from agent.restconf import passwords
from agent.settings import Settings
from agent.transport import address, local_socket
from agent.transport.files import damaged
from agent.transport.users import keyless, misnamed

METRICS = "metrics"
"""What is served besides NETCONF, in words."""
_MODULE_OCTETS_MAX = 10_000_000


def faults(settings: Settings) -> list[str]:
    """Return a sentence for each name in ``settings`` of what cannot be used."""
    return [
        *misnamed((*settings.users, *settings.recovery_users)),
        *keyless(settings.users),
        *data_folder.faults(settings.data_dir),
        *(credential.faults if settings.credential else damaged)(settings.host_key),
        *_unreadable(settings.yang_modules),
        *_unserved(settings),
        *_of_web(settings),
        *_taken_twice(settings),
    ]


def _unreadable(modules: Iterable[Path]) -> list[str]:
    found = []
    for file in modules:
        try:
            read_regular(file, _MODULE_OCTETS_MAX)
        except OSError as problem:
            reason = problem.strerror or os.strerror(problem.errno or 0)
            found.append(f"the YANG file {file} cannot be read: {reason}")
    return found


def _unserved(settings: Settings) -> list[str]:
    """A socket that nobody has asked for is gone without, and the log of the agent says so."""
    if settings.socket is None or settings.socket_path is None:
        return []
    return local_socket.faults(settings.socket_path, own_folder=settings.data_dir)


def _of_web(settings: Settings) -> list[str]:
    web = settings.web
    if web is None:
        return []
    found = misnamed(web.passwords)
    for user, written in web.passwords.items():
        if fault := passwords.fault_of(written):
            found.append(f"the setting 'web.passwords.{user}': {fault}")
    if web.certificate is not None and web.key is not None:
        try:
            context_of(Tls(web.certificate, web.key, clients=web.client_authority))
        except TlsFault as problem:
            found.append(str(problem))
    return found


def _taken_twice(settings: Settings) -> list[str]:
    """Both of two doors can have an address, and the second finds out only when it lets clients in."""
    doors = {"listen": (settings.host, settings.port)}
    if settings.metrics is not None:
        doors["metrics.listen"] = (settings.metrics.host, settings.metrics.port)
    if settings.web is not None:
        doors["web.listen"] = (settings.web.host, settings.web.port)
    return [
        f"the settings '{one}' and '{other}' name the same port {port} of {host}: give one of them another"
        for (one, (host, port)), (other, (second, other_port)) in combinations(doors.items(), 2)
        if port == other_port != 0 and _meet(host, second)
    ]


def _meet(one: str, other: str) -> bool:
    """True if both have an address; what a name stands for, but for localhost, is not asked."""
    ones, others = _addresses(one), _addresses(other)
    return not ones.isdisjoint(others) or any(
        mine.is_unspecified and mine.version == theirs.version
        for first, second in ((ones, others), (others, ones))
        for mine in first
        for theirs in second
        if not isinstance(mine, str) and not isinstance(theirs, str)
    )


def _addresses(host: str) -> set[ipaddress.IPv4Address | ipaddress.IPv6Address | str]:
    if host.lower() == "localhost":
        return {ipaddress.IPv4Address("127.0.0.1"), ipaddress.IPv6Address("::1")}
    try:
        return {ipaddress.ip_address(host)}
    except ValueError:
        return {host.lower()}


def lacking(settings: Settings) -> list[str]:
    """Return a sentence for each thing that this process may not do of what the settings ask for."""
    found = address.lacking(settings.port)
    if settings.metrics is not None:
        found += address.lacking(settings.metrics.port, METRICS)
    return found


def notes(settings: Settings) -> list[str]:
    """Return a sentence for each thing that whoever wrote the settings may not have meant."""
    return made_user.notes(settings)


def hindrances(settings: Settings) -> list[str]:
    """Return a sentence for each name in ``settings`` of what cannot be had at the moment."""
    found = [*data_folder.hindrances(settings.data_dir), *address.hindrances(settings.host)]
    if settings.metrics is not None:
        found += address.hindrances(settings.metrics.host, METRICS)
    if settings.web is not None:
        found += address.hindrances(settings.web.host, what="RESTCONF")
    return found
