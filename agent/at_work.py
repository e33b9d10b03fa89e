"""What is being worked on: the session, the commit and the tunnel that each line of the log is about.

They are variables of the context (contextvars). So a task has what whoever began it had at that moment, and
so has a call on the thread of libyang (``in_context``). A task that goes on when the work is done begins in
a context of its own: ``unbound``, ``of_commit`` or ``of_tunnel``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar, copy_context
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

SESSION: ContextVar[int | None] = ContextVar("session", default=None)
USER: ContextVar[str | None] = ContextVar("user", default=None)
COMMIT: ContextVar[int | None] = ContextVar("commit", default=None)
TUNNEL: ContextVar[str | None] = ContextVar("tunnel", default=None)


def bind_session(session_id: int, user: str) -> None:
    """Work on a session from here on, in this context."""
    SESSION.set(session_id)
    USER.set(user)


def bind_commit(commit_id: int | None) -> None:
    """Work on a commit, or on none, from here on, in this context."""
    COMMIT.set(commit_id)


@contextmanager
def on_tunnel(tunnel: str | None) -> Iterator[None]:
    """Work on a tunnel, or on none, inside the block."""
    token = TUNNEL.set(tunnel)
    try:
        yield
    finally:
        TUNNEL.reset(token)


def unbound() -> Context:
    """Return a context in which nothing is being worked on."""
    return Context()


def of_commit(commit_id: int | None) -> Context:
    """Return a context in which a commit is being worked on, or nothing."""
    context = Context()
    context.run(COMMIT.set, commit_id)
    return context


def of_tunnel(tunnel: str | None) -> Context:
    """Return a context in which a tunnel is being worked on, and no session or commit."""
    context = Context()
    context.run(TUNNEL.set, tunnel)
    return context


def in_context(function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> Callable[[], T]:
    """Return a call for another thread that works on what is being worked on here."""
    context = copy_context()
    return lambda: context.run(function, *arguments, **named)


def ids() -> dict[str, str]:
    """Return what is being worked on, by name; nothing for what is not."""
    found = {}
    for variable in (SESSION, USER, COMMIT, TUNNEL):
        value = variable.get()
        if value is not None:
            found[variable.name] = str(value)
    return found
