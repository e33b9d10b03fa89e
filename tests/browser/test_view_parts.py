"""What the views are made of, at work: reads, lists that grow, logs that are followed, questions."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.browser.modules import Modules, modules_in

pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest_asyncio.fixture(loop_scope="package")
async def modules(chromium: Browser) -> AsyncIterator[Modules]:
    async with modules_in(chromium) as there:
        yield there


READING = """
const { reading } = await import("/static/reading.js");
const opened = [];
const drawn = [];
const failed = [];
const read = () => new Promise((resolve, reject) => opened.push({ resolve, reject }));
const turn = () => new Promise((resolve) => setTimeout(resolve, 20));
const reader = reading(read, {
  draw: (found) => drawn.push(found),
  fail: (error) => failed.push(error.message),
  pauseMs: 5,
});
"""


async def test_a_burst_of_events_during_a_read_causes_one_more(modules: Modules) -> None:
    script = """
    for (let i = 0; i < 50; i++) reader.again();
    await turn();
    const during = opened.length;
    opened[0].resolve("first");
    while (opened.length < 2) await turn();
    opened[1].resolve("second");
    await turn();
    return [during, opened.length, drawn];
    """
    assert await modules.run(READING + script) == [1, 2, ["first", "second"]]


async def test_what_cannot_be_read_is_told_and_read_again_when_something_happens(modules: Modules) -> None:
    script = """
    opened[0].reject(new Error("refused"));
    await turn();
    const still = opened.length;
    reader.again();
    while (opened.length < 2) await turn();
    opened[1].resolve("there");
    await turn();
    return [failed, still, drawn];
    """
    assert await modules.run(READING + script) == [["refused"], 1, ["there"]]


async def test_nothing_is_drawn_or_read_after_the_view_is_closed(modules: Modules) -> None:
    script = """
    reader.again();
    reader.close();
    opened[0].resolve("late");
    reader.again();
    reader.now();
    await turn();
    return [opened.length, drawn, failed];
    """
    assert await modules.run(READING + script) == [1, [], []]


TAIL = """
const { h } = await import("/static/dom.js");
const { tail } = await import("/static/tail.js");
const list = h("div", {});
list.style.height = "100px";
list.style.overflow = "auto";
const item = (one) => h("div", {}, `line ${one}`);
const lines = tail({ scroller: list, list, most: 50, item, noun: "line" });
document.body.replaceChildren(list, lines.newer);
const frame = () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
const atEnd = () => list.scrollHeight - list.scrollTop - list.clientHeight < 2;
"""


async def test_a_list_that_grows_keeps_its_newest_and_follows_its_end(modules: Modules) -> None:
    script = """
    for (let i = 0; i < 1000; i++) lines.add(i);
    await frame();
    return [list.childElementCount, list.lastChild.textContent, atEnd(), lines.newer.hidden];
    """
    assert await modules.run(TAIL + script) == [50, "line 999", True, True]


async def test_who_has_scrolled_up_stays_there_until_he_asks_for_the_newest(modules: Modules) -> None:
    script = """
    for (let i = 0; i < 40; i++) lines.add(i);
    await frame();
    list.scrollTop = 0;
    await frame();
    lines.add("a");
    lines.add("b");
    await frame();
    const up = [list.scrollTop, lines.newer.hidden, lines.newer.textContent];
    lines.newer.click();
    await frame();
    return [...up, atEnd(), lines.newer.hidden];
    """
    assert await modules.run(TAIL + script) == [0, False, "2 newer lines below", True, True]


FOLLOWING = """
const { h } = await import("/static/dom.js");
const { LOG, following } = await import("/static/following.js");
const asked = [];
const listeners = new Set();
const answers = [];
const context = {
  link: { refused: given?.refused ?? {} },
  onNotification: (callback) => (listeners.add(callback), () => listeners.delete(callback)),
  onLiveAgain: (callback) => ((context.again = callback), () => {}),
  api: {
    invoke: (path, input, more) => {
      asked.push([path.split(":")[1], input, more?.keepalive ?? false]);
      return new Promise((resolve, reject) => answers.push({ resolve, reject }));
    },
  },
};
const body = h("div", {});
document.body.replaceChildren(body);
const tell = (name, content) => listeners.forEach((callback) => callback({
  "ietf-restconf:notification": { eventTime: "2026-11-28T12:00:00.5Z", [`yangswan-daemon:${name}`]: content },
}));
const said = { group: "ike", thread: 5, level: 1 };
const line = (number, text) => tell("log-line", { ...said, "log-id": number, text });
const turn = () => new Promise((resolve) => setTimeout(resolve, 0));
const frame = () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
const followed = following(context, 7, LOG, body);
const button = body.querySelector("button");
const shown = () => [...body.querySelectorAll(".log-lines > div")].map((one) => one.textContent);
const status = () => body.querySelector("[role=status]").textContent;
"""


async def test_lines_that_come_before_the_number_of_a_log_are_shown_and_those_of_others_are_not(
    modules: Modules,
) -> None:
    script = """
    button.click();
    line(3, "early");
    line(4, "of another");
    answers[0].resolve({ "log-id": 3 });
    await turn();
    line(3, "late \\u202e");
    line(4, "of another");
    await frame();
    return [asked, shown(), button.textContent];
    """
    asked, shown, button = await modules.run(FOLLOWING + script)
    assert asked == [["start-log", {"tunnel": [7], "seconds": 600, "lines": 10000}, False]]
    assert shown == ["13:00:00.500 05[IKE] early", "13:00:00.500 05[IKE] late \\u202e"]
    assert button == "Stop log"


async def test_a_log_is_begun_again_after_its_time_and_ends_for_other_reasons(modules: Modules) -> None:
    script = """
    button.click();
    answers[0].resolve({ "log-id": 3 });
    await turn();
    tell("log-ended", { "log-id": 3, reason: "time" });
    answers[1].resolve({ "log-id": 8 });
    await turn();
    line(8, "more");
    tell("log-ended", { "log-id": 8, reason: "lines" });
    line(8, "too late");
    await frame();
    return [asked.map(([name]) => name), shown().length, status(), button.textContent];
    """
    names, lines, status, button = await modules.run(FOLLOWING + script)
    assert (names, lines, button) == (["start-log", "start-log"], 1, "Follow log")
    assert status == "It ended: it has shown as many lines as it may. 1 line shown."


@pytest.mark.parametrize(
    "way", ["button.click()", "followed.close()", "window.dispatchEvent(new Event('pagehide'))"]
)
async def test_who_stops_or_leaves_stops_the_log_on_the_gateway(modules: Modules, way: str) -> None:
    script = f"""
    button.click();
    answers[0].resolve({{ "log-id": 3 }});
    await turn();
    {way};
    line(3, "late");
    await frame();
    return [asked.slice(1), shown()];
    """
    asked, shown = await modules.run(FOLLOWING + script)
    assert asked == [["stop-log", {"log-id": 3}, "pagehide" in way]]
    assert shown == []


@pytest.mark.parametrize(
    "way", ["button.click()", "followed.close()", "window.dispatchEvent(new Event('pagehide'))"]
)
async def test_a_log_whose_number_comes_after_the_stop_is_stopped_then(modules: Modules, way: str) -> None:
    script = f"""
    button.click();
    {way};
    answers[0].resolve({{ "log-id": 3 }});
    await turn();
    return asked.map(([name]) => name);
    """
    assert await modules.run(FOLLOWING + script) == ["start-log", "stop-log"]


@pytest.mark.parametrize("first", ['resolve({ "log-id": 3 })', 'reject(new Error("refused"))'])
@pytest.mark.parametrize("order", ["0, 1", "1, 0"])
async def test_who_stops_and_follows_again_before_the_answer_has_one_log(
    modules: Modules, first: str, order: str
) -> None:
    script = f"""
    const faults = [];
    window.addEventListener("unhandledrejection", (event) => faults.push(event.reason.message));
    for (let i = 0; i < 3; i++) button.click();
    line(3, "of the first");
    line(4, "early");
    for (const one of [{order}]) {{
      if (one === 0) answers[0].{first};
      else answers[1].resolve({{ "log-id": 4 }});
      await turn();
      await turn();
    }}
    line(3, "of the first");
    line(4, "late");
    await frame();
    const alert = body.querySelector("[role=alert]");
    return [asked.slice(2), shown().map((text) => text.slice(21)), button.textContent, alert, faults];
    """
    asked, shown, button, alert, faults = await modules.run(FOLLOWING + script)
    assert asked == ([["stop-log", {"log-id": 3}, False]] if "resolve" in first else [])
    assert shown == ["early", "late"]
    assert (button, alert, faults) == ("Stop log", None, [])


async def test_what_fails_after_the_stop_is_no_trouble_and_one_without_a_number_is(modules: Modules) -> None:
    script = """
    button.click();
    button.click();
    answers[0].reject(new Error("refused"));
    await turn();
    const stopped = [body.querySelector("[role=alert]"), status(), button.textContent];
    button.click();
    answers[1].resolve(null);
    await turn();
    return [...stopped, body.querySelector("[role=alert]") !== null, button.textContent];
    """
    assert await modules.run(FOLLOWING + script) == [
        None,
        "Stopped. 0 lines shown.",
        "Follow log",
        True,
        "Follow log",
    ]


async def test_a_log_is_begun_anew_when_the_gateway_is_heard_again(modules: Modules) -> None:
    script = """
    context.again();
    button.click();
    answers[0].resolve({ "log-id": 3 });
    await turn();
    context.again();
    context.again();
    answers[1].reject(new Error("there is no log 3"));
    await turn();
    answers[2].resolve({ "log-id": 1 });
    await turn();
    line(1, "after the restart");
    await frame();
    return [asked.map(([name]) => name), shown().length, button.textContent];
    """
    names, lines, button = await modules.run(FOLLOWING + script)
    assert (names, lines, button) == (["start-log", "stop-log", "start-log"], 1, "Stop log")


async def test_what_is_refused_is_said_where_it_was_asked(modules: Modules) -> None:
    script = """
    button.click();
    answers[0].reject(new Error("no rule permits it"));
    await turn();
    return [body.querySelector("[role=alert]").textContent, button.textContent];
    """
    said, button = await modules.run(FOLLOWING + script)
    assert said == "✕ The log cannot be followed: no rule permits it."
    assert button == "Follow log"
    refused = await modules.run(
        FOLLOWING + "button.click(); return [asked, body.textContent];", {"refused": {"events": "denied"}}
    )
    assert refused[0] == []
    assert "you may not be told of events: denied" in refused[1]


async def test_a_question_is_answered_by_its_button_alone(modules: Modules) -> None:
    ask = """
    const { confirmed } = await import("/static/parts.js");
    window.answer = confirmed({ title: "Restart tunnel 7?", text: "Its SAs end.", action: "Restart" });
    """
    page = modules.page
    for press, answer in (("Escape", False), ("Enter", False), (None, True)):
        await modules.run(ask)
        dialog = page.get_by_role("dialog", name="Restart tunnel 7?")
        await expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
        if press is None:
            await dialog.get_by_role("button", name="Restart").click()
        else:
            await page.keyboard.press(press)
        assert await modules.run("return await window.answer;") is answer
        await expect(dialog).to_have_count(0)
