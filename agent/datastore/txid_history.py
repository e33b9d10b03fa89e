"""Transaction ids of running, as the history has them: what a start reads, and what is not needed."""

from __future__ import annotations

from agent.datastore.store import Store
from agent.datastore.txids import MAX_KNOWN, Txids, superfluous
from agent.yang.tree import Tree
from agent.yang.units import versioned_units

MANY_GONE = 1000
"""Entries that are gone are kept in mind until they are so many, and more than those that are there."""


def load_txids(store: Store, running: Tree) -> Txids:
    """*worker* Return the transaction ids of ``running``."""
    txids = Txids(store.history.origin())
    changed: dict[tuple[int, str], list[str]] = {}
    for path, commit_id, time in store.history.units():
        changed.setdefault((commit_id, time), []).append(path)
    for (commit_id, time), paths in sorted(changed.items()):
        txids.changed(commit_id, time, paths)
    for commit_id, time in store.history.times_of_newest(MAX_KNOWN):
        txids.know(commit_id, time)
    txids.forget(txids.units.keys() - set(versioned_units(running)))
    return txids


def forget_gone(store: Store, txids: Txids) -> None:
    """*worker* Let the history forget the last changes of entries that are gone, if these are many."""
    if store.history.units_count() > 2 * len(txids.units) + MANY_GONE:
        rows = [(path, commit_id) for path, commit_id, _ in store.history.units()]
        gone = [(path,) for path in superfluous(rows, txids.units)]
        with store.rewriting({}) as database:
            database.executemany("DELETE FROM units WHERE path = ?", gone)
