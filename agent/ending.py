"""What ends the agent, and whether what its translators run goes on without it.

SIGINT ends both: it is a person at a terminal. SIGTERM does what the setting on-stop says. SIGUSR1 ends the
agent alone: another one is about to take over. SIGHUP ends nothing.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal

log = logging.getLogger("agent")

ON_HANGUP = "SIGHUP is ignored: settings are read at start, so restart the agent; tunnels change over NETCONF"


class Ending:
    """Waits for a signal. ``keep``: whether a managed daemon and its tunnels are left to the next agent.

    An agent that ends for another reason than a signal leaves them if it is the main process of a systemd
    service (systemd.exec(5), SYSTEMD_EXEC_PID), which is started again.
    """

    def __init__(self, *, keep_on_stop: bool) -> None:
        self._asked = asyncio.Event()
        self._keep_on_stop = keep_on_stop
        self.keep = os.environ.get("SYSTEMD_EXEC_PID") == str(os.getpid())

    def listen(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to take signals."""
        loop.add_signal_handler(signal.SIGINT, self._end, False)
        loop.add_signal_handler(signal.SIGTERM, self._end, self._keep_on_stop)
        loop.add_signal_handler(signal.SIGUSR1, self._end, True)
        # A handler and not SIG_IGN, which the daemons that translators start would inherit.
        loop.add_signal_handler(signal.SIGHUP, log.warning, "%s", ON_HANGUP)

    def is_asked(self) -> bool:
        """Return whether a signal has asked the agent to end."""
        return self._asked.is_set()

    async def asked(self) -> None:
        """Return when a signal has asked the agent to end."""
        await self._asked.wait()

    def _end(self, keep: bool) -> None:
        self.keep = keep
        self._asked.set()
