"""What a tunnel carries: differences of the counters of its CHILD_SAs, which come and go."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.browser.modules import Modules, modules_in

pytestmark = pytest.mark.asyncio(loop_scope="package")

BEGIN = "2026-11-28T03:{:02d}:{:02d}Z"
RUN = """
    const {Tunnels} = await import("/static/store.js");
    const tunnels = new Tunnels();
    tunnels.push(given.state, "state");
    return given.samples.map((one) => {
        tunnels.push(one, "traffic");
        return [tunnels.rate(1), tunnels.rekeyedAt(1), tunnels.trafficUntold];
    });
"""


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def modules(chromium: Browser) -> AsyncIterator[Modules]:
    async with modules_in(chromium) as there:
        yield there


def update(state: dict[str, Any], second: int = 0) -> dict[str, Any]:
    contents = {"yangswan-ipsec:tunnels": {"ipsec": [{"id": 1, "state": state}]}}
    time = BEGIN.format(second // 60, second % 60)
    return {
        "ietf-restconf:notification": {
            "eventTime": time,
            "ietf-yang-push:push-update": {"datastore-contents": contents},
        }
    }


def sample(second: int, age_s: int | None, *sas: tuple[int, int, int]) -> dict[str, Any]:
    """``sas``: number, octets in, octets out; counters are strings, as RFC 7951 has those of 64 bits."""
    state: dict[str, Any] = {} if age_s is None else {"time-since-rekey": age_s}
    if sas:
        state["child-sa"] = [
            {"unique-id": id, "bytes-in": str(received), "bytes-out": str(sent)} for id, received, sent in sas
        ]
    return update(state, second)


async def rates(modules: Modules, *samples: dict[str, Any], status: str = "installed") -> list[Any]:
    found = await modules.run(RUN, {"state": update({"status": status}), "samples": list(samples)})
    return [None if rate is None else (rate["in"], rate["out"]) for rate, _at, _untold in found]


async def test_the_difference_of_two_samples_counts_by_their_times(modules: Modules) -> None:
    assert await rates(
        modules,
        sample(0, 100, (5, 1000, 0)),
        sample(10, 110, (5, 2000, 500)),
        sample(30, 130, (5, 2000, 2500)),
    ) == [None, (100, 50), (0, 100)]


async def test_a_rekeyed_sa_begins_at_nought_and_neither_jumps_nor_goes_back(modules: Modules) -> None:
    big = 10**12
    assert await rates(
        modules,
        sample(0, 3600, (5, big, big)),
        sample(10, 4, (5, big + 600, big), (6, 400, 100)),
        sample(20, 14, (6, 1400, 100)),
    ) == [None, (100, 10), (100, 0)]


async def test_an_sa_that_was_there_before_but_not_told_of_makes_no_jump(modules: Modules) -> None:
    big = 10**12
    assert await rates(modules, sample(0, 50, (5, 0, 0)), sample(10, 3600, (5, 10, 10), (4, big, big))) == [
        None,
        (1, 1),
    ]


async def test_the_number_of_an_sa_that_another_one_has_now_is_no_negative_rate(modules: Modules) -> None:
    assert await rates(
        modules, sample(0, 999, (1, 5000, 5000)), sample(10, 5, (1, 100, 0)), sample(20, 999, (1, 50, 0))
    ) == [None, (10, 0), (0, 0)]


async def test_octets_beyond_what_a_float_counts_are_no_noise(modules: Modules) -> None:
    huge = 2**63
    ((received, sent),) = (await rates(modules, sample(0, 9, (1, huge, 0)), sample(10, 19, (1, huge, 0))))[1:]
    assert (received, sent) == (0, 0)


async def test_samples_of_one_moment_say_nothing(modules: Modules) -> None:
    assert await rates(
        modules, sample(10, 10, (1, 0, 0)), sample(10, 10, (1, 500, 0)), sample(20, 20, (1, 1000, 0))
    ) == [None, None, (100, 0)]


async def test_traffic_goes_on_when_the_clock_of_the_gateway_was_put_back(modules: Modules) -> None:
    """By 30 minutes, between two samples."""
    late = BEGIN.format(29, 50)
    found = await modules.run(
        RUN.replace("return [", "return [tunnels.samples(1).map(({at}) => at - Date.parse(given.zero)), "),
        {
            "zero": BEGIN.format(0, 0),
            "state": update({"status": "installed", "since": late}),
            "samples": [
                sample(1800, 10, (1, 0, 0)),
                sample(1810, 20, (1, 1000, 0)),
                sample(0, 30, (1, 2000, 0)),
                sample(10, 40, (1, 4000, 0)),
            ],
        },
    )
    assert [rate and rate["in"] for _times, rate, *_ in found] == [None, 100, None, 200]
    assert [times for times, *_ in found][2:] == [[0], [0, 10_000]]
    zero = found[0][2] - 1790 * 1000
    assert [(at - zero) // 1000 for _times, _rate, at, _ in found] == [1790, 1790, -30, -30]


async def test_a_tunnel_that_is_down_carries_nothing_and_one_that_is_not_told_of_is_not_known(
    modules: Modules,
) -> None:
    nothing = sample(0, None), sample(10, None)
    assert await rates(modules, *nothing, status="down") == [None, (0, 0)]
    assert await rates(modules, *nothing) == [None, None]
    found = await modules.run(RUN, {"state": update({"status": "installed"}), "samples": list(nothing)})
    assert [untold for *_, untold in found] == [True, True]
    found = await modules.run(
        RUN, {"state": update({"status": "installed"}), "samples": [sample(0, 5, (1, 0, 0))]}
    )
    assert [untold for *_, untold in found] == [False]


async def test_the_moment_of_the_rekeying_stays_while_whole_seconds_wobble(modules: Modules) -> None:
    found = await modules.run(
        RUN,
        {
            "state": update({"status": "installed"}),
            "samples": [sample(20, 20), sample(30, 31), sample(40, 39), sample(50, 2)],
        },
    )
    begin = found[0][1]
    assert [at - begin for _rate, at, _untold in found] == [0, 0, 0, 48_000]


async def test_what_went_up_after_the_last_sample_has_its_sa_since_then(modules: Modules) -> None:
    at = await modules.run(
        """
        const {Tunnels} = await import("/static/store.js");
        const tunnels = new Tunnels();
        tunnels.push(given.down, "state");
        tunnels.push(given.sample, "traffic");
        tunnels.push(given.up, "state");
        return [tunnels.rekeyedAt(1), Date.parse(given.since)];""",
        {
            "down": update({"status": "down"}),
            "sample": sample(0, None),
            "up": update({"status": "installed", "since": BEGIN.format(0, 7)}),
            "since": BEGIN.format(0, 7),
        },
    )
    assert at[0] == at[1]


async def test_no_more_samples_are_kept_than_a_curve_has(modules: Modules) -> None:
    found = await modules.run(
        """
        const {Tunnels, SAMPLES} = await import("/static/store.js");
        const tunnels = new Tunnels();
        tunnels.push(given.state, "state");
        for (const one of given.samples) tunnels.push(one, "traffic");
        return [SAMPLES, tunnels.samples(1)];""",
        {
            "state": update({"status": "installed"}),
            "samples": [sample(10 * n, 10 * n, (1, 100 * n * n, 0)) for n in range(40)],
        },
    )
    most, samples = found
    assert len(samples) == most == 30
    assert [one["in"] for one in samples] == [10 * (2 * n - 1) for n in range(10, 40)]
    assert [later["at"] - one["at"] for one, later in pairwise(samples)] == [10_000] * 29
