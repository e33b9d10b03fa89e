"""How long it took to bring a tunnel up: of which attempts that is known."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.translators.recorded import sa
from tests.translators.tunnels import Json
from translators.strongswan.status.facts import LastError, Reason
from translators.strongswan.upkeep.negotiations import Negotiations

PEER = "192.0.2.7"
FAILED = LastError(Reason.AUTHENTICATION_FAILED, "", 1.0)


class Seen:
    """An attempt of tunnel 1 with ``children``, on a clock that is set by hand."""

    def __init__(self, *children: str) -> None:
        self.now_s = 100.0
        self.negotiations = Negotiations(lambda: self.now_s)
        self.negotiations.begin("1", PEER, children=children or ("ipsec-1",), error=None)

    def up(
        self, after_s: float, *, child: str = "ipsec-1", error: LastError | None = None, **of_ike: str
    ) -> None:
        self.now_s += after_s
        up: Json = {**sa("ESTABLISHED", "INSTALLED"), "initiator": "yes", "established": "0", **of_ike}
        for one in up["child-sas"].values():
            one["name"] = child
        self.negotiations.came_up("1", up, error)

    @property
    def took_s(self) -> float | None:
        return self.negotiations.took_s("1", PEER)


def test_it_is_the_time_until_the_child_is_up() -> None:
    seen = Seen()
    seen.up(2.5, established="2")
    assert seen.took_s == 2.5
    assert seen.negotiations.took_s("1", "192.0.2.8") is None, "another peer takes another time"
    seen.up(60.0)
    assert seen.took_s == 2.5, "what comes up by itself is of no attempt"
    seen.negotiations.forget("1")
    assert seen.took_s is None


def test_of_several_children_it_is_the_time_until_the_last() -> None:
    seen = Seen("ipsec-1-1", "ipsec-1-2")
    seen.up(1.0, child="ipsec-1-2")
    assert seen.took_s is None
    seen.up(0.5, child="ipsec-1-1", established="1")
    assert seen.took_s == 1.5


BREAKS: dict[str, Callable[[Seen], None]] = {
    "begun by the peer": lambda seen: seen.up(5.0, initiator="no"),
    "an IKE_SA from before": lambda seen: seen.up(0.2, established="9"),
    "failed meanwhile": lambda seen: seen.up(5.0, error=FAILED),
    "reconfigured or ended": lambda seen: seen.negotiations.break_off("1"),
    "charon lost": lambda seen: seen.negotiations.break_off_all(),
}


@pytest.mark.parametrize("what", BREAKS)
def test_what_is_not_of_the_attempt_says_nothing_and_ends_it(what: str) -> None:
    seen = Seen()
    BREAKS[what](seen)
    seen.up(3600.0)
    assert seen.took_s is None
