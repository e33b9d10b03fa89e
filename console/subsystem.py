"""``yangswan netconf-subsystem``: what OpenSSH begins for its subsystem netconf (RFC 6242).

    Subsystem netconf /usr/bin/yangswan netconf-subsystem

sshd runs it as the user who has logged in. It is the way from there to the agent's UNIX socket and nothing
else: octets pass as they are, in both directions. Before them goes one line that says for whom it comes, and
from where; the agent believes it from root alone. Little is imported here: each session waits for it.
"""

from __future__ import annotations

import argparse
import json
import os
import pwd
import signal
import socket
import sys
import syslog
import threading
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any

NAME = "netconf-subsystem"
WHAT = "pass NETCONF on to the agent, for the sshd of this machine (Subsystem netconf)"
VARIABLE = "YANGSWAN_SOCKET"
INSTALLED = Path("/run/yangswan/netconf.sock")
WORD = b"yangswan-netconf-subsystem "
PIECE_OCTETS = 65536


def add_to(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command."""
    parser = commands.add_parser(NAME, help=WHAT, description=f"{WHAT[0].upper()}{WHAT[1:]}.")
    parser.add_argument("--socket", type=Path, metavar="PATH", help="the socket of the agent")
    parser.set_defaults(carry_out=lambda options: carry(options.socket or find(os.environ)))


def find(environ: Mapping[str, str]) -> Path:
    """Return the socket of the agent of this machine, or of the checkout that this program is from."""
    if named := environ.get(VARIABLE):
        return Path(named)
    of_checkout = Path(sys.prefix).parent / "var" / INSTALLED.name
    return of_checkout if not INSTALLED.exists() and of_checkout.exists() else INSTALLED


def carry(path: Path) -> int:
    """Join standard input and output to the socket until the agent ends the session.

    Returns:
        0, or 1 if there was no session; then one line on standard error says why, and under sshd in syslog.
    """
    # Whoever ends it wants no traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    for ours in (0, 1):
        os.set_blocking(ours, True)  # who began it may have left them otherwise
    who = preamble(os.environ)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as agent:
        try:
            agent.connect(str(path))
        except (OSError, ValueError) as problem:
            reason = problem.strerror if isinstance(problem, OSError) else None
            return _fail(f"no agent can be reached at {path}: {reason or problem}")
        threading.Thread(target=_to_agent, args=(agent, who), daemon=True).start()
        if not _from_agent(agent):
            return _fail(f"the agent at {path} has refused the session; its log says why")
        return 0


def preamble(environ: Mapping[str, str]) -> bytes:
    """Return the line that says who comes, and from where as far as ``environ`` has it from sshd."""
    said: dict[str, str | int] = {"user": _user(environ)}
    # sshd(8), ENVIRONMENT: address and port of the client, and of this machine.
    words = environ.get("SSH_CONNECTION", "").split()
    if len(words) == 4 and all(map(_is_address, words[::2])) and words[1].isdecimal():
        said |= {"source-host": words[0], "source-port": int(words[1]), "local-host": words[2]}
    return WORD + json.dumps(said).encode() + b"\n"


def _user(environ: Mapping[str, str]) -> str:
    """Return the user of this process; who has become root by sudo is still himself."""
    if os.getuid() == 0 and (behind := environ.get("SUDO_USER")):
        return behind
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _is_address(text: str) -> bool:
    try:
        return bool(ip_address(text))
    except ValueError:  # "UNKNOWN"
        return False


def _to_agent(agent: socket.socket, first: bytes) -> None:
    """Send ``first`` and then standard input, and at its end say so: what was asked is still answered."""
    with suppress(OSError):  # the agent has ended the session, which the other direction sees
        agent.sendall(first)
        while data := os.read(0, PIECE_OCTETS):
            agent.sendall(data)
        agent.shutdown(socket.SHUT_WR)


def _from_agent(agent: socket.socket) -> bool:
    """Write what the agent sends to standard output, to its end; False if there was nothing.

    Raises:
        OSError: it cannot be written.
    """
    came = False
    while data := _received(agent):
        came = True
        while data:
            data = data[os.write(1, data) :]
    return came


def _received(agent: socket.socket) -> bytes:
    try:
        return agent.recv(PIECE_OCTETS)
    except ConnectionError:
        return b""


def _fail(sentence: str) -> int:
    if "SSH_CONNECTION" in os.environ:
        # sshd drops what a subsystem says on standard error.
        syslog.openlog("yangswan", facility=syslog.LOG_DAEMON)
        syslog.syslog(syslog.LOG_ERR, f"{NAME}: {sentence}")
    print(f"yangswan: {sentence}", file=sys.stderr)
    return 1
