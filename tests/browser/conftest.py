from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.browser.chromium import launched, missing
from tests.browser.served import ADMIN, MANY, READER, READERS, WORD, Served, serving, tunnels
from tests.browser.visits import Visit, Visits, visiting


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


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """An agent with 25 tunnels, somebody who may change them, and somebody who may only look."""
    with serving(tmp_path_factory.mktemp("served")) as running:
        await running.commit(READERS, tunnels(range(1, 26)))
        yield running
    assert not [line for line in running.agent.log if "Traceback" in line or "ERROR" in line]


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def many(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """An agent with thousands of tunnels."""
    with serving(tmp_path_factory.mktemp("many")) as running:
        await running.commit(tunnels(range(1, MANY + 1)))
        yield running


@pytest_asyncio.fixture(loop_scope="package")
async def admin(visits: Visits, served: Served) -> Visit:
    """The page as who may change everything sees it."""
    return await visits.log_in(served.address, ADMIN, WORD)


@pytest_asyncio.fixture(loop_scope="package")
async def reader(visits: Visits, served: Served) -> Visit:
    """The page as who may only look sees it."""
    return await visits.log_in(served.address, READER, WORD)
