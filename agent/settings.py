"""Settings: one TOML file, which options of the command line override; unknown keys are refused.

Keys (defaults in brackets):
    listen           "ADDR:PORT" to accept NETCONF over SSH on ["127.0.0.1:8300"]
    data-dir         folder for keys, history and the managed daemon's files ["./var"]
    charon           "managed", "external" or "none" ["managed"]
    on-stop          "end" or "keep": what becomes of a managed charon and its tunnels at SIGTERM ["end"]
    log-level        "debug", "info", "warning" or "error" ["info"]
    log-format       "text", "journald" or "json" ["text"]
    yang-modules     list of further YANG files to serve, without a translator [[]]
    socket           a UNIX socket to accept NETCONF on, "" for none ["netconf.sock" in the data folder, or
                     "/run/yangswan/netconf.sock" where that is /var/lib/yangswan]
    socket-group     whose members may come to it ["yangswan"]
    recovery-users   users to whom no rule of access control applies [[]]
    history-commits  how many commits the history keeps [10000]
    history-days     commits that are older are not kept [none: only their number counts]
    [users]          user name = file of authorized public keys
    [limits]         see agent.transport.limits
    [metrics]        see Metrics [none: metrics are not served]
    [translator.X]   options of the translator X
    [web]            see agent.web_settings: where RESTCONF is served [nowhere]
"""

from __future__ import annotations

import ipaddress
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.regular_file import read_regular
from agent.web_settings import Web, read_web

CHARON_MODES = ("managed", "external", "none")
ON_STOP = ("end", "keep")
_GENERAL = (
    "listen",
    "data-dir",
    "charon",
    "on-stop",
    "log-level",
    "log-format",
    "yang-modules",
    "socket",
    "socket-group",
    "recovery-users",
    "history-commits",
    "history-days",
)
SETTINGS = frozenset((*_GENERAL, "users", "limits", "metrics", "translator", "web"))
HISTORY_COMMITS_MAX = 1_000_000
HISTORY_DAYS_MAX = 36_500
SOCKET = "netconf.sock"
SYSTEM_DATA_DIR = Path("/var/lib/yangswan")
SYSTEM_SOCKET = Path("/run/yangswan") / SOCKET
LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("text", "journald", "json")
FILE_OCTETS_MAX = 1_000_000

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LABEL = r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)"
_HOST_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?")
"""RFC 1123 section 2.1; with the underscore, which is in use."""
_ADDRESS = re.compile(
    r"(?:\[(?P<six>[0-9A-Fa-f:.]*:[^\[\]\s]*)\]|(?P<host>[^:\[\]\s]+)):(?P<port>[0-9]{1,5})"
)


class SettingsError(Exception):
    """Settings cannot be used: a sentence for each names it and says what is allowed."""

    def __init__(self, *faults: str) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Metrics:
    """Where metrics are served over HTTP, without TLS and without asking who comes.

    ``hosts``: names of this machine by which clients may come besides its addresses. ``anybody``: other
    machines may reach the address, too.
    """

    host: str
    port: int
    hosts: tuple[str, ...] = ()
    anybody: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """Checked settings; ``users`` maps user names to files of authorized keys. ``socket``: None where
    nothing is said of it, see ``socket_path``; "" for none. ``credential``: the host key that the system
    gives, in place of the one of the data folder; no key of the file. ``says_users``: whether there is a
    table of users at all, an empty one, too; no setting, and not compared. ``web``: None for no RESTCONF."""

    host: str = "127.0.0.1"
    port: int = 8300
    data_dir: Path = Path("var")
    charon: str = "managed"
    on_stop: str = "end"
    log_level: str = "info"
    yang_modules: tuple[Path, ...] = ()
    recovery_users: tuple[str, ...] = ()
    users: dict[str, Path] = field(default_factory=dict)
    limits: dict[str, int] = field(default_factory=dict)
    translators: dict[str, dict[str, Any]] = field(default_factory=dict)
    history_commits: int = 10_000
    history_days: int | None = None
    log_format: str = "text"
    credential: Path | None = None
    socket: str | None = None
    socket_group: str = "yangswan"
    metrics: Metrics | None = None
    says_users: bool = field(default=False, compare=False)
    web: Web | None = None

    @property
    def host_key(self) -> Path:
        """The file with the host key."""
        return self.credential or self.data_dir / "host_key"

    @property
    def socket_path(self) -> Path | None:
        """Where the UNIX socket is to be; None: nowhere. In a data folder only its owner and root
        reach it."""
        if self.socket is not None:
            return Path(self.socket) if self.socket else None
        return SYSTEM_SOCKET if self.data_dir == SYSTEM_DATA_DIR else self.data_dir / SOCKET


def from_file(path: Path) -> Settings:
    """Return the settings of a TOML file; relative paths in it are relative to the file.

    Raises:
        SettingsError: it cannot be read, or keys or values are not allowed: all of them are named.
    """
    settings, faults = from_file_as_far_as_it_goes(path)
    if faults:
        raise SettingsError(*faults)
    return settings


