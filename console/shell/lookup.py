"""Values that completion offers: those that the server has at the moment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lxml import etree

from console.client.connection import Connection
from console.client.session import Element, Gone, ServerErrors
from console.grammar.parts import select
from console.grammar.values import Path, Suggestion
from console.model.schema import Kind
from console.show.data import IPSEC, MONITORING, NACM, PKI, subtree, tree
from console.show.history import newest

MOST = 200
LIMIT_S = 2.0
"""While a line is typed Ctrl-C ends no wait: the terminal gives it to the line."""
_COMMITS = 50


class Lookup:
    """Called with a source or a path, and what was typed of the value (console.grammar.reading.Lookup)."""

    def __init__(self, client: Connection, limit_s: float = LIMIT_S) -> None:
        self._connection = self._client = client
        self._limit_s = limit_s

    def __call__(self, source: str | Path, prefix: str) -> Sequence[Suggestion]:
        self._client = self._connection.within(self._limit_s)  # its session may be another one by now
        try:
            return self._found(source, prefix)
        except (Gone, ServerErrors):
            return ()  # what cannot be looked up can still be typed

    def _found(self, source: str | Path, prefix: str) -> Sequence[Suggestion]:
        if self._client.gone is not None:
            return ()
        if isinstance(source, tuple):
            return _fitting(self._of_path(source), prefix)
        known = {
            "tunnel": self._tunnels,
            "commit": self._commits,
            "session": self._sessions,
            "certificate": self._certificates,
            "user": self._users,
        }
        return _fitting(known[source](), prefix) if source in known else ()

    def _tunnels(self) -> Iterator[Suggestion]:
        wanted = subtree(tree(IPSEC, "tunnels", {"ipsec": {"id": None, "description": None}}))
        for entry in self._client.get_config("running", wanted).iter(f"{{{IPSEC}}}ipsec"):
            yield Suggestion(_leaf(entry, IPSEC, "id"), _leaf(entry, IPSEC, "description"))

    def _commits(self) -> Iterator[Suggestion]:
        for commit in newest(self._client, _COMMITS):
            facts = {etree.QName(leaf).localname: leaf.text or "" for leaf in commit}
            told = f"{facts.get('time', '')[:16]} {facts.get('user', '')} {facts.get('comment', '')}"
            yield Suggestion(facts.get("id", ""), told.strip())

    def _sessions(self) -> Iterator[Suggestion]:
        wanted = subtree(tree(MONITORING, "netconf-state", {"sessions": None}))
        for entry in self._client.get(wanted).iter(f"{{{MONITORING}}}session"):
            user = _leaf(entry, MONITORING, "username")
            yield Suggestion(_leaf(entry, MONITORING, "session-id"), user)

    def _certificates(self) -> Iterator[Suggestion]:
        wanted = subtree(tree(PKI, "certificate-state", {"certificate": {"name": None, "subject": None}}))
        for entry in self._client.get(wanted).iter(f"{{{PKI}}}certificate"):
            yield Suggestion(_leaf(entry, PKI, "name"), _leaf(entry, PKI, "subject"))

    def _users(self) -> Iterator[Suggestion]:
        """Yield those who are logged in, and those whom access control names."""
        for session in self._sessions():
            yield Suggestion(session.description, "logged in")
        wanted = subtree(tree(NACM, "nacm", {"groups": {"group": {"name": None, "user-name": None}}}))
        for group in self._client.get_config("running", wanted).iter(f"{{{NACM}}}group"):
            for user in group.iter(f"{{{NACM}}}user-name"):
                yield Suggestion(user.text or "", f"in the group {_leaf(group, NACM, 'name')}")

    def _of_path(self, path: Path) -> Iterator[Suggestion]:
        """Yield keys, or values, of the last step of ``path``; of a list's keys the first that it lacks."""
        last = path[-1]
        leaf = last.node
        if last.node.kind is Kind.LIST:
            leaf = last.node.children[last.node.keys[len(last.keys)]]
        elif leaf.secret:
            return
        wanted = subtree()
        at = select(wanted, path)
        if leaf is not last.node:
            etree.SubElement(at, leaf.tag)
        for found in self._client.get_config("candidate", wanted).iter(leaf.tag):
            yield Suggestion(found.text or "")


def _fitting(found: Iterator[Suggestion], prefix: str) -> Sequence[Suggestion]:
    """Return what begins with ``prefix``, each once, and no more than a screen may show."""
    kept: dict[str, Suggestion] = {}
    for one in found:
        if one.text and one.text.startswith(prefix):
            kept.setdefault(one.text, one)
            if len(kept) >= MOST:
                break
    return tuple(kept.values())


def _leaf(entry: Element, namespace: str, name: str) -> str:
    return entry.findtext(f"{{{namespace}}}{name}") or ""
