"""The SAs of a tunnel, laid out as the router's manual (and swanctl --list-sas) has them. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from console.client.session import Element
from console.harmless import harmless
from console.show.data import every, number, text, texts

_IKE_TIMES = (
    ("established", "established {}s ago"), ("rekey-in", "rekeying in {}s"), ("reauth-in", "reauth in {}s"),
)  # fmt: skip
_CHILD_TIMES = (
    ("installed", "installed {}s ago"), ("rekey-in", "rekeying in {}s"), ("expires-in", "expires in {}s"),
)  # fmt: skip
_TASKS = (("queued", "task-queued"), ("active", "task-active"), ("passive", "task-passive"))


def sa_lines(state: Element, name: str) -> Iterator[str]:
    """Yield the lines of all IKE SAs of a tunnel, each with its CHILD_SAs; those without one come last."""
    children = list(every(state, "child-sa"))
    listed = set()
    for ike in every(state, "ike-sa"):
        listed.add(text(ike, "unique-id"))
        yield from ike_lines(ike, name)
        for child in children:
            if text(child, "ike-sa") == text(ike, "unique-id"):
                yield from child_lines(child)
    for child in children:
        if text(child, "ike-sa") not in listed:
            yield from child_lines(child)


def ike_lines(ike: Element, name: str) -> Iterator[str]:
    own = text(ike, "initiator") == "true"
    spis = f"{text(ike, 'initiator-spi')}_i{'*' if own else ''}"
    if responder := text(ike, "responder-spi"):
        spis += f" {responder}_r{'' if own else '*'}"
    number_and_state = f"#{text(ike, 'unique-id')}, {text(ike, 'state').upper()}"
    yield f"{name}: {number_and_state}, IKEv{text(ike, 'version')}, {spis}"
    for side in ("local", "remote"):
        yield f"  {side:<6} '{harmless(text(ike, side + '-id'))}' @ {_endpoint(ike, side)}"
    if algorithms := algorithm_words(ike):
        yield f"  {algorithms}"
    if times := _times(ike, *_IKE_TIMES):
        yield f"  {times}"
    for word, leaf in _TASKS:
        if tasks := texts(ike, leaf):
            yield f"  {word + ':':<8} {harmless(' '.join(tasks))}"


def child_lines(child: Element) -> Iterator[str]:
    udp = "-in-UDP" if text(child, "encap") == "true" else ""
    name = harmless(text(child, "name"))
    head = [f"  {name}: #{text(child, 'unique-id')}", f"reqid {text(child, 'reqid')}"]
    head += [text(child, "state").upper(), f"{text(child, 'mode').upper()}{udp}"]
    algorithms = algorithm_words(child)
    protocol = text(child, "protocol").upper()
    head.append(f"{protocol}:{algorithms}" if algorithms else protocol)
    yield ", ".join(one for one in head if one)
    if said := _times(child, *_CHILD_TIMES):
        yield f"    {said}"
    for way in ("in", "out"):
        if spi := text(child, f"spi-{way}"):
            octets, packets = (number(child, f"{unit}-{way}") or 0 for unit in ("bytes", "packets"))
            used = number(child, f"last-use-{way}")
            ago = "" if used is None else f", {used}s ago"
            yield f"    {way:<3} {spi}, {octets} bytes, {packets} packets{ago}"
    for side in ("local", "remote"):
        if selectors := texts(child, f"{side}-ts"):
            yield f"    {side:<6} {harmless(' '.join(selectors))}"


def algorithm_words(sa: Element) -> str:
    """Return the algorithms by the names of the daemon: AES_CBC-128/HMAC_SHA2_256_128/MODP_3072."""
    cipher = text(sa, "cipher-name")
    if cipher and (bits := text(sa, "key-bits")):
        cipher += f"-{bits}"
    names = [cipher, *(text(sa, f"{one}-name") for one in ("auth", "prf", "dh")), *texts(sa, "ke-name")]
    if text(sa, "esn") == "true":
        names.append("ESN")
    return harmless("/".join(one for one in names if one))


def _endpoint(ike: Element, side: str) -> str:
    port = text(ike, f"{side}-port")
    return text(ike, f"{side}-host") + (f"[{port}]" if port else "")


def _times(sa: Element, *words: tuple[str, str]) -> str:
    said = ((pattern, number(sa, leaf)) for leaf, pattern in words)
    return ", ".join(pattern.format(seconds) for pattern, seconds in said if seconds is not None)
