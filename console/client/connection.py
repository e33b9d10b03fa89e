"""A Client: one session for requests, one more for each subscription; begun again when asked to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy, deepcopy

from lxml import etree

from console.client.documents import NETCONF
from console.client.netconf import NOTIFICATIONS, REPLY_TIMEOUT_S, Session
from console.client.session import Element, Gone
from console.client.stream import Stream


class Connection:
    """Sessions with one server. ``connect`` opens the stream of each; ``where`` names the server to a person.

    Raises:
        Gone: there is no session to be had.
    """

    def __init__(self, connect: Callable[[], Stream], where: str) -> None:
        self._connect = connect
        self.where = where
        self._limit_s: float = REPLY_TIMEOUT_S
        self._begin()

    @property
    def gone(self) -> Gone | None:
        """Why the session is over; None while it is not."""
        return self._session.gone

    def reconnect(self) -> None:
        """Begin a session anew. What the old one held, locks and edits of a locked candidate, is lost.

        Raises:
            Gone: the server is not there (yet).
        """
        self._session.cut()
        self._begin()

    def another(self) -> Connection:
        """Return a second session with the same server, for a question while the first one waits."""
        return Connection(self._connect, self.where)

    def within(self, limit_s: float) -> Connection:
        """Return this session for questions whose answers are waited for ``limit_s`` seconds at most."""
        hurried = copy(self)
        hurried._limit_s = limit_s
        return hurried

    def rpc(self, request: Element) -> Element:
        return self._session.rpc(request, self._limit_s)

    def get(self, subtree: Element | None = None) -> Element:
        return self._data("get", None, subtree)

    def get_config(self, source: str, subtree: Element | None = None) -> Element:
        return self._data("get-config", source, subtree)

    @contextmanager
    def events(self, subtree: Element | None = None) -> Iterator[Iterator[Element]]:
        session = Session(self._connect(), where=self.where)
        try:
            request = etree.Element(f"{{{NOTIFICATIONS}}}create-subscription")
            if subtree is not None:
                wanted = etree.SubElement(request, f"{{{NOTIFICATIONS}}}filter", {"type": "subtree"})
                wanted.extend(deepcopy(_content(subtree)))
            session.rpc(request)
            yield session.notifications()
        finally:
            session.cut()

    def cut(self) -> None:
        """End the session without a word, so that the server breaks off what it does for it."""
        self._session.cut()

    def close(self) -> None:
        self._session.close()

    def _begin(self) -> None:
        self._session = Session(self._connect(), where=self.where)
        self.user = self._session.user
        self.session_id = self._session.session_id
        self.capabilities = self._session.capabilities

    def _data(self, operation: str, source: str | None, subtree: Element | None) -> Element:
        request = etree.Element(f"{{{NETCONF}}}{operation}")
        if source is not None:
            etree.SubElement(etree.SubElement(request, f"{{{NETCONF}}}source"), f"{{{NETCONF}}}{source}")
        if subtree is not None:
            wanted = etree.SubElement(request, f"{{{NETCONF}}}filter", {"type": "subtree"})
            wanted.extend(deepcopy(_content(subtree)))
        data = self.rpc(request).find(f"{{{NETCONF}}}data")
        if data is None:
            raise Gone(f"{self.where} answered {operation} without data, which no NETCONF server does")
        return data


def _content(subtree: Element) -> list[Element]:
    """Return what the filter selects: the elements in a <filter>, of whatever namespace."""
    return list(subtree) if etree.QName(subtree).localname == "filter" else [subtree]
