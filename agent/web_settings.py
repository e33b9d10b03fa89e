"""The table [web] of the settings: where HTTP is served, and who may log in there."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

KEYS = ("listen", "certificate", "key", "client-authority", "names", "page", "passwords")

Address = Callable[[str], tuple[str, int]]
"""Reads "ADDR:PORT"; raises an Exception with ``faults``."""


@dataclass(frozen=True, slots=True)
class Web:
    """``certificate`` and ``key`` are both there or neither; ``client_authority``: who signs certificates of
    clients. ``names``: what clients may call this machine. ``page``: the web page is served, too.
    ``passwords``: hashes by user."""

    host: str
    port: int
    certificate: Path | None = None
    key: Path | None = None
    client_authority: Path | None = None
    names: tuple[str, ...] = ()
    page: bool = True
    passwords: dict[str, str] = field(default_factory=dict, repr=False)


def read_web(table: object, folder: Path, *, address: Address) -> tuple[Web | None, list[str]]:
    """Return what ``table`` says, as far as it can be used, None if it is none; and its faults.

    ``folder``: what files in it are relative to.
    """
    if not isinstance(table, Mapping):
        return None, ["the setting 'web' must be a table"]
    faults = [
        f"unknown setting 'web.{key}'; known are {', '.join(KEYS)}" for key in sorted(set(table) - set(KEYS))
    ]
    reading = _Reading(table, folder, faults)
    host, port = reading.listen(address)
    certificate, key = reading.file("certificate"), reading.file("key")
    found = Web(
        host,
        port,
        certificate=certificate,
        key=key,
        client_authority=reading.file("client-authority"),
        names=tuple(reading.texts("names")),
        page=reading.switch("page"),
        passwords=reading.passwords(),
    )
    faults += _contradictions(found)
    return found, faults


def _contradictions(web: Web) -> list[str]:
    found = []
    if (web.certificate is None) != (web.key is None):
        found.append("the settings 'web.certificate' and 'web.key' go together")
    if web.certificate is None and web.client_authority is not None:
        found.append(
            "the setting 'web.client-authority' is for TLS: give 'web.certificate' and 'web.key', too"
        )
    if web.certificate is None and web.host and not _is_here(web.host):
        found.append(
            f"the setting 'web.listen': other machines reach {web.host}, and without 'web.certificate' and "
            "'web.key' passwords would pass in clear; without these it is an address of loopback"
        )
    return found


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Reading:
    """Values of the table; one that is not allowed is a fault."""

    def __init__(self, table: Mapping[str, Any], folder: Path, faults: list[str]) -> None:
        self._table = table
        self._folder = folder
        self._faults = faults

    def listen(self, address: Address) -> tuple[str, int]:
        value = self._table.get("listen")
        if not isinstance(value, str):
            self._faults.append("the setting 'web.listen' must say where, as \"127.0.0.1:8443\"")
            return "", 0
        try:
            return address(value)
        except Exception as problem:
            said = getattr(problem, "faults", (str(problem),))
            self._faults.extend(f"the setting 'web.listen': {fault}" for fault in said)
            return "", 0

    def file(self, key: str) -> Path | None:
        value = self._table.get(key)
        if value is None:
            return None
        if not isinstance(value, str) or not value or "\0" in value:
            self._faults.append(f"the setting 'web.{key}' must be the name of a file")
            return None
        return self._folder / value

    def texts(self, key: str) -> list[str]:
        value = self._table.get(key, [])
        if isinstance(value, list) and all(isinstance(one, str) and one for one in value):
            return value
        self._faults.append(f"the setting 'web.{key}' must be a list of strings")
        return []

    def switch(self, key: str) -> bool:
        """Return whether something is on, which it is where nothing is said."""
        value = self._table.get(key, True)
        if not isinstance(value, bool):
            self._faults.append(f"the setting 'web.{key}' must be true or false")
        return value is not False

    def passwords(self) -> dict[str, str]:
        value = self._table.get("passwords", {})
        if isinstance(value, dict) and all(isinstance(one, str) for one in value.values()):
            return value
        self._faults.append("the setting 'web.passwords' must be a table of user = \"hash\"")
        return {}
