"""All commands, from the rooms that have them."""

from __future__ import annotations

from console.grammar.command import Command
from console.live.commands import COMMANDS as LIVE
from console.shell.commands import around, candidate, committing, contexts
from console.show.commands import COMMANDS as SHOW

COMMANDS: tuple[Command, ...] = (
    *contexts.COMMANDS,
    *committing.COMMANDS,
    *candidate.COMMANDS,
    *SHOW,
    *LIVE,
    *around.COMMANDS,
)
