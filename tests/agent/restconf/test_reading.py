"""GET and HEAD: data in JSON and XML, as RFC 8040 sections 3 and 4.3 have it."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.xml import parse
from tests.agent.handlers import running_lab
from tests.agent.lab import CHOOSING, EC, make_schema, top
from tests.agent.restconf.client import JSON, XML, Client, serving

ENTRY = (
    "<entry><id>1</id><number>7</number><twice>14</twice><pet>ec:cat</pet><marker/><tag>b</tag><tag>a</tag>"
    "<step>two</step><step>one</step><address><ip>10.0.0.1</ip><port>80</port></address>"
    "<address><ip>a/b,c</ip><port>81</port></address><plain><note>n</note></plain></entry><entry><id>2</id></entry>"
)
EXPECTED = {
    "id": "1",
    "number": 7,
    "twice": 14,
    "pet": "every-construct:cat",
    "marker": [None],
    "tag": ["b", "a"],
    "step": ["two", "one"],
    "address": [{"ip": "10.0.0.1", "port": 80}, {"ip": "a/b,c", "port": 81}],
    "plain": {"note": "n"},
}
AT = "/every-construct:top/entry"


@pytest.fixture(autouse=True)
async def configured(client: Client) -> None:
    await client.lab.commit(top(ENTRY))


async def test_an_entry_is_read_in_json(client: Client) -> None:
    found = await client.get(f"{AT}=1?content=config")
    assert found.status == 200
    (entry,) = found.json["every-construct:entry"]
    assert {**entry, "tag": sorted(entry["tag"])} == {**EXPECTED, "tag": ["a", "b"]}


async def test_an_entry_is_read_in_xml(client: Client) -> None:
    found = await client.get(f"{AT}=2?content=config", Accept=XML)
    assert found.fields["content-type"] == XML
    assert found.text == f'<entry xmlns="{EC}"><id>2</id></entry>'


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"{AT}=1/number", {"every-construct:number": 7}),
        (f"{AT}=1/id", {"every-construct:id": "1"}),
        (f"{AT}=1/pet", {"every-construct:pet": "every-construct:cat"}),
        (f"{AT}=1/marker", {"every-construct:marker": [None]}),
        (f"{AT}=1/tag=a", {"every-construct:tag": ["a"]}),
        (f"{AT}=1/step", {"every-construct:step": ["two", "one"]}),
        (f"{AT}=1/plain", {"every-construct:plain": {"note": "n"}}),
        (f"{AT}=1/address=10.0.0.1,80", {"every-construct:address": [{"ip": "10.0.0.1", "port": 80}]}),
        (f"{AT}=1/address=a%2Fb%2Cc,81/port", {"every-construct:port": 81}),
        (f"{AT}=1/every-construct:plain/note", {"every-construct:note": "n"}),
        (f"{AT}?fields=id", {"every-construct:entry": [{"id": "1"}, {"id": "2"}]}),
        (f"{AT}=1?fields=number;plain(note)", None),
        (f"{AT}=1?fields=plain/note;address(ip)", None),
        (f"{AT}=1?depth=1", {"every-construct:entry": [{"id": "1"}]}),
        ("?fields=every-construct:top/entry(id)&depth=3", None),
    ],
)
async def test_what_is_asked_for_is_what_comes(client: Client, path: str, expected: object) -> None:
    separator = "&" if "?" in path else "?"
    found = await client.get(f"{path}{separator}content=config")
    assert found.status == 200, found.text
    if expected is not None:
        assert found.json == expected
    elif "number" in path:
        assert found.json == {"every-construct:entry": [{"id": "1", "number": 7, "plain": {"note": "n"}}]}
    elif "address" in path:
        rows = EXPECTED["address"]
        assert found.json == {"every-construct:entry": [{"id": "1", "plain": {"note": "n"}, "address": rows}]}
    else:
        rows = [{"id": "1"}, {"id": "2"}]
        assert found.json == {
            "ietf-restconf:data": {"every-construct:top": {"entry": [{"id": "1"}, {"id": "2"}]}}
        }


async def test_the_datastore_is_read(client: Client) -> None:
    found = await client.get("?content=config")
    assert [entry["id"] for entry in found.json["ietf-restconf:data"]["every-construct:top"]["entry"]] == [
        "1",
        "2",
    ]
    xml = await client.get("?content=config", Accept=XML)
    assert xml.text.startswith('<data xmlns="urn:ietf:params:xml:ns:yang:ietf-restconf">')
    shallow = await client.get("?depth=2&content=config")
    assert shallow.json["ietf-restconf:data"]["every-construct:top"] == {}
    for query in ("depth=1", "depth=1&fields=every-construct:top"):
        assert (await client.get(f"?{query}")).json == {"ietf-restconf:data": {}}
    cut = await client.get("?depth=3&content=config&fields=every-construct:top", Accept=XML)
    assert "<entry" in cut.text
    assert "<plain" not in cut.text


async def test_state_is_there_beside_what_is_configured(client: Client) -> None:
    both = (await client.get(f"{AT}=1")).json["every-construct:entry"][0]
    state = (await client.get(f"{AT}=1?content=nonconfig")).json["every-construct:entry"][0]
    assert both["number"] == 7
    assert "state" in both
    assert state.keys() == {"id", "state"}


async def test_state_is_asked_for_of_the_entry_alone_that_a_path_names(client: Client) -> None:
    for fields in ("state", "id;state", "id;number;state"):
        client.lab.translator.asked_for.clear()
        found = await client.get(f"{AT}=1?fields={fields}")
        assert "state" in found.json["every-construct:entry"][0]
        assert client.lab.translator.asked_for == [("1",)]


async def test_defaults_come_when_they_are_asked_for(client: Client) -> None:
    plain = f"{AT}=1/plain?content=config"
    assert (await client.get(plain)).json == {"every-construct:plain": {"note": "n"}}
    found = await client.get(f"{plain}&with-defaults=report-all")
    assert found.json == {"every-construct:plain": {"note": "n", "speed": 100}}


WITH_DEFAULTS = "urn:ietf:params:xml:ns:netconf:default:1.0"
TAGGED = "ietf-netconf-with-defaults:default"


async def test_defaults_are_tagged(client: Client) -> None:
    """RFC 8040 section 4.8.9: in XML as RFC 6243 section 6 has it, in JSON as RFC 7952."""
    for at in (f"{AT}=1/plain?content=config", f"{AT}=1?fields=plain", f"{AT}=1?fields=plain&depth=3"):
        found = await client.get(f"{at}&with-defaults=report-all-tagged")
        assert f'"speed":100,"@speed":{{"{TAGGED}":true}},"note":"n"}}' in found.text
        found = await client.get(f"{at}&with-defaults=report-all-tagged", Accept=XML)
        (speed,) = parse(found.body).iter(f"{{{EC}}}speed")
        assert speed.get(f"{{{WITH_DEFAULTS}}}default") == "true"
        assert found.text.count("default=") == 1
    leaf = await client.get(f"{AT}=1/plain/speed?content=config&with-defaults=report-all-tagged")
    assert leaf.json == {"every-construct:speed": 100, "@every-construct:speed": {TAGGED: True}}
    for query in ("?", "?depth=4&fields=every-construct:top&"):
        whole = await client.get(f"{query}content=config&with-defaults=report-all-tagged")
        assert f'"flag":true,"@flag":{{"{TAGGED}":true}}' in whole.text
        in_xml = await client.get(f"{query}content=config&with-defaults=report-all-tagged", Accept=XML)
        assert parse(in_xml.body).find(f".//{{{EC}}}flag").get(f"{{{WITH_DEFAULTS}}}default") == "true"


async def test_what_is_said_of_a_value_among_several_is_said_of_that(tmp_path: Path) -> None:
    async with running_lab(make_schema("choosing"), tmp_path) as lab, serving(lab, tmp_path) as client:
        at = "/choosing:oven/rack?with-defaults=report-all-tagged&content=config"
        assert (await client.get(at)).json == {
            "choosing:rack": [1, 2, 3], "@choosing:rack": [{TAGGED: True}] * 3
        }  # fmt: skip
        one = await client.get(at.replace("rack", "rack=2"))
        assert one.json == {"choosing:rack": [2], "@choosing:rack": [{TAGGED: True}]}
        await client.lab.commit(f'<oven xmlns="{CHOOSING}"><rack>7</rack><rack>8</rack></oven>')
        assert (await client.get(at)).json == {"choosing:rack": [7, 8]}


async def test_datastores_of_nmda(client: Client) -> None:
    await client.lab.edit(top("<entry><id>3</id></entry>"))
    at = f"{AT}=3/id"
    statuses = {
        name: (await client.ask("GET", f"/restconf/ds/ietf-datastores:{name}{at}")).status
        for name in ("running", "candidate", "operational", "startup")
    }
    assert statuses == {"running": 404, "candidate": 200, "operational": 404, "startup": 404}
    slash = f"/restconf/ds/ietf-datastores:running{AT}=1/address=a%2Fb%2Cc,81/port"
    assert (await client.ask("GET", slash)).json == {"every-construct:port": 81}
    found = await client.ask("GET", f"/restconf/ds/ietf-datastores:operational{AT}=1?with-origin")
    assert "ietf-origin:intended" in found.text
    assert "ietf-origin:default" in found.text


async def test_defaults_in_use_are_part_of_operational(client: Client) -> None:
    """RFC 8527 section 3.2.1: they are there unless they are not wanted."""
    plain = f"/restconf/ds/ietf-datastores:operational{AT}=1/plain"
    for query, speed in (("", 100), ("?with-defaults=report-all", 100), ("?with-defaults=trim", None)):
        found = await client.ask("GET", plain + query)
        assert found.json["every-construct:plain"].get("speed") == speed, query
    found = await client.ask("GET", f"{plain}?with-defaults=report-all-tagged")
    assert found.json["every-construct:plain"]["@speed"] == {TAGGED: True}


@pytest.mark.parametrize(
    ("target", "status", "tag"),
    [
        (f"/data{AT}=9", 404, "invalid-value"),
        (f"/data{AT}=1/hidden", 404, "invalid-value"),
        (f"/data{AT}=", 404, "invalid-value"),
        (f"/data{AT}=%20", 404, "invalid-value"),
        (f"/data{AT}=/number", 404, "invalid-value"),
        (f"/data{AT}=1/address=,80", 404, "invalid-value"),
        (f"/data{AT}=1/tag=", 404, "invalid-value"),
        ("/data/every-construct:nowhere", 404, "invalid-value"),
        ("/data/nowhere:top", 404, "invalid-value"),
        ("/data/top", 400, "invalid-value"),
        (f"/data{AT}/number", 400, "missing-attribute"),
        (f"/data{AT}=1,2", 400, "invalid-value"),
        (f"/data{AT}=1/number=7", 400, "invalid-value"),
        (f"/data{AT}=1/address=10.0.0.1", 400, "invalid-value"),
        (f"/data{AT}=1?nothing=1", 400, "invalid-value"),
        (f"/data{AT}=1?depth=0", 400, "invalid-value"),
        (f"/data{AT}=1?depth=1&depth=2", 400, "invalid-value"),
        (f"/data{AT}=1?content=some", 400, "invalid-value"),
        (f"/data{AT}=1?with-defaults=tagged", 400, "invalid-value"),
        (f"/data{AT}=1?with-origin", 400, "invalid-value"),
        (f"/data{AT}=1?fields=(", 400, "invalid-value"),
        (f"/data{AT}=1?fields=nowhere", 400, "invalid-value"),
        (f"/data{AT}=1?fields=number)", 400, "invalid-value"),
        ("/data" + "/every-construct:top" * 65, 400, "invalid-value"),
        ("/nothing", 404, "invalid-value"),
        ("/ds/every-construct:running", 404, "invalid-value"),
        ("/yang-library-version?content=all", 400, "invalid-value"),
    ],
)
async def test_what_cannot_be_read_is_told(client: Client, target: str, status: int, tag: str) -> None:
    found = await client.ask("GET", f"/restconf{target}")
    assert (found.status, found.error["error-tag"]) == (status, tag), found.text


async def test_an_empty_key_is_that_of_one_entry(client: Client) -> None:
    """A zero-length string (RFC 8040 section 3.5.3), which is not every entry."""
    await client.lab.commit(top("<entry><id>1</id><address><ip/><port>80</port></address></entry>"))
    at = f"{AT}=1/address=,80"
    assert (await client.get(at)).json == {"every-construct:address": [{"ip": "", "port": 80}]}
    assert (await client.get(f"{at}/port", Accept=XML)).status == 200


async def test_several_are_no_document_in_xml(client: Client) -> None:
    assert (await client.get(AT, Accept=XML)).status == 400
    assert len((await client.get(AT)).json["every-construct:entry"]) == 2


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/data/every-construct:references", "references"),
        (f"/data{AT}=2/plain", "plain"),
        (f"/ds/ietf-datastores:running{AT}=2/plain", "plain"),
        (f"/ds/ietf-datastores:operational{AT}=2/plain?fields=note", "plain"),
        (f"/data{AT}=3/plain", None),
        (f"/data{AT}=2/present", None),
        (f"/data{AT}=2/address", None),
        (f"/data{AT}=2/tag", None),
    ],
)
async def test_an_empty_container_is_there_with_what_it_is_in(
    client: Client, path: str, expected: str | None
) -> None:
    """RFC 7950 section 7.5.1; a list without entries is not."""
    separator = "&" if "?" in path else "?"
    found = await client.ask("GET", f"/restconf{path}{separator}content=config")
    if expected is None:
        assert (found.status, found.error["error-tag"]) == (404, "invalid-value")
    else:
        assert found.json == {f"every-construct:{expected}": {}}


async def test_a_container_of_a_choice_is_not_there_without_content(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it might be depends on what else there is."""
    plain = client.lab.context.schema.find("/every-construct:top/entry/plain")
    monkeypatch.setattr(plain, "conditional", True)
    assert (await client.get(f"{AT}=2/plain?content=config")).status == 404
    assert (await client.get(f"{AT}=1/plain?content=config")).status == 200


