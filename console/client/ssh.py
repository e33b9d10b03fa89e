"""A connection over SSH, the host key checked always; on paramiko, which ncclient builds on, too.

ncclient's own connection asks about a host key that has changed as about one that is new, and takes a key of
the machine's port 22 for that of any other port; so only what is below it is used here.
"""

from __future__ import annotations

import getpass
import logging
import os
import re
import socket
from collections.abc import Callable, Collection
from dataclasses import dataclass
from ipaddress import IPv6Address
from pathlib import Path

import paramiko

from console.client.known_hosts import KnownHosts
from console.client.session import Gone

READ_OCTETS = 256 * 1024
PORT = 830
CONNECT_TIMEOUT_S = 15
KEEPALIVE_S = 30
"""A NAT on the way forgets who is silent, and a peer that is gone is noticed."""
SYSTEM_KNOWN_HOSTS = Path("/etc/ssh/ssh_known_hosts")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens."""

    host: str
    port: int = PORT

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORT else f"{host}:{self.port}"

    @property
    def in_known_hosts(self) -> str:
        return self.host if self.port == 22 else f"[{self.host}]:{self.port}"


def address(text: str, default: int = PORT) -> Address:
    """Return what HOST, HOST:PORT, [ADDRESS] or [ADDRESS]:PORT names; an IPv6 address alone, too.

    ``default``: the port where it names none.

    Raises:
        ValueError: it is none of these; the text says why.
    """
    bracketed = re.fullmatch(r"\[([^\[\]]+)\](?::([0-9]+))?", text)
    host, port = text, None
    if bracketed:
        host, port = bracketed[1], bracketed[2]
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    if not re.fullmatch(r"[A-Za-z0-9._:%-]+", host) or host.startswith("-"):
        raise ValueError(f"'{text}' is no host: HOST, HOST:PORT or [ADDRESS]:PORT")
    if ":" in host:
        try:
            IPv6Address(host)
        except ValueError:
            raise ValueError(f"'{text}' is no host: {host} is no IPv6 address") from None
    if port is None:
        return Address(host, default)
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) < 65536:
        raise ValueError(f"'{port}' is no port: 1 to 65535")
    return Address(host, int(port))


@dataclass(frozen=True, slots=True)
class Login:
    """Who logs in, and what is known of the servers.

    ``ask``: asks a question that is answered with yes or no; None where nobody can be asked.
    ``passphrase``: asks for that of the key file it names; None where nobody can be asked.
    """

    user: str | None = None
    key: Path | None = None
    known_hosts: Path | None = None
    ask: Callable[[str], bool] | None = None
    passphrase: Callable[[str], str] | None = None
    keys: tuple[Path, ...] = ()
    """Tried where there is no ``key``, beside those of a key agent."""
    known_hosts_files: tuple[Path, ...] = ()
    """In the place of ~/.ssh/known_hosts, where ``known_hosts`` names none."""

    @property
    def known_hosts_file(self) -> Path:
        """Where a key is remembered."""
        configured = self.known_hosts_files[0] if self.known_hosts_files else None
        return self.known_hosts or configured or Path("~/.ssh/known_hosts").expanduser()

    @property
    def read(self) -> tuple[Path, ...]:
        """All files with known host keys."""
        if self.known_hosts:
            return (self.known_hosts,)
        return (SYSTEM_KNOWN_HOSTS, *(self.known_hosts_files or (self.known_hosts_file,)))


class SshStream:
    """The subsystem "netconf" of an SSH connection (RFC 6242)."""

    def __init__(self, server: Address, login: Login) -> None:
        # It writes warnings to standard error where nobody has asked for its log.
        logging.getLogger("paramiko").addHandler(logging.NullHandler())
        logging.getLogger("paramiko").propagate = False
        self.user = login.user or getpass.getuser()
        self._client = paramiko.SSHClient()
        try:
            self._channel = self._open(server, login)
        except BaseException:
            self._client.close()
            raise

    def read(self) -> bytes:
        data: bytes = self._channel.recv(READ_OCTETS)
        return data

    def write(self, data: bytes) -> None:
        self._channel.sendall(data)

    def close(self) -> None:
        self._client.close()

    def _open(self, server: Address, login: Login) -> paramiko.Channel:
        known = KnownHosts(self._client.get_host_keys(), server.in_known_hosts)
        known.take(*login.read)
        self._client.set_missing_host_key_policy(_Unknown(server, login, known.revoked))
        try:
            self._log_in(server, login)
        except paramiko.BadHostKeyException as problem:
            _refuse_revoked(server, known.revoked, problem.key)
            raise Gone(_changed(server, login, problem.key)) from None
        except paramiko.AuthenticationException:
            raise Gone(self._refused(server, login)) from None
        except (paramiko.SSHException, EOFError) as problem:
            raise Gone(f"what listens at {server} is not an SSH server that suits: {problem}") from None
        except OSError as problem:
            raise Gone(_unreachable(server, problem)) from None
        transport = self._client.get_transport()
        assert transport is not None
        transport.set_keepalive(KEEPALIVE_S)
        try:
            channel = transport.open_session(timeout=CONNECT_TIMEOUT_S)
            channel.invoke_subsystem("netconf")
        except (paramiko.SSHException, EOFError, OSError):
            raise Gone(
                f"the SSH server at {server} offers no NETCONF: name the port of the agent (--host HOST:PORT)"
            ) from None
        return channel

    def _log_in(self, server: Address, login: Login) -> None:
        self._client.connect(
            server.host,
            server.port,
            self.user,
            pkey=_key(login) if login.key else None,
            key_filename=[str(key) for key in login.keys if key.exists()] if login.key is None else None,
            allow_agent=login.key is None,
            look_for_keys=login.key is None and not login.keys,
            timeout=CONNECT_TIMEOUT_S,
            banner_timeout=CONNECT_TIMEOUT_S,
            auth_timeout=CONNECT_TIMEOUT_S,
        )

    def _refused(self, server: Address, login: Login) -> str:
        with_key = f" with the key {login.key}" if login.key else ""
        return (
            f"{server} does not let {self.user} in{with_key}: name another user or key "
            "(--user, --key), or have the public key authorized there"
        )


def _key(login: Login) -> paramiko.PKey:
    """Return the private key of ``login``; asks for its passphrase if it has one."""
    try:
        return paramiko.PKey.from_path(str(login.key))
    except OSError as problem:
        raise Gone(f"the key {login.key} cannot be read: {problem.strerror or problem}") from None
    except (TypeError, paramiko.PasswordRequiredException):  # cryptography's word for a missing passphrase
        if login.passphrase is None:
            raise Gone(f"the key {login.key} has a passphrase: ssh-add it, and leave out --key") from None
    except (ValueError, paramiko.SSHException, paramiko.UnknownKeyType):
        raise Gone(f"{login.key} holds no private key of SSH") from None
    try:
        return paramiko.PKey.from_path(str(login.key), login.passphrase(str(login.key)).encode())
    except (TypeError, ValueError, paramiko.SSHException):
        raise Gone(f"that is not the passphrase of {login.key}") from None


class _Unknown(paramiko.MissingHostKeyPolicy):  # type: ignore[misc]  # it has no types
    """Asks whether a host key that was never seen is right, and remembers it."""

    def __init__(self, server: Address, login: Login, revoked: Collection[paramiko.PKey]) -> None:
        self._server = server
        self._login = login
        self._revoked = revoked

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        _refuse_revoked(self._server, self._revoked, key)
        shown = f"{key.get_name()} {key.fingerprint}"
        if self._login.ask is None:
            raise Gone(
                f"the host key of {self._server} is not known ({shown}): connect once on a terminal, "
                f"or put it into {self._login.known_hosts_file}"
            )
        if not self._login.ask(
            f"The host key of {self._server} is not known yet:\n  {shown}\nIs that the key of this gateway?"
        ):
            raise Gone(f"not connected: the host key of {self._server} was not accepted")
        _remember(self._login.known_hosts_file, f"{hostname} {key.get_name()} {key.get_base64()}\n")


def _refuse_revoked(server: Address, revoked: Collection[paramiko.PKey], key: paramiko.PKey) -> None:
    """Refuse a key of which a file says that it is in wrong hands.

    Raises:
        Gone: it is such.
    """
    if key in revoked:
        raise Gone(
            f"the host key of {server} is one that was revoked: {key.get_name()} {key.fingerprint}. "
            "Whoever answers there has a key that is in wrong hands: the gateway needs a new one"
        )


def _remember(file: Path, line: str) -> None:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with open(descriptor, "r+", encoding="utf-8") as known:
            octets = os.fstat(descriptor).st_size
            whole = octets == 0 or os.pread(descriptor, 1, octets - 1) == b"\n"
            known.write(line if whole else f"\n{line}")
    except OSError as problem:
        raise Gone(f"the host key cannot be remembered in {file}: {problem.strerror or problem}") from None


def _changed(server: Address, login: Login, key: paramiko.PKey) -> str:
    return (
        f"the host key of {server} is not the one that is known: it is {key.get_name()} {key.fingerprint}. "
        f"Somebody may be in between. If the gateway was installed anew: ssh-keygen "
        f"-f {login.known_hosts_file} -R '{server.in_known_hosts}', and connect again"
    )


def _unreachable(server: Address, problem: OSError) -> str:
    if isinstance(problem, socket.gaierror):
        return f"there is no host {server.host}: {problem.strerror}"
    if isinstance(problem, paramiko.ssh_exception.NoValidConnectionsError):
        inner = next(iter(problem.errors.values()))
        if isinstance(inner, ConnectionRefusedError):
            return f"nobody listens at {server.host}, port {server.port}"
        problem = inner
    if isinstance(problem, TimeoutError):
        return f"{server.host} does not answer on port {server.port}"
    return f"{server.host}, port {server.port}: {problem.strerror or problem}"
