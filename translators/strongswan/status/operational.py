"""Facts and replies -> operational data as RFC 7951 JSON. Pure: the clock comes in.

A value that charon shows in a form the model has no place for is left out, never passed on: one bad leaf
would make the whole reply invalid.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from itertools import chain
from typing import Any

from translators.strongswan.backoff import Attempts
from translators.strongswan.options import Options
from translators.strongswan.status import state
from translators.strongswan.status.events import Source
from translators.strongswan.status.facts import DETAIL_CHARACTERS_MAX, Entry, Facts, LastError, Reason
from translators.strongswan.status.ledger import NO_FACTS
from translators.strongswan.status.state import Section
from translators.strongswan.translation import proposals
from translators.strongswan.translation.prefixes import canonical_address
from translators.strongswan.translation.proposals import Available

Json = dict[str, Any]

SA_MARKS = ("unique-id", "spi-in", "spi-out")
"""What tells a CHILD_SA from all others: a charon that is started counts anew, and an SPI may come back."""
SA_COUNTERS = ("bytes-in", "bytes-out", "packets-in", "packets-out")

# strongSwan's defaults (swanctl.opt, retransmit_*): five tries within 165 s.
RETRANSMIT_TRIES, RETRANSMIT_TIMEOUT_S, RETRANSMIT_BASE = 5, 4.0, 1.8


class Applied(Enum):
    """Whether charon holds the tunnel's configuration; the values are those of the model."""

    APPLIED = "applied"
    DORMANT = "dormant"
    PENDING = "pending"
    REFUSED = "refused"
    NOT_APPLIED = "not-applied"


@dataclass(frozen=True, slots=True)
class Row:
    """``leaf`` of the model is ``convert`` of what charon calls ``key``; None leaves it out."""

    leaf: str
    key: str
    convert: Callable[[object], object | None]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _uint(value: object) -> int | None:
    return int(value) if isinstance(value, str) and value.isdecimal() and int(value) < 2**32 else None


def _counter(value: object) -> str | None:
    # RFC 7951 section 6.1: 64 bits do not fit a JSON number everywhere.
    return value if isinstance(value, str) and value.isdecimal() else None


def _flag(value: object) -> bool:
    return value in ("yes", "1")


def _address(value: object) -> str | None:
    try:
        return canonical_address(str(value).partition("%")[0])
    except ValueError:
        return None


def _one_of(*names: str) -> Callable[[object], str | None]:
    known = frozenset(names)
    return lambda value: lower if isinstance(value, str) and (lower := value.lower()) in known else None


def _texts(value: object) -> list[str] | None:
    return value if isinstance(value, list) and value else None


def _port(value: object) -> int | None:
    number = _uint(value)
    return number if number is not None and number < 2**16 else None


IKE_SA = (
    Row("unique-id", "uniqueid", _uint),
    Row("version", "version", _uint),
    Row(
        "state",
        "state",
        _one_of(
            "created",
            "connecting",
            "established",
            "passive",
            "rekeying",
            "rekeyed",
            "deleting",
            "destroying",
        ),
    ),
    Row("initiator", "initiator", _flag),
    Row("initiator-spi", "initiator-spi", _text),
    Row("responder-spi", "responder-spi", _text),
    Row("local-host", "local-host", _address),
    Row("local-port", "local-port", _port),
    Row("local-id", "local-id", _text),
    Row("remote-host", "remote-host", _address),
    Row("remote-port", "remote-port", _port),
    Row("remote-id", "remote-id", _text),
    Row("prf-name", "prf-alg", _text),
    Row("established", "established", _uint),
    Row("rekey-in", "rekey-time", _uint),
    Row("reauth-in", "reauth-time", _uint),
    Row("nat-local", "nat-local", _flag),
    Row("nat-remote", "nat-remote", _flag),
    Row("nat-any", "nat-any", _flag),
    Row("task-queued", "tasks-queued", _texts),
    Row("task-active", "tasks-active", _texts),
    Row("task-passive", "tasks-passive", _texts),
)
CHILD_SA = (
    Row("unique-id", "uniqueid", _uint),
    Row("name", "name", _text),
    Row(
        "state",
        "state",
        _one_of(
            "created",
            "routed",
            "installing",
            "installed",
            "updating",
            "rekeying",
            "rekeyed",
            "retrying",
            "deleting",
            "deleted",
            "destroying",
        ),
    ),
    Row("reqid", "reqid", _uint),
    Row("mode", "mode", _one_of("tunnel", "transport", "beet")),
    Row("protocol", "protocol", _one_of("esp", "ah")),
    Row("encap", "encap", _flag),
    Row("spi-in", "spi-in", _text),
    Row("spi-out", "spi-out", _text),
    Row("esn", "esn", _flag),
    Row("bytes-in", "bytes-in", _counter),
    Row("packets-in", "packets-in", _counter),
    Row("last-use-in", "use-in", _uint),
    Row("bytes-out", "bytes-out", _counter),
    Row("packets-out", "packets-out", _counter),
    Row("last-use-out", "use-out", _uint),
    Row("rekey-in", "rekey-time", _uint),
    Row("expires-in", "life-time", _uint),
    Row("installed", "install-time", _uint),
    Row("local-ts", "local-ts", _texts),
    Row("remote-ts", "remote-ts", _texts),
)
NEGOTIATED = (
    Row("cipher-name", "encr-alg", _text),
    Row("key-bits", "encr-keysize", _port),
    Row("auth-name", "integ-alg", _text),
    Row("dh-name", "dh-group", _text),
)
_KEYWORDS = (("cipher", "encr-alg"), ("auth", "integ-alg"), ("prf", "prf-alg"), ("dh", "dh-group"))


