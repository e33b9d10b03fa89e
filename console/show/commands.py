"""The commands of this room."""

from __future__ import annotations

from console.grammar.command import Command
from console.show import (
    access,
    certificates,
    configuration,
    daemon,
    history,
    sessions,
    tunnel,
    tunnels,
    version,
)

COMMANDS: tuple[Command, ...] = (
    *tunnels.COMMANDS,
    *tunnel.COMMANDS,
    *daemon.COMMANDS,
    *certificates.COMMANDS,
    *sessions.COMMANDS,
    *configuration.COMMANDS,
    *history.COMMANDS,
    *access.COMMANDS,
    *version.COMMANDS,
)
