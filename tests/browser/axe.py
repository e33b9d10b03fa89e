"""Axe-core in a page: the rules of WCAG 2.1, levels A and AA, and what is good practice besides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Page

TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice")
RUN = """async (tags) => {
    const found = await axe.run(document, {runOnly: tags, resultTypes: ["violations"]});
    return {violations: found.violations, rules: found.passes.length + found.violations.length};
}"""


async def assert_accessible(page: Page) -> None:
    """Look at the page as it is now.

    Raises:
        AssertionError: with the rules that are broken, and where.
    """
    if not await page.evaluate("typeof axe === 'object'"):
        # By the debugger's way, to which the policy of the page (CSP) does not apply.
        await page.evaluate(AXE_SCRIPT)
    found = await page.evaluate(RUN, list(TAGS))
    assert found["rules"] > 5, "axe looked at nothing"
    assert not found["violations"], f"{page.url}\n" + "\n".join(_words(found["violations"]))


def _words(violations: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    for violation in violations:
        yield f"{violation['id']} ({violation['impact']}): {violation['help']}"
        for node in violation["nodes"]:
            yield f"    {node['target']} {node['html'][:200]}"
            yield from (f"        {line}" for line in node.get("failureSummary", "").splitlines()[1:])
