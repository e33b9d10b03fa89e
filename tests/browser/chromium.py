"""The system's chromium, driven by playwright, which brings no browser of its own here."""

from __future__ import annotations

import os
import shlex
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, async_playwright, expect

CHROMIUM = Path("/usr/bin/chromium")
PATIENCE_MS = 60_000
# A page is drawn the same on each machine: no scaling, no hints for the fonts that a screen would have.
ARGUMENTS = ("--force-device-scale-factor=1", "--font-render-hinting=none", "--disable-dev-shm-usage")


def missing() -> str | None:
    """Return why no browser can be had, or None when there is one."""
    if not CHROMIUM.exists():
        return "chromium is not installed (script/setup --tests installs it)"
    return None


@asynccontextmanager
async def launched(folder: Path, prefix: Sequence[str] = ()) -> AsyncIterator[Browser]:
    """A browser without a window; what it says of itself is nobody's.

    Args:
        folder: where its starter is written, if ``prefix``, which comes before its command, needs one.
    """
    program = CHROMIUM
    if prefix:
        program = folder / "chromium"
        program.write_text(f'#!/bin/sh\nexec {shlex.join(prefix)} {CHROMIUM} "$@"\n')
        program.chmod(0o755)
    expect.set_options(timeout=PATIENCE_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=program,
            args=ARGUMENTS,
            timeout=3 * PATIENCE_MS,
            env={**os.environ, "DBUS_SESSION_BUS_ADDRESS": "disabled:"},
        )
        try:
            yield browser
        finally:
            await browser.close()
