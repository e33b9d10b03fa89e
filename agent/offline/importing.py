"""``yangswand import``: a file becomes the whole configuration of a stopped agent, as a commit."""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from agent.data_folder import DataDir, DataDirInUse, may_begin
from agent.datastore.memory_copy import MemoryCopy
from agent.datastore.pruning import Keep
from agent.datastore.records import Cause, CommitInfo
from agent.datastore.store import Store
from agent.errors import RpcErrors
from agent.nacm.control import about_rules
from agent.offline.checking import content_of, refuse_invalid
from agent.offline.document import Document, language_of, read_document, read_file
from agent.offline.folder import InUse, has_history, loaded
from agent.offline.told import Faults, lines, printable
from agent.offline.withheld import keep_secrets, lacks_secret, lost_secrets
from agent.offline.words import COMMENT_LENGTH_MAX, Asked
from agent.settings import Settings
from agent.translator import Translator
from agent.visible import say
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from agent.yang.units import all_units

SHOWN_MAX = 20
KEY_MISSING = "private-key-missing"
"""The app-tag of a certificate whose key is not in the data folder."""
QUESTION = "Replace it? Type yes: "

Agree = Callable[[str], bool]


class Declined(Exception):
    """Nobody said yes; nothing has changed."""


def ask(question: str) -> bool:
    """Ask who sits at the terminal.

    Raises:
        Declined: there is nobody.
    """
    if sys.stdin is None or not sys.stdin.isatty():
        raise Declined("nothing is changed: there is nobody to ask; say --yes")
    try:
        return input(question).strip().lower() == "yes"
    except EOFError:
        return False


def import_file(asked: Asked, schema: Schema, translators: list[Translator], agree: Agree = ask) -> list[str]:
    """Make what is in the file the configuration of the data folder.

    Returns:
        Sentences about what has changed, and what is left to do.

    Raises:
        Faults: the file cannot be used; nothing has changed.
        Declined: whoever was asked does not want it; nothing has changed.
        InUse, StoreError, OSError: as of a start.
    """
    assert asked.file is not None
    for translator in translators:
        translator.look()
    source = _Source.read(asked.file, schema)
    if not asked.keep_secrets:
        source.refuse_invalid(translators, asked.settings.data_dir)
    folder = asked.settings.data_dir
    with _held(folder):
        there = has_history(folder)
        kept = _look(source, asked, translators, agree=agree) if there else _begin(source, asked)
        if kept is None:
            return [f"{asked.file} is what is configured: nothing is changed"]
        with closing(_history_of(asked.settings)) as store:
            configuration = loaded(store, schema, translators)
            commit_id = configuration.record(_author(asked), configuration.holding(source.content))
    told = [f"secrets that {asked.file} has not were kept: {len(kept)}"] if kept else []
    if commit_id is None:
        return [*told, f"{asked.file} holds nothing, and nothing was configured"]
    if not source.has_rules and not there:
        told.append("it has no access control: the next start makes the first rules, as in a new folder")
    return [*told, f"commit {commit_id} of {folder / 'history.db'}, in force with the next start"]


def _history_of(settings: Settings) -> Store:
    keep = Keep(settings.history_commits, settings.history_days)
    return Store(settings.data_dir / "history.db", new=may_begin(settings.data_dir), keep=keep)


@dataclass(frozen=True, slots=True)
class _Source:
    """The file, read."""

    file: Path
    schema: Schema
    document: Document
    content: Tree

    @classmethod
    def read(cls, file: Path, schema: Schema) -> _Source:
        data = read_file(file)
        document = None
        try:
            document = read_document(schema, data, language_of(file, data))
            return cls(file, schema, document=document, content=content_of(schema, document))
        except RpcErrors as problem:
            raise Faults(*lines(schema, str(file), problem.errors, document)) from None

    def refuse_invalid(self, translators: list[Translator], folder: Path) -> None:
        """Refuse what could not be committed in ``folder``. Raises: Faults."""
        try:
            refuse_invalid(self.content, translators)
        except RpcErrors as problem:
            found = [*lines(self.schema, str(self.file), problem.errors, self.document)]
            if any(lacks_secret(self.schema, error) for error in problem.errors):
                found.append(
                    f"{self.file}: if its secrets were left out at the export, make one with --with-secrets; "
                    "or say --keep-secrets, which keeps those that the folder has of the same entries"
                )
            if any(error.app_tag == KEY_MISSING for error in problem.errors):
                found.append(
                    f"{self.file}: private keys are in no export: first copy the private keys to {folder}, "
                    "to the place that they have in the folder of the other gateway (its export named it)"
                )
            raise Faults(*found) from None

    @property
    def has_rules(self) -> bool:
        return about_rules(all_units(self.content))


def _begin(source: _Source, asked: Asked) -> list[str]:
    if asked.keep_secrets:
        raise Declined(f"there are no secrets to keep: no history is in {asked.settings.data_dir}")
    return []


def _look(source: _Source, asked: Asked, translators: list[Translator], *, agree: Agree) -> list[str] | None:
    """Ask whether what is configured is to be replaced.

    Returns:
        The paths of secrets that were kept, None if nothing differs.
    """
    folder, content = asked.settings.data_dir, source.content
    with closing(MemoryCopy(folder / "history.db")) as copy:
        configuration = loaded(copy, source.schema, translators)
        kept: list[str] = []
        if asked.keep_secrets:
            kept = keep_secrets(content, configuration.running)
            source.refuse_invalid(translators, folder)
        changed = len(configuration.holding(content).differing(configuration.running))
        if not changed:
            return None
        if not any(configuration.explicit_units()):
            return kept
        told = [f"{folder} has a configuration, of which {asked.file} changes or removes parts: {changed}."]
        told += _losses(lost_secrets(content, configuration.running))
        if about_rules(configuration.explicit_units()) and not source.has_rules:
            told.append(
                f"{asked.file} has no access control: nobody may change anything then but recovery users."
            )
    for sentence in told:
        say(sentence, sys.stderr)
    if not asked.yes and not agree(QUESTION):
        raise Declined("nothing is changed")
    return kept


def _losses(lost: list[str]) -> Iterator[str]:
    if lost:
        number = "1 secret goes" if len(lost) == 1 else f"{len(lost)} secrets go"
        yield f"{number} that the file has not, though it has what each belongs to:"
        yield from (f"  {printable(path)}" for path in lost[:SHOWN_MAX])
        if len(lost) > SHOWN_MAX:
            yield f"  and {len(lost) - SHOWN_MAX} more"


def _author(asked: Asked) -> CommitInfo:
    """Return who imports: whoever has become root for it, if he did so by sudo."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = str(os.getuid())
    if os.getuid() == 0:
        user = os.environ.get("SUDO_USER") or user
    named = printable(f"import of {asked.file}")[:COMMENT_LENGTH_MAX]
    comment = asked.comment if asked.comment is not None else named
    return replace(CommitInfo(printable(user), 0, ""), comment=comment, cause=Cause.IMPORT)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Use the data folder alone, and make it if there is none. Raises: InUse, Exposed, OSError."""
    try:
        with DataDir(folder):
            yield
    except DataDirInUse:
        raise InUse(
            f"an agent uses the data folder {folder}: stop it first, or give it the configuration over "
            "NETCONF (copy-config to the candidate, and commit)"
        ) from None
