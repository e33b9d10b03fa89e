"""The door for HTTP: connections are let in, bounded, and given to an ASGI application.

uvicorn speaks HTTP/1.1, by h11, on the agent's own event loop; it starts no process, thread, signal handler
or log of its own. Whoever has an application opens a door for it, ``open_door``; what it answers is its own
affair.

- door: opens and closes one; arrival: who has come, before and while TLS is agreed upon
- connection: one of uvicorn's, with an end to all waiting; requests: what has come on it; head: what of a
  request is refused before an application sees it, pure; limits: how much of everything
- lingering: what comes from clients that have been answered already, thrown away
- answers: around the application: its answer in pieces, and an end to what goes on when the door is closed
- tls: certificate and key, looked at before anybody comes

Invariants: nothing waits without an end: for a head, a body, a reader, the next request. A source that has
many connections gives way to one that has few, see agent.transport.doorway. What is refused gets a status,
where it can be told one, and no name or version of a program. Not here: who a user is, and paths.
"""
