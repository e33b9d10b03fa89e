"""What a tunnel's state means, in the words of the router's manual and in sentences. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from console.client.session import Element
from console.model.schema import Schema
from console.show.data import by_name, every, number, text, word
from console.show.layout import sentence
from console.show.times import since_rekey

STATE = "yangswan-ipsec:tunnels/ipsec/state"
UP = "installed"

WORDS: Mapping[str, str] = MappingProxyType({
    "down": "Down",
    "connecting": "Down(Connecting)",
    "ike-established": "Down(IKE Established)",
    "installed": "Up(Installed)",
    "retransmission": "Down(Retransmission)",
})  # fmt: skip


def status(tunnel: Element) -> str:
    return text(tunnel, "state/status")


def status_words(name: str) -> str:
    """Return a status as the manual has it; of one that it does not know, the name."""
    return WORDS.get(name, name)


def is_up(tunnel: Element) -> bool:
    return status(tunnel) == UP


def rekey_words(tunnel: Element) -> str:
    seconds = number(tunnel, "state/time-since-rekey")
    return "" if seconds is None else since_rekey(seconds)


def is_disabled(tunnel: Element) -> bool:
    return text(tunnel, "enabled") == "false"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the table says of a tunnel: of thousands each is read once. ``leafs``, and those of its
    ``state``: by name; of what there may be several the first."""

    leafs: Mapping[str, Element]
    state: Mapping[str, Element]

    def leaf(self, name: str) -> str:
        """Return the text of a leaf, "" where there is none."""
        found = self.leafs.get(name)
        return "" if found is None else (found.text or "").strip()

    def of_state(self, name: str) -> str:
        """Return the text of a leaf of the state, "" where there is none."""
        found = self.state.get(name)
        return "" if found is None else (found.text or "").strip()


def facts_of(tunnel: Element) -> Facts:
    leafs = by_name(tunnel)
    return Facts(leafs, by_name(leafs.get("state")))


def notes(facts: Facts, schema: Schema) -> Iterator[str]:
    """Yield what an operator should know of a tunnel beyond its status, each in a few words.

    What several tunnels have in common has the same words, so that it can be said once.
    """
    if facts.leaf("enabled") == "false":
        yield "Disabled"
        return
    state = facts.state
    if "state" not in facts.leafs:
        yield "You may not read the state"
    applied = facts.of_state("applied")
    if applied in _NOT_APPLIED:
        yield _NOT_APPLIED[applied]
    if "sas-unknown" in state:
        yield "The daemon does not say what SAs there are: this is what it said last"
    if facts.of_state("local-address-present") == "false":
        yield "No interface has the local address"
    if "limitation" in state:
        yield "The daemon cannot do all that is configured"
    narrowed = by_name(state.get("narrowed"))
    if "local-subnet" in narrowed or "remote-subnet" in narrowed:
        yield "The peer did not take all subnets"
    overlaps = every(facts.leafs["state"], "overlap") if "overlap" in state else ()
    if any(text(one, "relation") in ("crossing", "same") for one in overlaps):
        yield "Another tunnel wants the same traffic"
    protection = state.get("leak-protection")
    if text(protection, "in-force") == "false" and text(protection, "reason") != "switched-off":
        why = sentence(word(schema, f"{STATE}/leak-protection/reason", text(protection, "reason")))
        yield f"Packets may leak in clear: {lowered(why)}" if why else "Packets may leak in clear"


_NOT_APPLIED = MappingProxyType({
    "pending": "Not in force: the daemon cannot be reached",
    "refused": "Not in force: the daemon refuses it",
    "not-applied": "Not in force: the agent runs without a daemon",
})  # fmt: skip


def reason_words(failure: Element | None, schema: Schema) -> str:
    """Return why something failed: a sentence of the model, and what the daemon said about it."""
    reason = text(failure, "reason")
    said = sentence(word(schema, f"{STATE}/last-error/reason", reason)) or reason
    detail = text(failure, "detail")
    return f"{said} ({detail})" if said and detail else said or detail


def lowered(words: str) -> str:
    return words[:1].lower() + words[1:]
