"""What 2,000 tunnels cost who looks at them: measured and printed, and kept among the reports; not judged."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.served import MANY, Served
from tests.browser.test_many import visit
from tests.browser.visits import SCREENSHOTS, Visit
from tests.requests import IPSEC

__all__ = ["visit"]
pytestmark = pytest.mark.asyncio(loop_scope="package")

LOADS = 5
# The first frame after the first row is in the page; times are of the page's beginning.
NOTE_FIRST_ROWS = """() => {
    new MutationObserver((_, observer) => {
        if (!document.querySelector('table.tunnels tbody tr')) return;
        observer.disconnect();
        window.rowsAt = performance.now();
        const painted = () => { window.rowsPaintedAt = performance.now(); };
        requestAnimationFrame(() => requestAnimationFrame(painted));
    }).observe(document, {subtree: true, childList: true});
}"""
# When what rows say changes, and how long the page could do nothing else meanwhile.
NOTE_CHANGES = """() => {
    window.changes = [];
    window.longTasks = [];
    new MutationObserver(() => window.changes.push(performance.now())).observe(
        document.querySelector('table.tunnels tbody'), {subtree: true, childList: true, characterData: true});
    new PerformanceObserver(list => window.longTasks.push(...list.getEntries().map(e => e.duration)))
        .observe({type: 'longtask'});
}"""


async def test_the_first_rows_are_painted(visit: Visit) -> None:
    await visit.page.add_init_script(f"({NOTE_FIRST_ROWS})()")
    found: list[dict[str, float]] = []
    for _ in range(LOADS):
        await visit.open()
        await visit.page.wait_for_function("() => window.rowsPaintedAt")
        found.append(
            await visit.page.evaluate(
                """() => ({
                    paint: performance.getEntriesByName('first-contentful-paint')[0].startTime,
                    rows: window.rowsAt, painted: window.rowsPaintedAt,
                    heap: performance.memory.usedJSHeapSize / 1e6,
                    octets: performance.getEntriesByType('resource').reduce((n, e) => n + e.transferSize, 0),
                })"""
            )
        )
    keep("first paint", {"loads": found})
    assert all(one["paint"] <= one["painted"] for one in found)


async def test_all_rows_change_at_once(visit: Visit, many: Served) -> None:
    await expect(visit.row(1)).to_be_visible()
    await visit.page.evaluate(NOTE_CHANGES)
    all_off = "".join(
        f"<ipsec><id>{number}</id><enabled>false</enabled></ipsec>" for number in range(1, MANY + 1)
    )
    begun_ms = await visit.page.evaluate("performance.now()")
    await many.commit(f'<tunnels xmlns="{IPSEC}">{all_off}</tunnels>')
    answered_ms = await visit.page.evaluate("performance.now()")
    await expect(visit.page.get_by_role("button", name="2,000 disabled")).to_be_visible()
    await expect(visit.row(200)).to_contain_text("Disabled")
    changes = await visit.page.evaluate("window.changes")
    tasks = await visit.page.evaluate("window.longTasks")
    keep(
        "update of all rows",
        {
            "commit": answered_ms - begun_ms,
            "last change after the answer": changes[-1] - answered_ms,
            "changes from first to last": changes[-1] - changes[0],
            "tasks of more than 50": tasks,
        },
    )
    await many.commit(f'<tunnels xmlns="{IPSEC}">{all_off.replace("false", "true")}</tunnels>')
    await expect(visit.page.get_by_role("button", name="2,000 down")).to_be_visible()


def keep(name: str, figures: dict[str, Any]) -> None:
    """Print what was measured, in milliseconds, heap in MB, and with it how busy the machine was."""
    text = json.dumps({"what": name, "load": os.getloadavg()[0], **figures}, default=str)
    print(text)
    SCREENSHOTS.parent.mkdir(exist_ok=True)
    with (SCREENSHOTS.parent / "page-figures.jsonl").open("a", encoding="utf-8") as file:
        file.write(text + "\n")
