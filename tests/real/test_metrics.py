"""Metrics of a gateway with a live tunnel: up, over a rekeying, cut, and up again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.lab import Lab, carries, charon_of
from tests.real.gateways import gateway, inside
from tests.real.test_netconf_to_charon import Pair, up
from tests.scrapes import metrics_port, scrape, serving_metrics, value

pytestmark = pytest.mark.real

LIMIT_S = 120
UP = {"id": "1", "description": "to alice", "peer": "192.168.0.1"}
FAST = """
[translator.strongswan]
retransmit-timeout = 0.3
retransmit-base = 1.2
retransmit-tries = 3
"""


@pytest.fixture
def pair(lab: Lab, tmp_path: Path) -> Iterator[Pair]:
    with ExitStack() as stack:
        alice = stack.enter_context(gateway(lab.alice_ns, tmp_path / "alice-agent"))
        options = serving_metrics(tmp_path, FAST)
        bob = stack.enter_context(gateway(lab.bob_ns, tmp_path / "bob-agent", *options))
        yield Pair(lab, alice, bob)


def of_bob(pair: Pair) -> str:
    return pair.lab.bob_ns.call(lambda: scrape(metrics_port(pair.bob)))


def until(pair: Pair, condition: Callable[[str], object]) -> str:
    """Return the first scrape of bob that meets ``condition``."""
    end_s = time.monotonic() + LIMIT_S
    while not condition(text := of_bob(pair)):
        assert time.monotonic() < end_s, text
    return text


def carried(text: str) -> float:
    return value(text, "yangswan_tunnel_receive_bytes_total", id="1")


def send(pair: Pair) -> None:
    assert carries(pair.lab.alice_ns, "10.1.0.1", pair.lab.bob_ns, "10.2.0.1")


def test_a_tunnel_that_lives_and_is_cut_shows_in_the_next_scrape(pair: Pair) -> None:
    up(pair, 1)
    send(pair)
    text = until(pair, lambda text: carried(text) > 0)
    assert value(text, "yangswan_tunnel_up", **UP) == 1
    assert value(text, "yangswan_tunnel_status", id="1", yangswan_tunnel_status="installed") == 1
    assert value(text, "yangswan_tunnel_ups_total", id="1") == 1
    assert value(text, "yangswan_daemon_up") == 1
    assert value(text, "yangswan_daemon_ike_sas") == 1
    assert 0 < value(text, "yangswan_daemon_start_time_seconds") <= time.time()
    rekeyed = value(text, "yangswan_tunnel_last_rekey_timestamp_seconds", id="1")
    assert 0 <= time.time() - rekeyed < LIMIT_S

    async def rekey() -> None:
        async with charon_of(pair.bob.data_dir) as charon:
            await charon.request("rekey", {"child": "ipsec-1"})

    inside(pair.lab.bob_ns, rekey)
    before = carried(text)
    later = until(pair, lambda text: value(text, "yangswan_tunnel_rekeys_total", id="1") >= 1)
    assert carried(later) >= before
    send(pair)
    later = until(pair, lambda text: carried(text) > before)
    assert value(later, "yangswan_tunnel_up", **UP) == 1

    pair.lab.cut()
    pair.act_on_bob(1, "restart")
    down = until(pair, lambda text: value(text, "yangswan_tunnel_up", **UP) == 0)
    assert carried(down) >= carried(later)
    failed = until(pair, lambda text: "yangswan_tunnel_failures_total{" in text)
    assert value(failed, "yangswan_tunnel_failures_total", id="1", reason="peer-silent") >= 1
    assert value(failed, "yangswan_tunnel_downs_total", id="1") == 1
    assert value(failed, "yangswan_tunnel_last_failure_timestamp_seconds", id="1") <= time.time()
    pair.lab.mend()
    again = until(pair, lambda text: value(text, "yangswan_tunnel_up", **UP) == 1)
    assert carried(again) >= carried(down)
    assert value(again, "yangswan_tunnel_ups_total", id="1") == 2
