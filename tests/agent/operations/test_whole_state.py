"""All entries with their state, put together of two texts, are what they are as one tree."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from agent import operational
from agent.errors import RpcErrors
from agent.operations import read, whole_state
from agent.served import SERVED, standard_modules
from agent.translator import Json, Keys
from agent.yang.nodes import Defaults
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from tests.agent.handlers import Lab, running_lab
from tests.agent.lab import EC, MODULES, top
from tests.agent.operations.guarded import SAM, ruled
from tests.agent.recording_translator import RecordingTranslator

PLAIN, NAMED = "/stating:plain/entry", "/stating:named/animal"
STATING = "urn:yangswan:test:stating"
HOSTILE = "urn:hostile"
DEFAULTS = "urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults"


def plain(body: str) -> str:
    return f'<plain xmlns="{STATING}">{body}</plain>'


FULL = plain(
    "<flag>true</flag>"
    "<entry><id>&lt;1&gt; &amp; '</id><number>5</number><step>&lt;/entry&gt;&lt;id&gt;</step>"
    "<address><ip>192.0.2.1</ip><port>7</port></address></entry>"
    '<entry><id>"2"</id></entry><entry><id>é]]</id></entry><entry><id>none</id></entry>'
)


@dataclass
class Stating(RecordingTranslator):
    """Says something of each entry but the one that is called none; ``meanwhile`` is done before."""

    meanwhile: Callable[[], Awaitable[None]] | None = None
    wrong: bool = False
    states: Mapping[str, Json] | None = None
    """By the key; "7" has been seen of each that is not named."""

    async def entry_state(self, keys: Sequence[Keys]) -> Mapping[Keys, Json]:
        if self.meanwhile is not None:
            do, self.meanwhile = self.meanwhile, None
            await do()
        self.asked_for.extend(keys)
        state: Json = {"nothing": 1} if self.wrong else {"seen": "7"}
        states = self.states or {}
        return {key: states.get(key[0], state) for key in keys if key != ("none",)}


@pytest.fixture(scope="module")
def schema() -> Schema:
    """One in which state stands last in an entry."""
    names = ("acme", "every-augment", "every-construct", "hostile", "stating")
    return Schema(standard_modules(), SERVED, [MODULES / f"{name}.yang" for name in names])


@asynccontextmanager
async def lab_of(schema: Schema, folder: Path, config_list: str) -> AsyncIterator[Lab]:
    translator = Stating(config_list=config_list, state_path=f"{config_list}/state")
    async with running_lab(schema, folder, translator) as made:
        yield made


@pytest.fixture
async def lab(schema: Schema, tmp_path: Path) -> AsyncIterator[Lab]:
    async with lab_of(schema, tmp_path, PLAIN) as made:
        yield made


def get(filter_: str, more: str = "") -> str:
    return f'<get><filter type="subtree">{filter_}</filter>{more}</get>'


ALL = get(plain(""))


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each get from now on, whether its two texts were put together."""
    taken: list[bool] = []
    whole = read.whole_with_state

    async def counted(*arguments: object) -> bytes | None:
        found = await whole(*arguments)  # type: ignore[arg-type]
        taken.append(found is not None)
        return found

    monkeypatch.setattr(read, "whole_with_state", counted)
    return taken


async def the_other_way(lab: Lab, operation: str, monkeypatch: pytest.MonkeyPatch) -> str:
    async def never(*_arguments: object) -> None:
        return None

    with monkeypatch.context() as patched:
        patched.setattr(read, "whole_with_state", never)
        return await lab.do(operation)


