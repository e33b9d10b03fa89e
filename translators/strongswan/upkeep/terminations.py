"""IKE_SAs that are not to be there any longer are ended, each soon and on a task of its own.

Nobody waits for these; what a change of the configuration has to end is ended in executor, which waits.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from agent.at_work import of_tunnel, on_tunnel
from translators.strongswan.charon.shared import Shared
from translators.strongswan.charon.vici import Section
from translators.strongswan.status import state
from translators.strongswan.translation.connections import connection_name
from translators.strongswan.upkeep.executor import terminate
from translators.strongswan.upkeep.listing import sas_of

log = logging.getLogger(__name__)


class Terminations:
    """Those that are under way, until ``stop``."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._under_way: set[asyncio.Task[None]] = set()

    async def stop(self) -> None:
        """Give up what is under way. Safe to call twice."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def end_soon(self, tunnel: str, unique_id: str, *, force: bool) -> None:
        """Have an IKE_SA of ``tunnel`` ended; ``force``: without waiting for the peer."""
        if (session := self._shared.session) is not None:
            self._do_soon(tunnel, terminate(session, unique_id, force=force))

    def end_surplus(self, tunnel: str, sas: Sequence[Section]) -> None:
        """Have those ended of the IKE_SAs of ``tunnel`` that are there because both ends have initiated."""
        for unique_id in state.surplus(sas):
            with on_tunnel(tunnel):
                name = connection_name(tunnel)
                log.info("%s: both ends initiated; our IKE_SA %s is one too many", name, unique_id)
            self.end_soon(tunnel, unique_id, force=False)

    def end_opened_by_another(self, tunnel: str, sa: Mapping[str, object], other: str) -> str:
        """Have an IKE_SA of ``tunnel`` ended that the key of the tunnel ``other`` has opened; return what is
        said of it."""
        remote_id = str(sa.get("remote-id", ""))
        with on_tunnel(tunnel):
            log.warning(
                "tunnel %s: a peer came as '%s', the identity of tunnel %s; refused", tunnel, remote_id, other
            )
        self.end_soon(tunnel, str(sa.get("uniqueid")), force=True)
        return f"a peer claimed the identity '{remote_id}', which is that of tunnel {other}; its SA was ended"

    def end_attempt(self, tunnel: str, is_up: Callable[[], bool], then: Callable[[], None]) -> None:
        """Have what is only being negotiated of ``tunnel`` ended, unless it is up by then; do ``then`` after
        that, whether or not there was anything to end."""
        self._do_soon(tunnel, self._end_attempt(connection_name(tunnel), is_up, then))

    async def _end_attempt(self, name: str, is_up: Callable[[], bool], then: Callable[[], None]) -> None:
        session = self._shared.session
        if session is not None and not is_up():
            found = await sas_of(session, [name]) or {}
            for unique_id in state.half_open(found.get(name, [])):
                await terminate(session, unique_id, force=True)
        then()

    def _do_soon(self, tunnel: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work, context=of_tunnel(tunnel))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
