"""The ``[translator.strongswan]`` table of the settings file; an unknown key is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path


class Kernel(Enum):
    """Who encrypts: the kernel (XFRM), charon itself over a TUN device, or the first that works."""

    AUTO = "auto"
    NETLINK = "netlink"
    LIBIPSEC = "libipsec"


class OptionError(ValueError):
    """The settings file holds keys or values that the translator does not take, a sentence for each."""

    def __str__(self) -> str:
        return "; ".join(self.args)


@dataclass(frozen=True, slots=True)
class Options:
    """Keys of the table, with hyphens for underscores; None for charon's own default.

    ``vici_socket`` and ``error_notify_socket`` are those of an external charon. ``charon_binary`` and
    ``plugin_dir`` are found by themselves. ``retransmit_*`` are strongSwan's: the time-out of try n is
    ``retransmit_timeout * retransmit_base ** n`` seconds, and after ``retransmit_tries`` the peer is
    dead (165 s by default). ``retry_first`` and ``retry_max`` bound the supervisor's back-off, in
    seconds; ``attempts_at_once`` is how many tunnels it begins at a time. Every ``audit_interval`` seconds
    it is seen whether charon still holds what is configured. ``capture`` is a file to which everything that
    charon says is appended, for the report of a defect. ``charon_unit`` is the systemd unit of an external
    charon, restarted by restart-daemon, which gives up after ``restart_limit`` seconds (a unit that does not
    stop is killed by systemd after 90). There may be ``max_tunnels`` tunnels, None for any number.
    """

    vici_socket: Path = Path("/var/run/charon.vici")
    error_notify_socket: Path = Path("/var/run/charon.enfy")
    charon_binary: Path | None = None
    plugin_dir: Path | None = None
    kernel: Kernel = Kernel.AUTO
    retransmit_timeout: float | None = None
    retransmit_base: float | None = None
    retransmit_tries: int | None = None
    retry_first: float = 1.0
    retry_max: float = 60.0
    attempts_at_once: int = 32
    audit_interval: float = 30.0
    capture: Path | None = None
    charon_unit: str = "strongswan-starter.service"
    restart_limit: float = 120.0
    max_tunnels: int | None = None

    @classmethod
    def parse(cls, table: Mapping[str, object] | None) -> Options:
        """Return the options that ``table`` sets.

        Raises:
            OptionError: keys are unknown or values have the wrong type.
        """
        values: dict[str, object] = {}
        faults: list[str] = []
        for key, value in (table or {}).items():
            convert = _CONVERT.get(key)
            if convert is None:
                known = ", ".join(_CONVERT)
                faults.append(f"[translator.strongswan] has no key '{key}'; known are {known}")
                continue
            try:
                values[key.replace("-", "_")] = convert(value)
            except ValueError as error:
                faults.append(f"[translator.strongswan] {key}: {value!r} is not {error}")
        options = cls(**values)  # type: ignore[arg-type]
        if options.retry_max < options.retry_first:
            faults.append(
                f"[translator.strongswan] retry-max: {options.retry_max:g} is less than"
                f" retry-first, which is {options.retry_first:g}"
            )
        if faults:
            raise OptionError(*faults)
        return options


def _path(value: object) -> Path:
    if not isinstance(value, str) or not value.startswith("/") or "\0" in value:
        raise ValueError("an absolute path")
    return Path(value)


def _positive(value: object) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 < value <= 1_000_000:  # type: ignore[operator]
        raise ValueError("a number above 0 and up to 1000000")
    return float(value)  # type: ignore[arg-type]


def _whole(highest: int) -> Callable[[object], int]:
    def convert(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= highest:
            raise ValueError(f"a whole number from 1 to {highest}")
        return value

    return convert


def _unit(value: object) -> str:
    # What systemd takes as the name of a unit (systemd.unit(5)), and nothing that reads as an option.
    if not isinstance(value, str) or not re.fullmatch(r"(?!-)[A-Za-z0-9:_.\\@-]{1,255}", value):
        raise ValueError("the name of a systemd unit")
    return value


def _kernel(value: object) -> Kernel:
    words = [kernel.value for kernel in Kernel]
    if value not in words:
        raise ValueError("one of " + ", ".join(words))
    return Kernel(value)


_CONVERT: Mapping[str, Callable[[object], object]] = {
    "vici-socket": _path,
    "error-notify-socket": _path,
    "charon-binary": _path,
    "plugin-dir": _path,
    "kernel": _kernel,
    "retransmit-timeout": _positive,
    "retransmit-base": _positive,
    "retransmit-tries": _whole(100),
    "retry-first": _positive,
    "retry-max": _positive,
    "attempts-at-once": _whole(100),
    "audit-interval": _positive,
    "capture": _path,
    "charon-unit": _unit,
    "restart-limit": _positive,
    "max-tunnels": _whole(65535),
}