def _render(rows: Iterable[Row], section: Section) -> Json:
    rendered: Json = {}
    for row in chain(rows, NEGOTIATED):
        value = section.get(row.key)
        # What charon leaves out says something of a flag alone.
        if value is not None or row.convert is _flag:
            rendered[row.leaf] = row.convert(value)
    bits = _uint(section.get("encr-keysize"))
    for leaf, key in _KEYWORDS:
        name = section.get(key)
        if isinstance(name, str):
            rendered[leaf] = proposals.keyword(leaf, name, bits if leaf == "cipher" else None)
    if names := state.further_key_exchanges(section):
        rendered["ke-name"] = names
        rendered["ke"] = [word for name in names if (word := proposals.keyword("ke", name))] or None
    return {leaf: value for leaf, value in rendered.items() if value is not None}


def tunnel_state(
    sas: Sequence[Section],
    facts: Facts,
    applied: Applied,
    attempts: Attempts | None,
    local_address_present: bool | None,
    now: float,
    names: Collection[str] = (),
) -> Json:
    """Return the container ``state`` of one tunnel from its IKE_SAs (list-sas) and facts.

    ``attempts``: how it goes with bringing it up, None if nobody tries; ``now`` is in seconds since the
    epoch; ``names`` are those of its children.
    """
    if facts is NO_FACTS and not sas and attempts is None:  # as most are that are not used
        return _as_if_new(applied, local_address_present)
    newest = max(sas, key=lambda sa: state.number(sa.get("uniqueid"))) if sas else None
    child = state.installed_child(sas) if sas else None
    found: Json = {
        "status": state.status(sas, facts, attempts is not None, names).value,
        "applied": applied.value,
        "local-address-present": local_address_present,
        "since": None if facts.since is None else date_and_time(facts.since),
        "time-since-rekey": _uint(child.get("install-time")) if child is not None else None,
        "remote-address-in-use": _address(newest.get("remote-host")) if newest is not None else None,
        "last-error": _error(facts.last_error),
        "last-down": _error(facts.last_down),
        "retransmission-tries": facts.tries or None,
        "counters": _counters(facts),
        "supervision": None if attempts is None or child is not None else _supervision(attempts, now),
        "event": [_entry(entry) for entry in facts.history] or None,
    }
    if sas:
        found["ike-sa"] = [_render(IKE_SA, sa) for sa in sas]
        found["child-sa"] = [
            {**_render(CHILD_SA, child), "ike-sa": state.number(sa.get("uniqueid"))}
            for sa in sas
            for child in state.children(sa)
        ] or None
    return {name: value for name, value in found.items() if value is not None}


def _as_if_new(applied: Applied, local_address_present: bool | None) -> Json:
    """Return the state of a tunnel of which nothing has been heard, made of one that was asked for before."""
    kept = _kept_of_new(applied, local_address_present)
    return {**kept, "counters": {**kept["counters"]}}


@cache
def _kept_of_new(applied: Applied, local_address_present: bool | None) -> Mapping[str, Any]:
    return tunnel_state((), Facts(), applied, None, local_address_present, now=0.0)


_MEASURED = tuple(row for row in CHILD_SA if row.leaf in {*SA_MARKS, *SA_COUNTERS})


def measured_state(sas: Sequence[Section], facts: Facts, *, retrying: bool, names: Collection[str]) -> Json:
    """Return of ``tunnel_state`` what is measured, which costs a tenth of it."""
    child = state.installed_child(sas)
    found: Json = {
        "status": state.status(sas, facts, retrying, names).value,
        "since": None if facts.since is None else date_and_time(facts.since),
        "time-since-rekey": _uint(child.get("install-time")) if child is not None else None,
        "last-error": _error(facts.last_error),
        "counters": _counters(facts),
    }
    found = {name: value for name, value in found.items() if value is not None}
    return found | {
        "child-sa": [
            {row.leaf: row.convert(child.get(row.key)) for row in _MEASURED}
            for sa in sas
            for child in state.children(sa)
        ]
    }


