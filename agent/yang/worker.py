"""Work for the threads that call libyang. What must run on the one that writes is marked *worker*; of what
is given running, or a tree of its own, to read, any of them may be meant."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

Worker = Callable[..., Awaitable[Any]]
"""Runs a function with its arguments on that thread and returns its result."""
