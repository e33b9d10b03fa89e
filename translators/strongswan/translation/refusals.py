"""What a translation may refuse; the translator turns it into an rpc-error at the entry's path."""

from __future__ import annotations


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
