"""What the peer did not take of the subnets is told, and nothing where it took all."""

from __future__ import annotations

from typing import Any

import pytest

from tests.translators.recorded import sa
from translators.strongswan.status.narrowing import narrowed

WANTED = {"ipsec-1": {"local_ts": ["10.1.0.0/16"], "remote_ts": ["10.2.0.0/16", "10.4.0.0/16"]}}


def with_selectors(*pairs: tuple[list[str], list[str]]) -> list[dict[str, Any]]:
    found = sa("ESTABLISHED", *(["INSTALLED"] * len(pairs)))
    for child, (local, remote) in zip(found["child-sas"].values(), pairs, strict=True):
        child |= {"local-ts": local, "remote-ts": remote}
    return [found]


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([(["10.1.0.0/16"], ["10.4.0.0/16", "10.2.0.0/16"])], {}),
        ([(["10.1.0.0/16"], ["10.2.0.0/16"])], {"remote-subnet": ["10.4.0.0/16"]}),
        ([(["10.1.5.0/24"], ["10.2.0.0/16", "10.4.0.0/16"])], {"local-subnet": ["10.1.0.0/16"]}),
        # Several children, or halves of a network, may carry it together; a range may be a network.
        ([(["10.1.0.0/16"], ["10.2.0.0/16"]), (["10.1.0.0/16"], ["10.4.0.0/16"])], {}),
        ([(["10.1.0.0/17", "10.1.128.0/17"], ["10.2.0.0/16", "10.4.0.0..10.4.255.255"])], {}),
        ([(["10.1.0.0..10.1.0.9"], ["10.2.0.0/16", "10.4.0.0/16"])], {"local-subnet": ["10.1.0.0/16"]}),
        ([(["10.1.0.0/16[tcp/80]"], ["10.2.0.0/16", "10.4.0.0/16"])], {"local-subnet": ["10.1.0.0/16"]}),
        # What is wider carries it too.
        ([(["0.0.0.0/0"], ["0.0.0.0/0"])], {}),
    ],
)
def test_what_no_child_carries_as_a_whole_is_told(pairs: Any, expected: Any) -> None:
    assert narrowed(WANTED, with_selectors(*pairs)) == ({"narrowed": expected} if expected else {})


def test_of_a_tunnel_that_is_down_and_of_an_address_that_is_not_known_before_nothing_is_told() -> None:
    assert narrowed(WANTED, [sa("ESTABLISHED")]) == {}
    assert narrowed(WANTED, []) == {}
    dynamic = {"ipsec-1": {"local_ts": ["10.1.0.0/16"], "remote_ts": ["dynamic"]}}
    assert narrowed(dynamic, with_selectors((["10.1.0.0/16"], ["192.0.2.9/32"]))) == {}


def test_of_several_children_all_have_to_be_up() -> None:
    both = {
        "ipsec-1-1": {"local_ts": ["10.1.0.0/16"], "remote_ts": ["10.2.0.0/16"]},
        "ipsec-1-2": {"local_ts": ["10.1.0.0/16"], "remote_ts": ["10.4.0.0/16"]},
    }
    found = with_selectors((["10.1.0.0/16"], ["10.2.0.0/16"]))
    next(iter(found[0]["child-sas"].values()))["name"] = "ipsec-1-1"
    assert narrowed(both, found) == {}
