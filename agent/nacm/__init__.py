"""Access control (RFC 8341): who may do, read, change and be told what.

- rules: ``/nacm`` as plain values
- access: decides about one operation, data node or notification; the first match wins, and it is said which
- alike: entries that no rule tells apart, about which is decided together
- prune: takes out of a tree what its reader may not see
- events: what of an event its reader may be told
- state: what is said of an entry's state elsewhere
- control: holds the rules in force, counts denials, and refuses changes that their author may not make
- tries: how often somebody was told that his change conflicts with what he may not read
- factory: the rules of a first start

A decision is a value with a reason in words, so that a refusal, the log and the explain-access rpc all say
the same.
"""
