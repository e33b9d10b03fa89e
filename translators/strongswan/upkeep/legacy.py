"""IKEv1 initiators with automatic proposals: forward secrecy, or none, whichever the peer has.

IKEv1 cannot offer both at once (RFC 2409 section 5.5): the key exchange of a quick mode is there or not. So
when a peer refuses every proposal of a quick mode, the next one is offered the other way round. Nobody on the
way can bring that about: only a refusal that the IKE SA protects counts (status/exchange), never the error
that a tunnel has.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import replace

from translators.strongswan.charon.session import CharonSession
from translators.strongswan.charon.shared import Shared
from translators.strongswan.status import exchange
from translators.strongswan.status.ledger import Ledger
from translators.strongswan.status.state import strings
from translators.strongswan.translation import proposals
from translators.strongswan.translation.alike import whole
from translators.strongswan.translation.connections import Messages
from translators.strongswan.translation.fields import configured_proposals, is_ikev1
from translators.strongswan.translation.proposals import Phase

log = logging.getLogger(__name__)


class ForwardSecrecy:
    """Remembers which tunnels go without, by a digest of what they would be loaded with otherwise."""

    def __init__(self, shared: Shared, ledger: Ledger) -> None:
        self._shared = shared
        self._ledger = ledger
        self._without: dict[str, bytes] = {}

    def forget(self, tunnel: str) -> None:
        """Begin anew with a tunnel that is gone, or has become another."""
        self._without.pop(tunnel, None)
        self._settled(tunnel)

    async def settle(self, session: CharonSession, tunnel: str) -> None:
        """Have charon offer the other way round if the peer has refused the last offer.

        Raises:
            ViciError: charon refused, or is lost.
        """
        if not self._is_refused(tunnel):
            return
        async with self._shared.changing:
            # Meanwhile it may have become another, or be gone.
            if session is self._shared.session and self._is_refused(tunnel):
                await self._turn(session, tunnel)

    def _is_refused(self, tunnel: str) -> bool:
        entry = self._shared.desired.entries.get(tunnel)
        if entry is None or tunnel not in self._shared.desired.messages:
            return False
        is_automatic = is_ikev1(entry) and not configured_proposals(entry, Phase.ESP)
        return is_automatic and self._ledger.facts(tunnel).exchange.refused

    async def _turn(self, session: CharonSession, tunnel: str) -> None:
        messages = self._shared.desired.messages[tunnel]
        digest = _digest(messages)
        if self._without.get(tunnel) == digest:
            await session.request("load-conn", messages.load_conn)
            del self._without[tunnel]
        else:
            log.info(
                "%s: the peer refuses forward secrecy with each group; the next offer is without",
                messages.name,
            )
            await session.request("load-conn", _without_groups(messages))
            self._without[tunnel] = digest
        self._settled(tunnel)

    def _settled(self, tunnel: str) -> None:
        if tunnel in self._ledger:
            facts = self._ledger.facts(tunnel)
            self._ledger.put(tunnel, replace(facts, exchange=exchange.settled(facts.exchange)))


def _digest(messages: Messages) -> bytes:
    return hashlib.sha256(repr(messages.load_conn).encode()).digest()


def _without_groups(messages: Messages) -> dict[str, object]:
    children = {
        name: {**whole(child), "esp_proposals": proposals.without_groups(strings(child["esp_proposals"]))}
        for name, child in messages.children.items()
    }
    return {messages.name: {**whole(messages.ike), "children": children}}
