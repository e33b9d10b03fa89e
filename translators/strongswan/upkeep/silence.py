"""A peer that does not answer from the start: told soon, and asked again sooner than charon would.

charon gives such a peer up after 165 s, and says nothing before; its pauses grow to more than a minute, in
which nobody notices that the peer is back. So an attempt ends once its next pause would be long, and the
supervisor begins another one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from agent.at_work import of_tunnel
from translators.strongswan.options import Options
from translators.strongswan.status.events import why_silent
from translators.strongswan.status.facts import Facts, Reason
from translators.strongswan.status.operational import RETRANSMIT_BASE, RETRANSMIT_TIMEOUT_S

log = logging.getLogger(__name__)

TOLD_AFTER_TRIES = 2
PAUSE_MAX_S = 15.0
ANSWER_S = 4.0
"""How long what was sent last may still be answered before the attempt ends."""


class SilentPeers:
    """``facts`` returns what is known of a tunnel, ``fail`` records why one does not work, ``begin_anew``
    ends the attempt that charon makes and begins another."""

    def __init__(
        self,
        options: Options,
        *,
        facts: Callable[[str], Facts],
        fail: Callable[[str, Reason, str], None],
        begin_anew: Callable[[str], None],
    ) -> None:
        self._timeout_s = options.retransmit_timeout or RETRANSMIT_TIMEOUT_S
        self._base = options.retransmit_base or RETRANSMIT_BASE
        self._facts = facts
        self._fail = fail
        self._begin_anew = begin_anew
        self._told: set[str] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def look(self, tunnel: str) -> None:
        """See whether the peer of ``tunnel``, to which something happened, answers."""
        facts = self._facts(tunnel)
        if facts.up or not facts.exchange.opens or not facts.retransmitting:
            self.forget(tunnel)
            return
        if facts.tries >= TOLD_AFTER_TRIES:
            self._tell(tunnel, facts)
        if self._timeout_s * self._base**facts.tries > PAUSE_MAX_S and tunnel not in self._timers:
            loop = asyncio.get_running_loop()
            self._timers[tunnel] = loop.call_later(
                ANSWER_S, self._end_attempt, tunnel, facts.tries, context=of_tunnel(tunnel)
            )

    def _tell(self, tunnel: str, facts: Facts) -> None:
        if tunnel not in self._told:
            self._told.add(tunnel)
            self._fail(tunnel, *why_silent(facts.exchange))

    def _end_attempt(self, tunnel: str, tries: int) -> None:
        self._timers.pop(tunnel, None)
        facts = self._facts(tunnel)
        if not facts.up and facts.retransmitting and facts.exchange.opens:
            log.debug("tunnel %s: no answer after %d tries; another attempt begins", tunnel, tries)
            self._tell(tunnel, facts)  # with long pauses the first one was already the last
            self._begin_anew(tunnel)

    def forget(self, tunnel: str) -> None:
        """Begin to count anew."""
        self._told.discard(tunnel)
        if (timer := self._timers.pop(tunnel, None)) is not None:
            timer.cancel()

    def stop(self) -> None:
        """End no attempt any more."""
        for tunnel in list(self._timers):
            self.forget(tunnel)
