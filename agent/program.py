"""The program: what is asked for is read, looked at and begun, and a refusal is said in words."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from typing import NoReturn

from agent import logs, loop, named, search_path, tasks
from agent.command_line import PROGRAM, Task, read
from agent.data_folder import (
    DataDir,
    DataDirInUse,
    Exposed,
    Lost,
    is_fresh,
    refuse_traceless,
    refuse_unused,
)
from agent.datastore.progress import Ended
from agent.datastore.store_errors import StoreDamaged, StoreError, StoreNewer
from agent.ending import Hangups
from agent.errors import BackendError, about_file
from agent.from_settings import look
from agent.memory import collect_seldom
from agent.offline import words
from agent.offline.tasks import carry_out
from agent.repair import Declined
from agent.settings import SettingsError
from agent.transport.activation import Unserviceable
from agent.transport.files import DamagedKey
from agent.visible import say
from agent.yang.modules import SchemaError

log = logging.getLogger("agent")

_WORK = {Task.RUN: tasks.run, Task.PROTECT: tasks.protect, Task.UNPROTECT: tasks.unprotect}


def main() -> None:
    """Run the agent until a signal ends it; exits 0 on a clean stop, 78 if the settings cannot be used
    (sysexits.h, EX_CONFIG), 1 if what keeps it from starting may go by itself, with the reason."""
    hangups = None
    search_path.complete(os.environ)
    if sys.argv[1:2] and sys.argv[1] in words.TASKS:
        logs.configure(words.log_level_of(sys.argv[2:]))
        raise SystemExit(carry_out(sys.argv[1:]))
    try:
        asked = read()
        spoken = asked.task in (Task.CHECK, Task.REPAIR) and asked.settings.log_format == "json"
        logs.configure(asked.settings.log_level, "text" if spoken else asked.settings.log_format)
        looking = asked.task is Task.CHECK
        new_loop = loop.chosen(os.environ)
        if asked.task is Task.RUN:
            hangups = Hangups()
            collect_seldom()
        looked = look(asked.settings, asked.task, starting=True)
        if faults := [*asked.faults, *looked.faults]:
            raise SettingsError(*faults)
        if asked.task is Task.PROTECT and is_fresh(asked.settings.data_dir):
            say(f"{PROGRAM}: nothing to protect yet: no agent has used {asked.settings.data_dir}", sys.stderr)
            return
        if asked.task in (Task.PROTECT, Task.UNPROTECT):
            refuse_unused(asked.settings.data_dir)
        if asked.task is Task.REPAIR:
            refuse_traceless(asked.settings.data_dir)
        if looking:
            of_translators = (lack for translator in looked.translators for lack in translator.lacking())
            for note in (*named.lacking(asked.settings), *named.notes(asked.settings), *of_translators):
                say(f"{PROGRAM}: note: {note}", sys.stderr)
            if hindrances := named.hindrances(asked.settings):
                _complain(*hindrances, status=1)
        else:
            with DataDir(asked.settings.data_dir):
                if asked.task is Task.REPAIR:
                    tasks.mend(asked.settings, looked, yes=asked.yes)
                else:
                    with asyncio.Runner(loop_factory=new_loop) as runner:
                        runner.run(_WORK[asked.task](asked.settings, looked, hangups))
    except SettingsError as problem:
        _complain(*problem.faults, status=os.EX_CONFIG)
    except (SchemaError, Exposed, Lost, DamagedKey, StoreDamaged, StoreNewer, Unserviceable) as problem:
        _complain(str(problem), status=os.EX_CONFIG)
    except (DataDirInUse, Declined, StoreError, BackendError) as problem:
        _complain(str(problem), status=1)
    except OSError as problem:
        _complain(about_file(problem), status=1)
    except Ended:
        log.info("stopped before the history was read; it is whole")
        raise SystemExit(0) from None
    except KeyboardInterrupt:
        raise SystemExit(0) from None
    finally:
        if hangups is not None:
            hangups.close()


def _complain(*sentences: str, status: int) -> NoReturn:
    for sentence in sentences:
        logs.last_words(sentence)
    raise SystemExit(status) from None
