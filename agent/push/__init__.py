"""YANG push (RFC 8641): what a selection of a datastore holds, sent in periods, or as patches when it changes.

What is known of a selection is kept in pieces, one for each unit (agent.yang.units), as XML: bytes that are
shared by all who were sent the same, can be counted, and are no memory of libyang. Who is sent a patch is sent
what differs between what he was sent last and what is now, so that nothing in between matters.

- pieces: a selection in pieces, and put together again
- changes: what turns some pieces into others, as a YANG patch (RFC 8072)
- pace: when an update is due: dampening, periods
- updates: push-update and push-change-update

Pure. Not here: the states of a subscription, its queue and its filter.
"""
