"""What is being said with the peer at the moment, as the lines of charon's log tell it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

_OPENING = frozenset({"IKE_SA_INIT", "IKE_INTERMEDIATE", "IKE_AUTH", "ID_PROT", "AGGRESSIVE"})
_BEGUN = re.compile("^initiating (Main Mode |Aggressive Mode )?IKE_SA ")
_ASKED = re.compile(r"^generating ([A-Z_0-9]+) request [0-9]+ \[(.*)\]")
_HEARD = re.compile(r"^parsed ([A-Z_0-9]+) (request|response) [0-9]+ \[(.*)\]")
_REFUSED = re.compile("^received NO_PROPOSAL_CHOSEN")
_SENT = re.compile(r"^sending packet: from \S+\[[0-9]+\] to \S+\[([0-9]+)\]")
GARBLED = re.compile("^invalid (?:ID|HASH)_V1 payload length, decryption failed")
_PROBE = "N(DPD)"
_GIVEN_UP = re.compile("^DPD check timed out")
_ENDED = re.compile("^(?:deleting|received DELETE for) IKE_SA ")
_QUICK_MODE = "QUICK_MODE"
NAT_PORT = 4500


@dataclass(frozen=True, slots=True)
class Exchange:
    """``asked`` is the exchange of our last request, ``heard`` whether the peer has answered in this attempt
    to reach it, ``port`` the UDP port that it was last written to. ``answering``: what is read at the moment
    answers a DELETE of ours. ``probed``: the IKE_SAs, by unique id, on which a DPD request of IKEv1 is open,
    which nothing sends again; ``missed``: those on which another one followed it.
    ``garbled``: what the peer sent could not be decrypted, as in IKEv1 if the two have different secrets.

    Of IKEv1, ``offers``: no answer came yet to the proposals of our last quick mode. ``protected``: what was
    read last has a HASH, and so is of who has the keys of the IKE_SA (RFC 2409 section 5.7). ``refused``: it
    took none of the proposals."""

    asked: str = ""
    heard: bool = False
    port: int = 0
    answering: bool = False
    probed: frozenset[str] = frozenset()
    missed: frozenset[str] = frozenset()
    garbled: bool = False
    offers: bool = False
    protected: bool = False
    refused: bool = False

    @property
    def opens(self) -> bool:
        """Whether our last request is one of those that set an IKE_SA up."""
        return self.asked in _OPENING

    @property
    def silence(self) -> str:
        """What a peer did not do that does not answer, in words."""
        if not self.heard or not self.opens:
            return "the peer did not answer the first message"
        blocked = f": UDP port {NAT_PORT} may be blocked on the way" if self.port == NAT_PORT else ""
        return f"the peer answered the first message, but none after it{blocked}"


def after(exchange: Exchange, line: str, sa: str = "") -> Exchange:
    """Return what is being said once charon has logged ``line`` about the IKE_SA ``sa``."""
    if _BEGUN.match(line):
        return Exchange()
    if asked := _ASKED.match(line):
        exchange = replace(exchange, asked=asked[1])
        if _PROBE in asked[2]:
            missed = exchange.missed | (exchange.probed & {sa})
            exchange = replace(exchange, probed=exchange.probed | {sa}, missed=missed)
        # The third message of a quick mode has no SA.
        return _with_offer(exchange, "SA" in asked[2].split()) if asked[1] == _QUICK_MODE else exchange
    if heard := _HEARD.match(line):
        kind, payloads = heard[2], heard[3].split()
        exchange = replace(
            settled_with(exchange, sa),
            heard=True,
            # charon's threads hand lines on now and then in another order: of all answers only those count
            # that have a DELETE, or one of the peer just after any other would be taken for an answer.
            answering=kind == "response" and "D" in payloads,
            protected="HASH" in payloads,
        )
        takes = heard[1] == _QUICK_MODE and kind == "response" and "SA" in payloads
        return _with_offer(exchange, False) if takes else exchange
    if _REFUSED.match(line) and exchange.offers and exchange.protected:
        return replace(exchange, offers=False, refused=True)
    if _GIVEN_UP.match(line) or _ENDED.match(line):
        return settled_with(exchange, sa)
    if GARBLED.search(line):
        return replace(exchange, garbled=True)
    if sent := _SENT.match(line):
        return replace(exchange, port=int(sent[1]))
    return exchange


def settled_with(exchange: Exchange, sa: str) -> Exchange:
    """Return what is being said once nobody waits on the IKE_SA ``sa`` for an answer to a DPD request."""
    return replace(exchange, probed=exchange.probed - {sa}, missed=exchange.missed - {sa})


def forgotten(exchange: Exchange) -> Exchange:
    """Return what is being said once there is none of the IKE_SAs on which it was."""
    return replace(exchange, probed=frozenset(), missed=frozenset())


def _with_offer(exchange: Exchange, offers: bool) -> Exchange:
    return replace(exchange, offers=offers, refused=False)


def settled(exchange: Exchange) -> Exchange:
    """Return what is being said once nothing follows any more from how our proposals were taken."""
    return _with_offer(exchange, False)


def is_heard(line: str) -> bool:
    """Return whether ``line`` says that something came from the peer."""
    return _HEARD.match(line) is not None


def is_end(line: str) -> bool:
    """Return whether ``line`` says that an IKE_SA ends."""
    return _ENDED.match(line) is not None


def is_probe(line: str) -> bool:
    """Return whether ``line`` is of a DPD request of IKEv1."""
    asked = _ASKED.match(line)
    return asked is not None and _PROBE in asked[2]
