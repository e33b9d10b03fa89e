"""What a tab is told as it happens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Hashable, Mapping
from pathlib import Path

import pytest

from agent.operations.publisher import Publisher
from agent.page.events import LARGE_OCTETS
from tests.agent.handlers import Lab
from tests.agent.lab import entry, top
from tests.agent.page.client import Visitor, kind, opened, visiting
from tests.agent.page.logins import error
from tests.agent.page.tabs import PATCH, UPDATE, state_only
from tests.agent.restconf.client import DATA


async def test_a_stream_says_first_what_it_will_tell(visitor: Visitor) -> None:
    await visitor.log_in()
    events = await opened(visitor)
    (_, hello), *_ = events.seen
    assert (hello["user"], hello["version"]) == ("tester", "1.2.3")
    assert hello["now"].endswith("Z")
    assert set(hello["subscriptions"]) == {"state", "traffic"}
    assert "refused" not in hello
    events.leave()


async def test_what_there_is_comes_first_and_then_what_changes(visitor: Visitor) -> None:
    lab = visitor.client.lab
    await lab.commit(entry("<number>1</number>"))
    await visitor.log_in()
    events = await opened(visitor)
    (_, hello), *_ = events.seen
    ids = hello["subscriptions"]
    first = await events.until(
        "push", lambda one: one["ietf-restconf:notification"].get(UPDATE, {}).get("id") == ids["state"]
    )
    contents = first["ietf-restconf:notification"][UPDATE]["datastore-contents"]
    assert contents == {"every-construct:top": {"entry": [{"id": "1", "number": 1}]}}
    await lab.commit(entry("<number>2</number>"))
    patch = await events.until("push", lambda one: kind(one) == PATCH)
    (edit,) = patch["ietf-restconf:notification"][PATCH]["datastore-changes"]["yang-patch"]["edit"]
    assert (edit["operation"], edit["value"]) == ("replace", {"every-construct:number": 2})
    periodic = await events.until("push", lambda one: UPDATE in one["ietf-restconf:notification"])
    assert periodic["ietf-restconf:notification"][UPDATE]["id"] == ids["traffic"]
    events.leave()


async def test_events_of_the_stream_netconf_come_as_restconf_has_them(visitor: Visitor) -> None:
    await visitor.log_in()
    events = await opened(visitor)
    assert (await visitor.change("PUT", f"{DATA}/every-construct:top/flag", FLAG)).status == 204
    told = await events.until("notification")
    inside = told["ietf-restconf:notification"]
    assert inside["ietf-netconf-notifications:netconf-config-change"]["changed-by"]["username"] == "tester"
    events.leave()


FLAG = '{"every-construct:flag": true}'


async def test_it_gives_signs_of_life(visitor: Visitor) -> None:
    await visitor.log_in()
    events = await opened(visitor)
    for _ in range(2):
        await visitor.client.lab.until(lambda: visitor.clock.waiting == 1)
        await visitor.clock.beat()
        assert set(await events.until("alive")) == {"now"}
    events.leave()


async def test_before_a_large_event_comes_how_large_it_is(lab: Lab, tmp_path: Path) -> None:
    many = "".join(f"<entry><id>entry-{one}</id><number>1</number></entry>" for one in range(3000))
    await lab.commit(top(many))
    async with visiting(lab, tmp_path, asked=state_only) as visitor:
        await visitor.log_in()
        events = await opened(visitor)
        announced = await events.until("large")
        name, content = await events.next()
        assert UPDATE in content["ietf-restconf:notification"]
        written = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
        assert announced.keys() == {"octets"}
        least = len(written) + len(f"event: {name}\ndata: \n\n")
        assert LARGE_OCTETS < least <= announced["octets"] < 2 * least  # it has blanks
        await lab.commit(top("<flag>true</flag><entry><id>small</id></entry>"))
        await events.until("push", lambda one: kind(one) == PATCH)
        assert [one for one, _ in events.seen].count("large") == 1
        events.leave()


@pytest.mark.parametrize(("more", "names"), [(0, ["small"]), (1, ["large", "small"])])
async def test_an_event_is_large_from_a_bound_on(visitor: Visitor, more: int, names: list[str]) -> None:
    await visitor.log_in()
    events = await opened(visitor)
    (tab,) = visitor.page.tabs
    frame = len(b"event: small\ndata: \n\n")
    text = "x" * (LARGE_OCTETS - frame - len('""') + more)
    await tab._say("small", text)
    assert await events.until("small") == text
    assert [name for name, _ in events.seen if name in ("large", "small")] == names
    if more:
        assert ("large", {"octets": LARGE_OCTETS + 1}) in events.seen
    events.leave()


async def test_signs_of_life_do_not_pile_up(visitor: Visitor) -> None:
    await visitor.log_in()
    events = await opened(visitor)
    (tab,) = visitor.page.tabs
    lab = visitor.client.lab
    async with tab._writing:  # what is being written takes long
        for _ in range(5):
            await lab.until(lambda: visitor.clock.waiting == 1)
            await visitor.clock.beat()
        await lab.until(lambda: visitor.clock.waiting == 1)
    await visitor.clock.beat()
    await events.until("alive")
    await visitor.change("DELETE", "/session")
    await events.until("over")
    assert [name for name, _ in events.seen].count("alive") == 1


async def test_two_tabs_share_one_selection(lab: Lab, tmp_path: Path) -> None:
    async with visiting(lab, tmp_path, asked=state_only) as visitor:
        await visitor.log_in()
        other = visitor.other()
        await other.log_in()
        tabs = [await opened(visitor), await opened(other)]
        watches = lab.context.publisher.watches
        assert len(watches) == 1
        await lab.commit(entry("<number>1</number>"))
        for events in tabs:
            await events.until("push", lambda one: "1" in json.dumps(one) and kind(one) == PATCH)
            events.leave()


@pytest.mark.parametrize(
    "query",
    [
        *("traffic-s=1", "traffic-s=301", "traffic-s=x", "traffic-s=-2", "traffic-s=", "traffic-s"),
        *("traffic-s=%D9%A5", "traffic-s=%EF%BC%95", "traffic-s=+5", "traffic-s=5.0", "traffic-s=0005"),
        *("traffic-s=5&traffic-s=6", "traffic-s=5&traffic-s=5", "x=1", "traffic-s=5&x", "TRAFFIC-S=5"),
        "traffic%2Ds=5",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_what_no_stream_has_is_refused(visitor: Visitor, method: str, query: str) -> None:
    await visitor.log_in()
    refused = await visitor.ask(method, f"/events?{query}")
    assert refused.status == 400
    if method == "GET":
        assert error(refused)["tag"] == "invalid-value"


@pytest.mark.parametrize(("count", "seconds"), [(0, 2), (3, 2), (4, 10), (9, 20), (1000, 300)])
async def test_the_more_there_is_the_rarer_are_counters(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, seconds: int
) -> None:
    monkeypatch.setattr("agent.page.app.ENTRIES_OF_PERIOD", 4)
    if count:
        await lab.commit(top("".join(f"<entry><id>{number}</id></entry>" for number in range(count))))
    periods: list[int] = []

    def noting(period: int) -> Mapping[str, bytes]:
        periods.append(period)
        return {}

    async with visiting(lab, tmp_path, asked=noting) as visitor:
        await visitor.log_in()
        await opened(visitor, "?traffic-s=2")
    assert periods == [seconds]


async def test_tabs_that_come_at_once_have_their_first_look_together(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = visitor.client.lab
    await lab.commit(entry("<number>1</number>"))
    await visitor.log_in()
    read_once, begun = lab.context.publisher.read_once, 0

    async def counting(key: Hashable, due: float, read: Callable[[], Awaitable[bytes]]) -> bytes:
        async def counted() -> bytes:
            nonlocal begun
            begun += 1
            return await read()

        return await read_once(key, due, counted)

    monkeypatch.setattr(Publisher, "read_once", lambda _self, *arguments: counting(*arguments))
    tabs = await asyncio.gather(*(visitor.follow("?traffic-s=300") for _ in range(5)))
    assert [(await events.next())[0] for events in tabs] == ["hello"] * 5
    assert begun == 1
