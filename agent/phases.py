"""What systemd hears of the agent from its start to its end: what it does, in words, and that it is alive."""

from __future__ import annotations

import faulthandler
from collections.abc import Sequence
from contextlib import AbstractContextManager

from agent.datastore.configuration import Configuration
from agent.loaded import Loaded
from agent.supervision import READY, STOPPING, Supervision, extended, status
from agent.watchdog import Watchdog, Watched

OPENING_MAX_S = 600.0
_STANDARD_ERROR = 2


class Phases:
    """The phases follow each other as the methods do."""

    def __init__(self, supervision: Supervision, *, threads: Sequence[Watched]) -> None:
        self._supervision = supervision
        self._watchdog = Watchdog(supervision, threads=threads)
        self._sentence = ""
        self._loaded = Loaded((), told=self._tell_serving)
        if supervision.watchdog_s is not None:
            # The watchdog ends this process by SIGABRT: what every thread was at is then in the journal.
            faulthandler.enable(_STANDARD_ERROR)

    def open_history(self) -> None:
        """The history is opened, and that of an older version converted: nothing is said until it is done."""
        self._supervision.notify(status("starting: the history is opened"), extended(OPENING_MAX_S))

    def begin(self, sentence: str) -> None:
        """The agent starts, and does first what ``sentence`` says."""
        self.starting(sentence)
        self._watchdog.take_time()

    def starting(self, sentence: str) -> None:
        """It starts, and has come so far. From any thread."""
        self._supervision.notify(status(f"starting: {sentence}"))

    async def serve(self, sentence: str, configuration: Configuration) -> None:
        """Clients may come, as ``sentence`` says; how many entries there are is told anew."""
        self._loaded = loaded = Loaded(configuration.translators, told=self._tell_serving)
        self._sentence = sentence
        await loaded.follow(configuration)
        self._supervision.notify(READY, self._serving())
        self._watchdog.feed()

    def reload(self) -> AbstractContextManager[None]:
        """While it is entered, settings are read anew; clients may come as before."""
        return self._supervision.reload(self._serving)

    def _tell_serving(self) -> None:
        self._supervision.notify(self._serving())

    def _serving(self) -> str:
        return status(f"ready: {self._sentence}, {self._loaded.sentence()}")

    def stop(self, sentence: str) -> None:
        """It stops, and does what ``sentence`` says; may be called for each thing that it does then."""
        self._supervision.notify(STOPPING, status(f"stopping: {sentence}"))
        self._watchdog.take_time()

    def end(self) -> None:
        """Nothing more is said: the threads that show that the agent is alive are about to end."""
        self._watchdog.rest()
