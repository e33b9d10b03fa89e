"""What is said to charon so that the kernel lets bypassed packets past."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from translators.strongswan.charon.vici import ViciError
from translators.strongswan.protection import shunts
from translators.strongswan.translation.overlaps import Pair, prefix

PAIR = (prefix("10.1.0.0/16"), prefix("192.0.2.0/24"))
PAIR6 = (prefix("2001:db8:1::/48"), prefix("2001:db8:2::/64"))


class Charon:
    """A session that notes what it is asked; ``refuses`` names the commands that it refuses."""

    def __init__(self, *plugins: str, loaded: tuple[str, ...] = (), refuses: tuple[str, ...] = ()) -> None:
        self.plugins = frozenset(plugins)
        self.asked: list[tuple[str, Any]] = []
        self._loaded = loaded
        self._refuses = refuses

    async def request(self, command: str, message: Mapping[str, object]) -> dict[str, object]:
        self.asked.append((command, message.get("name") or next(iter(message))))
        if command in self._refuses:
            raise ViciError(command, "refused")
        return {}

    async def loaded(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return self._loaded, ()


def test_each_pair_is_a_child_that_lets_past() -> None:
    message = shunts.load_conn("7", [PAIR6, PAIR])
    assert message == {
        "yangswan-bypass-7": {
            "local_addrs": ["127.0.0.1"],
            "remote_addrs": ["127.0.0.1"],
            "children": {
                "yangswan-bypass-7-1": {
                    "local_ts": ["10.1.0.0/16"],
                    "remote_ts": ["192.0.2.0/24"],
                    "mode": "pass",
                    "start_action": "trap",
                },
                "yangswan-bypass-7-2": {
                    "local_ts": ["2001:db8:1::/48"],
                    "remote_ts": ["2001:db8:2::/64"],
                    "mode": "pass",
                    "start_action": "trap",
                },
            },
        }
    }
    assert shunts.load_conn("7", [PAIR, PAIR6]) == message


def test_what_is_of_the_gateway_has_a_name_that_no_tunnel_has() -> None:
    assert shunts.connection("") == "yangswan-bypass-gateway"
    assert list(shunts.load_conn("", [PAIR])) == ["yangswan-bypass-gateway"]


def _wanted(**pairs: Pair | None) -> dict[str, frozenset[Pair]]:
    return {
        owner.removeprefix("of_"): frozenset() if one is None else frozenset({one})
        for owner, one in pairs.items()
    }


async def test_a_connection_goes_before_its_next_version_comes() -> None:
    charon = Charon()
    await shunts.put(charon, _wanted(of_1=PAIR, of_2=None))  # type: ignore[arg-type]
    assert charon.asked == [
        ("unload-conn", "yangswan-bypass-1"),
        ("load-conn", "yangswan-bypass-1"),
        ("unload-conn", "yangswan-bypass-2"),
    ]


async def test_what_is_not_there_need_not_go() -> None:
    charon = Charon(refuses=("unload-conn",))
    await shunts.put(charon, _wanted(of_1=PAIR))  # type: ignore[arg-type]
    assert charon.asked[-1] == ("load-conn", "yangswan-bypass-1")


async def test_a_connection_that_charon_refuses_is_told() -> None:
    with pytest.raises(ViciError, match="load-conn: refused"):
        await shunts.put(Charon(refuses=("load-conn",)), _wanted(of_1=PAIR))  # type: ignore[arg-type]


async def test_of_another_agents_connections_those_that_are_ours_go() -> None:
    charon = Charon(loaded=("ipsec-1", "yangswan-bypass-9", "bypass", "yangswan-bypass-gateway"))
    await shunts.replace(charon, _wanted(of_1=PAIR, of_2=None))  # type: ignore[arg-type]
    assert charon.asked == [
        ("unload-conn", "yangswan-bypass-9"),
        ("unload-conn", "yangswan-bypass-gateway"),
        ("unload-conn", "yangswan-bypass-1"),
        ("load-conn", "yangswan-bypass-1"),
    ]


async def test_a_charon_that_encrypts_itself_has_no_policies() -> None:
    charon = Charon("kernel-libipsec")
    await shunts.put(charon, _wanted(of_1=PAIR))  # type: ignore[arg-type]
    assert charon.asked == []
