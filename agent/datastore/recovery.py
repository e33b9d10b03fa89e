"""What a start has to put right before anything else happens.

Commits that a crash interrupted are marked undone: running never held them. A confirmed commit that nobody
had confirmed is rolled back. The backends follow when the translators start, so none is touched here.
"""

from __future__ import annotations

import logging
import sqlite3
from dataclasses import replace

from agent.datastore.candidate import Candidate
from agent.datastore.confirmed import NAMED_MAX, Window
from agent.datastore.datastores import Datastores
from agent.datastore.preparation import Preparation, Prepared, unvalidated
from agent.datastore.records import SERVER, timestamp
from agent.datastore.replay import as_of
from agent.datastore.store import Store
from agent.datastore.store_errors import StoreError
from agent.datastore.transaction import Recorded, replace_units
from agent.errors import RpcErrors, shortened
from agent.yang.tree import Tree

log = logging.getLogger(__name__)


def undo_interrupted(store: Store) -> None:
    """*worker* Mark the commits undone that a crash left between their two records."""
    if interrupted := store.interrupted():
        log.warning("commit %s was interrupted and is undone", ", ".join(map(str, interrupted)))


def roll_back_unconfirmed(datastores: Datastores, store: Store, preparation: Preparation) -> None:
    """*worker* Roll back a confirmed commit that was pending when the server ended (RFC 6241 section 8.4.1).

    The rollback is a commit of its own in the history, made by the server.

    Raises:
        StoreError: it could not be recorded; nothing is changed.
    """
    window = store.window()
    if window is None:
        return
    log.warning("a confirmed commit of %s was not confirmed before the restart: rolled back", window.user)
    if store.latest() == window.rollback_to:
        _record(None, store)
        return
    undone = store.history.after(window.rollback_to)
    before = as_of(window.rollback_to, store=store, running=datastores.running)
    prepared = _prepared(before, datastores.running, preparation)
    replace_units(datastores, prepared, _record(prepared, store, _comment(window, prepared, undone)))
    datastores.candidate = Candidate(datastores.published)


def _record(prepared: Prepared | None, store: Store, comment: str = "") -> Recorded | None:
    recorded = None
    try:
        if prepared is not None and prepared.units:
            author = replace(SERVER, comment=comment)
            time = timestamp()
            recorded = Recorded(store.begin(author, prepared.records, time), time)
        store.finish(recorded.commit_id if recorded else None)
        return recorded
    except sqlite3.OperationalError as problem:
        raise StoreError(
            f"the rollback of a confirmed commit could not be recorded in {store.path}: {problem}. "
            "It is rolled back at the next start; make room on the disk first if it is full"
        ) from problem


def _comment(window: Window, prepared: Prepared, undone: str) -> str:
    """Return what the history says of the rollback; it names only what is changed by it."""
    if window.verify is None:
        return f"rollback of {undone} at start"
    changed, entries = {unit.path for unit in prepared.units}, window.verify.entries or ()
    those = [path for path in entries if path in changed][:NAMED_MAX]
    waited = "; ".join([*those, *(["others"] if len(entries) > len(those) else [])])
    return shortened(f"rollback of {undone} at start: verify: the server ended while it waited for {waited}")


def _prepared(before: Candidate, running: Tree, preparation: Preparation) -> Prepared:
    try:
        return preparation.prepare(before, running)
    except RpcErrors as problem:
        # The YANG modules are others now. What was in force is put back all the same, as at every start.
        log.error("what it goes back to does not satisfy the YANG modules: %s", problem)
        return unvalidated(before, running)
