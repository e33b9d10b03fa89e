"""What a request needs the right for (RFC 8341 section 3.4.4): it is asked before a body is read, or anything
is locked."""

from __future__ import annotations

import asyncio

import pytest

from tests.agent.http.door_lab import PATIENCE_S, all_of
from tests.agent.lab import EC, top
from tests.agent.restconf.client import DATA, JSON, Client, answer_of
from tests.agent.restconf.test_login import NACM

AT = "/every-construct:top/entry"
SUM = "/restconf/operations/every-construct:sum"
STREAM = "/restconf/streams/NETCONF/json"
ENTRY = '{"every-construct:entry": [{"id": "1"}]}'


def rules(*rows: str) -> str:
    """Return rules for the user reader, before those that permit him everything."""
    listed = "".join(f"<rule><name>{number}</name>{row}</rule>" for number, row in enumerate(rows))
    return (
        f'<nacm xmlns="{NACM}"><groups><group><name>readers</name><user-name>reader</user-name></group>'
        f"</groups><rule-list><name>readers</name><group>readers</group>{listed}<rule><name>rest</name>"
        "<module-name>*</module-name><access-operations>*</access-operations><action>permit</action></rule>"
        "</rule-list></nacm>"
    )


def denied(operation: str) -> str:
    return rules(
        f"<rpc-name>{operation}</rpc-name><access-operations>exec</access-operations><action>deny</action>"
    )


NO_CHANGE = rules("<access-operations>create update delete</access-operations><action>deny</action>")
NO_POKE = rules(
    f'<path xmlns:ec="{EC}">/ec:top/ec:entry/ec:poke</path><access-operations>exec</access-operations>'
    "<action>deny</action>"
)

EDITS = [
    ("PUT", f"{DATA}{AT}=1", ENTRY),
    ("PATCH", f"{DATA}{AT}=1", ENTRY),
    ("POST", f"{DATA}/every-construct:top", ENTRY),
    ("DELETE", f"{DATA}{AT}=1", None),
    ("PUT", DATA, '{"ietf-restconf:data": {}}'),
]


@pytest.mark.parametrize(
    ("operation", "asked"),
    [
        *((operation, asked) for operation in ("lock", "edit-config", "commit") for asked in EDITS),
        ("get-data", ("GET", DATA, None)),
        ("get-data", ("HEAD", f"{DATA}{AT}=1", None)),
        ("get-data", ("GET", f"/restconf/ds/ietf-datastores:running{AT}=1", None)),
        ("create-subscription", ("GET", STREAM, None)),
        ("create-subscription", ("HEAD", STREAM, None)),
        ("sum", ("POST", SUM, None)),
    ],
)
async def test_a_rule_about_an_operation_holds_for_what_becomes_it(
    client: Client, operation: str, asked: tuple[str, str, str | None]
) -> None:
    await client.lab.commit(top("<entry><id>1</id><number>7</number></entry>") + denied(operation))
    before, nacm = client.lab.running, client.lab.context.nacm
    found = await client.as_user("reader").ask(*asked)
    assert found.status == 403, found.text
    if asked[0] != "HEAD":
        assert f"may not carry out <{operation}>: rule '0'" in found.error["error-message"]
    assert nacm.denied_operations == 1
    assert client.lab.running == before
    assert client.lab.translator.log.count("rpc sum") == 0
    assert (await client.as_user("reader").ask("OPTIONS", asked[1])).status == 204
    assert (await client.as_user("reader").ask("GET", "/restconf")).status == 200


async def test_who_may_not_get_edits_what_he_may(client: Client) -> None:
    await client.lab.commit(top("<entry><id>1</id></entry>") + denied("get-data"))
    reader = client.as_user("reader")
    assert (await reader.put(f"{AT}=2", {"every-construct:entry": [{"id": "2"}]})).status == 201
    assert (await reader.ask("DELETE", f"{DATA}{AT}=2")).status == 204


@pytest.mark.parametrize(
    ("in_force", "method", "target"),
    [
        *((NO_CHANGE, method, target) for method, target, body in EDITS if body is not None),
        (denied("commit"), "PUT", DATA),
        (denied("sum"), "POST", SUM),
        (NO_POKE, "POST", f"{DATA}{AT}=1/poke"),
    ],
)
async def test_no_body_is_read_of_who_may_do_nothing_with_it(
    client: Client, in_force: str, method: str, target: str
) -> None:
    await client.lab.commit(top("<entry><id>1</id></entry>") + in_force)
    reader, writer = await client.as_user("reader").send(
        method, target, Content_Type=JSON, Content_Length="90000"
    )
    found = answer_of(await asyncio.wait_for(all_of(reader), PATIENCE_S))
    writer.transport.abort()
    assert (found.status, found.error["error-tag"]) == (403, "access-denied")
    if in_force is NO_CHANGE:
        assert "may not change anything: rule '" in found.error["error-message"]
        of_the_datastore = target == DATA
        assert ("error-path" not in found.error) == of_the_datastore


ALL_FOR_BOB = (
    f'<nacm xmlns="{NACM}"><groups><group><name>all</name><user-name>bob</user-name></group></groups>'
    "<rule-list><name>all</name><group>all</group><rule><name>all</name><module-name>*</module-name>"
    "<access-operations>*</access-operations><action>permit</action></rule></rule-list></nacm>"
)


async def test_a_datastore_without_rules_leaves_the_recovery_users(client: Client) -> None:
    """What docs/restconf.md warns of: a PUT of all data without the rules takes them away."""
    await client.lab.commit(ALL_FOR_BOB)
    bob = client.as_user("bob")
    whole = {"ietf-restconf:data": {"every-construct:top": {"entry": [{"id": "1"}]}}}
    assert (await bob.put("", whole)).status == 204
    assert (await bob.put(f"{AT}=2", {"every-construct:entry": [{"id": "2"}]})).status == 403
    assert (await client.put(f"{AT}=2", {"every-construct:entry": [{"id": "2"}]})).status == 201
