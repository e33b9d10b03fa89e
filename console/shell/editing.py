"""The candidate as this command line has it: whose edits are in it, its lock, and what is sent to it.

The candidate is one for all. So it is locked from the first edit until it is committed or discarded; who only
looks locks nothing. Whether it differs from running says its transaction id, which costs no comparison.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lxml import etree

from console.client.connection import Connection
from console.client.documents import NETCONF
from console.client.session import Element, ServerErrors
from console.grammar.edits import asks, edit_config
from console.grammar.values import Change
from console.model.schema import Schema
from console.show.data import MONITORING, subtree, tree

TXID = "urn:ietf:params:xml:ns:netconf:txid:1.0"
TXID_MODULE = "urn:ietf:params:xml:ns:yang:ietf-netconf-txid"
_ETAG = f"{{{TXID}}}etag"
_DIFFERS = "!"


class Occupied(Exception):
    """The candidate cannot be edited now; the text says whose it is, and what to do."""


@dataclass(slots=True)
class Editing:
    """``edited``: this session has changed the candidate, and neither committed nor discarded that.

    ``differs``: the candidate is not running. ``kept``: the lock was asked for, and stays after a commit.
    ``shared``: edits without a lock, along with others. ``always_shared``: so it was started; a commit has
    what all have edited. ``joined``: what others had edited was in the candidate before. ``pending``: the
    number of our confirmed commit that waits, as far as is known here; 0 if the history has none for it.
    ``ended``: how the last one ended that did so by itself. ``stays``: our newest commit that nothing takes
    back. ``loaded``: a commit was, and nothing was edited since. ``unsure``: the lock was asked for or given
    back, and the answer not waited for (Ctrl-C); ``locked`` is what was so before.
    """

    client: Connection
    locked: bool = False
    unsure: bool = False
    kept: bool = False
    shared: bool = False
    always_shared: bool = False
    joined: bool = False
    edited: bool = False
    loaded: bool = False
    differs: bool = False
    pending: int | None = None
    ended: str = ""
    stays: int = 0

    @property
    def foreign(self) -> bool:
        """Whether all that is in the candidate, and not in force, is of others."""
        return self.differs and not self.edited

    def refresh(self) -> bool:
        """Ask whether the candidate differs from running."""
        request = etree.Element(f"{{{NETCONF}}}get-config", {_ETAG: "?"}, nsmap={"txid": TXID})
        etree.SubElement(etree.SubElement(request, f"{{{NETCONF}}}source"), f"{{{NETCONF}}}candidate")
        etree.SubElement(request, f"{{{NETCONF}}}filter", {"type": "subtree"})
        data = self.client.rpc(request).find(f"{{{NETCONF}}}data")
        etag = None if data is None else data.get(_ETAG)
        self.differs = self.edited if etag is None else etag == _DIFFERS
        self.edited = self.edited and self.differs
        return self.differs

    def send(self, changes: Sequence[Change], schema: Schema) -> None:
        """Put ``changes`` into the candidate.

        Raises:
            Occupied: somebody else is at it.
            ServerErrors: they are refused; nothing of them is in it.
        """
        self.hold()
        self.loaded = False
        if self.shared and not self.edited:
            self.joined = self.refresh()
        wanted = asks(changes)
        present = None if wanted is None else self.client.get_config("candidate", wanted)
        request = etree.Element(f"{{{NETCONF}}}edit-config")
        etree.SubElement(etree.SubElement(request, f"{{{NETCONF}}}target"), f"{{{NETCONF}}}candidate")
        if self._announces("ietf-netconf-txid", ":txid:"):
            etree.SubElement(request, f"{{{TXID_MODULE}}}with-etag").text = "true"
        # The edits of many lines are sent at once: where one is refused, none may be in the candidate.
        if self._announces(":rollback-on-error"):
            etree.SubElement(request, f"{{{NETCONF}}}error-option").text = "rollback-on-error"
        request.append(edit_config(changes, schema, present))
        ok = self._edited(request).find(f"{{{NETCONF}}}ok")
        etag = None if ok is None else ok.get(_ETAG)
        self.differs = etag is None or etag == _DIFFERS
        self.edited = self.differs

    def load(self, request: Element) -> Element:
        """Carry out an rpc that fills the candidate; returns its reply.

        Raises:
            Occupied, ServerErrors: as of ``send``.
        """
        self.hold()
        reply = self._edited(request)
        self.loaded = True
        self.refresh()
        return reply

    def _edited(self, request: Element) -> Element:
        """Return the reply to an edit. Who does not wait for it (Ctrl-C) may have edited."""
        before, self.edited = self.edited, True
        try:
            return self.client.rpc(request)
        except ServerErrors:
            self.edited = before
            raise

    def hold(self) -> None:
        """Lock the candidate, unless that is done or not wanted.

        Raises:
            Occupied: somebody else is at it.
        """
        if self.shared or (self.locked and not self.unsure):
            return
        self._take()

    def occupied(self) -> str:
        """Return whose lock keeps the candidate from being committed and dropped here; "" if none does.

        To try is the way to know: what others have changed and not locked cannot be locked, either, and
        what is locked so is given back.
        """
        if self.locked and not self.unsure:
            return ""
        try:
            granted = self._lock()
        except ServerErrors as problem:
            return self._why(problem) if problem.errors[0].session_id else ""
        if granted:
            self._unlock()
        return ""

    def keep(self) -> None:
        """Lock the candidate until ``release``; the server is asked, whatever is known here.

        Raises:
            Occupied: somebody else is at it.
        """
        self._take()
        self.shared, self.kept = False, True

    def release(self) -> None:
        """Give the lock back; what is not committed is discarded with it (RFC 6241 section 8.3.5)."""
        self.kept = False
        if self.locked or self.unsure:
            self._unlock()
        self.edited = False
        self.refresh()

    def settle(self) -> None:
        """What was edited is in force, or dropped: others may go on."""
        self.edited = self.differs = False
        if (self.locked or self.unsure) and not self.kept:
            self._unlock()

    def discard(self) -> None:
        """Make the candidate what running is."""
        self.client.rpc(etree.Element(f"{{{NETCONF}}}discard-changes"))
        self.settle()

    def find_out(self) -> None:
        """Know again whether the lock is ours, and give it back if nothing needs it."""
        if not self.unsure or self.client.gone is not None:
            return
        try:
            granted = self._lock()
        except ServerErrors:
            return  # so it is not ours
        if granted or not (self.kept or self.edited):
            self._unlock()

    def lost(self) -> None:
        """The session is another one: what it held is gone."""
        self.locked = self.unsure = self.kept = self.edited = self.differs = False
        self.pending = None

    def _take(self) -> None:
        try:
            self._lock()
        except ServerErrors as problem:
            raise Occupied(self._why(problem)) from None

    def _lock(self) -> bool:
        """Have the lock; True if it is granted now, False if it was ours already.

        Raises:
            ServerErrors: it is not ours.
        """
        self.unsure = True
        try:
            self._ask("lock")
            granted = True
        except ServerErrors as problem:
            if problem.errors[0].session_id != self.client.session_id:
                self._lost_lock()
                self.unsure = False
                raise
            granted = False
        if granted:
            self._lost_lock()
        self.locked = True
        self.unsure = False  # last: Ctrl-C may come between
        return granted

    def _lost_lock(self) -> None:
        """Where it was held, it is not any more; what was edited went with it."""
        if self.locked:
            self.edited = self.kept = False
        self.locked = False

    def _unlock(self) -> None:
        """Have the lock no more.

        Raises:
            ServerErrors: it is still ours.
        """
        self.unsure = True
        try:
            self._ask("unlock")
        except ServerErrors:
            # Servers have no error of their own for a lock that is not held (RFC 6241 section 7.6).
            try:
                granted = self._lock()
            except ServerErrors:
                return
            if not granted:
                raise
            self.unsure = True
            self._ask("unlock")
        self.locked = False
        self.unsure = False

    def _announces(self, *names: str) -> bool:
        return any(name in one for one in self.client.capabilities for name in names)

    def _ask(self, operation: str) -> None:
        request = etree.Element(f"{{{NETCONF}}}{operation}")
        etree.SubElement(etree.SubElement(request, f"{{{NETCONF}}}target"), f"{{{NETCONF}}}candidate")
        self.client.rpc(request)

    def _why(self, problem: ServerErrors) -> str:
        error = problem.errors[0]
        if error.tag != "lock-denied":
            return error.message
        if not error.session_id:
            return (
                "others have changed the candidate and not committed it ('diff' shows what, 'show sessions' "
                "who is logged in): 'discard' drops that, 'commit' puts it in force, and after "
                "'config shared' you edit along with them"
            )
        return (
            f"{who(self.client, error.session_id)} is editing: wait for the commit, ask, or end that session "
            f"(kill-session {error.session_id}), which drops what was edited there"
        )


def is_missing(client: Connection, session_id: int) -> bool:
    """Return whether there is surely no such session: one sees one's own, and not that one."""
    return _session(client, session_id) is None and _session(client, client.session_id) is not None


def _session(client: Connection, session_id: int) -> Element | None:
    named = {"sessions": {"session": {"session-id": str(session_id)}}}
    try:
        return next(
            client.get(subtree(tree(MONITORING, "netconf-state", named))).iter(f"{{{MONITORING}}}session"),
            None,
        )
    except ServerErrors:
        return None


def who(client: Connection, session_id: int) -> str:
    """Return whose session that is, from where and since when, as far as one may know."""
    found = _session(client, session_id)
    facts = {} if found is None else {etree.QName(leaf).localname: leaf.text or "" for leaf in found}
    told = [f"session {session_id}"]
    if source := facts.get("source-host"):
        told.append(f"from {source}")
    if since := facts.get("login-time"):
        told.append(f"logged in since {since}")
    return f"{facts.get('username') or 'somebody else'} ({', '.join(told)})"
