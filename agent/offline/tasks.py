"""What the words ask for, carried out; whatever goes wrong becomes a sentence and an exit status.

0: done, or nothing is wrong. 1: it could not be done, or something is wrong. 2: a mistake of who typed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from io import TextIOWrapper

from agent.command_line import printing
from agent.data_folder import Exposed, Lost
from agent.datastore.store_errors import StoreError
from agent.errors import about_file
from agent.from_settings import make_schema, make_translators
from agent.offline import words
from agent.offline.document import Unreadable
from agent.offline.exporting import export
from agent.offline.folder import InUse, NoHistory
from agent.offline.importing import Declined, import_file
from agent.offline.listing import NoCommit, history
from agent.offline.looking import check
from agent.offline.output import Refused, refuse_closed_output
from agent.offline.told import Faults
from agent.offline.words import Asked
from agent.settings import SettingsError
from agent.translator import Translator
from agent.visible import say
from agent.yang.modules import SchemaError
from agent.yang.schema import Schema

_SENTENCES = (
    Declined, Exposed, InUse, Lost, NoCommit, NoHistory, Refused, SchemaError, StoreError,
)  # fmt: skip


def carry_out(argv: Sequence[str]) -> int:
    """Do what ``argv`` asks for; returns the exit status.

    Raises:
        SystemExit: ``--help``, or a mistake.
    """
    program = words.program_of(argv)
    if isinstance(sys.stdout, TextIOWrapper):  # a name may have what the terminal cannot show
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        asked = words.read(argv)
        with printing(SystemExit(0)):
            _DOING[asked.task](asked)
    except SettingsError as problem:
        return _complain(program, problem.faults)
    except Faults as problem:
        return _complain("", problem.sentences)
    except Unreadable as problem:
        return _complain("", [f"{asked.file}: {problem}"])
    except _SENTENCES as problem:
        return _complain(program, [str(problem)])
    except OSError as problem:
        return _complain(
            program, [about_file(problem) if problem.filename else problem.strerror or str(problem)]
        )
    except MemoryError:
        return _complain(program, ["there is not enough memory for it"])
    except KeyboardInterrupt:
        return _complain(program, ["interrupted"])
    return 0


def _complain(program: str, sentences: Iterable[str]) -> int:
    for sentence in sentences:
        say(f"{program}: {sentence}" if program else sentence, sys.stderr)
    return 1


def _made(asked: Asked) -> tuple[Schema, list[Translator]]:
    translators = make_translators(asked.settings)
    return make_schema(asked.settings, translators), translators


def _check(asked: Asked) -> None:
    refuse_closed_output()
    for sentence in check(asked):
        say(sentence)


def _export(asked: Asked) -> None:
    _complain(asked.program, export(asked, *_made(asked)))


def _import(asked: Asked) -> None:
    for sentence in import_file(asked, *_made(asked)):
        say(sentence)


def _history(asked: Asked) -> None:
    refuse_closed_output()
    for line in history(asked, *_made(asked)):
        print(line)


_DOING: dict[str, Callable[[Asked], None]] = {
    "check": _check,
    "export": _export,
    "import": _import,
    "history": _history,
}
