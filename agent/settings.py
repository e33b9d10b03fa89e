"""Settings: one TOML file, which options of the command line override; unknown keys are refused.

Keys (defaults in brackets):
    listen           "ADDR:PORT" to accept NETCONF over SSH on ["127.0.0.1:8300"]
    data-dir         folder for keys, history and the managed daemon's files ["var" beside the file]
    charon           "managed", "external" or "none" ["managed"]
    on-stop          "end" or "keep": what becomes of a managed charon and its tunnels at SIGTERM ["end"]
    log-level        "debug", "info", "warning" or "error" ["info"]
    yang-modules     list of further YANG files to serve, without a translator [[]]
    recovery-users   users to whom no rule of access control applies [[]]
    [users]          user name = file of authorized public keys
    [limits]         see agent.transport.limits
    [translator.X]   options of the translator X
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CHARON_MODES = ("managed", "external", "none")
ON_STOP = ("end", "keep")
_GENERAL = ("listen", "data-dir", "charon", "on-stop", "log-level", "yang-modules", "recovery-users")
SETTINGS = frozenset((*_GENERAL, "users", "limits", "translator"))
LOG_LEVELS = ("debug", "info", "warning", "error")


_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ADDRESS = re.compile(
    r"(?:\[(?P<six>[0-9A-Fa-f:.]*:[^\[\]\s]*)\]|(?P<host>[^:\[\]\s]+)):(?P<port>[0-9]{1,5})"
)


class SettingsError(Exception):
    """Settings cannot be used: a sentence for each names it and says what is allowed."""

    def __init__(self, *faults: str) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Settings:
    """Checked settings; ``users`` maps user names to files of authorized keys."""

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
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        return Settings(), [f"{path} cannot be read: {problem.strerror}"]
    except UnicodeDecodeError as problem:
        line = problem.object.count(b"\n", 0, problem.start) + 1
        return Settings(), [f"{path} is not UTF-8: octet {problem.object[problem.start]:#04x} in line {line}"]
    except RecursionError:
        return Settings(), [f"{path}: it is nested too deeply"]
    except ValueError as problem:  # no TOML
        return Settings(), [f"{path}: {problem}"]
    known = ", ".join(sorted(SETTINGS))
    faults = [f"{path}: unknown setting '{key}'; known are {known}" for key in sorted(set(table) - SETTINGS)]
    if unprintable := list(_unprintable(table)):
        return Settings(), [*faults, *(f"{path}: {one} holds a control character" for one in unprintable)]
    return _settings(_Values(table, faults), path.parent), faults


def _unprintable(value: object, where: str = "") -> Iterator[str]:
    """Yield where text stands that is no name of a file, user or word: it holds a control character."""
    if isinstance(value, dict):
        for key, below in value.items():
            if _CONTROL.search(key):
                yield f"the key {key!r}"
            else:
                yield from _unprintable(below, f"{where}.{key}" if where else key)
    elif isinstance(value, list):
        for below in value:
            yield from _unprintable(below, where)
    elif isinstance(value, str) and _CONTROL.search(value):
        yield f"the setting '{where}'"


def _settings(values: _Values, folder: Path) -> Settings:
    default = Settings()
    host, port = values.address("listen", default.host, default.port)
    return Settings(
        host=host,
        port=port,
        data_dir=folder / values.typed("data-dir", str, str(default.data_dir)),
        charon=values.one_of("charon", CHARON_MODES, default.charon),
        on_stop=values.one_of("on-stop", ON_STOP, default.on_stop),
        log_level=values.one_of("log-level", LOG_LEVELS, default.log_level),
        yang_modules=tuple(folder / name for name in values.texts("yang-modules")),
        recovery_users=tuple(values.texts("recovery-users")),
        users={user: folder / name for user, name in values.each("users", str).items()},
        limits=values.typed("limits", dict, {}),
        translators=values.each("translator", dict),
    )


def parse_address(text: str) -> tuple[str, int]:
    """Return (address, port) of "ADDR:PORT" or "[ADDR6]:PORT".

    Raises:
        SettingsError: it has not that form; port 0 takes any free port.
    """
    found = _ADDRESS.fullmatch(text)
    if found is None or int(found["port"]) > 65535:
        six = "; an IPv6 address stands in brackets, [ADDR]:PORT" if text.count(":") > 1 else ""
        raise SettingsError(f"'{text}' is not of the form ADDR:PORT{six}")
    return found["six"] or found["host"], int(found["port"])


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

    def address(self, key: str, host: str, port: int) -> tuple[str, int]:
        try:
            return parse_address(self.typed(key, str, f"{host}:{port}"))
        except SettingsError as problem:
            self._faults.extend(problem.faults)
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

    def texts(self, key: str) -> list[str]:
        values: list[str] = self.typed(key, list, [])
        if all(isinstance(value, str) and value for value in values):
            return values
        self._faults.append(f"the setting '{key}' must be a list of strings, none of them empty")
        return []

    def each(self, key: str, kind: type) -> dict[str, Any]:
        values: dict[str, Any] = self.typed(key, dict, {})
        wrong = [name for name, value in values.items() if not isinstance(value, kind)]
        self._faults.extend(f"the setting '{key}.{name}' must be of type {kind.__name__}" for name in wrong)
        empty = [name for name, value in values.items() if "" in (name, value)]
        self._faults.extend(f"the setting '{key}.{name}' must not be empty" for name in empty)
        return {name: value for name, value in values.items() if name not in (*wrong, *empty)}

    def one_of(self, key: str, allowed: Sequence[str], default: str) -> str:
        value: str = self.typed(key, str, default)
        if value in allowed:
            return value
        self._faults.append(f"the setting '{key}' must be one of {', '.join(allowed)}")
        return default