@pytest.mark.parametrize(
    "operation",
    [
        ALL,
        get(plain("") + f'<box xmlns="{HOSTILE}"/>'),
        get(plain(""), f'<with-defaults xmlns="{DEFAULTS}">report-all</with-defaults>'),
        get(plain(""), f'<with-defaults xmlns="{DEFAULTS}">explicit</with-defaults>'),
    ],
)
async def test_both_ways_tell_the_same(
    lab: Lab, operation: str, ways: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = ["", FULL, f'<box xmlns="{HOSTILE}"><item><name>entry</name></item></box>']
    for body in bodies:
        if body:
            await lab.commit(body)
        assert await lab.do(operation) == await the_other_way(lab, operation, monkeypatch)
    assert ways == [True] * 3
    assert (await lab.do(operation)).count("<seen>7</seen>") == 3


@pytest.mark.parametrize(
    ("config_list", "body", "together"),
    [
        (PLAIN, plain("<entry><id/></entry><entry><id> </id></entry><entry><id>a</id></entry>"), True),
        (
            "/every-construct:top/entry",
            top(
                '<entry><id>1</id><anything><x xmlns="urn:x"><entry>e</entry></x></anything></entry>'
                "<entry><id>2</id></entry>"
            ),
            False,
        ),
        (
            NAMED,
            f'<named xmlns="{STATING}" xmlns:s="{STATING}"><animal><id>s:cat</id></animal></named>',
            False,
        ),
    ],
    ids=["empty key", "anydata", "names in a key"],
)
async def test_both_ways_tell_the_same_of_odd_entries(
    schema: Schema,
    tmp_path: Path,
    config_list: str,
    body: str,
    together: bool,
    ways: list[bool],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with lab_of(schema, tmp_path, config_list) as lab:
        await lab.commit(body)
        operation = get(re.sub(r">.*", "/>", body))
        assert await lab.do(operation) == await the_other_way(lab, operation, monkeypatch)
        assert (await lab.do(operation)).count("<seen>7</seen>") == body.count("<id")
    assert ways == [together] * 2


async def test_containers_with_lists_of_one_name_go_the_other_way(
    lab: Lab, ways: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = "<entry><id>1</id></entry><entry><id>2</id></entry>"
    await lab.commit(f'<alike xmlns="{STATING}">{entries}</alike>{plain(entries)}')
    operation = get(f'<alike xmlns="{STATING}"/>{plain("")}')
    assert await lab.do(operation) == await the_other_way(lab, operation, monkeypatch)
    assert ways == [False]


class Own(str):
    """JSON has a place for it, and what compares states has none."""


EQUAL: Mapping[str, Json] = {"a": {"seen": "7"}, "b": {"seen": "8"}, "c": {"seen": "7"}, "d": {"seen": "8"}}
OF_ALL_KINDS: Mapping[str, Json] = {
    "a": {},
    "b": {"seen": "7", "like": "stating:cat"},
    "c": {"like": "stating:cat", "seen": "7"},
    "d": {"seen": Own("7")},
    "e": {"seen": Own("7")},
    "f": {},
    "&": {"seen": "7", "like": "stating:cat"},
    "\r": {"seen": "7", "like": "stating:cat"},
    "": {"seen": "7", "like": "stating:cat"},
}


@pytest.mark.parametrize("states", [EQUAL, OF_ALL_KINDS], ids=["equal", "of all kinds"])
@pytest.mark.parametrize("at_once", [1, 3, operational.AT_ONCE])
async def test_equal_states_are_those_of_each_entry(
    lab: Lab,
    states: Mapping[str, Json],
    at_once: int,
    ways: list[bool],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(operational, "AT_ONCE", at_once)
    assert isinstance(lab.translator, Stating)
    lab.translator.states = states
    ids = (escape(key, {"\r": "&#13;"}) for key in (*states, "x", "y"))
    await lab.commit(plain("".join(f"<entry><id>{key}</id></entry>" for key in ids)))
    assert await lab.do(ALL) == await the_other_way(lab, ALL, monkeypatch)
    assert ways == [True]


def test_only_states_that_are_written_alike_are_printed_once() -> None:
    states: list[Json] = [{"n": 1}, {"n": True}, {"n": 1.0}, {"n": 1}, {}, {"n": [None]}, {"n": [None]}]
    named: list[tuple[Keys, Json]] = [((str(n),), state) for n, state in enumerate(states)]
    odd: list[tuple[Keys, Json]] = [(("<",), {"n": 1}), (("",), {"n": 1})]
    different, others = whole_state.alike(("id",), named + odd)
    assert different == [*named[:3], named[5], *odd]
    assert {key: of for key, of in others.items() if of} == {
        b"<id>0</id>": [b"<id>3</id>"],
        b"<id>5</id>": [b"<id>6</id>"],
    }


def test_an_entry_is_named_by_all_of_its_keys() -> None:
    entries: list[tuple[Keys, Json]] = [(("1", "2"), {"n": 1}), (("1", "3"), {"n": 1})]
    assert whole_state.alike(("a", "b"), entries) == (
        entries[:1],
        {b"<a>1</a><b>2</b>": [b"<a>1</a><b>3</b>"]},
    )


async def test_equal_states_whose_first_entry_is_not_told_by_its_text_go_the_other_way(
    lab: Lab, ways: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if its key were printed in another way than all are that are known."""
    await lab.commit(plain("<entry><id>a</id></entry><entry><id>b</id></entry>"))
    told = await lab.do(ALL)
    assert told.count("<seen>7</seen>") == 2
    to_xml = Tree.to_xml

    def printed(tree: Tree, *arguments: Defaults) -> bytes:
        return to_xml(tree, *arguments).replace(b"<id>a</id>", b"<id>A</id>")

    monkeypatch.setattr(Tree, "to_xml", printed)
    assert await lab.do(ALL) == told
    assert ways == [True, False]


async def test_a_state_whose_entry_is_not_told_by_its_text_goes_the_other_way(
    lab: Lab, ways: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if its key were printed in another way than all are that are known."""
    await lab.commit(FULL)
    told = await lab.do(ALL)
    parse = Tree.to_xml

    def to_xml(tree: Tree, *arguments: Defaults) -> bytes:
        return parse(tree, *arguments).replace(b'<id>"2"</id>', b'<id xmlns:x="urn:x">"2"</id>')

    monkeypatch.setattr(Tree, "to_xml", to_xml)
    assert await lab.do(ALL) == told
    assert ways == [True, False]


@pytest.mark.parametrize(
    "operation",
    [
        get(""),
        get(plain("") + plain("")),
        get(plain("<flag/>")),
        get(plain("<entry/>")),
        get(plain("text")),
        get(f'<plain xmlns="{STATING}" xmlns:a="urn:a" a:b="c"/>'),
        get("<plain xmlns=''/>"),
        get(f'<order xmlns="{EC}"/>'),
        get('<yang-library xmlns="urn:ietf:params:xml:ns:yang:ietf-yang-library"/>'),
        get(plain(""), f'<with-defaults xmlns="{DEFAULTS}">trim</with-defaults>'),
        get(plain(""), f'<with-defaults xmlns="{DEFAULTS}">report-all-tagged</with-defaults>'),
        f'<get><filter type="xpath" select="/st:plain" xmlns:st="{STATING}"/></get>',
        "<get/>",
    ],
)
async def test_what_selects_something_else_goes_the_other_way(
    lab: Lab, operation: str, ways: list[bool]
) -> None:
    await lab.commit(FULL)
    await lab.do(operation)
    assert ways == [False]


async def test_who_may_not_read_all_goes_the_other_way(lab: Lab, ways: list[bool]) -> None:
    await lab.commit(FULL)
    await ruled(lab)
    assert "<seen>" in await lab.do(ALL, SAM)
    assert ways == [False]


async def test_ids_of_transactions_go_the_other_way(lab: Lab, ways: list[bool]) -> None:
    await lab.commit(FULL)
    txid = ALL.replace("<get>", "<get xmlns:t='urn:ietf:params:xml:ns:netconf:txid:1.0' t:etag='?'>")
    assert "txid:etag" in await lab.do(txid)
    assert ways == []


async def test_a_commit_meanwhile_is_seen_with_the_state_of_what_it_made(lab: Lab, ways: list[bool]) -> None:
    await lab.commit(FULL)

    async def commit() -> None:
        await lab.commit(plain("<entry><id>later</id></entry>"))

    assert isinstance(lab.translator, Stating)
    lab.translator.meanwhile = commit
    reply = await lab.do(ALL)
    assert ways == [False]
    assert "<id>later</id><state><seen>7</seen>" in reply


async def test_a_state_that_does_not_fit_the_schema_is_a_fault(lab: Lab) -> None:
    await lab.commit(FULL)
    assert isinstance(lab.translator, Stating)
    lab.translator.wrong = True
    with pytest.raises(RpcErrors) as caught:
        await lab.do(ALL)
    assert [error.app_tag for error in caught.value.errors] == ["internal-error"]