_USER_SPACE_ESP = "kernel-libipsec"
_ACQUIRES_SINCE = (5, 9, 11)


def limitation(traps: Collection[str], version: str, plugins: Collection[str]) -> str | None:
    """Return what a charon of ``version`` with ``plugins`` cannot do of the actions ``traps`` of a tunnel
    (leaves that are "trap"), None if it can."""
    numbers = tuple(int(part) for part in re.findall("[0-9]+", version)[:3])
    if not traps or _USER_SPACE_ESP not in plugins or not numbers or numbers >= _ACQUIRES_SINCE:
        return None
    return (
        f"{' and '.join(traps)} trap: strongSwan {version} with ESP in user space ({_USER_SPACE_ESP}) does "
        "not see packets that wait for the tunnel; it stays down until the action initiate. 5.9.11 and "
        "later, or ESP in the kernel, do"
    )


def hindrance(trouble: str, since: float) -> Json:
    """Return the ``last-error`` of a tunnel while there is no charon for it, which is no failure of its own.

    ``since`` is in seconds since the epoch.
    """
    detail = trouble[:DETAIL_CHARACTERS_MAX]
    return {"last-error": _error(LastError(Reason.DAEMON_UNAVAILABLE, detail, since))}


def _error(error: LastError | None) -> Json | None:
    if error is None:
        return None
    found = {"reason": error.reason.value, "detail": error.detail, "time": date_and_time(error.at)}
    return {name: value for name, value in found.items() if value}


def _counters(facts: Facts) -> Json:
    counters = facts.counters
    found: Json = {
        "ups": counters.ups,
        "downs": counters.downs,
        "failures": counters.failures,
        "rekeys": counters.rekeys,
        "retransmissions": counters.retransmissions,
    }
    if counters.reasons:
        found["failure"] = [{"reason": reason.value, "times": n} for reason, n in counters.reasons.items()]
    return found


def _supervision(attempts: Attempts, now: float) -> Json:
    found: Json = {"attempts": attempts.made}
    if attempts.next_in_s is not None:
        found["next-attempt"] = date_and_time(now + attempts.next_in_s)
    return found


def _entry(entry: Entry) -> Json:
    found: Json = {"index": entry.index, "time": date_and_time(entry.at), "what": entry.kind.value}
    if entry.reason is not None:
        found["reason"] = entry.reason.value
    if entry.detail:
        found["detail"] = entry.detail
    return found | ({"times": entry.times} if entry.times > 1 else {})


def daemon_state(
    backend: str,
    version: str | None,
    available: Available,
    stats: Section,
    source: Source | None,
    options: Options,
    now: float,
    trouble: str = "",
) -> Json:
    """Return the container ``daemon``; ``version`` is None while charon is not connected, ``trouble`` says
    why not."""
    found: Json = {"backend": backend, "connected": version is not None}
    if trouble:
        found["trouble"] = trouble
    if version is not None:
        found |= {
            "version": f"charon {version}",
            **({} if source is None else {"failure-source": source.value}),
            "plugin": _texts(stats.get("plugins")) or [],
            "algorithms": _algorithms(available),
            **_uptime(stats.get("uptime"), now),
        }
        if isinstance(sas := stats.get("ikesas"), Mapping):
            found["ike-sas"] = {
                key: state.number(sas.get(key)) for key in ("total", "half-open") if key in sas
            }
    if backend == "managed":
        # Of an external charon nothing tells these.
        found["retransmission"] = {
            "tries": options.retransmit_tries or RETRANSMIT_TRIES,
            "timeout": f"{options.retransmit_timeout or RETRANSMIT_TIMEOUT_S:.3f}",
            "base": f"{options.retransmit_base or RETRANSMIT_BASE:.3f}",
        }
    return found


def _algorithms(available: Available) -> Json:
    kinds = {"encryption": "encryption", "aead": "aead", "integrity": "integrity", "prf": "prf"}
    found = {leaf: sorted(available.get(kind, ())) for leaf, kind in kinds.items()}
    # get-algorithms calls key exchange methods "dh" before strongSwan 6.0 and "ke" since.
    found["ke"] = sorted({*available.get("ke", ()), *available.get("dh", ())})
    return found


def _uptime(uptime: object, now: float) -> Json:
    """charon writes the moment of its start in local time, without a zone."""
    text = uptime.get("since") if isinstance(uptime, Mapping) else None
    try:
        started = datetime.strptime(str(text), "%b %d %H:%M:%S %Y").astimezone(UTC)
    except ValueError:
        return {}
    age_s = max(0, int(now - started.timestamp()))
    return {"started-at": date_and_time(started.timestamp()), "uptime-seconds": age_s}


def date_and_time(at: float) -> str:
    """Return seconds since the epoch as yang:date-and-time (RFC 6991)."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
