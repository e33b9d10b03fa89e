"""What is known of running's small parts: of so many, and until it changes."""

from __future__ import annotations

import pytest

from agent.operations import small
from agent.operations.small import has_few_nodes
from tests.agent.handlers import Lab
from tests.agent.lab import top

ROOM = 3
STEPS = "".join(f"<step>s{n}</step>" for n in range(small.MAX_NODES))


async def test_of_so_many_parts_it_is_known_that_they_are_small(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(small, "MAX_KNOWN", ROOM)
    await lab.commit(top("".join(f"<entry><id>{n}</id></entry>" for n in range(4 * ROOM))))
    tree = lab.context.configuration.published.tree
    for number in range(4 * ROOM):
        assert has_few_nodes(tree, tree.find(f"/every-construct:top/entry[id='{number}']"))
        assert tree.few is not None
        assert 0 < len(tree.few) <= ROOM


async def test_what_has_grown_is_not_small_any_more(lab: Lab) -> None:
    one = "/every-construct:top/entry[id='1']"
    await lab.commit(top("<entry><id>1</id></entry>"))
    tree = lab.context.configuration.published.tree
    assert has_few_nodes(tree, tree.find(one))
    await lab.commit(top(f"<entry><id>1</id>{STEPS}</entry>"))
    tree = lab.context.configuration.published.tree
    assert not has_few_nodes(tree, tree.find(one))
