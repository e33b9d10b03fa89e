"""The agent, as its users run it."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.messages import Words
from bench.peers import sync_counter
from bench.peers.failed import Failed
from bench.session import ssh_command
from bench.site import Peer
from tests.agent_process import AgentProcess, start_agent
from tests.lab import end_charon

SUBJECT = "yangswan"
SETTINGS = """\
[limits]
sessions = 128
sessions-per-user = 128
sessions-per-source = 128
unauthenticated = 128
unauthenticated-per-source = 128
subscriptions = 2000
subscriptions-per-user = 2000
write-timeout-s = 600
"""


class Agent:
    """An agent with a data folder below ``folder``; it can be started anew on what it stored."""

    def __init__(
        self, folder: Path, charon: str = "none", prefix: Sequence[str] = (), *, settings: str = ""
    ) -> None:
        self._data_dir = folder / "data"
        self._settings = folder / "settings.toml"
        self._settings.write_text(SETTINGS + settings)
        self._charon = charon
        self._prefix = tuple(prefix)
        self._process: AgentProcess | None = None

    @property
    def data_dir(self) -> Path:
        return self._data_dir

    def start(self, launcher: Sequence[str] = ()) -> Peer:
        """Start it, with ``launcher`` before its command; returns when it says that clients may connect.

        Raises:
            Failed: it does not say so in time.
        """
        try:
            self._process = start_agent(
                self._data_dir,
                ["--config", str(self._settings)],
                prefix=(*self._prefix, *launcher),
                charon=self._charon,
                log_level="warning",
            )
        except AssertionError as error:
            raise Failed(str(error)) from error
        return Peer(
            subject=SUBJECT,
            command=ssh_command(self._process.user, self._process.key, self._process.port, self._prefix),
            pid=self._process.process.pid,
            words=Words(),
        )

    def start_counted(self) -> tuple[Peer, Callable[[], int]]:
        """Start it so that it is counted how often it waits for the disk; returns what tells it, too.

        Raises:
            Failed: that cannot be counted on this machine.
        """
        if platform.machine() not in sync_counter.NUMBERS:
            raise Failed(f"not counted on {platform.machine()}")
        counted = self._data_dir.with_name("syncs")
        peer = self.start([sys.executable, "-m", "bench.peers.sync_counter", str(counted)])
        return peer, lambda: sync_counter.count_of(counted)

    def stop(self) -> None:
        if self._process is not None and self._process.process.poll() is None:
            try:
                self._process.stop()
            except BaseException:  # on Ctrl-C it is not waited for
                self._process.kill()
                raise
        self._process = None


@contextmanager
def started(
    folder: Path, charon: str = "none", prefix: Sequence[str] = (), *, settings: str = ""
) -> Iterator[Agent]:
    """An agent that is ended with the block, its charon too. It is not started yet."""
    folder.mkdir(exist_ok=True)
    agent = Agent(folder, charon, prefix, settings=settings)
    try:
        yield agent
    finally:
        try:
            agent.stop()
        finally:
            if charon == "managed":
                end_charon(agent.data_dir)
