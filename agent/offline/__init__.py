"""What is done with the files of an agent that does not run: check, export, import and history.

Nothing here speaks NETCONF, and no charon is asked. The settings decide which modules and translators there
are, as for a start. What only looks changes nothing, for it works on a copy of the history in memory.

- folder: a data folder that is looked at
"""
