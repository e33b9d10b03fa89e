"""A screen of lines on a terminal, of which only what changed is written again. Pure."""

from __future__ import annotations

from collections.abc import Sequence

BEGIN = "\x1b[?1049h\x1b[?25l"
"""To the other screen of the terminal, without a cursor."""
END = "\x1b[?25h\x1b[?1049l"
CLEAR = "\x1b[2J"


def redrawn(before: Sequence[str], after: Sequence[str]) -> str:
    """Return what a terminal that shows ``before`` has to be sent to show ``after``.

    The lines fit the terminal and hold nothing that it would obey.
    """
    sent = []
    for at, line in enumerate(after):
        if at >= len(before) or before[at] != line:
            sent.append(f"\x1b[{at + 1};1H{line}\x1b[K")
    if len(after) < len(before):
        sent.append(f"\x1b[{len(after) + 1};1H\x1b[J")
    return "".join(sent)
