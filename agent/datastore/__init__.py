"""Datastores and what changes them: candidate and running, edit, locks, history, the transaction.

Running changes in one place only (transaction), unit by unit; the candidate remembers which of its units
may differ from running, so that commit, discard and validate cost what was changed and no more.
"""