async def test_what_is_put_into_an_empty_container_needs_no_more(client: Client) -> None:
    at = f"{AT}=2/plain"
    assert (await client.patch(at, {"every-construct:plain": {"note": "a"}})).status == 204
    await client.ask("DELETE", f"/restconf/data{at}/note")
    assert (await client.post(at, {"every-construct:note": "b"})).status == 201
    assert (await client.get(f"{at}?content=config")).json == {"every-construct:plain": {"note": "b"}}


async def test_a_container_is_there_though_nothing_is_in_it(client: Client) -> None:
    assert (await client.get("/every-construct:references?content=config")).json == {
        "every-construct:references": {}
    }
    found = await client.get("/every-construct:references?content=config", Accept=XML)
    assert found.text == f'<references xmlns="{EC}"/>'


@pytest.mark.parametrize(
    ("accept", "status", "content_type"),
    [
        ("*/*", 200, JSON),
        ("application/json", 200, JSON),
        ("application/xml", 200, XML),
        ("application/*", 200, JSON),
        (f"{XML};q=0.5, {JSON};q=0.4", 200, XML),
        (f"{JSON};q=0, */*", 200, XML),
        ("text/html", 406, JSON),
        (f"{XML};q=0", 406, JSON),
    ],
)
async def test_the_representation_is_one_that_is_accepted(
    client: Client, accept: str, status: int, content_type: str
) -> None:
    found = await client.get(f"{AT}=1", Accept=accept)
    assert (found.status, found.fields["content-type"]) == (status, content_type)


