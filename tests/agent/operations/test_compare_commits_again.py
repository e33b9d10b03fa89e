"""Commits compared again, because rules have changed meanwhile: it gives what it would alone."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from agent.operations import compare_commits as module
from agent.operations.dispatch import dispatch
from agent.xml import NETCONF_NS, parse
from tests.agent.handlers import Lab
from tests.agent.lab import PREFIXES, top
from tests.agent.operations.comparisons import compare, subtree, xpath
from tests.agent.operations.guarded import SAM
from tests.agent.operations.test_rules_meanwhile import OPEN, SHUT, entries, lab  # noqa: F401

ASKED = {
    "the whole": "",
    "as text": "<as>text</as>",
    "of a subtree": subtree(top("<entry><id>1</id><number/></entry><entry><id>2</id></entry>")),
    "of an expression": xpath("/ec:top/ec:entry[ec:id &lt; 3]/ec:number"),
    "of one that looks everywhere": xpath("//ec:number"),
}
ENTRY = r"entry(=|\[id='|\[ec:id=')%d\b"
ENDS = {"two commits": (2, 3), "running": (2, None), "the candidate": (2, "candidate")}


async def filled(lab: Lab) -> None:  # noqa: F811
    await lab.commit(OPEN)
    await lab.commit(entries(range(1, 4), 2))
    await lab.commit(entries(range(1, 3), 5))
    await lab.edit(entries(range(2, 6), 7))


def meanwhile(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[], Awaitable[object]]
) -> list[list[module.Piece]]:
    """Have the rules changed after the first comparison; return what each came to."""
    done: list[list[module.Piece]] = []
    at_one_moment = module.at_one_moment

    async def then_rules_change(*arguments: Any) -> list[module.Piece]:
        done.append(await at_one_moment(*arguments))
        if len(done) == 1:
            await change()
        return done[-1]

    monkeypatch.setattr(module, "at_one_moment", then_rules_change)
    return done


@pytest.mark.parametrize("more", ASKED.values(), ids=ASKED)
@pytest.mark.parametrize("ends", ENDS.values(), ids=ENDS)
async def test_it_gives_the_same(
    lab: Lab,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    ends: tuple[int, int | str | None],
    more: str,
) -> None:
    await filled(lab)
    asked = compare(*ends, more)
    alone = await lab.do(asked, SAM)

    async def load() -> None:
        lab.context.nacm.load(lab.context.configuration.running)

    done = meanwhile(monkeypatch, load)
    rpc = parse(f'<rpc xmlns="{NETCONF_NS}" {PREFIXES}>{asked}</rpc>'.encode())
    answers = [await dispatch(lab.context, lab.caller(SAM), rpc[0]) for _ in range(2)]
    assert [answer.decode() for answer in answers] == [alone, alone]
    assert "5" in alone
    assert len(done) == 3
    assert [piece.body for piece in done[0]] == [piece.body for piece in done[1]]


@pytest.mark.parametrize("more", ASKED.values(), ids=ASKED)
async def test_it_tells_what_the_new_rules_let_it_tell(
    lab: Lab,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    more: str,
) -> None:
    await filled(lab)
    await lab.do("<discard-changes/>")
    asked = compare(2, 3, more)
    done = meanwhile(monkeypatch, lambda: lab.commit(SHUT))
    rpc = parse(f'<rpc xmlns="{NETCONF_NS}" {PREFIXES}>{asked}</rpc>'.encode())
    told = (await dispatch(lab.context, lab.caller(SAM), rpc[0])).decode()
    assert len(done) == 2
    before = b"".join(piece.body for piece in done[0]).decode()
    assert [bool(re.search(ENTRY % 1, text)) for text in (before, told)] == [True, False]
    assert re.search(ENTRY % 2, told)
    assert told == await lab.do(asked, SAM)