def from_file_as_far_as_it_goes(path: Path) -> tuple[Settings, list[str]]:
    """Return the settings of a TOML file, with the default where it is faulty; and all faults."""
    try:
        table = tomllib.loads(_text(read_regular(path, FILE_OCTETS_MAX)))
    except OSError as problem:
        return Settings(), [f"{path} cannot be read: {problem.strerror}"]
    except ValueError as problem:  # no TOML, or no UTF-8
        return Settings(), [f"{path}: {problem}"]
    except RecursionError:
        return Settings(), [f"{path}: its values are nested too deeply"]
    known = ", ".join(sorted(SETTINGS))
    faults = [f"{path}: unknown setting '{key}'; known are {known}" for key in sorted(set(table) - SETTINGS)]
    return _settings(_Values(table, faults), path.parent), faults


def _text(content: bytes) -> str:
    """Return the text of a TOML file, without the mark with which some editors begin it.

    Raises:
        ValueError: it is no UTF-8; the text says where.
    """
    content = content.removeprefix(_BYTE_ORDER_MARK)
    try:
        return content.decode()
    except UnicodeDecodeError as problem:
        line_start = content.rfind(b"\n", 0, problem.start) + 1
        line = content.count(b"\n", 0, problem.start) + 1
        column = len(content[line_start : problem.start].decode()) + 1
        octet = content[problem.start]
        raise ValueError(
            f"a settings file is UTF-8, and 0x{octet:02x} is not (at line {line}, column {column})"
        ) from None


def _settings(values: _Values, folder: Path) -> Settings:
    default = Settings()
    host, port = values.address("listen", default.host, default.port)
    return Settings(
        host=host,
        port=port,
        data_dir=folder / values.file("data-dir", str(default.data_dir)),
        charon=values.one_of("charon", CHARON_MODES, default.charon),
        on_stop=values.one_of("on-stop", ON_STOP, default.on_stop),
        log_level=values.one_of("log-level", LOG_LEVELS, default.log_level),
        log_format=values.one_of("log-format", LOG_FORMATS, default.log_format),
        yang_modules=tuple(folder / name for name in values.files("yang-modules")),
        recovery_users=tuple(values.texts("recovery-users")),
        history_commits=values.number("history-commits", HISTORY_COMMITS_MAX) or default.history_commits,
        history_days=values.number("history-days", HISTORY_DAYS_MAX),
        users={user: folder / name for user, name in values.files_by_name("users").items()},
        says_users="users" in values,
        limits=values.typed("limits", dict, {}),
        socket=values.file_or_nothing("socket", folder),
        socket_group=values.typed("socket-group", str, default.socket_group),
        translators=values.each("translator", dict),
        metrics=_metrics(values),
        web=values.web(folder),
    )


def _metrics(values: _Values) -> Metrics | None:
    """Whoever reaches the address reads it, so that it is one of loopback unless somebody says so."""
    if "metrics" not in values:
        return None
    table = values.within("metrics", ("anybody", "hosts", "listen"))
    host, port = table.address("metrics.listen", "", 0)
    anybody: bool = table.typed("metrics.anybody", bool, False)
    hosts = tuple(name for name in table.texts("metrics.hosts") if table.is_host("metrics.hosts", name))
    if not host:
        return None
    if not anybody and not _is_loopback(host):
        table.fault(
            f"the setting 'metrics.listen': whoever reaches {host} from other machines would read names, "
            "addresses and traffic of all tunnels; if that is meant, set 'metrics.anybody' to true"
        )
    return Metrics(host, port, hosts=hosts, anybody=anybody)