async def test_errors_are_written_as_they_are_asked_for(client: Client) -> None:
    found = await client.get(f"{AT}=9", Accept=XML)
    assert found.text.startswith(
        '<errors xmlns="urn:ietf:params:xml:ns:yang:ietf-restconf"><error>'
        "<error-type>application</error-type><error-tag>invalid-value</error-tag>"
    )
    assert "severity" not in found.text


async def test_head_is_get_without_a_body(client: Client) -> None:
    head, get = await client.ask("HEAD", f"/restconf/data{AT}=1"), await client.get(f"{AT}=1")
    assert (head.status, head.body) == (200, b"")
    assert head.fields["content-length"] == get.fields["content-length"]
    assert head.fields["etag"] == get.fields["etag"]


async def test_what_has_not_changed_is_not_sent_again(client: Client) -> None:
    at = f"{AT}=1?content=config"
    first = await client.get(at)
    known = {"If_None_Match": first.fields["etag"]}
    assert (await client.get(at, **known)).status == 304
    assert (await client.get(at, If_Modified_Since=first.fields["last-modified"])).status == 304
    assert (await client.get(at, If_None_Match='"other"')).status == 200
    for nothing in (
        f"{AT}=9?content=config",
        f"{AT}=1/word?content=config",
        f"{AT}=1/plain/speed?content=config",
    ):
        assert (await client.get(nothing, If_None_Match="*")).status == (await client.get(nothing)).status
    assert (await client.get(f"{AT}=1", **known)).status == 200  # its state may be another
    await client.lab.commit(top("<entry><id>2</id><number>1</number></entry>"))
    assert (await client.get(at, **known)).status == 304
    await client.lab.commit(top("<entry><id>1</id><number>8</number><twice>16</twice></entry>"))
    assert (await client.get(at, **known)).status == 200
    assert (await client.get(at)).fields["etag"] != first.fields["etag"]


