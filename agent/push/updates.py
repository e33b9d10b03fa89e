"""push-update and push-change-update (RFC 8641 section 4.4). Pure."""

from __future__ import annotations

PUSH_NS = "urn:ietf:params:xml:ns:yang:ietf-yang-push"
_INCOMPLETE = b"<incomplete-update/>"


def push_update(subscription: int, contents: bytes, *, incomplete: bool = False) -> bytes:
    """Return a ``<push-update>``; ``contents``: what is selected, top-level nodes with their namespaces."""
    return _update(
        "push-update", subscription, b"<datastore-contents>%b</datastore-contents>" % contents, incomplete
    )


def push_change_update(subscription: int, patch_id: int, edits: bytes, *, incomplete: bool = False) -> bytes:
    """Return a ``<push-change-update>``.

    Args:
        patch_id: counts the patches of a subscription from 0 on, so that who misses one knows.
        edits: elements ``<edit>`` without a namespace declaration (agent.push.changes).
    """
    patch = f"<datastore-changes><yang-patch><patch-id>{patch_id}</patch-id>".encode()
    body = patch + edits + b"</yang-patch></datastore-changes>"
    return _update("push-change-update", subscription, body, incomplete)


def _update(name: str, subscription: int, body: bytes, incomplete: bool) -> bytes:
    start = f'<{name} xmlns="{PUSH_NS}"><id>{subscription}</id>'.encode()
    return start + body + (_INCOMPLETE if incomplete else b"") + f"</{name}>".encode()
