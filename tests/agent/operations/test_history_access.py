"""Nobody finds out by the history what he may not read."""

from __future__ import annotations

import pytest

from tests.agent.handlers import Lab
from tests.agent.lab import EC
from tests.agent.operations.guarded import NOBODY, ONE_ONLY, SAM, filled, nacm, rule, rule_list, ruled
from tests.agent.operations.recorded import AGENT, ids, leaf, one, subtree, targets, xpath

HIDDEN = "/every-construct:top/entry[id='2']"


@pytest.fixture
async def limited(three: Lab) -> Lab:
    """The three commits, and sam, who may read entry 1 alone."""
    lab = three
    await ruled(lab, rule_list("sam", ["admin"], *ONE_ONLY))
    return lab


async def test_who_may_not_read_a_path_does_not_see_it_in_the_history(limited: Lab) -> None:
    reply = await limited.do(subtree(""), SAM)
    assert ids(reply) == [4, 3, 2, 1]
    assert set(targets(reply)) == {"/top/entry[id='1']"}
    # Neither what was said of such a change, nor how many there were.
    assert leaf(reply, "comment") == ["first &amp; foremost"]
    assert leaf(reply, "changed-count") == ["1"]
    assert leaf(await limited.do(subtree("")), "changed-count")[1:] == ["1", "2", "1"]


@pytest.mark.parametrize(
    "asked",
    [
        subtree(
            f'<commit><change><target xmlns:ec="{EC}">/ec:top/ec:entry[ec:id="2"]</target></change>'
            "</commit>"
        ),
        subtree("<commit><id>2</id><comment>second</comment></commit>"),
        subtree("<commit><comment>second</comment></commit>"),
        xpath("/a:agent/a:history/a:commit[a:change/a:target=\"/ec:top/ec:entry[ec:id='2']\"]"),
        xpath(f"/a:agent/a:history/a:commit[a:change/a:target=\"{HIDDEN}\"]"),
        xpath("/a:agent/a:history/a:commit[contains(a:change/a:target, '2')]"),
        xpath("/a:agent/a:history/a:commit[a:comment='second']"),
        xpath("/a:agent/a:history/a:commit[a:changed-count=2]"),
    ],
)  # fmt: skip
async def test_nor_is_it_found_by_a_filter(limited: Lab, asked: str) -> None:
    assert ids(await limited.do(asked)) != []
    assert ids(await limited.do(asked, SAM)) == []


async def test_rules_of_access_control_are_hidden_from_others(limited: Lab) -> None:
    assert set(targets(await limited.do(one(4)))) >= {"/nacm/groups/group[name='admin']", "/nacm"}
    assert targets(await limited.do(one(4), SAM)) == []
    assert leaf(await limited.do(one(4), NOBODY), "changed-count") == []


async def test_who_may_not_read_the_history_sees_none(limited: Lab) -> None:
    denied = rule("none", "deny", f'<path xmlns:a="{AGENT}">/a:agent/a:history</path>')
    await limited.commit(nacm(rule_list("all", ["*"], denied)))
    assert ids(await limited.do(subtree(""), SAM)) == []
    assert ids(await limited.do(one(1), SAM)) == []


async def test_secrets_are_in_no_entry(lab: Lab) -> None:
    await filled(lab)
    reply = await lab.do(subtree(""))
    assert "/interfaces/interface[name='eth0']" in targets(reply)
    assert "hush" not in reply
