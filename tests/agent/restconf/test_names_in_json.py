"""Values that hold names of modules: what a GET has served is taken by everything that takes data, in both
encodings (RFC 7951 sections 5.5, 5.6, 6.8, 6.9 and 6.11)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from agent.xml import parse, serialize
from agent.yang.schema import Schema
from tests.agent.handlers import Lab, running_lab
from tests.agent.lab import MODULES
from tests.agent.operations.zoo import DECLARED, EVERYTHING, NC, RULE, edit, make_zoo, ok
from tests.agent.restconf.client import DATA, JSON, XML, Answer, Client, serving

AGENT = "urn:yangswan:params:xml:ns:yang:agent"
OPERATIONS = "/restconf/operations"
INNER = (
    "<zoo><idref>m:lion</idref><either>m:lion</either><other>/z:zoo/z:text</other><fond>z:cat</fond>"
    "<where>/z:zoo/z:cage[z:kind='m:lion']/z:note</where><rule>/z:zoo/m:x | z:zoo</rule><same>m:lion</same>"
    "<kinds>m:lion</kinds><kinds>z:cat</kinds><cage><kind>m:lion</kind><inner><pet>m:cat</pet></inner></cage>"
    "<pair><kind>m:lion</kind><place>/z:zoo/z:kinds[.='m:lion']</place></pair>%s</zoo>"
)
NESTED = INNER % "<parcel><zoo><idref>m:lion</idref></zoo></parcel>"
HELD = {
    "no anydata": "",
    "anydata": f"<parcel>{INNER % ''}</parcel>",
    "anydata in anydata": f"<parcel>{NESTED}</parcel>",
    "empty anydata": "<parcel/>",
    "anyxml": f"<letter>{INNER % ''}</letter>",
    "a text in anyxml": "<letter>/zoo:zoo</letter>",
    "a number in anyxml": "<letter>7</letter>",
}


@pytest.fixture(scope="module")
def schema() -> Schema:
    return make_zoo()


@pytest.fixture
async def lab(schema: Schema, tmp_path: Path) -> AsyncIterator[Lab]:
    async with running_lab(schema, tmp_path) as made:
        made.translator.yang_files = [MODULES / "zoo.yang"]
        yield made


@pytest.fixture
async def client(lab: Lab, tmp_path: Path) -> AsyncIterator[Client]:
    async with serving(lab, tmp_path) as made:
        yield made


async def serve(lab: Lab, held: str = "") -> None:
    await ok(lab, edit(EVERYTHING.replace("</zoo>", f"{held}</zoo>") + RULE))
    await ok(lab, "<commit/>")


async def dry_run(client: Client, config: object) -> Answer:
    body = {"yangswan-agent:input": {"source": {"config": config}}}
    return await client.ask("POST", f"{OPERATIONS}/yangswan-agent:dry-run", json.dumps(body))


def dry_run_xml(data: str) -> str:
    inside = b"".join(serialize(one) for one in parse(data.encode())).decode()
    return f'<input xmlns="{AGENT}"><source><config>{inside}</config></source></input>'


def totals(answer: Answer) -> Any:
    assert answer.status == 200, answer.text
    output = answer.json["yangswan-agent:output"]
    assert "would-be-refused" not in output, answer.text
    return output["totals"]


@pytest.mark.parametrize("name", HELD)
async def test_what_a_get_has_served_is_taken_back_as_the_same(client: Client, lab: Lab, name: str) -> None:
    await serve(lab, HELD[name])
    before = lab.running
    in_json = await client.get("?content=config")
    in_xml = await client.get("?content=config", Accept=XML)
    assert totals(await dry_run(client, in_json.json["ietf-restconf:data"]))["entries"] == 0
    target = f"{OPERATIONS}/yangswan-agent:dry-run"
    again = await client.ask("POST", target, dry_run_xml(in_xml.text), Content_Type=XML, Accept=JSON)
    assert totals(again)["entries"] == 0
    for data, media in ((in_json.text, JSON), (in_xml.text, XML)):
        assert (await client.ask("PUT", DATA, data, Content_Type=media)).status == 204
        assert lab.running == before


@pytest.mark.parametrize("mode", ["report-all", "report-all-tagged"])
async def test_defaults_are_taken_with_their_tags_as_in_xml(client: Client, lab: Lab, mode: str) -> None:
    await serve(lab, f"<parcel>{NESTED}</parcel>")
    told: list[Any] = []
    for media in (JSON, XML):
        found = await client.get(f"?content=config&with-defaults={mode}", Accept=media)
        if media == JSON:
            told.append(totals(await dry_run(client, found.json["ietf-restconf:data"])))
        else:
            target = f"{OPERATIONS}/yangswan-agent:dry-run"
            body = dry_run_xml(found.text)
            told.append(totals(await client.ask("POST", target, body, Content_Type=XML, Accept=JSON)))
    assert told[0] == told[1]
    found = await client.get(f"?content=config&with-defaults={mode}")
    assert (await client.ask("PUT", DATA, found.text)).status == 204


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"zoo": {}}, "needs the name of its module"),
        ({"zoo:zoo": {"kinds": "zoo:cat"}}, "'kinds' is written as an array"),
        ({"zoo:zoo": {"idref": 1}}, "'idref' is written as a string"),
        ({"zoo:zoo": {"idref": "zoo-more:dog"}}, "has none of this name"),
        ({"zoo:nothing": {}}, "'nothing'"),
        ([], "'config' is written as an object"),
        ("text", "'config' is written as an object"),
    ],
)
async def test_a_whole_configuration_has_the_forms_that_a_put_takes(
    client: Client, config: object, said: str
) -> None:
    for answer in (
        await dry_run(client, config),
        await client.ask("PUT", DATA, json.dumps({"ietf-restconf:data": config})),
    ):
        assert answer.status == 400
        assert said in answer.text or not isinstance(config, Mapping)


@pytest.mark.parametrize("value", ["text", 7, [], [{}], None, [None]])
async def test_anydata_is_an_object_and_nothing_is_lost(client: Client, lab: Lab, value: object) -> None:
    refused = await client.put("/zoo:zoo", {"zoo:zoo": {"parcel": value}})
    assert (refused.status, refused.error["error-path"]) == (400, "/zoo:zoo/parcel")
    assert "'parcel' is written as an object" in refused.text
    refused = await client.put("/zoo:zoo", {"zoo:zoo": {"letter": [1, 2]}})
    assert refused.status == 400
    assert "letter" not in lab.running


FILTERS = {
    "an identity": ({"idref": "zoo-more:lion"}, True),
    "another identity": ({"idref": "zoo:cat"}, False),
    "a path": ({"where": "/zoo:zoo/cage[kind='zoo-more:lion']/note"}, True),
    "an expression": ({"rule": "/zoo:zoo/cage[kind='zoo-more:lion']/@x | zoo:zoo"}, True),
    "a value of several": ({"kinds": ["zoo:cat"]}, True),
    "a key": ({"cage": [{"kind": "zoo:cat"}]}, True),
    "a key of another": ({"cage": {"kind": "zoo-more:cat"}}, False),
}


@pytest.mark.parametrize("name", FILTERS)
async def test_a_filter_matches_values_by_the_names_in_them(client: Client, lab: Lab, name: str) -> None:
    await serve(lab)
    content, matches = FILTERS[name]
    sides = {"source": "ietf-datastores:running", "target": "ietf-datastores:operational"}
    body = {"ietf-nmda-compare:input": {**sides, "subtree-filter": {"zoo:zoo": content}}}
    found = await client.ask("POST", f"{OPERATIONS}/ietf-nmda-compare:compare", json.dumps(body))
    assert found.status == 200, found.text
    assert ("no-matches" not in found.json["ietf-nmda-compare:output"]) == matches


async def test_differences_name_modules_in_what_is_and_in_what_was(client: Client, lab: Lab) -> None:
    await serve(lab)
    where = "/zoo:zoo/cage[kind='zoo:cat']/note"
    changed = "<idref>cat</idref><where>/z:zoo/z:cage[z:kind='z:cat']/z:note</where><kinds>m:cat</kinds>"
    await lab.commit(f'<z:zoo xmlns="urn:zoo" xmlns:z="urn:zoo" xmlns:m="urn:zoo-more">{changed}</z:zoo>')
    await lab.commit(
        f'<zoo xmlns="urn:zoo"><kinds {NC} nc:operation="delete" {DECLARED}>m:lion</kinds></zoo>'
    )
    body = {"yangswan-agent:input": {"from": "1", "to": "running"}}
    found = await client.ask("POST", f"{OPERATIONS}/yangswan-agent:compare-commits", json.dumps(body))
    edits = found.json["yangswan-agent:output"]["differences"]["yang-patch"]["edit"]
    told = {edit["target"]: (edit.get("source-value"), edit.get("value")) for edit in edits}
    assert told["/zoo:zoo/idref"] == ({"zoo:idref": "zoo-more:lion"}, {"zoo:idref": "zoo:cat"})
    before = {"zoo:where": "/zoo:zoo/cage[kind='zoo-more:lion']/note"}
    assert told["/zoo:zoo/where"] == (before, {"zoo:where": where})
    assert told["/zoo:zoo/kinds=zoo-more%3Acat"] == (None, {"zoo:kinds": ["zoo-more:cat"]})
    assert told["/zoo:zoo/kinds=zoo-more%3Alion"] == ({"zoo:kinds": ["zoo-more:lion"]}, None)


async def test_inputs_of_operations_and_actions_hold_names(
    client: Client, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    await serve(lab)
    came: list[object] = []

    async def rpc(name: str, content: object) -> dict[str, object]:
        came.append(content)
        return {"fed": "zoo-more:lion"}

    monkeypatch.setattr(lab.translator, "rpc", rpc)
    where = "/zoo:zoo/cage[kind='zoo-more:lion']/note"
    parcel = {"zoo": {"where": where, "parcel": {"zoo": {"idref": "zoo-more:lion"}}}}
    asked = {"whom": "zoo-more:lion", "where": where, "letter": parcel, "parcel": parcel}
    found = await client.ask("POST", f"{OPERATIONS}/zoo:feed", json.dumps({"zoo:input": asked}))
    assert found.json == {"zoo:output": {"fed": "zoo-more:lion"}}
    assert came == [asked]
    target = f"{DATA}/zoo:zoo/cage=zoo-more%3Alion/move"
    for beside, tag in (("zoo-more:lion", "operation-not-supported"), ("zoo-more:dog", "invalid-value")):
        found = await client.ask("POST", target, json.dumps({"zoo:input": {"beside": beside}}))
        assert found.error["error-tag"] == tag
