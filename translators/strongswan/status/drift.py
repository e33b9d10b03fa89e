"""Does charon hold what it was told, and were its SAs negotiated with that? Pure.

An SA is called another's only where list-sas proves it: addresses (where no end may move), the algorithms and
the traffic selectors.
A secret leaves no trace in an SA. Of a connection list-conns shows even less, so that who loaded it last
counts too: charon's log says of each load which name it was for, and we know our own.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Collection, Mapping

from translators.strongswan.status import state
from translators.strongswan.status.state import Section, sections, strings
from translators.strongswan.translation import proposals
from translators.strongswan.translation.connections import Messages
from translators.strongswan.translation.plan import Replacement

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def disagreement(messages: Messages, sa: Section) -> str | None:
    """Return what in the IKE_SA contradicts ``messages``, None if nothing does."""
    if why := _addresses(messages, sa):
        return why
    if sa.get("state") == "ESTABLISHED" and (why := _algorithms(sa, strings(messages.ike.get("proposals")))):
        return f"IKE {why}"
    for child in state.children(sa):
        if child.get("state") == "INSTALLED" and (why := _child(messages, child)):
            return why
    return None


def _addresses(messages: Messages, sa: Section) -> str | None:
    if messages.ike.get("mobike") == "yes":
        return None  # either end may have moved since it was negotiated (RFC 4555)
    if (host := sa.get("local-host")) and [host] != messages.ike.get("local_addrs"):
        return f"local address {host}"
    if (host := sa.get("remote-host")) and messages.peer not in (None, host):
        return f"peer {host}"
    return None


def negotiated_anew(replacement: Replacement | None, sa: Section) -> bool:
    """Return whether the IKE_SA can only have been negotiated with the new one of two configurations."""
    return (
        replacement is not None
        and disagreement(replacement.before, sa) is not None
        and disagreement(replacement.after, sa) is None
    )


def child_negotiated_anew(replacement: Replacement | None, child: Section) -> bool:
    """Return the same of a CHILD_SA."""
    return (
        replacement is not None
        and child.get("state") == "INSTALLED"
        and _child(replacement.before, child) is not None
        and _child(replacement.after, child) is None
    )


def _child(messages: Messages, child: Section) -> str | None:
    # One of another name was negotiated with a configuration that had other children.
    loaded = messages.children.get(str(child.get("name", messages.name)))
    if loaded is None:
        return f"child {child.get('name')}"
    for key, configured in (("local-ts", "local_ts"), ("remote-ts", "remote_ts")):
        allowed = strings(loaded.get(configured))
        for selector in strings(child.get(key)):
            if "dynamic" not in allowed and not _within(selector, allowed):
                return f"selector {selector}"
    why = _algorithms(child, strings(loaded.get("esp_proposals")))
    return f"ESP {why}" if why else None


def _algorithms(negotiated: Section, configured: Collection[str]) -> str | None:
    tokens = [set(proposal.split("-")) for proposal in configured]
    bits = state.number(negotiated.get("encr-keysize")) or None
    for leaf, key in (("cipher", "encr-alg"), ("auth", "integ-alg"), ("dh", "dh-group")):
        name = str(negotiated.get(key, ""))
        token = proposals.token(leaf, name, bits if leaf == "cipher" else None)
        if name and not any(token in proposal for proposal in tokens):
            return f"{leaf} {name}"
    if "dh-group" not in negotiated:
        return None  # the first CHILD_SA of an IKE_SA has no key exchange of its own
    names = state.further_key_exchanges(negotiated)
    further = {proposals.further_token(number, name) for number, name in enumerate(names, 1)}
    if not any(further == set(filter(proposals.is_further, proposal)) for proposal in tokens):
        return f"key exchanges {' '.join(names) or 'without others'} after {negotiated['dh-group']}"
    return None


def _within(selector: str, allowed: Collection[str]) -> bool:
    try:
        network = ipaddress.ip_network(selector)
    except ValueError:
        return True  # with protocol or port, or a range: not ours to judge
    return any(_covers(ipaddress.ip_network(prefix), network) for prefix in allowed)


def _covers(prefix: Network, network: Network) -> bool:
    return prefix.version == network.version and network.subnet_of(prefix)  # type: ignore[arg-type]


_LOADED = (
    ("load-conn", re.compile("^(?:added|updated|replaced) vici connection: (.+)$")),
    ("load-shared", re.compile("^loaded (?:IKE|PPK) shared key with id '(.+)' for: ")),
    ("unload-shared", re.compile("^unloaded shared key with id '(.+)'$")),
)


class OwnLoads:
    """Tells the loads that charon's log speaks of apart: those that we asked for, and those of others.

    charon logs each load once, after the request for it was sent and before or after its reply came.
    """

    def __init__(self) -> None:
        self._expected: Counter[tuple[str, str]] = Counter()

    def sent(self, command: str, message: Mapping[str, object]) -> None:
        """Note that we ask for ``command``."""
        for key in _keys(command, message):
            self._expected[key] += 1

    def refused(self, command: str, message: Mapping[str, object]) -> None:
        """Note that charon did not do it after all."""
        for key in _keys(command, message):
            self._take(key)

    def foreign(self, line: str) -> tuple[str, str] | None:
        """Return command and name if this line of the log speaks of a load that is not ours."""
        for command, pattern in _LOADED:
            if (match := pattern.match(line)) and not self._take((command, match[1])):
                return command, match[1]
        return None

    def _take(self, key: tuple[str, str]) -> bool:
        expected = self._expected[key] > 0
        self._expected[key] -= expected
        if self._expected[key] == 0:
            del self._expected[key]
        return expected


def _keys(command: str, message: Mapping[str, object]) -> list[tuple[str, str]]:
    if command == "load-conn":
        return [(command, name) for name in message]
    if command in ("load-shared", "unload-shared") and "id" in message:
        return [(command, str(message["id"]))]
    return []


def connection_disagreement(messages: Messages, listed: Section) -> str | None:
    """Return what in a connection, as list-conns shows it, contradicts ``messages``; None if nothing does."""
    for key in ("local_addrs", "remote_addrs"):
        if listed.get(key) != messages.ike.get(key):
            return f"{key} {' '.join(strings(listed.get(key))) or 'none'}"
    wanted = messages.load_conn[messages.name]
    children = sections(wanted if isinstance(wanted, Mapping) else {}, "children")
    found = sections(listed, "children")
    if children.keys() != found.keys():
        return f"children {' '.join(found) or 'none'}"
    for name, child in found.items():
        for key in ("local-ts", "remote-ts"):
            selectors = strings(children[name].get(key.replace("-", "_")))
            if not _same(strings(child.get(key)), selectors):
                return f"{key} {' '.join(strings(child.get(key)))}"
    return None


def _same(listed: Collection[str], wanted: Collection[str]) -> bool:
    try:
        return _outermost(listed) == _outermost(wanted)
    except ValueError:
        return True  # dynamic, with protocol or port, or a range: charon may write it in another way


def _outermost(selectors: Collection[str]) -> set[Network]:
    """Return the selectors that no other one contains: charon keeps and negotiates no more than these."""
    networks = set(map(ipaddress.ip_network, selectors))
    return {
        network
        for network in networks
        if not any(network.supernet(new_prefix=length) in networks for length in range(network.prefixlen))
    }
