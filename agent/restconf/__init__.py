"""RESTCONF (RFC 8040, and RFC 8527 for datastores): an application behind a door of agent.http.

A request becomes the operation of NETCONF that it is, and is carried out by the handler of that one
(agent.operations): there is no second way to read, filter, edit or act.

- app: from a request to its answer; answers: what is sent of that; request: its parts, read within bounds;
  streams: events as they come
- login: who is asking, with passwords and the tries of SSH; caller: the session that a request has
- monitoring: what it can do, as state
- methods: which ones a resource has; rights: what one needs the right for, asked before its body is read
- retrieval: GET of data; editing: POST, PUT, PATCH and DELETE of data; invoking: operations and actions;
  changes: what of these goes on to its end, and that none begins when the server stops
- uris, queries, media, validators (ETag and Last-Modified), problems (statuses and reports), all pure
- shown: what a user may read, in a few characters of his tags
- documents: a body as elements; parsing: where it is taken apart
- outputs: what an operation puts out, and events, as JSON

Invariants: nothing is read of a body before it is known who sends it, and that he may do something of what
it is for. What only reads is broken off when its client is gone; an edit is not. All that goes out has passed
access control in its handler.
"""
