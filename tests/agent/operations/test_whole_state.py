"""All entries with their state, put together of two texts, are what they are as one tree."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.errors import RpcErrors
from agent.operations import read
from agent.served import SERVED, standard_modules
from agent.translator import Json, Keys
from agent.yang.schema import Schema
from tests.agent.handlers import Lab, running_lab
from tests.agent.lab import EC, MODULES, top
from tests.agent.operations.guarded import SAM, ruled
from tests.agent.recording_translator import RecordingTranslator

FULL = top(
    "<flag>true</flag>"
    "<entry><id>&lt;1&gt; &amp; '</id><number>5</number><step>&lt;/entry&gt;&lt;id&gt;</step>"
    "<address><ip>192.0.2.1</ip><port>7</port></address></entry>"
    '<entry><id>"2"</id></entry><entry><id>é]]</id></entry><entry><id>none</id></entry>'
)
HOSTILE = "urn:hostile"
DEFAULTS = "urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults"


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


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    """Of a schema in which state stands last in an entry."""
    files = [MODULES / f"{name}.yang" for name in ("acme", "every-augment", "every-construct", "hostile")]
    schema = Schema(standard_modules(), SERVED, files)
    async with running_lab(schema, tmp_path, Stating()) as made:
        yield made


def get(filter_: str, more: str = "") -> str:
    return f'<get><filter type="subtree">{filter_}</filter>{more}</get>'


ALL = get(top(""))


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
        get(top("") + f'<box xmlns="{HOSTILE}"/>'),
        get(top(""), f'<with-defaults xmlns="{DEFAULTS}">report-all</with-defaults>'),
        get(top(""), f'<with-defaults xmlns="{DEFAULTS}">explicit</with-defaults>'),
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
    "operation",
    [
        get(""),
        get(top("") + top("")),
        get(top("<flag/>")),
        get(top("<entry/>")),
        get(top("text")),
        get(f'<top xmlns="{EC}" xmlns:a="urn:a" a:b="c"/>'),
        get("<top xmlns=''/>"),
        get(f'<order xmlns="{EC}"/>'),
        get('<yang-library xmlns="urn:ietf:params:xml:ns:yang:ietf-yang-library"/>'),
        get(top(""), f'<with-defaults xmlns="{DEFAULTS}">trim</with-defaults>'),
        get(top(""), f'<with-defaults xmlns="{DEFAULTS}">report-all-tagged</with-defaults>'),
        f'<get><filter type="xpath" select="/ec:top" xmlns:ec="{EC}"/></get>',
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
        await lab.commit(top("<entry><id>later</id></entry>"))

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
