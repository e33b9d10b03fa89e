"""One NETCONF session, as the rooms above use it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from lxml import etree

Element = etree._Element


@dataclass(frozen=True, slots=True)
class ServerError:
    """One <rpc-error> (RFC 6241 section 4.3). ``path``: as the server wrote it, namespaces beside it."""

    tag: str
    message: str
    app_tag: str = ""
    path: str = ""
    namespaces: tuple[tuple[str, str], ...] = ()
    warning: bool = False
    session_id: int | None = None
    info: str = ""


class ServerErrors(Exception):
    """What the server refused, with all errors of its reply."""

    def __init__(self, errors: tuple[ServerError, ...]) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.errors = errors


class Gone(Exception):
    """There is no session (any more); the text says why and what to do."""


class Client(Protocol):
    """A session. Every method raises ServerErrors or Gone. A wait can be ended by KeyboardInterrupt."""

    user: str
    session_id: int
    capabilities: frozenset[str]

    def rpc(self, request: Element) -> Element:
        """Return the <rpc-reply> to ``request``, the element inside <rpc> (of an action, <action>)."""

    def get(self, subtree: Element | None = None) -> Element:
        """Return <data> with configuration and state; ``subtree``: the content of the filter, wrapped in one
        <filter> element."""

    def get_config(self, source: str, subtree: Element | None = None) -> Element:
        """Return <data> of ``source``: "running" or "candidate"."""

    def events(self, subtree: Element | None = None) -> AbstractContextManager[Iterator[Element]]:
        """Subscribe in a session of its own (RFC 5277); yields <notification> elements until the end."""

    def close(self) -> None:
        """End the session, and those of ``events``."""
