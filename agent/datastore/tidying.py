"""What a commit makes due: a snapshot of running is printed, and old commits are dropped."""

from __future__ import annotations

import logging
import sqlite3

from agent.datastore.datastores import Datastores
from agent.datastore.store import Store
from agent.datastore.store_errors import WAY_ON
from agent.datastore.txid_history import forget_gone

log = logging.getLogger(__name__)


class Tidying:
    """Does what is due of the history, once running is what its last commit says."""

    def __init__(self, store: Store, datastores: Datastores) -> None:
        self._store = store
        self._datastores = datastores
        self._goes_on = True

    def __call__(self) -> None:
        """*worker* What cannot be done is logged, and left to the next commit; a damaged history is left as
        it is."""
        if not self._goes_on or self._datastores.lacking(self._datastores.running):
            return  # the second: the history alone knows the rule
        try:
            self._do()
        except sqlite3.DatabaseError as problem:
            # The commit itself is on disk. A row that is damaged stays so: the next try would find it again.
            self._goes_on = False
            log.error(
                "%s is damaged: %s. What is committed is recorded as before, but nothing old is dropped, and "
                "no snapshot is written any more. The next start refuses it: before that, %s",
                self._store.path,
                problem,
                WAY_ON,
            )

    def _do(self) -> None:
        try:
            if self._store.is_tidy():
                return
            if self._store.snapshot_if_due(self._datastores.running.to_xml):
                forget_gone(self._store, self._datastores.txids)
        except sqlite3.OperationalError:
            # Only the next start reads more changes without a snapshot.
            log.exception("no snapshot of running could be written")
            return
        try:
            self._store.drop_old()
        except sqlite3.OperationalError:
            log.exception("commits that are too old could not be dropped; the next commit tries again")
