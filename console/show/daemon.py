"""``show daemon``: the IKE daemon behind the tunnels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, tzinfo

from console.client.session import Element
from console.grammar.command import Command
from console.model.schema import Schema
from console.shell.console import Console
from console.show.data import DAEMON, first, number, subtree, text, texts, top, tree, word
from console.show.layout import counted, fields, sentence
from console.show.rfc7951 import as_json
from console.show.screen import width_of
from console.show.times import when

_ALGORITHMS = (
    ("Ciphers", "encryption"), ("AEAD ciphers", "aead"), ("Integrity", "integrity"),
    ("PRFs", "prf"), ("Key exchanges", "ke"),
)  # fmt: skip


def show_daemon(console: Console, given: Mapping[str, str]) -> int:
    """Show the daemon; the exit status is 1 where the agent has none and should."""
    data = console.client.get(subtree(tree(DAEMON, "daemon")))
    daemon = top(data, DAEMON, "daemon")
    if console.out.as_json:
        console.out.json(as_json(data, console.schema))
    elif daemon is None:
        console.out.warn("the server tells nothing of its daemon, or you may not read it")
    else:
        console.out.text(page(daemon, console.schema, datetime.now(UTC), width=width_of(console)))
    return 1 if daemon is None or is_away(daemon) else 0


def is_away(daemon: Element) -> bool:
    return text(daemon, "connected") == "false" and text(daemon, "backend") != "none"


def page(
    daemon: Element, schema: Schema, now: datetime, *, width: int | None, zone: tzinfo | None = None
) -> str:
    """Return all that is said of the daemon."""
    return fields(_facts(daemon, schema, now, zone), width)


def _facts(daemon: Element, schema: Schema, now: datetime, zone: tzinfo | None) -> Iterator[tuple[str, str]]:
    yield "Daemon", text(daemon, "version") or "unknown"
    backend = text(daemon, "backend")
    said = sentence(word(schema, "yangswan-daemon:daemon/backend", backend))
    yield "Backend", f"{backend}: {said[:1].lower()}{said[1:]}" if said else backend
    if text(daemon, "connected"):
        yield "Connected", "yes" if text(daemon, "connected") == "true" else "no"
    yield "Trouble", text(daemon, "trouble")
    yield "Started", when(text(daemon, "started-at"), now, zone)
    if (total := number(daemon, "ike-sas/total")) is not None:
        half = number(daemon, "ike-sas/half-open") or 0
        yield "IKE SAs", f"{total}, of which {half} being negotiated"
    source = text(daemon, "failure-source")
    yield "Failures", sentence(word(schema, "yangswan-daemon:daemon/failure-source", source)) or source
    yield "Silent peers", _retransmission(first(daemon, "retransmission"))
    for name, leaf in _ALGORITHMS:
        yield name, " ".join(texts(daemon, f"algorithms/{leaf}"))
    yield "Plugins", " ".join(texts(daemon, "plugin"))


def _retransmission(found: Element | None) -> str:
    """Return how long a peer may be silent: attempt n is followed by timeout * base ^ n seconds."""
    tries = number(found, "tries")
    try:
        timeout, base = float(text(found, "timeout")), float(text(found, "base"))
    except ValueError:
        return ""
    if tries is None or tries > 255:
        return ""
    whole = sum(timeout * base**attempt for attempt in range(tries + 1))
    return f"asked again {counted(tries, 'time')}, given up after {whole:.0f} s"


COMMANDS = (
    Command(
        "show daemon",
        "the IKE daemon: its version, whether it can be reached, what it can do",
        show_daemon,
        words={"daemon": "the IKE daemon behind the tunnels"},
        json=True,
    ),
)
