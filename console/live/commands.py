"""The commands of this room."""

from __future__ import annotations

from console.grammar.command import Command
from console.live import control, log, monitor, watch

COMMANDS: tuple[Command, ...] = (*control.COMMANDS, *monitor.COMMANDS, *log.COMMANDS, *watch.COMMANDS)
