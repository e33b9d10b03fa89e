"""The octets of a session, whatever carries them."""

from __future__ import annotations

from typing import Protocol


class Stream(Protocol):
    """Both directions of a connection. Everything raises OSError when it is broken."""

    user: str

    def read(self) -> bytes:
        """Wait for octets and return them; b"" when the server has ended the connection."""

    def write(self, data: bytes) -> None:
        """Send all of ``data``."""

    def close(self) -> None:
        """End the connection; whoever waits in ``read`` is woken."""
