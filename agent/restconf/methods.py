"""Which methods a resource has, and what no page of another origin may have a browser do."""

from __future__ import annotations

from agent.restconf.problems import Problem
from agent.restconf.request import Request
from agent.restconf.uris import Place

READS = ("GET", "HEAD", "OPTIONS")


def allowed_at(place: Place) -> tuple[str, ...]:
    """Return the methods for data at ``place``."""
    node = place.node
    if node is None:
        return (*READS, "POST", "PUT", "PATCH")
    if not node.config or place.is_many or node.is_key:
        return READS
    posts = ("POST",) if node.is_interior else ()
    return (*READS, *posts, "PUT", "PATCH", "DELETE")


def refuse_method(request: Request, allowed: tuple[str, ...], of: Place | None = None) -> None:
    """Raise Problem if its method is none of ``allowed`` (405); ``of``: where data is, if it is any."""
    if request.method not in allowed:
        names = ", ".join(sorted(allowed))
        why = f"{names} are"
        if of is not None and of.node is not None and of.node.is_key:
            why = "a key cannot be changed or deleted; make an entry with another key, or delete the entry"
        message = f"{request.method} is not for this resource: {why}"
        raise Problem(405, "operation-not-supported", message, headers={"Allow": names})


def refuse_foreign(request: Request, *, also_reads: bool = False) -> None:
    """Refuse what a page of another origin has a browser do, which adds the password or certificate itself.

    Args:
        also_reads: such a page may read nothing either, though it cannot see what it is answered.

    Raises:
        Problem: it would change something, or read (403).
    """
    if (also_reads or request.method not in READS) and _is_foreign(request):
        what = "gets" if also_reads else "may change"
        raise Problem(403, "access-denied", f"a page of another origin {what} nothing here")


def _is_foreign(request: Request) -> bool:
    """Return whether a browser says that a page of another origin asks for it."""
    scheme = "https" if request.guest.secure else "http"
    own = f"{scheme}://{request.fields['host']}".lower()
    origin = request.fields.get("origin", own).lower()
    return origin != own or request.fields.get("sec-fetch-site", "none") not in ("none", "same-origin")
