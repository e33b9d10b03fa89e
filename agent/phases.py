"""What systemd hears of the agent from its start to its end: what it does, in words, and that it is alive."""

from __future__ import annotations

import faulthandler

from agent.datastore.configuration import Configuration
from agent.loaded import Loaded
from agent.supervision import READY, STOPPING, Supervision, status
from agent.watchdog import Beats, Watchdog
from agent.yang.worker import Worker

_STANDARD_ERROR = 2


class Phases:
    """The phases follow each other as the methods do."""

    def __init__(self, supervision: Supervision, *, beats: Beats, worker: Worker) -> None:
        self._supervision = supervision
        self._watchdog = Watchdog(supervision, beats=beats, worker=worker)
        if supervision.watchdog_s is not None:
            # The watchdog ends this process by SIGABRT: what every thread was at is then in the journal.
            faulthandler.enable(_STANDARD_ERROR)

    def begin(self, sentence: str) -> None:
        """The agent starts, and does first what ``sentence`` says."""
        self.starting(sentence)
        self._watchdog.take_time()

    def starting(self, sentence: str) -> None:
        """It starts, and has come so far. From any thread."""
        self._supervision.notify(status(f"starting: {sentence}"))

    async def serve(self, sentence: str, configuration: Configuration) -> None:
        """Clients may come, as ``sentence`` says; how many entries there are is told anew."""

        def serving() -> str:
            return status(f"ready: {sentence}, {loaded.sentence()}")

        loaded = Loaded(configuration.translators, told=lambda: self._supervision.notify(serving()))
        await loaded.follow(configuration)
        self._supervision.notify(READY, serving())
        self._watchdog.feed()

    def stop(self, sentence: str) -> None:
        """It stops, and does what ``sentence`` says; may be called for each thing that it does then."""
        self._supervision.notify(STOPPING, status(f"stopping: {sentence}"))
        self._watchdog.take_time()

    def end(self) -> None:
        """Nothing more is said: the thread that shows that the agent is alive is about to end."""
        self._watchdog.rest()
