"""What a peer says that cannot be measured."""

from __future__ import annotations


class Failed(Exception):
    """A peer is not there or did not do what it should; the text says what."""
