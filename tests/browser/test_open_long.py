"""A tab that stays open for a week: what it keeps is bounded, and views leave nothing behind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.browser.modules import Modules, modules_in
from tests.browser.told import Told, gone, told_in, tunnel

pytestmark = pytest.mark.asyncio(loop_scope="package")

HISTORY = """
const { h } = await import("/static/dom.js");
const { show } = await import("/static/history.js");
const listeners = new Set();
let newest = 0;
let amiss = [];
const commit = (id) => ({
  id, time: "2026-11-28T12:00:00Z", user: "ann", outcome: "committed",
  ...(amiss.includes(id) && { "taken-back-by": 9999 }),
});
const api = {
  get: async (path) => {
    const asked = /commit=([0-9]+)/.exec(path);
    if (asked) return { "yangswan-agent:commit": [commit(Number(asked[1]))] };
    const first = Math.max(1, newest - given.page + 1);
    const commits = Array.from({ length: newest - first + 1 }, (_, at) => commit(first + at));
    const history = { "commit-count": newest, "oldest-commit": 1, "newest-commit": newest, commit: commits };
    return { "yangswan-agent:agent": { history } };
  },
};
const context = {
  api,
  now: () => Date.parse("2026-11-28T13:00:00Z"),
  onLiveAgain: () => () => {},
  onNotification: (callback) => (listeners.add(callback), () => listeners.delete(callback)),
};
const main = h("div", {});
document.body.replaceChildren(main);
const until = async (is) => { while (!is()) await new Promise((resolve) => setTimeout(resolve, 10)); };
const rows = () => [...main.querySelectorAll("tbody tr")];
const ids = () => rows().map((row) => Number(row.querySelector("a").textContent));
const committed = async (id) => {
  newest = id;
  const event = { "ietf-netconf-notifications:netconf-config-change": {} };
  listeners.forEach((callback) => callback({ "ietf-restconf:notification": { eventTime: "", ...event } }));
  await until(() => ids()[0] === id);
};
newest = given.first;
const view = await show(main, context);
await until(() => ids()[0] === given.first);
"""


@pytest_asyncio.fixture(loop_scope="package")
async def modules(chromium: Browser) -> AsyncIterator[Modules]:
    async with modules_in(chromium) as there:
        yield there


async def test_of_commits_the_oldest_give_way(modules: Modules) -> None:
    script = """
    const all = [];
    for (const id of [2400, 3800]) {
      await committed(id);
      all.push([rows().length, ids().at(-1), main.querySelector("button").hidden]);
    }
    return all;
    """
    given = {"first": 1000, "page": 1500}
    assert await modules.run(HISTORY + script, given) == [[2000, 401, True], [2000, 1801, True]]


async def test_older_commits_that_were_asked_for_are_bounded_likewise(modules: Modules) -> None:
    script = """
    main.querySelector("button").click();
    await until(() => rows().length > 1980 && !main.querySelector("[aria-disabled]"));
    return [rows().length, ids().at(-1), main.querySelector("button").hidden];
    """
    given = {"first": 3000, "page": 1980}
    assert await modules.run(HISTORY + script, given) == [2000, 1001, True]


async def test_rows_of_commits_stay_unless_they_have_changed_and_so_does_the_focus(modules: Modules) -> None:
    script = """
    const before = new Map(rows().map((row) => [Number(row.querySelector("a").textContent), row]));
    amiss = [98];
    before.get(98).querySelector("a").focus();
    await committed(103);
    const anew = ids().filter((id, at) => before.get(id) !== rows()[at]);
    const isWritten = rows()[5].textContent.includes("taken back");
    return [ids().length, anew, isWritten, document.activeElement.textContent];
    """
    found = await modules.run(HISTORY + script, {"first": 100, "page": 100})
    assert found == [103, [103, 102, 101, 98], True, "98"]


async def test_nothing_is_kept_of_tunnels_that_are_gone(modules: Modules) -> None:
    """Though others come and go all the time: neither of their state nor of their traffic."""
    script = """
    const kept = [];
    const { set } = Map.prototype;
    const maps = new Set();
    Map.prototype.set = function (...given) { maps.add(this); return set.apply(this, given); };
    try {
      const { Tunnels } = await import("/static/store.js");
      const tunnels = new Tunnels();
      const told = (id, second, state) => ({
        eventTime: new Date(second * 1000).toISOString(),
        "ietf-yang-push:push-update": {
          "datastore-contents": { "yangswan-ipsec:tunnels": { ipsec: [{ id, state }] } },
        },
      });
      for (let id = 1; id <= 200; id++) {
        tunnels.push(told(id, 10 * id, { status: "installed" }), "state");
        const sa = { "unique-id": id, "bytes-in": "1", "bytes-out": "1" };
        tunnels.traffic(told(id, 10 * id, { "child-sa": [sa] }));
      }
      return [tunnels.rows().length, Math.max(...[...maps].map(({ size }) => size))];
    } finally {
      Map.prototype.set = set;
    }
    """
    assert await modules.run(script) == [1, 1]


COUNTING = """
    window.held = {listeners: 0, timers: new Set(), functions: 0};
    const {addEventListener, removeEventListener, setInterval, clearInterval} = window;
    window.addEventListener = (...given) => { held.listeners += 1; addEventListener(...given); };
    window.removeEventListener = (...given) => { held.listeners -= 1; removeEventListener(...given); };
    window.setInterval = (...given) => { const id = setInterval(...given); held.timers.add(id); return id; };
    window.clearInterval = (id) => { held.timers.delete(id); clearInterval(id); };
    const {add, delete: drop} = Set.prototype;
    Set.prototype.add = function (one) {
        if (typeof one === "function" && !this.has(one)) held.functions += 1;
        return add.call(this, one);
    };
    Set.prototype.delete = function (one) {
        const was = drop.call(this, one);
        if (typeof one === "function" && was) held.functions -= 1;
        return was;
    };
"""


async def counted(told: Told) -> Any:
    return await told.page.evaluate(
        "[held.listeners, held.timers.size, held.functions, document.body.children.length]"
    )


async def test_views_that_were_left_listen_to_nothing_any_more(chromium: Browser) -> None:
    async with told_in(chromium, [tunnel(1), tunnel(2)], scripts=[COUNTING]) as told:
        before = await counted(told)
        assert before[0] > 0
        assert before[1] > 1
        assert before[2] > 1
        for place, title in (
            ("tunnels/1", "Tunnel 1"),
            ("history", "History"),
            ("history/2", "Commit 2"),
            ("sessions", "Sessions"),
            ("daemon", "Daemon"),
            ("certificates", "Certificates"),
        ):
            await told.page.evaluate("place => { location.hash = `#/${place}`; }", place)
            await expect(told.page.get_by_role("heading", level=1, name=title, exact=True)).to_be_focused()
            assert (await counted(told) != before) == (place == "tunnels/1"), "it listens to more than others"
        await told.page.get_by_role("link", name="Tunnels", exact=True).click()
        await expect(told.rows()).to_have_count(2)
        await expect(told.page.get_by_role("heading", level=1, name="Tunnels")).to_be_focused()
        assert await counted(told) == before
        await told.change(gone(2))
        await expect(told.rows()).to_have_count(1)
