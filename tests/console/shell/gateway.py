"""A server with one candidate, a lock and a history, at which Ctrl-C comes at a moment that is chosen."""

from __future__ import annotations

from dataclasses import dataclass, field

from lxml import etree

from console.client.documents import NETCONF
from console.client.session import Element, ServerError, ServerErrors
from console.shell.editing import TXID
from console.show.data import AGENT

ME, OTHER = 7, 8


@dataclass
class Gateway:
    """``held``: whose lock there is, 0 for nobody's. ``differs``: of the candidate. ``asked``: in order.

    ``interrupts``: the request, counted from 0, at which Ctrl-C comes; ``late``: when it is carried out.
    """

    held: int = 0
    differs: bool = False
    commits: list[int] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    interrupts: int | None = None
    late: bool = False
    session_id: int = ME
    user: str = "admin"
    gone: None = None
    capabilities: frozenset[str] = frozenset()

    def another(self) -> Gateway:
        return Gateway(self.held, self.differs, self.commits)

    def close(self) -> None:
        pass

    def get(self, subtree: Element) -> Element:
        return self._asked("get", subtree)

    def rpc(self, request: Element) -> Element:
        return self._asked(etree.QName(request).localname, request)

    def _asked(self, name: str, request: Element) -> Element:
        now = len(self.asked) == self.interrupts
        self.asked.append(name)
        if now and not self.late:
            raise KeyboardInterrupt
        try:
            return self._answered(name, request)
        finally:
            if now:
                raise KeyboardInterrupt

    def _answered(self, name: str, request: Element) -> Element:
        reply = etree.Element(f"{{{NETCONF}}}rpc-reply")
        if name == "get":
            self._history(reply, request)
        elif name == "get-config":
            etag = "!" if self.differs else "same"
            etree.SubElement(reply, f"{{{NETCONF}}}data", {f"{{{TXID}}}etag": etag})
        elif name == "commit" and self.differs:
            self.commits.append(len(self.commits) + 1)
            self.differs = False
        elif name == "discard-changes":
            self.differs = False
        elif name == "lock":
            self._lock()
        elif name == "unlock":
            self._unlock()
        return reply

    def _history(self, reply: Element, wanted: Element) -> None:
        if next(wanted.iter(f"{{{AGENT}}}newest-commit"), None) is not None:
            etree.SubElement(reply, f"{{{AGENT}}}newest-commit").text = f"{len(self.commits)}"
        if next(wanted.iter(f"{{{AGENT}}}commit"), None) is not None:
            for number in self.commits:
                row = etree.SubElement(reply, f"{{{AGENT}}}commit")
                for leaf, value in (("id", number), ("outcome", "committed"), ("session-id", ME)):
                    etree.SubElement(row, f"{{{AGENT}}}{leaf}").text = f"{value}"

    def _lock(self) -> None:
        if self.held or self.differs:
            error = ServerError("lock-denied", "the lock is held", session_id=self.held or None)
            raise ServerErrors((error,))
        self.held = ME

    def _unlock(self) -> None:
        if self.held != ME:
            said = f"session {ME} does not hold the lock on candidate"
            raise ServerErrors((ServerError("operation-failed", said),))
        self.held, self.differs = 0, False
