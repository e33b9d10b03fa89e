"""What a user may not read is not there for him, whatever his conditions (RFC 8341 section 3.2.4)."""

from __future__ import annotations

import json

import pytest

from tests.agent.lab import top
from tests.agent.restconf.client import DATA, Client
from tests.agent.restconf.test_login import AT, NACM

HIDING = (
    f'<nacm xmlns="{NACM}" xmlns:ec="urn:yangswan:test:every-construct"><groups><group><name>readers</name>'
    "<user-name>reader</user-name></group></groups><rule-list><name>readers</name><group>readers</group>"
    "<rule><name>entry</name><path>/ec:top/ec:entry[ec:id='1']</path><access-operations>read</access-operations>"
    "<action>deny</action></rule><rule><name>references</name><path>/ec:references</path>"
    "<access-operations>read</access-operations><action>deny</action></rule>"
    "<rule><name>rest</name><access-operations>*</access-operations><action>permit</action></rule>"
    "</rule-list></nacm>"
)
LONG_AGO, LATE = "Fri, 01 Jan 1999 00:00:00 GMT", "Thu, 01 Jan 2099 00:00:00 GMT"


@pytest.mark.parametrize(
    ("method", "fields"),
    [
        ("GET", {}),
        ("GET", {"If_None_Match": "*"}),
        ("GET", {"If_Modified_Since": LONG_AGO}),
        ("GET", {"If_Modified_Since": LATE}),
        ("HEAD", {"If_None_Match": "*"}),
        ("PUT", {"If_Match": '"x"'}),
        ("PUT", {"If_Match": "*"}),
        ("PATCH", {"If_Match": '"x"'}),
        ("PATCH", {"If_Unmodified_Since": LONG_AGO}),
        ("DELETE", {"If_Unmodified_Since": LATE}),
        ("DELETE", {"If_None_Match": "*"}),
    ],
)
async def test_validators_do_not_tell_of_what_is_hidden(
    client: Client, method: str, fields: dict[str, str]
) -> None:
    """What a user may not read, and what is not there, are answered alike."""
    await client.lab.commit(HIDING + top("<entry><id>1</id><number>1</number></entry>"))
    reader = client.as_user("reader")
    found = {}
    for key in ("1", "77"):
        body = json.dumps({"every-construct:entry": [{"id": key}]}) if method in ("PUT", "PATCH") else None
        query = "?content=config" if method in ("GET", "HEAD") else ""
        found[key] = await reader.ask(method, f"{DATA}{AT}={key}{query}", body, **fields)
        assert found[key].status == (412 if method == "PUT" else 404)
        assert not {"etag", "last-modified"} & found[key].fields.keys()
    assert found["1"].body.replace(b"'1'", b"") == found["77"].body.replace(b"'77'", b"")


async def test_a_container_that_is_hidden_is_not_there_though_others_are(client: Client) -> None:
    await client.lab.commit(HIDING)
    reader = client.as_user("reader")
    at = "/every-construct:references"
    for fields in ({}, {"If_None_Match": "*"}, {"If_Modified_Since": LATE}):
        found = await reader.get(f"{at}?content=config", **fields)
        assert (found.status, found.fields.get("etag")) == (404, None)
        assert (await client.get(f"{at}?content=config", **fields)).fields["etag"]
    refused = await reader.patch(at, {"every-construct:references": {}}, If_Match='"x"')
    assert (refused.status, refused.fields.get("etag")) == (412, None)


async def test_an_edit_tells_no_tag_to_who_may_not_read_what_he_writes(client: Client) -> None:
    """Else one that changes nothing would tell that it is as it was."""
    await client.lab.commit(HIDING + top("<entry><id>1</id><number>1</number></entry>"))
    reader, content = client.as_user("reader"), {"every-construct:entry": [{"id": "1", "number": 1}]}
    hidden = await reader.put(f"{AT}=1", content)
    assert hidden.status in (201, 204)
    assert "etag" not in hidden.fields
    shown = await reader.put(f"{AT}=2", {"every-construct:entry": [{"id": "2"}]})
    assert shown.fields["etag"] == (await reader.get(f"{AT}=2?content=config")).fields["etag"]


PLAIN_HIDDEN = (
    f'<nacm xmlns="{NACM}"><groups><group><name>readers</name><user-name>reader</user-name></group></groups>'
    "<rule-list><name>readers</name><group>readers</group><rule><name>hidden</name>"
    '<path xmlns:ec="urn:yangswan:test:every-construct">/ec:top/ec:entry/ec:plain</path>'
    "<access-operations>*</access-operations><action>deny</action></rule></rule-list></nacm>"
)


async def test_an_empty_container_that_nobody_may_see_is_not_there(client: Client) -> None:
    """Neither with a tag of it, nor because what it is in is there."""
    await client.lab.commit(PLAIN_HIDDEN + top("<entry><id>1</id></entry>"))
    for at in (f"{AT}=1/plain", "/ietf-netconf-acm:nacm/groups", "/ietf-netconf-acm:nacm"):
        for query in ("", "?content=config"):
            found = await client.as_user("reader").get(at + query)
            assert (found.status, "etag" in found.fields) == (404, False), at
        assert (await client.get(at)).status == 200
    assert (await client.as_user("reader").get("/every-construct:references")).status == 200
