"""Sockets that systemd listens on for the agent and passes to it (sd_listen_fds(3)), so that no client is
refused while the agent is away: whoever comes meanwhile waits for the next one.

LISTEN_PID says for which process they are, LISTEN_FDS how many, from descriptor 3 on, LISTEN_FDNAMES how
they are called (FileDescriptorName=, systemd.socket(5)). What a socket is for its kind says, not its name.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import stat
from collections.abc import MutableMapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from agent.transport.address import close

FIRST = 3
"""SD_LISTEN_FDS_START."""
MOST = 64
_INTERNET = (socket.AF_INET, socket.AF_INET6)
_TCP = (socket.IPPROTO_TCP, socket.IPPROTO_MPTCP)


class Unserviceable(Exception):
    """systemd passes what NETCONF cannot be served on; the message says what and what to do."""


@dataclass(frozen=True, slots=True)
class Passed:
    """What systemd has passed: sockets of TCP, and of the UNIX domain; all are listened on."""

    tcp: Sequence[socket.socket] = ()
    unix: Sequence[socket.socket] = ()


NONE = Passed()


def taken_from(environment: MutableMapping[str, str]) -> Passed:
    """Return the sockets that are for this process, and take them out of ``environment``: no child is meant.

    Raises:
        Unserviceable: one of them is no socket that clients could come to.
    """
    pid, count = environment.pop("LISTEN_PID", ""), environment.pop("LISTEN_FDS", "")
    names = environment.pop("LISTEN_FDNAMES", "").split(":")
    environment.pop("LISTEN_PIDFDID", None)
    if pid != str(os.getpid()) or not count.isdecimal():
        return Passed()
    if int(count) > MOST:
        raise Unserviceable(f"systemd passes {count} sockets, and an agent takes {MOST} at most")
    numbers = range(FIRST, FIRST + int(count))
    for number in numbers:
        with suppress(OSError):
            os.set_inheritable(number, False)
    made: list[socket.socket] = []
    try:
        for number in numbers:
            made.append(_socket(number, _name(names, number - FIRST)))
    except Unserviceable:
        close(made)
        raise
    unix = [one for one in made if one.family == socket.AF_UNIX]
    if len(unix) > 1:
        close(made)
        raise Unserviceable("systemd passes more than one socket of the UNIX domain, and one is served")
    return Passed(tcp=[one for one in made if one.family in _INTERNET], unix=unix)


def _name(names: Sequence[str], index: int) -> str:
    name = names[index] if index < len(names) else ""
    return f"'{name}'" if name else f"descriptor {FIRST + index}"


def _socket(number: int, name: str) -> socket.socket:
    try:
        if not stat.S_ISSOCK(os.fstat(number).st_mode):
            raise Unserviceable(_sentence(name, "no socket"))
    except OSError as problem:
        raise Unserviceable(_sentence(name, f"nothing ({problem.strerror})")) from None
    found = socket.socket(fileno=number)  # its family and kind are asked of the system
    if why := _unfit(found):
        found.detach()
        raise Unserviceable(_sentence(name, why))
    found.setblocking(False)
    return found


def _unfit(found: socket.socket) -> str | None:
    if found.family not in (*_INTERNET, socket.AF_UNIX):
        return f"of the family {found.family}"
    if found.type != socket.SOCK_STREAM:
        return "no stream socket (ListenStream=)"
    if found.family in _INTERNET and found.proto not in _TCP:
        return "of another protocol than TCP (SocketProtocol=)"
    if not found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return "a connection and not listened on (Accept=no)"
    return _too_open(found.getsockname()) if found.family == socket.AF_UNIX else None


def _too_open(name: str | bytes) -> str | None:
    """Who may come to a socket of the UNIX domain the permissions of its file decide, and nothing else."""
    if not isinstance(name, str) or not name:
        return "of no file, so that everybody could come (a path)"
    try:
        mode = os.stat(name).st_mode
    except OSError as problem:
        return f"at {name}, where there is no socket any more ({problem.strerror}): restart the socket unit"
    return f"at {name}, where everybody could come (SocketMode=0660)" if mode & stat.S_IRWXO else None


def _sentence(name: str, what: str) -> str:
    return (
        f"systemd passes {name}, which is {what}: NETCONF is served on stream sockets that are listened on, "
        "of TCP or of the UNIX domain; see systemctl cat of the socket unit"
    )


def address(taken: socket.socket) -> tuple[str, int]:
    """Return the address and the port of a socket of TCP."""
    host, port, *_ = taken.getsockname()
    return str(host), int(port)


def mismatch(taken: Sequence[socket.socket], host: str, port: int) -> str | None:
    """Return a sentence if clients come elsewhere than to ``host`` and ``port``, the setting; None if not.

    Of a name, and of port 0, only the other one of the two is compared.
    """
    if not taken:
        return None
    if any(_covers(one, host) and port in (0, address(one)[1]) for one in taken):
        return None
    where = ", ".join(_written(*address(one)) for one in taken)
    return (
        f"systemd listens on {where} for this agent, and not on {_written(host, port)}, as the setting "
        "listen has it: clients come to what the socket unit says; change one of them"
    )


def _covers(taken: socket.socket, host: str) -> bool:
    found = ipaddress.ip_address(address(taken)[0].partition("%")[0])
    try:
        wanted = ipaddress.ip_address(host)
    except ValueError:
        return True
    if found == wanted:
        return True
    # "ListenStream=830" is [::]:830, at which those of IPv4 arrive, too (ipv6(7), IPV6_V6ONLY).
    both = found.version == 6 and not taken.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
    return found.is_unspecified and both and str(wanted) == "0.0.0.0"


def _written(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
