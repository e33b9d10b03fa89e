"""Which methods a resource has, and who may use them from a browser (RFC 8040 section 4)."""

from __future__ import annotations

from agent.restconf.problems import Problem
from agent.restconf.request import Request
from agent.restconf.uris import Place

READS = ("GET", "HEAD", "OPTIONS")
EDITS = ("POST", "PUT", "PATCH", "DELETE")


def methods_of(place: Place) -> tuple[str, ...]:
    """Return those of data."""
    node = place.node
    if node is None:
        return (*READS, "POST", "PUT", "PATCH")
    if not node.config or place.is_many or node.is_key:
        return READS
    posts = ("POST",) if node.is_interior else ()
    return (*READS, *posts, "PUT", "PATCH", "DELETE")


def refuse_method(request: Request, allowed: tuple[str, ...], of: Place | None = None) -> None:
    """Refuse a method that is not ``allowed`` for a resource, which is ``of`` data or is none.

    Raises:
        Problem: 405.
    """
    if request.method in allowed:
        return
    names = ", ".join(sorted(allowed))
    why = f"{names} are"
    if of is not None and of.node is not None and of.node.is_key:
        why = "a key cannot be changed or deleted; make an entry with another key, or delete the entry"
    message = f"{request.method} is not for this resource: {why}"
    raise Problem(405, "operation-not-supported", message, headers={"Allow": names})


def refuse_foreign(request: Request) -> None:
    """Refuse what a page of another origin has a browser do, which adds the password or certificate itself.

    Raises:
        Problem: it would change something (403).
    """
    if request.method in READS:
        return
    scheme = "https" if request.guest.secure else "http"
    own = f"{scheme}://{request.fields['host']}".lower()
    origin = request.fields.get("origin", own).lower()
    if origin != own or request.fields.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        raise Problem(403, "access-denied", "a page of another origin may change nothing here")
