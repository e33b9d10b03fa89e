"""Which event loop the agent runs on: uvloop where it is installed, or that of the standard library.

Both do the same; uvloop takes less time for it.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Mapping

from agent.settings import SettingsError

VARIABLE = "YANGSWAN_EVENT_LOOP"
"""Of the environment: names one of the two, and may be missing or empty."""
UVLOOP, STANDARD = "uvloop", "asyncio"

NewLoop = Callable[[], asyncio.AbstractEventLoop]


def chosen(environment: Mapping[str, str]) -> NewLoop:
    """Return what makes the loop that ``environment`` asks for.

    Raises:
        SettingsError: there is no such loop, or it is not installed.
    """
    asked = environment.get(VARIABLE, "")
    if asked not in ("", UVLOOP, STANDARD):
        raise SettingsError(f"{VARIABLE} is {UVLOOP} or {STANDARD}, not {asked!r}")
    if asked == STANDARD:
        return asyncio.new_event_loop
    try:
        new: NewLoop = importlib.import_module("uvloop").new_event_loop
    except ImportError:
        if asked == UVLOOP:
            raise SettingsError(f"{VARIABLE} is {UVLOOP}, which is not installed") from None
        return asyncio.new_event_loop
    return new
