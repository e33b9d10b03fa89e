"""What a translation may refuse; the translator turns it into an rpc-error at the entry's path."""

from __future__ import annotations

from dataclasses import dataclass


class Refused(Exception):
    """``leaf``, a path below the entry (empty for the entry itself), cannot be put into effect.

    ``message`` is a sentence for a human and never holds a secret; ``app_tag`` is the error-app-tag.
    """

    def __init__(self, leaf: str, message: str, app_tag: str) -> None:
        super().__init__(f"{leaf or 'tunnel'}: {message}")
        self.leaf = leaf
        self.message = message
        self.app_tag = app_tag


class UnsupportedLeaf(Refused):
    """No rule says what ``leaf`` means to charon; dropping it would make <running> lie."""

    def __init__(self, leaf: str) -> None:
        super().__init__(leaf, f"this version cannot put '{leaf}' into effect", "unsupported-leaf")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why ``tunnel`` cannot be as asked; ``leaf`` is a path below its entry, empty for the entry. ``other``
    is the tunnel that the message tells of, if it tells of one."""

    tunnel: str
    leaf: str
    message: str
    app_tag: str
    other: str | None = None

    @classmethod
    def of(cls, tunnel: str, refused: Refused) -> Refusal:
        """Return what ``refused`` means for ``tunnel``."""
        return cls(tunnel=tunnel, leaf=refused.leaf, message=refused.message, app_tag=refused.app_tag)
