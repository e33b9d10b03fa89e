"""What the server answers on the event loop, and what it leaves to the long way."""

from __future__ import annotations

from typing import NoReturn

import pytest

from agent import server
from agent.server import Server
from agent.transport.limits import Limits, Refused
from agent.transport.stream import Peer
from agent.turns import Turns
from tests.agent.handlers import Lab
from tests.agent.lab import top
from tests.agent.test_live import Stream
from tests.wire.raw_client import EOM, hello, rpc

FILTER = top("<entry><id>1</id></entry>")
ONE = f"<get-config><source><running/></source><filter>{FILTER}</filter></get-config>"


async def answered(lab: Lab, *operations: str, user: str = "tester") -> bytes:
    """Return all that a session is sent in which ``user`` asks for these."""
    stream = Stream([hello("1.0") + EOM, *(rpc(each) + EOM for each in (*operations, "<close-session/>"))])
    peer = Peer(user, source_host="192.0.2.1", source_port=4711, transport="netconf-ssh")
    await Server(lab.context, Limits(), Refused(), Turns()).serve(stream, peer)
    return b"".join(stream.written)


@pytest.fixture
def long_way(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collects the names of what is answered the long way."""
    names: list[str] = []
    dispatch = server.dispatch

    async def counted(*arguments: object) -> bytes:
        names.append(arguments[2].tag.rpartition("}")[2])  # type: ignore[attr-defined]
        return await dispatch(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(server, "dispatch", counted)
    return names


async def test_one_entry_is_answered_at_once(lab: Lab, long_way: list[str]) -> None:
    await lab.commit(top("<entry><id>1</id><number>5</number></entry>"))
    assert (await answered(lab, ONE, ONE)).count(b"<number>5</number>") == 2
    assert long_way == ["close-session"]


@pytest.mark.parametrize("where", ["one_entry", "read_one"])
async def test_what_fails_at_once_is_answered_the_long_way(
    lab: Lab, where: str, long_way: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await lab.commit(top("<entry><id>1</id><number>5</number></entry>"))

    def fails(*_arguments: object) -> NoReturn:
        raise RuntimeError("a fault")

    monkeypatch.setattr(server, where, fails)
    assert (await answered(lab, ONE, ONE)).count(b"<number>5</number>") == 2
    assert long_way == ["get-config", "get-config", "close-session"]


async def test_requests_that_are_known_are_forgotten_with_other_limits(lab: Lab) -> None:
    """What was known may be more than a message may hold now, in a session that begins then."""
    served = Server(lab.context, Limits(), Refused(), Turns())
    known = served._known
    served.take_over(Limits())
    assert served._known is not known
