"""``show certificates``: certificates, CRLs and private keys of the gateway, and when they expire."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo

from console.client.session import Element
from console.grammar.command import Argument, Command
from console.model.schema import Schema
from console.shell.console import Console
from console.show.data import PKI, every, first, subtree, text, texts, top, tree, word
from console.show.layout import fields, folded, ranges, sentence, table
from console.show.rfc7951 import as_json
from console.show.screen import width_of
from console.show.times import distance, instant, when

SOON = timedelta(days=30)
"""Before the end of a certificate; the server tells of it from then on."""
SOON_CRL = timedelta(days=1)
_STATE = "yangswan-pki:certificate-state"


def show_certificates(console: Console, given: Mapping[str, str]) -> int:
    """Show all certificates, or one; the exit status is 1 where there is none of that name."""
    name = given.get("NAME")
    wanted = {"certificate": {"name": name}} if name else None
    data = console.client.get(subtree(tree(PKI, "certificate-state", wanted)))
    state = top(data, PKI, "certificate-state")
    if name and first(state, "certificate") is None:
        return console.missing("NAME", f"there is no certificate {name}")
    if console.out.as_json:
        console.out.json(as_json(data, console.schema))
        return 0
    now = datetime.now(UTC)
    certificate = first(state, "certificate")
    if name and certificate is not None:
        console.out.text(fields(_details(certificate, now), width_of(console)))
    else:
        console.out.text(page(state, console.schema, now, width=width_of(console)))
    return 0


def page(state: Element | None, schema: Schema, now: datetime, *, width: int | None) -> str:
    """Return the tables of all that there is, and the warnings below them."""
    parts = []
    if certificates := list(every(state, "certificate")):
        rows = [_row(one, now) for one in certificates]
        parts.append(table(("NAME", "SUBJECT", "EXPIRES", "USE"), rows, width, (1,)))
    if crls := list(every(state, "crl")):
        rows = [_crl_row(one, now) for one in crls]
        parts.append(table(("CRL", "ISSUER", "NEXT UPDATE", "REVOKED"), rows, width, (1,)))
    if keys := list(every(state, "private-key")):
        named = {text(one, "private-key"): text(one, "name") for one in certificates}
        key_rows = [_key_row(one, named) for one in keys]
        parts.append(table(("PRIVATE KEY", "ALGORITHM", "CERTIFICATE"), key_rows, width, (2,)))
    if not parts:
        return "There is no certificate and no private key."
    if warnings := list(_warnings(state, schema, now)):
        parts.append("\n".join(line for one in warnings for line in folded(one, width, "", "  ")))
    return "\n\n".join(parts)


def _row(one: Element, now: datetime) -> tuple[str, str, str, str]:
    uses = ["authority"] if text(one, "authority") == "true" else []
    if text(one, "private-key"):
        uses.append("own key")
    if tunnels := _tunnels(one):
        uses.append(f"tunnel {tunnels}")
    return text(one, "name"), text(one, "subject"), _expiry(one, now), ", ".join(uses)


def _crl_row(one: Element, now: datetime) -> tuple[str, str, str, str]:
    due = text(one, "next-update")
    return text(one, "name"), text(one, "issuer"), distance(due, now) or "not said", text(one, "revoked")


def _key_row(one: Element, named: Mapping[str, str]) -> tuple[str, str, str]:
    bits = text(one, "key-bits")
    return (
        text(one, "name"),
        text(one, "algorithm") + (f" {bits} bits" if bits else ""),
        named.get(text(one, "name"), "none"),
    )


def _tunnels(one: Element) -> str:
    return ranges(int(tunnel) for tunnel in texts(one, "tunnel") if tunnel.isdigit())


def _expiry(one: Element, now: datetime) -> str:
    begins, ends = instant(text(one, "not-before")), text(one, "not-after")
    if begins is not None and begins > now:
        return f"valid {distance(text(one, 'not-before'), now)}"
    if text(one, "expired") == "true":
        return f"EXPIRED {distance(ends, now)}"
    return distance(ends, now)


def _warnings(state: Element | None, schema: Schema, now: datetime) -> Iterator[str]:
    for one in every(state, "certificate"):
        if warning := _warning(one, now):
            yield f"Certificate {text(one, 'name')} {warning}"
    for one in every(state, "crl"):
        due = instant(text(one, "next-update"))
        if text(one, "expired") == "true":
            yield f"CRL {text(one, 'name')} is out of force: nothing but what it revokes is known by it"
        elif due is not None and due - now < SOON_CRL:
            yield f"CRL {text(one, 'name')} is out of force {distance(text(one, 'next-update'), now)}"
    fetching = text(state, "revocation/fetching")
    if fetching in ("no-plugin", "restart-needed"):
        yield sentence(word(schema, f"{_STATE}/revocation/fetching", fetching)) or fetching
    for kept in texts(state, "revocation/kept"):
        yield f"Kept by the daemon until it starts again: {kept}"


def _warning(one: Element, now: datetime) -> str:
    """Return what is wrong with a certificate, or soon will be; "" without."""
    used = f"; used by tunnel {tunnels}" if (tunnels := _tunnels(one)) else ""
    ends, begins = instant(text(one, "not-after")), instant(text(one, "not-before"))
    if text(one, "expired") == "true":
        return f"has expired{used}"
    if begins is not None and begins > now:
        return f"is not valid yet{used}"
    if ends is not None and ends - now < SOON:
        return f"expires {distance(text(one, 'not-after'), now)}{used}"
    return ""


def _details(one: Element, now: datetime, zone: tzinfo | None = None) -> Iterator[tuple[str, str]]:
    yield "Name", text(one, "name")
    yield "Subject", text(one, "subject")
    yield "Also", ", ".join(texts(one, "subject-alt-name"))
    yield "Issuer", text(one, "issuer")
    yield "Serial", text(one, "serial-number")
    yield "Valid from", when(text(one, "not-before"), now, zone)
    yield "Valid until", when(text(one, "not-after"), now, zone)
    yield "Authority", "yes" if text(one, "authority") == "true" else "no"
    yield "Private key", text(one, "private-key") or "none on this gateway"
    yield "Tunnels", _tunnels(one) or "none"
    yield "Warning", _warning(one, now)


COMMANDS = (
    Command(
        "show certificates [NAME]",
        "certificates, CRLs and private keys, and when they expire",
        show_certificates,
        words={"certificates": "what tunnels authenticate with"},
        arguments={"NAME": Argument("only this certificate, in detail", source="certificate")},
        json=True,
    ),
)