def _is_loopback(host: str) -> bool:
    """A name may become any address, but for the one that every machine has for itself (RFC 6761)."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def parse_address(text: str) -> tuple[str, int]:
    """Return (address, port) of "ADDR:PORT" or "[ADDR6]:PORT".

    Raises:
        SettingsError: it has not that form, or ADDR is neither an address nor the name of a host; port 0
            takes any free port.
    """
    found = _ADDRESS.fullmatch(text)
    if found is None or int(found["port"]) > 65535:
        six = "; an IPv6 address stands in brackets, [ADDR]:PORT" if text.count(":") > 1 else ""
        raise SettingsError(f"'{text}' is not of the form ADDR:PORT{six}")
    host = found["six"] or found["host"]
    if not (_is_ipv6(host) if found["six"] else _is_host(host)):
        raise SettingsError(f"'{text}': {host} is neither an IP address nor the name of a host")
    return host, int(found["port"])


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _is_host(text: str) -> bool:
    """True for an IPv4 address, and for what can be a name: one whose last label is a number is none."""
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        pass
    else:
        return True
    try:
        name = text.encode("idna").decode()
    except UnicodeError:
        return False
    last = name.rstrip(".").rpartition(".")[2]
    return len(name) <= 254 and _HOST_NAME.fullmatch(name) is not None and not last.isdecimal()


def refuse_octets(data_dir: Path) -> None:
    """Refuse a data folder whose name is no UTF-8: the SSH library and charon's own files could not name it.

    Raises:
        SettingsError: it is such.
    """
    try:
        str(data_dir).encode()
    except UnicodeEncodeError:
        raise SettingsError(f"the name of the data folder {str(data_dir)!a} is not UTF-8") from None


class _Values:
    """The values of a table; one that is not allowed is a fault, and the default stands for it."""

    def __init__(self, table: Mapping[str, Any], faults: list[str]) -> None:
        self._table = table
        self._faults = faults

    def __contains__(self, key: str) -> bool:
        return key in self._table

    def fault(self, sentence: str) -> None:
        self._faults.append(sentence)

    def within(self, key: str, known: Sequence[str]) -> _Values:
        """Return the values of a table in this one, by their whole names; only ``known`` may be there."""
        table = self.typed(key, dict, {})
        for name in sorted(set(table) - set(known)):
            self.fault(f"unknown setting '{key}.{name}'; known are {', '.join(known)}")
        return _Values({f"{key}.{name}": value for name, value in table.items()}, self._faults)

    def is_host(self, key: str, value: str) -> bool:
        """Return whether ``value`` is the name of a host; else that is a fault."""
        if not _is_host(value):
            self.fault(f"the setting '{key}': '{value}' is not the name of a host")
            return False
        return True

    def address(self, key: str, host: str, port: int) -> tuple[str, int]:
        """Return an address, ``host`` and ``port`` where there is none, which without ``host`` is a fault."""
        if not host and key not in self:
            self.fault(f"the setting '{key}' is missing")
            return host, port
        try:
            return parse_address(self.typed(key, str, f"{host or 'localhost'}:{port}"))
        except SettingsError as problem:
            self._faults.extend(f"the setting '{key}': {fault}" for fault in problem.faults)
            return host, port

    def typed(self, key: str, kind: type, default: Any) -> Any:
        value = self._table.get(key, default)
        if not isinstance(value, kind):
            self._faults.append(f"the setting '{key}' must be of type {kind.__name__}")
        elif value == "":
            self._faults.append(f"the setting '{key}' must not be empty")
        else:
            return value
        return default

    def file(self, key: str, default: str) -> str:
        value: str = self.typed(key, str, default)
        return value if self._can_be_file(key, value) else default

    def file_or_nothing(self, key: str, folder: Path) -> str | None:
        """Return the file that is named, relative to ``folder``; "" if it is, None if nothing is."""
        value = self._table.get(key)
        if value is None or value == "":
            return value
        named: str = self.typed(key, str, "")
        return str(folder / named) if named and self._can_be_file(key, named) else None

    def files(self, key: str) -> list[str]:
        return [value for value in self.texts(key) if self._can_be_file(key, value)]

    def files_by_name(self, key: str) -> dict[str, str]:
        found = self.each(key, str)
        return {name: value for name, value in found.items() if self._can_be_file(f"{key}.{name}", value)}

    def _can_be_file(self, key: str, value: str) -> bool:
        """An empty name would be the folder of the settings file; NUL ends a name for the system."""
        if not value:
            self._faults.append(f"the setting '{key}' must not be empty")
        elif "\0" in value:
            self._faults.append(f"the setting '{key}' must not hold the character NUL")
        else:
            return True
        return False

    def texts(self, key: str) -> list[str]:
        values: list[str] = self.typed(key, list, [])
        if all(isinstance(value, str) for value in values):
            return values
        self._faults.append(f"the setting '{key}' must be a list of strings")
        return []

    def each(self, key: str, kind: type) -> dict[str, Any]:
        values: dict[str, Any] = self.typed(key, dict, {})
        wrong = [name for name, value in values.items() if not isinstance(value, kind)]
        self._faults.extend(f"the setting '{key}.{name}' must be of type {kind.__name__}" for name in wrong)
        return {name: value for name, value in values.items() if name not in wrong}

    def web(self, folder: Path) -> Web | None:
        if "web" not in self:
            return None
        found, faults = read_web(self._table["web"], folder, address=parse_address)
        self._faults.extend(faults)
        return found

    def number(self, key: str, most: int) -> int | None:
        """Return a whole number from 1 to ``most``, None if there is none."""
        value = self._table.get(key)
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most:
            return value
        self._faults.append(f"the setting '{key}' must be a whole number from 1 to {most}")
        return None

    def one_of(self, key: str, allowed: Sequence[str], default: str) -> str:
        value: str = self.typed(key, str, default)
        if value in allowed:
            return value
        self._faults.append(f"the setting '{key}' must be one of {', '.join(allowed)}")
        return default
