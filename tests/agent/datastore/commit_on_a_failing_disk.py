"""Commit, once on a disk that works and once on one that fails, say what is answered, and die at once."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from agent.datastore.configuration import Configuration
from agent.datastore.confirmed import Request
from agent.datastore.confirming import ConfirmedCommits
from agent.datastore.edit import edit
from agent.datastore.store import Store
from agent.errors import RpcErrors
from tests.agent.datastore.lab import INFO, ONE
from tests.agent.lab import config, direct, entry, make_schema
from tests.agent.recording_translator import RecordingTranslator


async def commits(folder: Path, confirmed: bool) -> None:
    translator = RecordingTranslator()
    configuration = Configuration(
        make_schema(), Store(folder / "history.db"), translators=[translator], worker=direct
    )
    await configuration.start()
    confirming = ConfirmedCommits(configuration)
    edit(configuration.candidate, config(ONE))
    await confirming.commit(Request(), INFO)
    edit(configuration.candidate, config(entry("<number>3</number>")))
    os.close(os.open(os.environ["FAIL_ARMED"], os.O_CREAT))
    said, tag = "ok", None
    try:
        await confirming.commit(Request(confirmed=confirmed, persist="p" if confirmed else None), INFO)
    except RpcErrors as problem:
        said, tag = str(problem), problem.errors[0].app_tag
    running = configuration.running.to_xml().decode()
    told = {
        "said": said, "app_tag": tag, "running": running, "backend": translator.holds[("1",)]["number"],
        "window": confirming.window is not None,
    }  # fmt: skip
    print(json.dumps(told), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    asyncio.run(commits(Path(sys.argv[1]), sys.argv[2] == "confirmed"))
