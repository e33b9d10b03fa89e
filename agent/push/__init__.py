"""Subscriptions (RFC 8639, 8640, 8641): what they are, what becomes of them, and what is written of them.

A *subscription* has an id, belongs to the session that established it, and ends with it. Its *source* says
what it is to, and makes its updates one at a time: an event stream, or a datastore (RFC 8641). Nobody queues
updates: a source is asked for the next one when the session has taken the one before, so what waits is in
the source, which bounds it, and a subscriber that does not read costs no memory. One whose source says that
too much waits is *suspended*, and resumed when its client reads again.

What is known of the selection of a datastore is kept in *pieces*, one for each unit (agent.yang.units), as
XML: bytes that are shared by all who were sent the same, can be counted, and are no memory of libyang. A
patch is made of what its subscriber was sent last and what is now, so that nothing in between matters.

Pure: no loop, no socket, no clock; what drives a subscription is in agent.subscribed, what reads the
rpcs in agent.operations.subscriptions.

- ``subscription``: the states of a subscription, and what leads from one to another.
- ``source``: what a subscription is to, as the rest sees it.
- ``refusal``: why one is refused, suspended or terminated, as identities, and with which hints.
- ``bodies``: its notifications and its state as XML.
- ``pieces``: a selection of a datastore in pieces, and put together again.
- ``changes``: what turns some pieces into others, as a YANG patch (RFC 8072).
- ``changeable``: of which nodes somebody says when they become others.
- ``pace``: when an update is due: dampening, periods.
- ``updates``: push-update and push-change-update.
"""
