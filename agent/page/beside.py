"""The page beside RESTCONF at one address: whose a request is, and what browsers are told with answers."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from agent.http.answers import App, Message, Receive, Send

RESTCONF = (b"/restconf", b"/.well-known")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "font-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cache-control": "no-store",
}
"""Of each answer that does not say so itself. Those of RESTCONF have them too, being of the same origin."""
_FIELDS = [(name.encode(), value.encode()) for name, value in HEADERS.items()]


class Beside:
    """An ASGI application of two. Paths are compared as they were sent: that is how RESTCONF reads them."""

    def __init__(self, restconf: App, page: App) -> None:
        self._restconf = restconf
        self._page = page

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        async def telling(message: Message) -> None:
            if message["type"] == "http.response.start":
                fields = list(message.get("headers", ()))
                said = {bytes(name).lower() for name, _ in fields}
                message["headers"] = [*fields, *(field for field in _FIELDS if field[0] not in said)]
            await send(message)

        path: bytes = scope["raw_path"]
        is_restconf = any(path == one or path.startswith(one + b"/") for one in RESTCONF)
        await (self._restconf if is_restconf else self._page)(scope, receive, telling)
