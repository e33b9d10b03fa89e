"""Going through a page by keyboard alone."""

from __future__ import annotations

from playwright.async_api import Page
from playwright.async_api import TimeoutError as PlaywrightTimeoutError

STOPS_MAX = 400
# What can have the focus, by an index of its own; nothing of it is left out because it is scrolled away.
FOCUSABLE = """() => [...document.querySelectorAll(
    'a[href], button, input, select, textarea, summary, [tabindex]')]
  .filter(e => e.tabIndex >= 0 && !e.disabled && e.checkVisibility({visibilityProperty: true})
    && !e.closest('[inert]'))
  .map((e, at) => { e.dataset.stop ??= `stop ${at}`; return e.dataset.stop; })"""
FOCUSED = """() => {
    const e = document.activeElement;
    if (!e || e === document.body) return null;
    const looks = getComputedStyle(e);
    const box = e.getBoundingClientRect();
    return {
        stop: e.dataset.stop ?? e.outerHTML.slice(0, 200), what: e.outerHTML.slice(0, 200),
        where: JSON.stringify(box),
        ring: (looks.outlineStyle !== 'none' && parseFloat(looks.outlineWidth) > 0)
            || looks.boxShadow !== 'none',
        seen: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
    };
}"""


async def focusable(page: Page) -> list[str]:
    """Return what can have the focus, each by a mark that ``walked`` returns, too."""
    found: list[str] = await page.evaluate(FOCUSABLE)
    return found


async def walked(page: Page, key: str = "Tab") -> list[str]:
    """Return what has the focus one after another, from the end of the page to its start too.

    Raises:
        AssertionError: of one of them it is not seen that it has it.
    """
    found: list[str] = []
    for _ in range(STOPS_MAX):
        await page.keyboard.press(key)
        focused = await page.evaluate(FOCUSED)
        if focused is None:  # the browser's own buttons
            continue
        if focused["stop"] in found:
            return found
        assert focused["ring"], f"nobody sees that it has the focus: {focused}"
        try:
            await page.wait_for_function(f"() => ({FOCUSED})()?.seen")
        except PlaywrightTimeoutError:
            raise AssertionError(f"it has the focus, and is out of sight: {focused}") from None
        found.append(focused["stop"])
    raise AssertionError("it never ends")