async def test_the_resources_are_found(client: Client) -> None:
    meta = await client.ask("GET", "/.well-known/host-meta")
    assert meta.fields["content-type"] == "application/xrd+xml"
    assert 'href="/restconf"' in meta.text
    root = await client.ask("GET", "/restconf")
    assert root.json["ietf-restconf:restconf"]["yang-library-version"] == "2019-01-04"
    version = await client.ask("GET", "/restconf/yang-library-version", Accept=XML)
    assert version.text.endswith(">2019-01-04</yang-library-version>")
    operations = (await client.ask("GET", "/restconf/operations")).json["ietf-restconf:operations"]
    assert operations["every-construct:sum"] == [None]
    assert not [name for name in operations if name.startswith("ietf-netconf")]


@pytest.mark.parametrize(
    ("target", "allow"),
    [
        ("/restconf", "GET, HEAD, OPTIONS"),
        ("/restconf/data", "GET, HEAD, OPTIONS, PATCH, POST, PUT"),
        (f"/restconf/data{AT}", "GET, HEAD, OPTIONS"),
        (f"/restconf/data{AT}=1", "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"),
        (f"/restconf/data{AT}=1/number", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
        (f"/restconf/data{AT}=1/id", "GET, HEAD, OPTIONS"),
        (f"/restconf/data{AT}=1/state", "GET, HEAD, OPTIONS"),
        (f"/restconf/data{AT}=1/poke", "OPTIONS, POST"),
        ("/restconf/operations/every-construct:sum", "OPTIONS, POST"),
        ("/restconf/ds/ietf-datastores:running", "GET, HEAD, OPTIONS"),
    ],
)
async def test_each_resource_says_which_methods_it_has(client: Client, target: str, allow: str) -> None:
    assert (await client.ask("OPTIONS", target)).fields["allow"] == allow
    for method in {"GET", "PUT", "DELETE"} - set(allow.split(", ")):
        found = await client.ask(method, target)
        assert (found.status, found.fields["allow"]) == (405, allow)
        assert found.error["error-tag"] == "operation-not-supported"
