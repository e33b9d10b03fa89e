"""``show ipsec N``: one tunnel; its SAs as the router's manual has them, then what is known of its state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, tzinfo

from console.client.session import Client, Element, ServerErrors
from console.grammar.command import Argument, Command
from console.harmless import harmless
from console.model.schema import Schema
from console.shell.console import Console
from console.show.data import IPSEC, Wanted, every, first, number, subtree, text, texts, top, tree, word
from console.show.layout import fields, folded, sentence
from console.show.sas import sa_lines
from console.show.screen import show_one, width_of
from console.show.status import (
    STATE,
    is_disabled,
    is_up,
    lowered,
    reason_words,
    rekey_words,
    status,
    status_words,
)
from console.show.times import clock, when

EVENTS_SHOWN = 5
TUNNEL = Argument("the number of the tunnel", source="tunnel", number=(1, 65535))
_CONFIGURATION = ("enabled", "description", "initiator", "local-address", "peer")


def asked_for(client: Client, tunnel: str) -> Element:
    """Return <data> with the state of one tunnel and the little of its configuration that explains it."""
    wanted: Wanted = {"id": tunnel, "state": None, **dict.fromkeys(_CONFIGURATION)}
    return client.get(subtree(tree(IPSEC, "tunnels", {"ipsec": wanted})))


def tunnel_in(data: Element) -> Element | None:
    return first(top(data, IPSEC, "tunnels"), "ipsec")


def show_tunnel(console: Console, given: Mapping[str, str]) -> int:
    """Show one tunnel."""
    data = asked_for(console.client, given["ID"])

    def whole(tunnel: Element) -> str:
        return page(tunnel, console.schema, datetime.now(UTC), width=width_of(console))

    if (tunnel := tunnel_in(data)) is None:
        return missing(console, given["ID"])
    return show_one(console, data, tunnel, whole)


def show_log(console: Console, given: Mapping[str, str]) -> int:
    """Show what happened to one tunnel lately."""
    wanted: Wanted = {"id": given["ID"], "state": {"event": None}}
    data = console.client.get(subtree(tree(IPSEC, "tunnels", {"ipsec": wanted})))

    def events(tunnel: Element) -> str:
        found = list(every(tunnel, "state/event"))
        if not found:
            return f"Nothing has happened to tunnel {given['ID']} since the agent watches it."
        return "\n".join(event_lines(found, console.schema, width_of(console)))

    if (tunnel := tunnel_in(data)) is None:
        return missing(console, given["ID"])
    return show_one(console, data, tunnel, events)


def missing(console: Console, tunnel: str) -> int:
    """Say that there is no such tunnel, or only in the candidate; returns the exit status."""
    wanted = subtree(tree(IPSEC, "tunnels", {"ipsec": {"id": tunnel}}))
    try:
        edited = tunnel_in(console.client.get_config("candidate", wanted)) is not None
    except ServerErrors:  # who may not read the candidate
        edited = False
    if edited:
        return console.missing("ID", f"tunnel {tunnel} is not in force yet: 'commit' puts it in force")
    return console.missing("ID", f"there is no tunnel {tunnel}")


def page(
    tunnel: Element, schema: Schema, now: datetime, *, width: int | None, zone: tzinfo | None = None
) -> str:
    """Return all that is said of a tunnel."""
    state = first(tunnel, "state")
    lines = [] if state is None else list(sa_lines(state, f"ipsec{text(tunnel, 'id')}"))
    lines = [one for line in lines for one in _wrapped(line, width)]
    if lines:
        lines.append("")
    lines.append(fields(_facts(tunnel, schema, now, zone), width))
    events = list(every(state, "event"))
    if events:
        lines += ["", *event_lines(events[-EVENTS_SHOWN:], schema, width, zone)]
        if len(events) > EVENTS_SHOWN:
            said = f"('show ipsec {text(tunnel, 'id')} log' has all {len(events)} events)"
            lines += folded(said, width)
    return "\n".join(lines)


def event_lines(
    events: list[Element], schema: Schema, width: int | None, zone: tzinfo | None = None
) -> Iterator[str]:
    """Yield what happened, oldest first."""
    for event in events:
        why = reason_words(event, schema)
        times = text(event, "times")
        said = text(event, "what").replace("-", " ") + (f" {times} times" if times else "")
        at = clock(text(event, "time"), zone)
        yield from folded(f"{at}  {said}" + (f": {why}" if why else ""), width, "", " " * 4)


def _facts(tunnel: Element, schema: Schema, now: datetime, zone: tzinfo | None) -> Iterator[tuple[str, str]]:
    state = first(tunnel, "state")
    yield "Tunnel", _named(tunnel)
    yield "Role", _role(tunnel)
    yield "Status", _status(tunnel, schema)
    yield "Since", when(text(state, "since"), now, zone)
    yield "Last rekey", f"{rekey} ago" if (rekey := rekey_words(tunnel)) else ""
    yield "In force", _in_force(tunnel, schema)
    yield "Limitation", text(state, "limitation")
    if text(state, "local-address-present") == "false":
        yield "Address", f"no interface has the local address {text(tunnel, 'local-address')}"
    for name, path in (("Last error", "last-error"), ("Last down", "last-down")):
        failure = first(state, path)
        if text(failure, "time") or text(failure, "reason"):
            yield name, f"{when(text(failure, 'time'), now, zone)}: {reason_words(failure, schema)}"
    yield "Unanswered", _unanswered(state)
    yield "NAT", _nat(list(every(state, "ike-sa")))
    yield "Next attempt", _next_attempt(tunnel, now, zone)
    yield from _traffic(state, schema)
    yield "Counted", _counters(state)


def _named(tunnel: Element) -> str:
    description = harmless(text(tunnel, "description"))
    return text(tunnel, "id") + (f" ({description})" if description else "")


def _role(tunnel: Element) -> str:
    role = "initiator" if text(tunnel, "initiator") == "true" else "responder"
    local, peer = text(tunnel, "local-address"), text(tunnel, "peer")
    return f"{role}, from {local or 'an address of this gateway'} to {peer or 'any peer'}"


def _status(tunnel: Element, schema: Schema) -> str:
    if first(tunnel, "state") is None:
        return "you may not read it"
    name = status(tunnel)
    words = status_words(name)
    if is_disabled(tunnel):
        return f"{words}: it is disabled ('enable' and 'commit' begin it)"
    if name == "down" and text(tunnel, "state/applied") == "applied" and text(tunnel, "initiator") != "true":
        return f"{words}: waits for the peer to call; one of the two gateways needs 'initiator'"
    said = sentence(word(schema, f"{STATE}/status", name)).removeprefix("Up; ").removeprefix("Down; ")
    said = said.removesuffix(", or it is disabled")
    unknown = first(tunnel, "state/sas-unknown") is not None
    late = "; the daemon does not say what SAs there are, this is what it said last" if unknown else ""
    return f"{words}: {lowered(said)}{late}" if said else f"{words}{late}"


def _in_force(tunnel: Element, schema: Schema) -> str:
    applied = text(tunnel, "state/applied")
    if applied in ("", "applied", "dormant"):
        return ""
    return f"no: {lowered(sentence(word(schema, f'{STATE}/applied', applied)) or applied)}"


def _unanswered(state: Element | None) -> str:
    tries = number(state, "retransmission-tries")
    return "" if tries is None else f"a request, sent again {tries} time{'' if tries == 1 else 's'} so far"


def _nat(sas: list[Element]) -> str:
    """Return who is behind a NAT by the newest IKE SA.

    Who forces ESP into UDP falsifies the hash of its own address (RFC 7296 section 2.23), which the peer
    cannot tell from a NAT. The hash of the other side's address is true, so nat-local is, too.
    """
    local, remote, any_ = (
        bool(sas) and text(sas[-1], leaf) == "true" for leaf in ("nat-local", "nat-remote", "nat-any")
    )
    said = ["this gateway is behind one"] if local else []
    if remote:
        said.append("the peer is behind one, or pretends to be, to have ESP in UDP")
    if any_ and not said:
        said.append("none; this gateway pretends one, to have ESP in UDP")
    return "; ".join(said)


def _next_attempt(tunnel: Element, now: datetime, zone: tzinfo | None) -> str:
    if is_up(tunnel):
        return ""
    attempts = number(tunnel, "state/supervision/attempts")
    at = when(text(tunnel, "state/supervision/next-attempt"), now, zone)
    so_far = "" if attempts is None else f"{attempts} attempt{'' if attempts == 1 else 's'} so far"
    return ", ".join(one for one in (at, so_far) if one)


def _traffic(state: Element | None, schema: Schema) -> Iterator[tuple[str, str]]:
    """Yield what does not go the way that is configured."""
    for side, name in (("local", "this side"), ("remote", "the peer's side")):
        if lost := texts(state, f"narrowed/{side}-subnet"):
            yield "Not carried", f"{', '.join(lost)} on {name}: the peer did not take all of it"
    for overlap in every(state, "overlap"):
        said = text(overlap, "detail")
        said = said or sentence(word(schema, f"{STATE}/overlap/relation", text(overlap, "relation")))
        yield "Overlap", f"with tunnel {text(overlap, 'tunnel')}: {said}"
    if covered := texts(state, "covered-network"):
        yield "Covered", f"{', '.join(covered)}: reach this gateway through the tunnel only"
    yield "Leaks", _protection(first(state, "leak-protection"), schema)


def _protection(protection: Element | None, schema: Schema) -> str:
    force = text(protection, "in-force")
    if not force:
        return ""
    why = sentence(word(schema, f"{STATE}/leak-protection/reason", text(protection, "reason")))
    said = "packets in clear are dropped" if force == "true" else "packets may pass in clear"
    said += f": {lowered(why)}" if why else ""
    if detail := text(protection, "detail"):
        said += f" ({detail})"
    out, back = (number(protection, f"dropped-packets-{way}") or 0 for way in ("out", "in"))
    return f"{said}; {out} dropped on their way out, {back} on their way in" if out or back else said


_COUNTERS = (
    ("ups", "up"), ("downs", "down"), ("failures", "failed"), ("rekeys", "rekeyed"),
    ("retransmissions", "sent again"),
)  # fmt: skip


def _counters(state: Element | None) -> str:
    counted = ((name, number(state, f"counters/{leaf}")) for leaf, name in _COUNTERS)
    return ", ".join(f"{name} {count}" for name, count in counted if count is not None)


def _wrapped(line: str, width: int | None) -> list[str]:
    body = line.lstrip(" ")
    indent = " " * (len(line) - len(body))
    return folded(body, width, indent, indent + "    ")


COMMANDS = (
    Command(
        "show ipsec ID",
        "one tunnel: its SAs, why it is down, what happened to it",
        show_tunnel,
        words={"ipsec": "the IPsec tunnels"},
        arguments={"ID": TUNNEL},
        json=True,
    ),
    Command(
        "show ipsec ID log",
        "what happened to a tunnel lately",
        show_log,
        words={"log": "what happened to it, oldest first"},
        arguments={"ID": TUNNEL},
        json=True,
    ),
)
