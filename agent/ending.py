"""What ends the agent, and whether what its translators run goes on without it.

SIGINT ends both: it is a person at a terminal. SIGTERM does what the setting on-stop says. SIGUSR1 ends the
agent alone: another one is about to take over. SIGHUP ends nothing: the settings are read again
(agent.reread).
"""

from __future__ import annotations

import asyncio
import os
import signal
from types import FrameType


class Hangups:
    """Takes SIGHUP from now on, and to the end of the process: at no time does it end the agent.

    So it is no handler of the loop, which would go with the loop; and before ``close`` no SIG_IGN, which the
    daemons that translators start would inherit.
    """

    def __init__(self) -> None:
        self._came = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        signal.signal(signal.SIGHUP, self._take)

    async def came(self) -> None:
        """Return when there was one since the last return; several are one."""
        self._loop = asyncio.get_running_loop()
        await self._came.wait()
        self._came.clear()

    def close(self) -> None:
        """Ignore it from now on: the interpreter takes its handlers out before it ends, and leaves this."""
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def _take(self, _number: int, _frame: FrameType | None) -> None:
        if self._loop is None:
            self._came.set()  # nobody waits yet
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._came.set)


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

    def is_asked(self) -> bool:
        """Return whether a signal has asked the agent to end."""
        return self._asked.is_set()

    async def asked(self) -> None:
        """Return when a signal has asked the agent to end."""
        await self._asked.wait()

    def _end(self, keep: bool) -> None:
        self.keep = keep
        self._asked.set()
