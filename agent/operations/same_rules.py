"""What is read by rules of access control, read again where these have changed meanwhile."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from agent.errors import ResourceDenied
from agent.operations.context import Caller, Context

Result = TypeVar("Result")

TRIES = 5
"""Of a read, so often as rules change while it is carried out."""


async def by_the_same_rules(
    context: Context, caller: Caller, work: Callable[[], Awaitable[Result]]
) -> Result:
    """Return what ``work`` reads for ``caller`` by rules that are in force still when it has: those that came
    meanwhile may hide what came with them, in one commit.

    Raises:
        ResourceDenied: others came each time.
    """
    with context.nacm.tries.once():
        for _ in range(TRIES):
            rules = context.nacm.rules
            found = await work()
            if context.nacm.rules is rules or context.recovers(caller):
                return found
    raise ResourceDenied("the rules of access control have changed each time that this was read: try again")
