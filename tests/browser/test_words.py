"""The page speaks as the command line does: statuses, reasons, times. What it chooses, and how it sorts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser
from pyang import context, repository

from console.show.layout import sentence
from console.show.status import _NOT_APPLIED, WORDS
from console.show.times import long
from tests.browser.modules import Modules, modules_in

pytestmark = pytest.mark.asyncio(loop_scope="package")

YANG = Path(__file__).resolve().parents[2] / "yang"
WORDS_JS = 'const words = await import("/static/words.js");'


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def modules(chromium: Browser) -> AsyncIterator[Modules]:
    async with modules_in(chromium) as there:
        yield there


def enumerated(typedef: str) -> dict[str, str]:
    """The values of an enumeration of yangswan-types, each with the first sentence of its description."""
    ctx = context.Context(repository.FileRepository(str(YANG)))
    module = ctx.add_module("yangswan-types", (YANG / "yangswan-types.yang").read_text())
    (of,) = [one for one in module.search("typedef") if one.arg == typedef]
    enums = of.search_one("type").search("enum")
    return {one.arg: sentence(one.search_one("description").arg) for one in enums}


async def test_statuses_have_the_words_of_the_command_line_and_shapes_of_their_own(modules: Modules) -> None:
    statuses = await modules.run(f"{WORDS_JS} return words.STATUSES;")
    assert set(enumerated("tunnel-status")) == set(WORDS)
    assert {name: look["words"] for name, look in statuses.items() if name in WORDS} == WORDS
    assert set(statuses) == {*WORDS, "disabled", "unknown"}
    assert len({look["shape"] for look in statuses.values()}) == len(statuses)
    assert [name for name, look in statuses.items() if look["kind"] == "up"] == ["installed"]


async def test_reasons_are_the_sentences_of_the_model(modules: Modules) -> None:
    assert await modules.run(f"{WORDS_JS} return words.REASONS;") == enumerated("failure-reason")


async def test_what_keeps_a_tunnel_from_being_in_force_is_said_as_the_command_line_says_it(
    modules: Modules,
) -> None:
    tunnels = [
        {"enabled": True, "state": {"applied": name}} for name in (*_NOT_APPLIED, "applied", "dormant")
    ]
    found = await modules.run(f"{WORDS_JS} return given.map(words.notesOf);", tunnels)
    assert found == [*([words] for words in _NOT_APPLIED.values()), [], []]


@pytest.mark.parametrize(
    ("tunnel", "notes"),
    [
        ({"enabled": False}, ["Disabled"]),
        ({"enabled": True}, ["You may not read the state"]),
        ({"state": {"limitation": "x", "local-address-present": False}},
         ["No interface has the local address", "The daemon cannot do all that is configured"]),
        ({"state": {"narrowed": {"local-subnet": ["10.0.0.0/8"]}}}, ["The peer did not take all subnets"]),
        ({"state": {"narrowed": {}, "leak-protection": {}, "overlap": []}}, []),
        ({"state": {"overlap": [{"relation": "narrower"}]}}, []),
        ({"state": {"overlap": [{"relation": "crossing"}]}}, ["Another tunnel wants the same traffic"]),
        ({"state": {"leak-protection": {"in-force": False, "reason": "switched-off"}}}, []),
        ({"state": {"leak-protection": {"in-force": False, "reason": "failed"}}},
         ["Packets may leak in clear: the rules could not be put in force"]),
        ({"state": {"sas-unknown": [None]}},
         ["The daemon does not say what SAs there are: this is what it said last"]),
    ],
)  # fmt: skip
async def test_notes(modules: Modules, tunnel: dict[str, Any], notes: list[str]) -> None:
    assert await modules.run(f"{WORDS_JS} return words.notesOf(given);", tunnel) == notes


async def test_why_a_tunnel_is_down_is_what_came_last(modules: Modules) -> None:
    early, late = "2026-11-28T03:00:00Z", "2026-11-28T03:00:01Z"
    silent = "The peer did not answer"
    closed = "The peer ended the SA (bye)"

    def down(error: dict[str, str], last: dict[str, str], status: str = "down") -> dict[str, Any]:
        return {"state": {"status": status, "last-error": error, "last-down": last}}

    error, last = {"reason": "peer-silent"}, {"reason": "peer-closed", "detail": "bye"}
    given = [
        down({**error, "time": early}, {**last, "time": late}),
        down({**error, "time": late}, {**last, "time": early}),
        down({}, {**last, "time": early}),
        down({**error, "time": early}, {}),
        down({}, {}),
        down({**error, "time": early}, {}, "installed"),
        {"enabled": False, **down({**error, "time": early}, {})},
        down({"reason": "of-another-version", "time": early}, {}),
        {},
    ]
    # What draws is imported with it, and no more.
    found = await modules.run(
        'const {whyOf} = await import("/static/row.js"); return given.map(whyOf);', given
    )
    assert found == [
        closed,
        silent,
        closed,
        silent,
        "",
        "",
        "",
        "of-another-version",
        "You may not read the state",
    ]


async def test_durations_are_those_of_the_command_line(modules: Modules) -> None:
    seconds = [0, 1, 59, 60, 119, 120, 3599, 7199, 7200, 90000, 172799, 172800, 10**7]
    found = await modules.run(
        f"""{WORDS_JS}
        return given.map((s) => [words.roughly(s), words.shortDuration(s)]);""",
        seconds,
    )
    assert [one[0] for one in found] == [long(one) for one in seconds]
    assert [one[1] for one in found][:3] == ["0 s", "1 s", "59 s"]
    assert found[8][1] == "2 h 0 min"
    assert found[11][1] == "2 d 0 h"


async def test_times_are_those_of_the_place_where_one_looks(modules: Modules) -> None:
    found = await modules.run(
        f"""{WORDS_JS}
        const now = Date.parse("2026-11-28T03:00:00Z");
        return [words.when("2026-11-28T01:00:00.5Z", now), words.when("2026-11-28T04:12:00+01:00", now),
                words.when("never", now), words.when(undefined, now), words.clock(now)];"""
    )
    assert found == [
        "2026-11-28 02:00:00 (119 minutes ago)",
        "2026-11-28 04:12:00 (in 12 minutes)",
        "never",
        "",
        "04:00:00",
    ]


@pytest.mark.parametrize(
    ("octets", "said"),
    [(0, "0 B"), (999, "999 B"), (999.6, "1.0 kB"), (1234, "1.2 kB"), (9949, "9.9 kB"), (9950, "10 kB"),
     (999_499, "999 kB"), (999_500, "1.0 MB"), (1_230_000, "1.2 MB"), (3.4e11, "340 GB"), (2**63, "9.2 EB")],
)  # fmt: skip
async def test_sizes_have_three_digits_at_most(modules: Modules, octets: float, said: str) -> None:
    assert await modules.run(f"{WORDS_JS} return [words.octets(given), words.rate(given)];", octets) == [
        said,
        f"{said}/s",
    ]


ROWS = [
    {"id": 1, "description": "Graz", "peer": "192.0.2.10", "enabled": True, "state": {"status": "installed"}},
    {
        "id": 2,
        "description": "graz 10",
        "peer": "192.0.2.9",
        "enabled": True,
        "state": {"status": "connecting"},
    },
    {"id": 3, "description": "Graz 9", "peer": "2001:db8::1", "enabled": False, "state": {"status": "down"}},
    {"id": 4, "enabled": True, "state": {"status": "down", "remote-address-in-use": "198.51.100.1"}},
    {"id": 10, "enabled": True},
]
SELECT = 'const {selected, sort, counts} = await import("/static/selection.js");'


async def test_each_tunnel_counts_once(modules: Modules) -> None:
    assert await modules.run(f"{SELECT} return counts(given);", ROWS) == {
        "up": 1,
        "down": 2,
        "disabled": 1,
        "unknown": 1,
    }


@pytest.mark.parametrize(
    ("typed", "choice", "ids"),
    [("", "all", [1, 2, 3, 4, 10]), ("graz", "all", [1, 2, 3]), ("GRAZ 10", "all", [1, 2]),
     ("  db8: ", "all", [3]), ("10", "all", [1, 2, 4, 10]), ("198.51", "all", [4]),
     ("disabled", "all", [3]), ("connecting", "all", [2]), ("2001 graz", "all", [3]), ("", "up", [1]),
     ("", "down", [2, 4]), ("", "disabled", [3]), ("", "unknown", [10]), ("", "connecting", [2]),
     ("graz", "down", [2]), (".*", "all", [])],
)  # fmt: skip
async def test_what_is_looked_for(modules: Modules, typed: str, choice: str, ids: list[int]) -> None:
    given = {"rows": ROWS, "chosen": {"typed": typed, "choice": choice}}
    found = await modules.run(f"{SELECT} return selected(given.rows, given.chosen);", given)
    assert [row["id"] for row in found] == ids


@pytest.mark.parametrize(
    ("column", "ids"),
    [("id", [1, 2, 3, 4, 10]), ("description", [1, 3, 2, 4, 10]), ("peer", [2, 1, 4, 3, 10]),
     ("status", [4, 2, 1, 3, 10]), ("rekey", [2, 1, 3, 4, 10]), ("traffic", [4, 1, 2, 3, 10])],
)  # fmt: skip
async def test_columns_are_sorted_and_what_is_empty_comes_last_both_ways(
    modules: Modules, column: str, ids: list[int]
) -> None:
    found = await modules.run(
        SELECT
        + """
        const tunnels = {
            rekeyedAt: (id) => ({1: 1000, 2: 5000})[id] ?? null,
            rate: (id) => ({1: {in: 5, out: 5}, 2: {in: 20, out: 0}, 4: {in: 0, out: 0}})[id] ?? null,
        };
        const by = (direction) => ({column: given.column, direction});
        return [1, -1].map((direction) => sort(given.rows.slice(), by(direction), tunnels));""",
        {"rows": ROWS, "column": column},
    )
    upwards, downwards = ([row["id"] for row in rows] for rows in found)
    assert upwards == ids
    empty = {"description": 2, "peer": 1, "rekey": 3, "traffic": 2}.get(column, 0)
    full = len(ids) - empty
    assert downwards == [*reversed(ids[:full]), *ids[full:]]
