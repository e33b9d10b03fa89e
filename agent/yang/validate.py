"""Validation of a scratch tree: libyang's verdict, and all the reasons when it is no."""

from __future__ import annotations

from collections.abc import Callable

from agent.errors import RpcErrors
from agent.yang.implicit import add_all_defaults
from agent.yang.native import NULL, forget_errors, lib
from agent.yang.problems import take_problems
from agent.yang.tree import Tree
from agent.yang.violations import violations


def validate(scratch: Tree, *, everything: bool, again: Callable[[], Tree] | None = None) -> None:
    """Validate ``scratch`` and complete it with the defaults in use.

    ``everything``: scratch is a whole configuration, so what is missing from it counts as an error
    for every module; otherwise only for modules of which scratch holds data. ``again`` makes what scratch
    was, to find all that is wrong with it; without it that is kept meanwhile.

    Raises:
        RpcErrors: all that is wrong; scratch is then spoilt and must be dropped.
    """
    if scratch.empty and not everything:
        return
    again = again or scratch.duplicate().duplicate
    if _validate(scratch, lib.LYD_VALIDATE_NO_STATE | (0 if everything else lib.LYD_VALIDATE_PRESENT)):
        return
    first = take_problems(scratch.schema)
    spare = again()
    add_all_defaults(spare)
    raise RpcErrors(violations(spare) or first)


def is_valid(scratch: Tree) -> bool:
    """Return whether ``validate`` finds nothing wrong with ``scratch``, which is spoilt if it does; on any
    thread."""
    valid = scratch.empty or _validate(scratch, lib.LYD_VALIDATE_NO_STATE | lib.LYD_VALIDATE_PRESENT)
    if not valid:
        forget_errors(scratch.schema.ctx)  # each thread has its own, and nobody asks for these
    return valid


def _validate(scratch: Tree, options: int) -> bool:
    forget_errors(scratch.schema.ctx)
    return bool(lib.lyd_validate_all(scratch._box, scratch.schema.ctx, options, NULL) == lib.LY_SUCCESS)
