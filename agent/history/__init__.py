"""The history at work: what commits were, what two states of the configuration differ in, what one would do.

A state is a Tree. Two trees of the units which may differ are enough, for all else is the same in both.
What somebody may not read is taken out of both before it is told how they differ.

- commits: a commit as an entry of /yangswan-agent:agent/history
- points: a state that is named by a commit
- states: two of them, made of what is on record
- edits: what turns one tree into another, an Edit for each node that differs
- places: how a data node is named: in a URI (RFC 8040), and for people
- patch: edits as a YANG patch (RFC 8072), with what they replace (RFC 9144)
- text: edits as lines
- room: how long an answer may be
- foresight: what translators foresee, as the answer of a dry run

Pure: what is recorded or foreseen comes in. Not here: which units may differ (agent.datastore.spans), who may
read what (agent.operations), and filters.
"""
