"""Was this SA negotiated with the configuration at hand? Pure.

Says no only where list-sas proves it: addresses, identities given as an address, the algorithms and the
traffic selectors. A secret leaves no trace in an SA.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping, Sequence

from translators.strongswan import proposals, state
from translators.strongswan.connections import Messages

Section = Mapping[str, object]


def disagreement(messages: Messages, sa: Section) -> str | None:
    """Return what in the IKE_SA contradicts ``messages``, None if nothing does."""
    if (host := sa.get("local-host")) and [host] != messages.ike.get("local_addrs"):
        return f"local address {host}"
    remote = messages.ike.get("remote_addrs")
    if (host := sa.get("remote-host")) and remote != ["%any"] and [host] != remote:
        return f"peer {host}"
    if sa.get("state") == "ESTABLISHED" and (why := _algorithms(sa, _strings(messages.ike.get("proposals")))):
        return f"IKE {why}"
    for child in state.children(sa):
        if child.get("state") == "INSTALLED" and (why := _child(messages, child)):
            return why
    return None


def _child(messages: Messages, child: Section) -> str | None:
    for key, configured in (("local-ts", "local_ts"), ("remote-ts", "remote_ts")):
        allowed = _strings(messages.child.get(configured))
        for selector in _strings(child.get(key)):
            if "dynamic" not in allowed and not _within(selector, allowed):
                return f"selector {selector}"
    why = _algorithms(child, _strings(messages.child.get("esp_proposals")))
    return f"ESP {why}" if why else None


def _algorithms(negotiated: Section, configured: Collection[str]) -> str | None:
    tokens = [set(proposal.split("-")) for proposal in configured]
    bits = state.number(negotiated.get("encr-keysize")) or None
    for leaf, key in (("cipher", "encr-alg"), ("auth", "integ-alg"), ("dh", "dh-group")):
        name = str(negotiated.get(key, ""))
        token = proposals.token(leaf, name, bits if leaf == "cipher" else None)
        if name and not any(token in proposal for proposal in tokens):
            return f"{leaf} {name}"
    return None


def _within(selector: str, allowed: Collection[str]) -> bool:
    try:
        network = ipaddress.ip_network(selector)
    except ValueError:
        return True  # with protocol or port, or a range: not ours to judge
    return any(_covers(ipaddress.ip_network(prefix), network) for prefix in allowed)


def _covers(
    prefix: ipaddress.IPv4Network | ipaddress.IPv6Network,
    network: ipaddress.IPv4Network | ipaddress.IPv6Network,
) -> bool:
    return prefix.version == network.version and network.subnet_of(prefix)  # type: ignore[arg-type]


def _strings(value: object) -> Sequence[str]:
    return value if isinstance(value, list) else ()
