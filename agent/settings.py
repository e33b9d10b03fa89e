"""Settings: one TOML file, which options of the command line override; unknown keys are refused.

Keys (defaults in brackets):
    listen           "ADDR:PORT" to accept NETCONF over SSH on ["127.0.0.1:8300"]
    data-dir         folder for keys, history and the managed daemon's files ["./var"]
    charon           "managed", "external" or "none" ["managed"]
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
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CHARON_MODES = ("managed", "external", "none")
_GENERAL = ("listen", "data-dir", "charon", "log-level", "yang-modules", "recovery-users")
SETTINGS = frozenset((*_GENERAL, "users", "limits", "translator"))
LOG_LEVELS = ("debug", "info", "warning", "error")


_ADDRESS = re.compile(
    r"(?:\[(?P<six>[0-9A-Fa-f:.]*:[^\[\]\s]*)\]|(?P<host>[^:\[\]\s]+)):(?P<port>[0-9]{1,5})"
)


class SettingsError(Exception):
    """A setting cannot be used; the message names it and says what is allowed."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Checked settings; ``users`` maps user names to files of authorized keys."""

    host: str = "127.0.0.1"
    port: int = 8300
    data_dir: Path = Path("var")
    charon: str = "managed"
    log_level: str = "info"
    yang_modules: tuple[Path, ...] = ()
    recovery_users: tuple[str, ...] = ()
    users: dict[str, Path] = field(default_factory=dict)
    limits: dict[str, int] = field(default_factory=dict)
    translators: dict[str, dict[str, Any]] = field(default_factory=dict)


def from_file(path: Path) -> Settings:
    """Return the settings of a TOML file; relative paths in it are relative to the file.

    Raises:
        SettingsError: it cannot be read, or a key or value is not allowed.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise SettingsError(f"{path} cannot be read: {problem.strerror}") from problem
    except tomllib.TOMLDecodeError as problem:
        raise SettingsError(f"{path}: {problem}") from problem
    if unknown := set(table) - SETTINGS:
        known = ", ".join(sorted(SETTINGS))
        raise SettingsError(f"{path}: unknown setting '{min(unknown)}'; known are {known}")
    default = Settings()
    host, port = parse_address(_typed(table, "listen", str, f"{default.host}:{default.port}"))
    folder = path.parent
    return Settings(
        host=host,
        port=port,
        data_dir=folder / _typed(table, "data-dir", str, str(default.data_dir)),
        charon=_one_of(table, "charon", CHARON_MODES, default.charon),
        log_level=_one_of(table, "log-level", LOG_LEVELS, default.log_level),
        yang_modules=tuple(folder / name for name in _texts(table, "yang-modules")),
        recovery_users=tuple(_texts(table, "recovery-users")),
        users={user: folder / name for user, name in _each(table, "users", str).items()},
        limits=_typed(table, "limits", dict, {}),
        translators=_each(table, "translator", dict),
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


def _typed(table: dict[str, Any], key: str, kind: type, default: Any) -> Any:
    value = table.get(key, default)
    if not isinstance(value, kind):
        raise SettingsError(f"the setting '{key}' must be of type {kind.__name__}")
    if value == "":
        raise SettingsError(f"the setting '{key}' must not be empty")
    return value


def _texts(table: dict[str, Any], key: str) -> list[str]:
    values: list[str] = _typed(table, key, list, [])
    if not all(isinstance(value, str) for value in values):
        raise SettingsError(f"the setting '{key}' must be a list of strings")
    return values


def _each(table: dict[str, Any], key: str, kind: type) -> dict[str, Any]:
    values: dict[str, Any] = _typed(table, key, dict, {})
    for name, value in values.items():
        if not isinstance(value, kind):
            raise SettingsError(f"the setting '{key}.{name}' must be of type {kind.__name__}")
    return values


def _one_of(table: dict[str, Any], key: str, allowed: Sequence[str], default: str) -> str:
    value: str = _typed(table, key, str, default)
    if value not in allowed:
        raise SettingsError(f"the setting '{key}' must be one of {', '.join(allowed)}")
    return value
