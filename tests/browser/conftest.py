from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.browser.chromium import launched, missing
from tests.browser.visits import Visits, visiting


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def chromium(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    """One browser for all tests here: its start takes a second."""
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    async with launched(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="package")
async def visits(chromium: Browser, request: pytest.FixtureRequest) -> AsyncIterator[Visits]:
    async with visiting(chromium, request) as begun:
        yield begun
