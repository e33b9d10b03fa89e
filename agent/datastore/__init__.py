"""Datastores and what changes them: candidate and running, edit, locks, history, the transaction.

Datastores holds running and the shared candidate; a Candidate is any whole configuration on its way to
become running. A start goes through recovery (what the last end of the server left) and replay (running as
the history tells it). A change goes through preparation (a Prepared: validated, compared, recorded; nothing
is changed) and transaction. Configuration is all of that for the rest of the server.

Running changes in one place only (transaction), unit by unit; the candidate remembers which of its units
may differ from running, so that commit, discard and validate cost what was changed and no more.
"""
