"""Which translator an rpc comes to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.errors import MAX_ERRORS
from agent.xml import YANG_NS as YANG
from tests.agent.handlers import Lab, running_lab
from tests.agent.lab import CHOOSING, EC, MODULES, make_schema
from tests.agent.operations.zoo import BASE, answer
from tests.agent.recording_translator import RecordingTranslator

ACME, HOSTILE = MODULES / "acme.yang", MODULES / "hostile.yang"
PING = '<ping xmlns="http://example.com/ns/acme"/>'


@pytest.fixture
async def choosing(tmp_path: Path) -> AsyncIterator[Lab]:
    async with running_lab(make_schema("choosing"), tmp_path) as made:
        yield made


async def test_an_rpc_comes_to_the_translator_one_of_whose_modules_defines_it(lab: Lab) -> None:
    """The list that the translator owns may be in another of its modules."""
    first, second = lab.translator, RecordingTranslator(yang_files=[HOSTILE, ACME])
    lab.context.operational.translators = [first, second]
    assert await lab.do(PING) == ""
    assert ("rpc ping" in first.log, "rpc ping" in second.log) == (False, True)
    first.yang_files, second.yang_files = [*first.yang_files, ACME], [HOSTILE]
    assert await lab.do(PING) == ""
    assert (first.log.count("rpc ping"), second.log.count("rpc ping")) == (1, 1)


async def test_an_rpc_of_a_module_of_no_translator_is_carried_out_by_none(lab: Lab) -> None:
    (error,) = await lab.refused(PING)
    assert (error.tag, error.message) == (
        "operation-not-supported",
        "nothing on this server carries out <ping>",
    )
    assert "rpc ping" not in lab.translator.log


SURVEY = f'<survey xmlns="{EC}"><name>asked</name></survey>'


async def test_an_output_of_every_kind_of_node_is_in_the_order_of_the_model(lab: Lab) -> None:
    lab.translator.outputs["survey"] = {
        "right": "r",
        "left": "l",
        "more": {"second": "2", "first": "1"},
        "row": [{"id": "a", "mark": [None]}, {"id": "b"}],
        "word": ["x", "y"],
        "number": "18446744073709551615",
        "name": "said",
    }
    here = f' xmlns="{EC}"'
    assert await lab.do(SURVEY) == (
        f"<name{here}>said</name><number{here}>18446744073709551615</number>"
        f"<word{here}>x</word><word{here}>y</word>"
        f"<row{here}><id>a</id><mark/></row><row{here}><id>b</id></row>"
        f"<more{here}><first>1</first><second>2</second></more>"
        f"<left{here}>l</left><right{here}>r</right>"
    )
    assert lab.translator.log[-1] == "rpc survey"


@pytest.mark.parametrize("output", [{"name": "said", "number": "no number"}, {"unknown": "leaf"}])
async def test_what_an_rpc_began_is_taken_back_if_its_reply_cannot_be_built(
    lab: Lab, output: dict[str, str]
) -> None:
    lab.translator.outputs["survey"] = output
    await lab.refused(SURVEY)
    assert lab.translator.log[-2:] == ["rpc survey", f"take back survey: {output}"]


async def test_what_cannot_be_taken_back_does_not_hide_why_there_is_no_reply(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    output = {"unknown": "leaf"}
    lab.translator.outputs["survey"] = output
    before = await lab.refused(SURVEY)
    lab.translator.cannot_take_back = True
    after = await lab.refused(SURVEY)
    assert [error.message for error in after] == [error.message for error in before]
    assert "what the rpc survey has begun could not be taken back" in caplog.text


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("<foo/>", "there is no 'foo' below 'survey'"),
        ("<name>x</name><foo><bar/></foo>", "there is no 'foo' below 'survey'"),
        ("text<name>x</name>", "'survey' holds elements, not text"),
    ],
)
async def test_what_is_wrong_with_the_input_is_said_as_of_an_edit(lab: Lab, body: str, message: str) -> None:
    (error,) = await lab.refused(f'<survey xmlns="{EC}">{body}</survey>')
    assert error.message == message
    assert "rpc survey" not in lab.translator.log


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("<entry><poke/></entry>", "the list entry needs its key 'id'"),
        ("<entry><id>a</id><foo/></entry>", "there is no 'foo' below 'entry'"),
        ("<foo/>", "there is no 'foo' below 'top'"),
        ("<entry><id>a</id><poke><foo/></poke></entry>", "there is no 'foo' below 'poke'"),
        ("<entry><id>a</id><poke/></entry>", "the mandatory node 'strength' is missing"),
        (
            "<entry><id>a</id><poke><strength>256</strength></poke></entry>",
            "strength: '256' is not a whole number from 0 to 255",
        ),
        (
            "<entry><id>a</id><poke><strength>x</strength></poke></entry>",
            "strength: 'x' is not a whole number from 0 to 255",
        ),
    ],
)
async def test_what_is_wrong_with_an_action_is_said_as_of_an_edit(lab: Lab, body: str, message: str) -> None:
    action = f'<action xmlns="urn:ietf:params:xml:ns:yang:1"><top xmlns="{EC}">{body}</top></action>'
    (error,) = await lab.refused(action)
    assert error.message == message


def poked(attributes: str = "", inside: str = "", *, action: str = "") -> str:
    poke = f"<poke {action}><strength {inside}>1</strength></poke>"
    entry = f"<entry {attributes}><id>1</id>{poke}</entry>"
    return f'<action xmlns="{YANG}"><top xmlns="{EC}">{entry}</top></action>'


STRAY = {
    'nc:operation="delete"': "operation",
    'yang:insert="first"': "insert",
    'wd:default="true"': "default",
    'nc:foo="1"': "foo",
    'ec:foo="1"': "foo",
    'xmlns:u="urn:unknown" u:foo="1"': "foo",
    'foo="1"': "foo",
}


@pytest.mark.parametrize("attribute", STRAY)
async def test_attributes_of_an_input_are_refused_and_nothing_is_carried_out(
    lab: Lab, attribute: str
) -> None:
    await lab.commit(f'<top xmlns="{EC}"><entry><id>1</id></entry></top>')
    before = list(lab.translator.log)
    for request, name in (
        (f'<survey xmlns="{EC}" {attribute}/>', "survey"),
        (f'<survey xmlns="{EC}"><name {attribute}>x</name></survey>', "name"),
        (poked(attribute), "entry"),
        (poked(action=attribute), "poke"),
        (poked(inside=attribute), "strength"),
    ):
        (error,) = await lab.refused(request)
        expected = {"bad-attribute": STRAY[attribute], "bad-element": name}
        assert (error.tag, error.info) == ("unknown-attribute", expected)
    assert lab.translator.log == before


async def test_of_many_attributes_as_many_are_named_as_a_reply_holds(lab: Lab) -> None:
    words = "<word foo='1'>x</word>" * 300
    errors = await lab.refused(f'<survey xmlns="{EC}">{words}</survey>')
    assert len(errors) == MAX_ERRORS


async def test_attributes_of_xml_itself_may_stand_there_as_in_other_operations(lab: Lab) -> None:
    await lab.commit(f'<top xmlns="{EC}"><entry><id>1</id></entry></top>')
    lab.translator.outputs["survey"] = {"name": "said"}
    await lab.do(f'<survey xmlns="{EC}" xml:lang="en"><name xml:space="preserve">x</name></survey>')
    assert lab.translator.log[-1] == "rpc survey"
    await lab.do(poked('xml:lang="en"', 'xml:base="urn:x"', action='xml:lang="de"'))


@pytest.mark.parametrize(
    "inside",
    [
        "<entry><id>1</id><poke><strength>1</strength></poke></entry>"
        "<entry><id>2</id><poke><strength>1</strength></poke></entry>",
        "<entry><id>1</id><poke><strength>1</strength></poke><poke><strength>1</strength></poke></entry>",
    ],
)
async def test_a_second_action_is_named(lab: Lab, inside: str) -> None:
    (error,) = await lab.refused(f'<action xmlns="{YANG}"><top xmlns="{EC}">{inside}</top></action>')
    assert (error.tag, error.info) == ("bad-element", {"bad-element": "poke"})
    assert "alone" in error.message or "only once" in error.message


CHOOSE = f'<arrive xmlns="{CHOOSING}">%s</arrive>'
MISSING = {
    "": {("/ch:arrive", "by", "air, sea")},
    "<air>x</air><stay/>": {("/ch:arrive/ch:stay", "where", "hotel, tent")},
    "<air>x</air><bag><name>a</name></bag><bag><name>b</name><small/></bag>": {
        ("/ch:arrive/ch:bag[ch:name='a']", "size", "large, small")
    },
    "<stay/><bag><name>a</name></bag>": {
        ("/ch:arrive", "by", "air, sea"),
        ("/ch:arrive/ch:stay", "where", "hotel, tent"),
        ("/ch:arrive/ch:bag[ch:name='a']", "size", "large, small"),
    },
}


@pytest.mark.parametrize("body", MISSING)
async def test_a_choice_that_is_missing_is_told_with_its_place(choosing: Lab, body: str) -> None:
    """RFC 7950 section 15.6; libyang names the first one only, and the rpc as its place."""
    choosing.translator.yang_files = [MODULES / "choosing.yang"]
    found = await answer(choosing, CHOOSE % body)
    told = set()
    for error in found:
        assert error.findtext(f"{{{BASE}}}error-tag") == "data-missing"
        assert error.findtext(f"{{{BASE}}}error-app-tag") == "missing-choice"
        (name,) = error.findall(f"{{{BASE}}}error-info/{{{YANG}}}missing-choice")
        message = error.findtext(f"{{{BASE}}}error-message") or ""
        told.add((error.findtext(f"{{{BASE}}}error-path"), name.text, message.partition("mandatory: ")[2]))
    assert told == MISSING[body]
    assert "rpc arrive" not in choosing.translator.log
