"""``yangswand check``: a file, settings or a configuration, and all that is wrong with it."""

from __future__ import annotations

import argparse
import logging
import re
from pathlib import Path

from agent import named
from agent.command_line import Task, settings_of
from agent.errors import about_file
from agent.from_settings import faults_of as faults_of_settings
from agent.from_settings import make_schema, make_translators
from agent.offline.checking import faults_of
from agent.offline.document import Document, Language, language_of, read_document, read_file
from agent.offline.told import Faults, lines
from agent.offline.words import Asked
from agent.settings import SettingsError
from agent.yang.schema import Schema

log = logging.getLogger("agent")

MORE = "there may be more: what tunnels have to do with each other is looked at when these are mended"
_NAMED = re.compile(r"([\w.-]+)@(\d{4}-\d\d-\d\d)")


def check(asked: Asked) -> list[str]:
    """Look at the file.

    Returns:
        A sentence about what it is: nothing is wrong with it.

    Raises:
        Faults: something is.
        Unreadable: it holds no configuration.
        OSError: it cannot be read.
        SettingsError, SchemaError: the settings that a configuration is looked at with cannot be used.
    """
    assert asked.file is not None
    data = read_file(asked.file)
    language = language_of(asked.file, data)
    if language is Language.TOML:
        return _check_settings(asked.file, asked.options)
    if asked.faults:
        raise SettingsError(*asked.faults)
    translators = make_translators(asked.settings)
    schema = make_schema(asked.settings, translators)
    for translator in translators:
        try:
            translator.look()
        except PermissionError as problem:  # the data folder is the agent's, and a check is for everybody
            log.warning("looked at without what is in the data folder: %s", about_file(problem))
    document = read_document(schema, data, language)
    errors, is_part = faults_of(schema, document, translators)
    if errors:
        found = [*lines(schema, str(asked.file), errors, document)]
        more = [f"{asked.file}: {MORE}"] if is_part else []
        raise Faults(*found, *_of_another_model(asked.file, schema, document), *more)
    return [
        f"{asked.file}: a configuration that can be committed, as far as is known without charon (its "
        "algorithms and plugins)"
    ]


def _check_settings(file: Path, options: argparse.Namespace) -> list[str]:
    """Look at settings as ``yangswand --check --config`` does, with what else is on the command line."""
    if options.config is not None:
        raise Faults(f"{file} holds settings: --config is for a configuration that is looked at")
    options.config = file
    settings, faults = settings_of(options)
    faults += faults_of_settings(settings, Task.CHECK)
    if not faults:
        faults += named.hindrances(settings)
    if faults:
        raise Faults(*(fault if str(file) in fault else f"{file}: {fault}" for fault in faults))
    return [f"{file}: settings with which an agent can start"]


def _of_another_model(file: Path, schema: Schema, document: Document) -> list[str]:
    """Say which modules are served in another revision than that which instance data is of."""
    named = dict(_NAMED.findall(" ".join(document.modules)))
    other = [
        f"{name}@{revision} (here @{schema.by_name[name].revision})"
        for name, revision in named.items()
        if name in schema.by_name and schema.by_name[name].revision != revision
    ]
    return [f"{file}: it was made with other revisions: {', '.join(other)}"] if other else []
