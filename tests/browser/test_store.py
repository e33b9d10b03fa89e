"""The tunnels that the page keeps: what RFC 8641 pushes, as the server writes it, gives what a get shows."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from agent.history.room import Room
from agent.push.changes import changes
from agent.push.pieces import Piece, pieces_of, together
from agent.push.updates import push_change_update, push_update
from agent.restconf.outputs import event_json
from agent.served import SERVED, standard_modules
from agent.yang.nodes import Defaults
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from tests.browser.modules import Modules, modules_in
from tests.requests import IPSEC

pytestmark = pytest.mark.asyncio(loop_scope="package")

BEGIN = "2026-11-28T03:00:{:02d}Z"
KEPT = """
    const {Tunnels, OutOfStep} = await import("/static/store.js");
    const tunnels = new Tunnels();
    const heard = [];
    tunnels.listen(({ids, whole}) => heard.push([[...ids].sort((a, b) => a - b), whole]));
"""


@pytest.fixture(scope="module")
def schema() -> Schema:
    yang = Path(__file__).parents[2] / "yang"
    modules = [yang / f"yangswan-{name}.yang" for name in ("types", "ipsec", "daemon", "pki")]
    return Schema(standard_modules(), SERVED, modules)


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def modules(chromium: Browser) -> AsyncIterator[Modules]:
    async with modules_in(chromium) as there:
        yield there


def written(schema: Schema, body: bytes, second: int = 0) -> Any:
    """A notification as the server writes it."""
    return json.loads(event_json(schema, BEGIN.format(second), body))


def pieces(schema: Schema, document: str) -> dict[str, Piece]:
    return pieces_of(Tree.parse(schema, document.encode()), Defaults.REPORT_ALL)


def pushed(schema: Schema, documents: Sequence[str]) -> list[Any]:
    """The first document as a whole, and each that follows as the patch that leads to it."""
    held = pieces(schema, documents[0])
    found = [written(schema, push_update(1, together(held.values())))]
    for number, document in enumerate(documents[1:]):
        now = pieces(schema, document)
        edits = changes(schema, held, now, Room()).body
        found.append(written(schema, push_change_update(1, number, edits)))
        held = now
    return found


def whole(schema: Schema, document: str) -> Any:
    return written(schema, push_update(1, together(pieces(schema, document).values())))


def some_tunnels(chance: random.Random) -> str:
    """A document as the subscription "state" selects it."""
    inside = "".join(tunnel(chance, id) for id in chance.sample(range(1, 6), 3))
    return f'<tunnels xmlns="{IPSEC}">{inside}</tunnels>'


def tunnel(chance: random.Random, id: int) -> str:
    def maybe(name: str, *values: str) -> str:
        return f"<{name}>{chance.choice(values)}</{name}>" if chance.random() < 0.7 else ""

    failure = maybe("reason", "peer-silent", "other") + maybe(
        "detail", "no &lt;answer&gt;", "=,/%20 [1]", "Ω"
    )
    state = (
        maybe("status", "down", "connecting", "installed", "retransmission")
        + maybe("limitation", "cannot do esn", "cannot do all")
        + maybe("since", BEGIN.format(1), BEGIN.format(2))
        + maybe("local-address-present", "true", "false")
        + f"<last-error>{failure}</last-error>"
    )
    return (
        f"<ipsec><id>{id}</id>"
        + maybe("description", "to the branch", "gw: /a=b,c", "1")
        + maybe("enabled", "true", "false")
        + maybe("peer", "192.0.2.1", "2001:db8::1")
        + (f"<state>{state}</state>" if chance.random() < 0.8 else "")
        + "</ipsec>"
    )


@pytest.mark.parametrize("seed", range(10))
async def test_each_patch_in_order_gives_what_a_whole_update_then_shows(
    modules: Modules, schema: Schema, seed: int
) -> None:
    chance = random.Random(seed)
    documents = [some_tunnels(chance) for _ in range(12)]
    patched, anew = await modules.run(
        KEPT
        + """
        // A container in which nothing is, and one that is not there, are the same; so are orders of members.
        const bare = (value) => {
            if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
            const members = Object.entries(value).map(([name, inner]) => [name, bare(inner)]);
            const isEmpty = (one) => one !== null && typeof one === "object" && !Object.keys(one).length;
            const kept = members.filter(([, inner]) => !isEmpty(inner));
            return Object.fromEntries(kept.sort(([one], [other]) => (one < other ? -1 : 1)));
        };
        const [patched, anew] = [[], []];
        given.pushed.forEach((notification, at) => {
            tunnels.push(notification, "state");
            patched.push(tunnels.rows().map(bare));
            const other = new Tunnels();
            other.push(given.whole[at], "state");
            anew.push(other.rows().map(bare));
        });
        return [patched, anew];""",
        {"pushed": pushed(schema, documents), "whole": [whole(schema, one) for one in documents]},
    )
    assert len(patched) == 12
    assert any(rows != patched[0] for rows in patched)
    assert patched == anew


async def test_values_have_their_types_whoever_wrote_them(modules: Modules, schema: Schema) -> None:
    one = (
        f'<tunnels xmlns="{IPSEC}"><ipsec><id>7</id><enabled>true</enabled>'
        "<state><local-address-present>false</local-address-present></state></ipsec></tunnels>"
    )
    found = await modules.run(
        KEPT
        + """
        given.forEach((one) => tunnels.push(one, "state"));
        return [tunnels.rows(), tunnels.one("7"), heard];""",
        pushed(schema, [f'<tunnels xmlns="{IPSEC}"/>', one]),
    )
    rows, alone, heard = found
    assert rows == [alone]
    assert (alone["id"], alone["enabled"], alone["state"]["local-address-present"]) == (7, True, False)
    assert heard[-1] == [[7], True]


async def test_who_listens_is_told_of_what_has_changed_and_of_no_more(
    modules: Modules, schema: Schema
) -> None:
    def two(status: str) -> str:
        second = f"<ipsec><id>2</id><state><status>{status}</status></state></ipsec>"
        return f'<tunnels xmlns="{IPSEC}"><ipsec><id>1</id></ipsec>{second}</tunnels>'

    heard = await modules.run(
        KEPT
        + """
        given.forEach((one) => tunnels.push(one, "state"));
        tunnels.push(given[0], "state");
        tunnels.push(given[0], "state");
        return heard;""",
        pushed(schema, [two("down"), two("installed")]),
    )
    assert heard == [[[1, 2], True], [[2], False], [[2], False]]


def patch(*edits: dict[str, Any], id: object = "0") -> dict[str, Any]:
    changes = {"yang-patch": {"patch-id": id, "edit": list(edits)}}
    return {
        "ietf-restconf:notification": {"ietf-yang-push:push-change-update": {"datastore-changes": changes}}
    }


def edit(operation: str, target: str, **value: Any) -> dict[str, Any]:
    return {"operation": operation, "target": target, **value}


STATUS = "/yangswan-ipsec:tunnels/ipsec=1/state/status"


@pytest.mark.parametrize(
    "strange",
    [
        {},
        {"ietf-restconf:notification": {"some:thing": {}}},
        {"ietf-restconf:notification": {"ietf-yang-push:push-update": None}},
        {"ietf-restconf:notification": {"ietf-yang-push:push-update": {"datastore-contents": 7}}},
        {
            "ietf-yang-push:push-update": {
                "datastore-contents": {"yangswan-ipsec:tunnels": {"ipsec": {"id": "x"}}}
            }
        },
        {"ietf-yang-push:push-update": {"datastore-contents": {"yangswan-ipsec:tunnels": {"ipsec": [7]}}}},
        {"ietf-yang-push:push-change-update": {"datastore-changes": {}}},
        {
            **patch(),
            "ietf-restconf:notification": {
                "ietf-yang-push:push-change-update": {"incomplete-update": [None]}
            },
        },
        patch(edit("explode", STATUS)),
        patch(edit("replace", STATUS)),
        patch(edit("replace", STATUS, value={"other": "x"})),
        patch(edit("replace", STATUS, value={"yangswan-ipsec:status": {"a": 1}})),
        patch(edit("replace", "no path", value={})),
        patch(edit("replace", "/yangswan-ipsec:tunnels/ipsec=1/state/%E0%A4%A/x", value={})),
        patch(edit("replace", "/some:thing/else", value={})),
        patch(edit("replace", "/yangswan-ipsec:tunnels/ipsec", value={"ipsec": []})),
        patch(edit("replace", "/yangswan-ipsec:tunnels/ipsec=9/state/status", value={"status": "down"})),
        patch(edit("create", "/yangswan-ipsec:tunnels/ipsec=9", value={"ipsec": {"id": 8}})),
        patch(edit("replace", "/yangswan-ipsec:tunnels/ipsec=1/id/x/y", value={"y": 1})),
        patch(
            edit("replace", "/yangswan-ipsec:tunnels/ipsec=1/state/overlap=5/detail", value={"detail": "x"})
        ),
        patch(id="7"),
    ],
)
async def test_what_is_strange_or_missed_asks_for_all_anew(
    modules: Modules, schema: Schema, strange: object
) -> None:
    one = f'<tunnels xmlns="{IPSEC}"><ipsec><id>1</id></ipsec></tunnels>'
    other = f'<tunnels xmlns="{IPSEC}"><ipsec><id>1</id><peer>192.0.2.1</peer></ipsec></tunnels>'
    raised, rows = await modules.run(
        KEPT
        + """
        given.before.forEach((one) => tunnels.push(one, "state"));
        let raised = false;
        try { tunnels.push(given.strange, "state"); } catch (error) { raised = error instanceof OutOfStep; }
        tunnels.begin();
        tunnels.push(given.before[0], "state");
        return [raised, tunnels.rows()];""",
        {"before": pushed(schema, [one, other, one, other])[:2], "strange": _numbered(strange)},
    )
    assert raised
    assert [row["id"] for row in rows] == [1]


def _numbered(strange: Any) -> Any:
    """The number that follows, unless a wrong one is what is strange."""
    text = json.dumps(strange)
    return json.loads(text.replace('"patch-id": "0"', '"patch-id": "1"'))


async def test_edits_of_the_root_of_all_tunnels_and_of_lists_within_one(modules: Modules) -> None:
    tunnels = "/yangswan-ipsec:tunnels"
    many = {"yangswan-ipsec:tunnels": {"ipsec": [{"id": 1}, {"id": 2}]}}
    overlap = {"yangswan-ipsec:overlap": {"tunnel": "2", "relation": "same"}}
    steps = [
        edit("create", tunnels, value=many),
        edit("merge", tunnels, value={"yangswan-ipsec:tunnels": {"ipsec": {"id": "2", "peer": "192.0.2.1"}}}),
        edit("create", f"{tunnels}/ipsec=1/state/overlap=2", value=overlap),
        edit("replace", f"{tunnels}/ipsec=1/state/overlap=2/relation", value={"relation": "wider"}),
        edit(
            "merge",
            f"{tunnels}/ipsec=1/state/overlap=2",
            value={"overlap": [{"tunnel": 2, "detail": "both"}]},
        ),
        edit("delete", f"{tunnels}/ipsec=1/state/overlap=2"),
        edit(
            "create",
            f"{tunnels}/ipsec=1/state/narrowed/local-subnet=10.0.0.0%2F8",
            value={"local-subnet": "10.0.0.0/8"},
        ),
        edit("remove", f"{tunnels}/ipsec=1/state/narrowed/local-subnet=10.0.0.0%2F8"),
        edit("replace", "/", value={"yangswan-ipsec:tunnels": {"ipsec": {"id": "3"}}}),
        edit("delete", tunnels),
    ]
    shown = await modules.run(
        KEPT
        + """
        return given.map((one) => {
            tunnels.push(one, "state");
            return structuredClone(tunnels.rows());
        });""",
        [patch(step, id=number) for number, step in enumerate(steps)],
    )
    assert shown[0] == [{"id": 1}, {"id": 2}]
    assert shown[1][1] == {"id": 2, "peer": "192.0.2.1"}
    assert shown[2][0] == {"id": 1, "state": {"overlap": [{"tunnel": 2, "relation": "same"}]}}
    assert shown[3][0]["state"]["overlap"][0]["relation"] == "wider"
    assert shown[4][0]["state"]["overlap"] == [{"tunnel": 2, "relation": "wider", "detail": "both"}]
    assert shown[5][0]["state"] == {}
    assert shown[6][0]["state"]["narrowed"] == {"local-subnet": ["10.0.0.0/8"]}
    assert shown[7][0]["state"]["narrowed"] == {}
    assert shown[8:] == [[{"id": 3}], []]


async def test_nothing_is_left_of_what_another_user_saw(modules: Modules, schema: Schema) -> None:
    one = f'<tunnels xmlns="{IPSEC}"><ipsec><id>1</id></ipsec></tunnels>'
    found = await modules.run(
        KEPT
        + """
        tunnels.push(given[0], "state");
        tunnels.traffic(given[1]);
        tunnels.clear();
        return [tunnels.rows(), tunnels.samples(1), tunnels.rate(1), tunnels.synced, heard.at(-1)];""",
        [whole(schema, one), whole(schema, one)],
    )
    assert found == [[], [], None, False, [[1], True]]
