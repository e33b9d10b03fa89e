"""What is done with the files of an agent that does not run: check, export, import and history.

Nothing here speaks NETCONF, and no charon is asked. The settings decide which modules and translators there
are, as for a start. What only looks changes nothing, for it works on a copy of the history in memory.

- words: what can be typed; tasks: what it does, and its exit status
- looking (check), exporting, importing, listing (history): the four of them
- document: a configuration in a file, by from_json and instance_data; formats: one that is written
- checking: a whole configuration, looked at as an agent would; trimming: the rest of a wrong one
- told: errors as people read them
- withheld: secrets, left out and kept
- folder: a data folder that is looked at; output: a file that is made
"""
