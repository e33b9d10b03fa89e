"""``yangswand export``: the whole configuration of a stopped agent, for a backup or for another machine."""

from __future__ import annotations

import socket
from contextlib import closing
from datetime import UTC, datetime

from agent.datastore.memory_copy import MemoryCopy
from agent.offline.folder import left_alone, loaded, pending
from agent.offline.formats import file_of, modules_of
from agent.offline.instance_data import Described
from agent.offline.output import refuse_exposed_output, refuse_taken, write_file, write_out
from agent.offline.withheld import leave_out_secrets
from agent.offline.words import Asked
from agent.translator import Translator
from agent.yang.schema import Schema


def export(asked: Asked, schema: Schema, translators: list[Translator]) -> list[str]:
    """Write the configuration to where it is asked for.

    Returns:
        Sentences about what is not in it.

    Raises:
        Refused: it may not be written there.
        InUse, NoHistory, StoreError, OSError: as ``left_alone`` and ``loaded``.
    """
    if asked.file is not None:
        refuse_taken(asked.file, force=asked.force)
    elif asked.with_secrets:
        refuse_exposed_output()
    folder = asked.settings.data_dir
    told = []
    with left_alone(folder, "ask it: yangswan show running-config, or get-config over NETCONF"):
        with closing(MemoryCopy(folder / "history.db")) as store:
            who = pending(store, schema, translators)
            running = loaded(store, schema, translators).running
        of_others = [sentence for translator in translators for sentence in translator.look()]
    if who is not None:
        told.append(
            f"a confirmed commit of {who} is pending: the export is as it was before, to which the next "
            "start goes back"
        )
    content = running.duplicate()
    secrets = 0 if asked.with_secrets else leave_out_secrets(content)
    if secrets:
        number = "1 secret is" if secrets == 1 else f"{secrets} secrets are"
        told.append(f"{number} left out: say --with-secrets for a backup that can be restored anywhere")
    time = datetime.now(UTC).isoformat(timespec="seconds")
    about = [f"{number} left out."] if secrets else []
    described = Described(
        f"yangswan at {socket.gethostname()}", modules_of(content), time=time, descriptions=about
    )
    data = file_of(content, described, asked.format)
    if asked.file is None:
        write_out(data)
    else:
        write_file(asked.file, data, force=asked.force)
    return [*told, *of_others]
