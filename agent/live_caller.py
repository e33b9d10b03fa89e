"""Who a live session is of, as handlers see their Caller: its user, his place, and what it has counted."""

from __future__ import annotations

from agent.netconf.session import Counters, Session
from agent.transport.stream import Peer


class LiveCaller:
    """What of a Caller does not change while its session goes on, and its counters."""

    def __init__(self, session: Session, peer: Peer) -> None:
        self.session = session
        self._peer = peer

    @property
    def session_id(self) -> int:
        return self.session.session_id

    @property
    def peer(self) -> Peer:
        return self._peer

    @property
    def user(self) -> str:
        return self._peer.user

    @property
    def groups(self) -> tuple[str, ...]:
        return self._peer.groups

    @property
    def source(self) -> str:
        return self._peer.source_host

    @property
    def local(self) -> str:
        return self._peer.local_host

    @property
    def transport(self) -> str:
        return self._peer.transport

    @property
    def administers(self) -> bool:
        return self._peer.administers

    @property
    def sees_secrets(self) -> bool:
        return True

    @property
    def counters(self) -> Counters:
        return self.session.counters
