"""Datastores and what changes them: candidate and running, edit, locks, history, the transaction.

Datastores holds running and the shared candidate; a Candidate is any whole configuration on its way to
become running. Configuration is all of that for the rest of the server.

- store: the history on disk, store_errors: and that it cannot be used; records: who commits, and the units
  that a commit records
- snapshots: running as a whole in it, and how much was changed since
- tables, database: its SQLite file, which is read even where nothing can be written
- memory_copy: a history that is only looked at, as a start would
- checksums, row_sums: what a disk has changed or lost of it is found before anything is believed; comparison:
  a copy of the process looks for it in a long history; many_rows: many rows that bring theirs
- forms: the tables of an older version become those of this one
- history: what is recorded of commits, for who asks; bounded
- pruning: old commits are dropped, and the file becomes smaller; ends: which the newest and the oldest are
- salvage: what is whole in a damaged one, and a new one made of it
- migration (by moves, moved_units and moved_rules): brings a history of an older model to today's
- progress: what takes long at a start, how far it is and whether to go on
- fitting: what can be used of a record that does not fit the modules of this server
- spans: which units the commits of a part of the history changed
- replay: running as the history tells it, now and as it was
- recovery: what a start puts right that the last end of the server left
- candidate, datastores, locks: what is edited, what is in force, who holds it; resting: the candidate is
  running itself once nobody has changed it for a while
- published: running, which other threads read while it is written
- admission: what libyang must not get to see, because it would cost it more than its length
- edit (with edit_elements, edit_attributes, edit_check, edit_removal, insertion and skeleton): an edit-config
  applied to the candidate
- edit_beforehand, edit_outline, edit_pieces, edit_entries: a large one is looked at by the forms of its
  entries, parsed once, in pieces while it is looked at or as a whole, and applied to many of them at a time
- preparation: a change validated, compared and recorded (a Prepared), without being carried out
- differing: which units of the candidate differ from running, without a look at all of them
- txids, txid_history: which commit changed a node last, and what a start reads of that
- conditions, edit_conditions: what an edit demands of running, and where that stands in its document
- backends: the translators as one; expecting: they hear early what they will probably begin with
- outcome: what the next start finds of a commit whose record failed
- transaction, changes: running changes; what a commit changed, as it is told
- tidying: what a commit makes due
- undone: what is told of one that failed after it was begun
- confirmed, confirming: the table of confirmed commit, and the table at work
- kept_window: what is open of one, in the history
- to_work, verifying: what has to work for one to confirm itself, and the wait for it
- configuration: the whole

Running changes in one place only (transaction), unit by unit, or as a tree made anew where many change; the
candidate remembers which of its units may differ from running, so that commit, discard and validate cost what
was changed and no more.
"""
