"""Work for the thread that owns libyang; functions that must run there are marked *worker*."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

Worker = Callable[..., Awaitable[Any]]
"""Runs a function with its arguments on that thread and returns its result."""
