"""Logging in, being refused, and staying logged in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import Response, expect

from tests.browser.served import ADMIN, READER, WORD, Served, serving, tunnels
from tests.browser.visits import Visit, Visits

pytestmark = pytest.mark.asyncio(loop_scope="package")

COOKIE = "__Host-yangswan"
REFUSED = r"status of 401 .* at \S+/session$"


def is_login(answer: Response) -> bool:
    return answer.url.endswith("/session") and answer.request.method == "POST"


async def test_who_says_the_right_password_sees_the_tunnels(visits: Visits, served: Served) -> None:
    visit = await visits.begin(served.address)
    await visit.open()
    await expect(visit.page.get_by_role("table")).to_have_count(0)
    assert await visit.page.get_by_label("Password").get_attribute("type") == "password"
    await visit.log_in(ADMIN, WORD)
    await visit.live()
    await expect(visit.row(1)).to_be_visible()
    await expect(visit.page.get_by_text(ADMIN, exact=True).first).to_be_visible()
    assert WORD not in await visit.watch.received()
    assert WORD not in await visit.page.content()


@pytest.mark.parametrize(("user", "word"), [(ADMIN, "wrong"), ("nobody", WORD), (ADMIN, "ä€😀" * 100)])
async def test_who_says_a_wrong_one_is_told_so_and_may_try_again(
    visits: Visits, served: Served, user: str, word: str
) -> None:
    visit = await visits.begin(served.address)
    visit.watch.excuse(REFUSED)
    await visit.open()
    await visit.log_in(user, word)
    await expect(visit.alert("password")).to_be_visible()
    await expect(visit.page.get_by_role("table")).to_have_count(0)
    assert await visit.context.cookies() == []
    await visit.accessible()
    await visit.log_in(READER, WORD)
    await visit.live()


async def test_who_guesses_is_locked_out_with_words(visits: Visits, tmp_path: Path) -> None:
    with serving(tmp_path, more="[limits]\nlockout-tries = 2") as served:
        visit = await visits.begin(served.address)
        visit.watch.excuse(REFUSED, "status of 429 .*/session$")
        await visit.open()
        for word in ("wrong", "again"):
            async with visit.page.expect_response(is_login) as answered:
                await visit.log_in(ADMIN, word)
            assert (await answered.value).status == 401
            await expect(visit.alert("password")).to_be_visible()
        async with visit.page.expect_response(is_login) as answered:
            await visit.log_in(ADMIN, WORD)
        answer = await answered.value
        assert answer.status == 429
        said = (await answer.json())["error"]["message"]
        await expect(visit.alert(said)).to_contain_text(re.compile(r"\d+ seconds"))
        await expect(visit.page.get_by_role("button", name="Log in")).to_be_visible()
        await visit.screenshot("locked out")


async def test_the_session_is_in_a_cookie_that_no_script_and_no_other_site_has(admin: Visit) -> None:
    (cookie,) = await admin.context.cookies()
    assert (cookie["name"], cookie["httpOnly"], cookie["secure"]) == (COOKIE, True, True)
    assert (cookie["sameSite"], cookie["path"]) == ("Strict", "/")
    assert await admin.page.evaluate("document.cookie") == ""
    kept = await admin.page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    assert cookie["value"] not in kept
    assert cookie["value"] not in await admin.page.content()


async def test_a_page_that_is_loaded_anew_is_still_logged_in(admin: Visit) -> None:
    await admin.open()
    await admin.live()
    await expect(admin.row(1)).to_be_visible()


async def test_on_loopback_it_works_without_tls(visits: Visits, tmp_path: Path) -> None:
    with serving(tmp_path, tls=False) as served:
        await served.commit(tunnels([1]))
        visit = await visits.log_in(served.address, ADMIN, WORD)
        await expect(visit.row(1)).to_be_visible()
        (cookie,) = await visit.context.cookies()
        assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == ("yangswan", True, "Strict")
        await visit.page.get_by_role("button", name="Log out").click()
        await expect(visit.page.get_by_role("button", name="Log in")).to_be_visible()
        assert await visit.context.cookies() == []
