"""IKEv1 initiators with automatic proposals: forward secrecy, or none, whichever the peer has.

IKEv1 cannot offer both at once (RFC 2409 section 5.5): the key exchange of a quick mode is there or not. So
when a peer refuses every proposal of a quick mode, the next one is offered the other way round. Nobody on the
way can bring that about: the refusal is protected by the IKE SA.
"""

from __future__ import annotations

import logging

from translators.strongswan.charon.session import CharonSession
from translators.strongswan.model import Json
from translators.strongswan.status.facts import Facts, LastError, Reason
from translators.strongswan.translation import proposals
from translators.strongswan.translation.connections import Messages
from translators.strongswan.translation.fields import configured_proposals, is_ikev1
from translators.strongswan.translation.proposals import Phase

log = logging.getLogger(__name__)

_QUICK_MODE = "QUICK_MODE"


class ForwardSecrecy:
    """Remembers which connections go without."""

    def __init__(self) -> None:
        self._without: dict[str, Messages] = {}
        self._seen: dict[str, LastError] = {}

    async def settle(self, session: CharonSession, messages: Messages, *, entry: Json, facts: Facts) -> None:
        """Have charon offer the other way round if the peer has refused the last one.

        Raises:
            ViciError: charon refused, or is lost.
        """
        error, name = facts.last_error, messages.name
        if not is_ikev1(entry) or configured_proposals(entry, Phase.ESP) or error is None:
            return
        is_refusal = error.reason is Reason.NO_PROPOSAL_CHOSEN and facts.exchange.asked == _QUICK_MODE
        if not is_refusal or self._seen.get(name) == error:
            return
        self._seen[name] = error
        if self._without.pop(name, None) is messages:
            await session.request("load-conn", messages.load_conn)
            return
        self._without[name] = messages
        log.info("%s: the peer refuses forward secrecy with each group; the next offer is without", name)
        await session.request("load-conn", _without_groups(messages))


def _without_groups(messages: Messages) -> dict[str, object]:
    children = {
        name: {**child, "esp_proposals": proposals.without_groups(child["esp_proposals"])}
        for name, child in messages.children.items()
    }
    return {messages.name: {**messages.ike, "children": children}}
