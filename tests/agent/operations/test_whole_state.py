"""All entries with their state, put together of two texts, are what they are as one tree."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.errors import RpcErrors
from agent.operations import read
from agent.served import SERVED, standard_modules
from agent.translator import Json, Keys
from agent.yang.schema import Schema
from agent.yang.tree import Defaults, Tree
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

    async def entry_state(self, keys: Sequence[Keys]) -> Mapping[Keys, Json]:
        if self.meanwhile is not None:
            do, self.meanwhile = self.meanwhile, None
            await do()
        self.asked_for.extend(keys)
        state: Json = {"nothing": 1} if self.wrong else {"seen": "7"}
        return {key: state for key in keys if key != ("none",)}


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
