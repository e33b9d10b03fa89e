"""How long an answer may be. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from agent.errors import ResourceDenied

ANSWER_OCTETS_MAX = 32 * 1024 * 1024
EDITS_MAX = 100_000


@dataclass(slots=True)
class Room:
    """What is left for an answer: octets, and edits or lines."""

    octets: int = ANSWER_OCTETS_MAX
    edits: int = EDITS_MAX

    def take(self, piece: bytes) -> bytes:
        """Return ``piece``, one edit of the answer.

        Raises:
            ResourceDenied: the answer is too long with it.
        """
        self.octets -= len(piece)
        self.edits -= 1
        if self.octets < 0 or self.edits < 0:
            raise too_much()
        return piece


def too_much() -> ResourceDenied:
    return ResourceDenied(
        "these states differ in too much for one answer: compare states that are closer to each other, or "
        "give a filter",
        app_tag="too-many-differences",
    )
