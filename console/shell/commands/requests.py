"""The rpcs of these commands, and what is read of their replies."""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from console.client.documents import NETCONF
from console.client.session import Client, Element
from console.show.data import AGENT, IPSEC, Wanted, subtree, tree


@dataclass(frozen=True, slots=True)
class Commit:
    """What a commit is to be; ``confirmed_s``: None for one that stays without a confirmation."""

    confirmed_s: int | None = None
    verify_s: int | None = None
    comment: str = ""
    even_if_cut_off: bool = False

    def request(self) -> Element:
        root = etree.Element(f"{{{NETCONF}}}commit")
        if self.confirmed_s is not None or self.verify_s is not None:
            etree.SubElement(root, f"{{{NETCONF}}}confirmed")
        if self.confirmed_s is not None:
            etree.SubElement(root, f"{{{NETCONF}}}confirm-timeout").text = str(self.confirmed_s)
        if self.comment:
            etree.SubElement(root, f"{{{AGENT}}}comment").text = self.comment
        if self.verify_s is not None:
            verify = etree.SubElement(root, f"{{{AGENT}}}verify")
            etree.SubElement(verify, f"{{{AGENT}}}within-s").text = str(self.verify_s)
        if self.even_if_cut_off:
            etree.SubElement(root, f"{{{AGENT}}}even-if-cut-off")
        return root


@dataclass(frozen=True, slots=True)
class Recorded:
    """A commit of the history."""

    number: int
    outcome: str
    reason: str = ""
    taken_back_by: str = ""
    user: str = ""
    session_id: int = 0
    comment: str = ""
    cause: str = ""


def empty(name: str) -> Element:
    """Return an operation of RFC 6241 without parameters."""
    return etree.Element(f"{{{NETCONF}}}{name}")


def validate() -> Element:
    root = empty("validate")
    etree.SubElement(etree.SubElement(root, f"{{{NETCONF}}}source"), f"{{{NETCONF}}}candidate")
    return root


def newest_commit(client: Client) -> int:
    """Return the number of the newest commit, 0 if there is none to be seen."""
    found = _agent(client, "history", "newest-commit").findtext(f".//{{{AGENT}}}newest-commit")
    return int(found or 0)


def commit_of(client: Client, session_id: int, since: int) -> Recorded | None:
    """Return the newest commit of a session that came after the commit ``since``, and took none back."""
    rows = (row for row in _recorded(client, "session-id", session_id) if row.number > since)
    made = (row for row in rows if row.cause != "rollback")
    return max(made, key=lambda row: row.number, default=None)


def commit_named(client: Client, number: int) -> Recorded | None:
    """Return the commit ``number``; None if there is none that one may see."""
    return next(iter(_recorded(client, "id", number)), None)


def owner_of_confirmed(client: Client) -> int | None:
    """Return the session whose confirmed commit waits to be confirmed; None if none is to be seen."""
    found = _agent(client, "confirmed-commit", "session-id").findtext(f".//{{{AGENT}}}session-id")
    return int(found) if found else None


def not_working(client: Client) -> list[tuple[str, str]]:
    """Return the paths of what a commit with verify waits for, and why each does not work yet."""
    found = _agent(client, "confirmed-commit", "verify")
    return [
        (row.findtext(f"{{{AGENT}}}entry") or "", row.findtext(f"{{{AGENT}}}reason") or "")
        for row in found.iter(f"{{{AGENT}}}not-working")
    ]


def has_tunnels(client: Client) -> bool:
    """Return whether any tunnel is configured that one may see."""
    wanted = subtree(tree(IPSEC, "tunnels", {"ipsec": {"id": None}}))
    return next(client.get_config("running", wanted).iter(f"{{{IPSEC}}}id"), None) is not None


_LEAVES = ("id", "outcome", "reason", "taken-back-by", "user", "session-id", "comment", "cause")


def _recorded(client: Client, leaf: str, value: int) -> list[Recorded]:
    """Return the commits of the history whose ``leaf`` is ``value``."""
    commit: Wanted = {name: str(value) if name == leaf else None for name in _LEAVES}
    wanted = subtree(tree(AGENT, "agent", {"history": {"commit": commit}}))
    return [_row(row) for row in client.get(wanted).iter(f"{{{AGENT}}}commit")]


def _row(row: Element) -> Recorded:
    def leaf(name: str) -> str:
        return row.findtext(f"{{{AGENT}}}{name}") or ""

    return Recorded(
        int(leaf("id") or 0),
        outcome=leaf("outcome"),
        reason=leaf("reason"),
        taken_back_by=leaf("taken-back-by"),
        user=leaf("user"),
        session_id=int(leaf("session-id") or 0),
        comment=leaf("comment"),
        cause=leaf("cause"),
    )


def _agent(client: Client, container: str, name: str) -> Element:
    return client.get(subtree(tree(AGENT, "agent", {container: {name: None}})))
