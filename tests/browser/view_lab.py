"""Modules of the views in a page of their own, with a clock that stands still."""

from __future__ import annotations

from typing import Any

from tests.browser.modules import Modules

NOW = "2026-11-28T12:00:00Z"


async def called(modules: Modules, file: str, expression: str, given: object = None) -> Any:
    """Return ``expression``, in which ``m`` is the module in ``file`` and ``now`` is NOW."""
    script = (
        f'const m = await import("/static/{file}"); const now = Date.parse("{NOW}"); return {expression};'
    )
    return await modules.run(script, given)
