"""POST, PUT, PATCH and DELETE of data, with the implicit commit (RFC 8040 sections 1.4 and 4.4 to 4.7)."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from agent.datastore.locks import Locks
from tests.agent.handlers import running_lab
from tests.agent.lab import EC, make_schema, top
from tests.agent.restconf.client import DATA, XML, Client, serving

AT = "/every-construct:top/entry"
NACM = "urn:ietf:params:xml:ns:yang:ietf-netconf-acm"


def entry(**leafs: object) -> dict[str, object]:
    return {"every-construct:entry": [leafs]}


async def config(client: Client, path: str) -> object:
    return (await client.get(f"{path}?content=config")).json


async def test_an_entry_is_created_and_committed(client: Client) -> None:
    found = await client.post("/every-construct:top", entry(id="a/b", number=3))
    assert found.status == 201
    assert found.fields["location"] == f"http://127.0.0.1{DATA}{AT}=a%2Fb"
    made = await client.get(f"{AT}=a%2Fb?content=config")
    assert found.fields["etag"] == made.fields["etag"]  # of what is made (RFC 9110 section 8.8)
    assert client.lab.translator.holds
    assert await config(client, f"{AT}=a%2Fb") == entry(id="a/b", number=3)
    again = await client.post("/every-construct:top", entry(id="a/b"))
    assert (again.status, again.error["error-tag"]) == (409, "data-exists")
    assert client.lab.candidate == client.lab.running
    assert client.lab.context.locks.owner("candidate") is None


async def test_an_entry_is_created_in_xml(client: Client) -> None:
    body = f'<entry xmlns="{EC}"><id>1</id><pet xmlns:x="{EC}">x:cat</pet></entry>'
    found = await client.ask("POST", f"{DATA}/every-construct:top", body, Content_Type=XML)
    assert found.status == 201
    assert await config(client, f"{AT}=1") == entry(id="1", pet="every-construct:cat")


async def test_put_creates_and_replaces(client: Client) -> None:
    assert (await client.put(f"{AT}=1", entry(id="1", number=3))).status == 201
    assert (await client.put(f"{AT}=1", entry(id="1", word="b"))).status == 204
    assert await config(client, f"{AT}=1") == entry(id="1", word="b")
    assert (await client.put(f"{AT}=1/number", {"every-construct:number": 5})).status == 201
    assert (await client.put(f"{AT}=1/number", {"every-construct:number": 6})).status == 204
    assert (await client.put(f"{AT}=1/tag=x", {"every-construct:tag": ["x"]})).status == 201
    assert await config(client, f"{AT}=1") == entry(id="1", word="b", number=6, tag=["x"])


async def test_patch_merges_into_what_is_there(client: Client) -> None:
    assert (await client.patch(f"{AT}=1", entry(id="1", number=3))).status == 404
    await client.put(f"{AT}=1", entry(id="1", word="b"))
    assert (await client.patch(f"{AT}=1", entry(id="1", number=3))).status == 204
    assert await config(client, f"{AT}=1") == entry(id="1", word="b", number=3)
    whole = {"ietf-restconf:data": {"every-construct:top": {"entry": [{"id": "2"}]}}}
    assert (await client.patch("", whole)).status == 204
    assert (await client.get(f"{AT}=2")).status == 200
    assert (await client.get(f"{AT}=1")).status == 200


async def test_put_of_the_datastore_replaces_it(client: Client) -> None:
    await client.put(f"{AT}=1", entry(id="1"))
    body = (
        f'<data xmlns="urn:ietf:params:xml:ns:yang:ietf-restconf">{top("<entry><id>2</id></entry>")}</data>'
    )
    assert (await client.ask("PUT", DATA, body, Content_Type=XML)).status == 204
    assert (await client.get(f"{AT}=1")).status == 404
    assert (await client.get(f"{AT}=2")).status == 200


async def test_delete_takes_away(client: Client) -> None:
    await client.put(f"{AT}=1", entry(id="1", number=3, tag=["x", "y"]))
    for path in (f"{AT}=1/number", f"{AT}=1/tag=x", f"{AT}=1"):
        assert (await client.ask("DELETE", DATA + path)).status == 204
        found = await client.ask("DELETE", DATA + path)
        assert (found.status, found.error["error-tag"]) == (404, "invalid-value")
    assert client.lab.translator.holds == {}


async def test_a_container_that_is_always_there_can_be_emptied_twice(client: Client) -> None:
    """RFC 7950 section 7.5.1: without content it is there all the same, and nothing is to be changed."""
    await client.put(f"{AT}=1", entry(id="1", plain={"note": "n"}))
    plain, note = f"{DATA}{AT}=1/plain", f"{DATA}{AT}=1/plain/note"
    assert (await client.ask("DELETE", plain)).status == 204
    commits = client.lab.context.configuration.txids("running").root
    for at in (plain, f"{DATA}/every-construct:references", f"{DATA}/ietf-netconf-acm:nacm/groups"):
        assert (await client.ask("GET", at)).status == 200
        assert (await client.ask("DELETE", at)).status == 204
    assert client.lab.context.configuration.txids("running").root == commits
    for gone in (note, f"{DATA}{AT}=1/present", f"{DATA}{AT}=9/plain"):
        found = await client.ask("DELETE", gone)
        assert (found.status, found.error["error-tag"]) == (404, "invalid-value")
    assert (await client.ask("DELETE", plain, If_Match='"other"')).status == 412


async def test_a_container_under_a_condition_is_deleted_where_it_is_there(tmp_path: Path) -> None:
    light = f"{DATA}/lamp:light"
    async with running_lab(make_schema("lamp"), tmp_path) as lab, serving(lab, tmp_path) as client:
        for _ in range(2):
            for method in ("GET", "DELETE"):
                assert (await client.ask(method, light)).status == 404
            assert (await client.ask("GET", f"{light}?content=config", If_None_Match="*")).status == 404
            await client.lab.commit('<on xmlns="urn:yangswan:test:lamp"/>')
            assert (await client.patch("/lamp:light", {"lamp:light": {"colour": "red"}})).status == 204
            assert (await client.ask("GET", light)).status == 200
            assert (await client.ask("DELETE", light)).status == 204


async def test_entries_are_put_where_they_are_wanted(client: Client) -> None:
    await client.put(f"{AT}=1", entry(id="1", step=["b"], stage=[{"name": "b"}]))
    at = f"{AT}=1"
    stage = "every-construct:stage"
    assert (await client.post(f"{at}?insert=first", {stage: [{"name": "a"}]})).status == 201
    point = f"{AT}%3Db".replace("entry%3Db", "entry=1/stage%3Db")
    assert (await client.post(f"{at}?insert=before&point={point}", {stage: [{"name": "a2"}]})).status == 201
    put = await client.put(f"{at}/stage=c?insert=after&point={DATA}{at}/stage=b", {stage: [{"name": "c"}]})
    assert put.status == 201
    step = {"every-construct:step": ["a"]}
    assert (await client.post(f"{at}?insert=before&point={at}/step=b", step)).status == 201
    found = (await client.get(f"{at}?content=config")).json["every-construct:entry"][0]
    assert [row["name"] for row in found["stage"]] == ["a", "a2", "b", "c"]
    assert found["step"] == ["a", "b"]


@pytest.mark.parametrize(
    "query",
    [
        "insert=before",
        "insert=first&point=/every-construct:top",
        "insert=somewhere",
        "insert=after&point=/every-construct:top",
        "insert=after&point=/every-construct:top/entry=1/stage",
        "insert=after&point=/every-construct:top/entry=2/stage=b",
        "insert=after&point=nonsense",
        "depth=1",
    ],
)
async def test_where_there_is_no_such_place(client: Client, query: str) -> None:
    await client.put(f"{AT}=1", entry(id="1", stage=[{"name": "b"}]))
    found = await client.post(f"{AT}=1?{query}", {"every-construct:stage": [{"name": "c"}]})
    assert found.status == 400, found.text


async def test_insert_is_for_what_users_order(client: Client) -> None:
    assert (await client.post("/every-construct:top?insert=first", entry(id="1"))).status == 400


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "tag"),
    [
        ("POST", "/every-construct:top", {"every-construct:nowhere": 1}, 400, "unknown-element"),
        ("POST", "/every-construct:top", {"every-construct:entry": []}, 400, "malformed-message"),
        ("POST", "/every-construct:top", {"entry": [{"id": "1"}]}, 400, "unknown-element"),
        ("PUT", f"{AT}=1", {"entry": [{"id": "1"}]}, 400, "unknown-element"),
        ("PUT", "/every-construct:top", {"top": {}}, 400, "unknown-element"),
        ("POST", "/every-construct:top", {}, 400, "malformed-message"),
        ("POST", "/every-construct:top", entry(number=1), 400, "missing-element"),
        ("POST", "/every-construct:top", entry(id="1", number="x"), 400, "invalid-value"),
        ("POST", "/every-construct:top", entry(id="1", number=250), 400, "invalid-value"),
        ("POST", "/every-construct:top", {"every-construct:entry": [{"id": "1"}, {"id": "2"}]}, 400, None),
        ("POST", f"{AT}=1", {"every-construct:number": 1}, 404, "invalid-value"),
        ("POST", f"{AT}=1", {"every-construct:state": {"seen": "1"}}, 400, "unknown-element"),
        ("PUT", f"{AT}=1", entry(id="2"), 400, "invalid-value"),
        ("PUT", f"{AT}=1", {"every-construct:flag": True}, 400, "invalid-value"),
        ("PUT", f"{AT}=1/number", {"every-construct:number": 1}, 404, "invalid-value"),
        ("PUT", f"{AT}=1", entry(id="1", twice=3), 412, "operation-failed"),
        ("PUT", "", {"every-construct:top": {}}, 400, "malformed-message"),
        (
            "PATCH",
            f"{AT}=1",
            entry(id="1", **{"@": {"ietf-netconf:operation": "delete"}}),
            400,
            "unknown-attribute",
        ),
        ("PUT", f"{AT}=1", [], 400, "malformed-message"),
        ("PUT", f"{AT}=1?content=config", entry(id="1"), 400, "invalid-value"),
        ("POST", "/every-construct:top?with-defaults=trim", entry(id="1"), 400, "invalid-value"),
        ("PATCH", f"{AT}=1?insert=first", entry(id="1"), 400, "invalid-value"),
        ("DELETE", f"{AT}=1?depth=1", None, 400, "invalid-value"),
    ],
)
async def test_what_cannot_be_done_is_told_and_leaves_nothing(
    client: Client, method: str, path: str, body: object, status: int, tag: str | None
) -> None:
    found = await client.ask(method, DATA + path, None if body is None else json.dumps(body))
    assert found.status == status, found.text
    if tag is not None:
        assert found.error["error-tag"] == tag
    assert client.lab.candidate == client.lab.running
    assert "<entry" not in client.lab.running
    assert client.lab.context.locks.owner("candidate") is None


async def test_instructions_of_xml_have_no_place_in_a_body(client: Client) -> None:
    await client.put(f"{AT}=1", entry(id="1"))
    nc = "urn:ietf:params:xml:ns:netconf:base:1.0"
    body = f'<top xmlns="{EC}"><entry xmlns:nc="{nc}" nc:operation="delete"><id>1</id></entry></top>'
    found = await client.ask("PATCH", f"{DATA}/every-construct:top", body, Content_Type=XML)
    assert found.status == 400
    assert (await client.get(f"{AT}=1")).status == 200


@pytest.mark.parametrize("content_type", ["text/plain", "", "multipart/form-data"])
async def test_a_body_is_in_json_or_xml(client: Client, content_type: str) -> None:
    found = await client.post("/every-construct:top", entry(id="1"), Content_Type=content_type)
    assert found.status == 415


async def test_a_document_that_is_hostile_is_refused(client: Client) -> None:
    json_ = "application/yang-data+json"
    for body, kind, status, tag in (
        ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', XML, 400, "malformed-message"),
        ("[" * 100_000, json_, 413, "too-big"),
        ('{"a": 1, "a": 2}', json_, 400, "malformed-message"),
        ("{" + ",".join(f'"a{n}":1' for n in range(10_001)) + "}", json_, 413, "too-big"),
    ):
        found = await client.ask("POST", f"{DATA}/every-construct:top", body[:100_000], Content_Type=kind)
        assert found.status == status
        assert tag.encode() in found.body


async def test_what_others_edit_is_neither_committed_nor_lost(client: Client) -> None:
    await client.lab.edit(top("<entry><id>9</id></entry>"))
    found = await client.put(f"{AT}=1", entry(id="1"))
    assert (found.status, found.error["error-tag"]) == (409, "in-use")
    assert "9" in client.lab.candidate
    assert "<entry" not in client.lab.running


async def test_a_lock_of_another_session_holds(client: Client) -> None:
    locks: Locks = client.lab.context.locks
    for datastore in ("candidate", "running"):
        locks.lock(datastore, 1, "2026-11-23T00:00:00Z")
        found = await client.put(f"{AT}=1", entry(id="1"))
        assert (found.status, found.error["error-tag"]) == (409, "in-use")
        locks.unlock(datastore, 1)
    assert client.lab.candidate == client.lab.running


async def test_a_confirmed_commit_of_another_session_is_not_confirmed(client: Client) -> None:
    await client.lab.edit(top("<entry><id>9</id></entry>"))
    await client.lab.do("<commit><confirmed/></commit>")
    found = await client.put(f"{AT}=1", entry(id="1"))
    assert (found.status, found.error["error-tag"]) == (409, "in-use")
    await client.lab.do("<commit/>")
    assert (await client.put(f"{AT}=1", entry(id="1"))).status == 201


async def test_a_backend_that_refuses_leaves_everything(client: Client) -> None:
    client.lab.translator.refuse_apply = True
    found = await client.put(f"{AT}=1", entry(id="1"))
    assert found.status == 412
    assert client.lab.candidate == client.lab.running
    assert "<entry" not in client.lab.running


async def test_an_edit_has_conditions(client: Client) -> None:
    made = await client.put(f"{AT}=1", entry(id="1", number=1))
    etag = made.fields["etag"]
    assert (await client.put(f"{AT}=1", entry(id="1"), If_None_Match="*")).status == 412
    assert (await client.put(f"{AT}=1", entry(id="1", number=2), If_Match=etag)).status == 204
    stale = await client.put(f"{AT}=1", entry(id="1", number=3), If_Match=etag)
    assert (stale.status, stale.error["error-tag"]) == (412, "operation-failed")
    assert stale.fields["etag"] != etag
    assert (await client.ask("DELETE", f"{DATA}{AT}=1", If_Match=etag)).status == 412
    assert (await client.put(f"{AT}=2", entry(id="2"), If_Match="*")).status == 412
    past = "Mon, 01 Jan 2024 00:00:00 GMT"
    assert (await client.put(f"{AT}=1", entry(id="1"), If_Unmodified_Since=past)).status == 412
    assert await config(client, f"{AT}=1") == entry(id="1", number=2)


async def test_nothing_is_locked_for_what_is_refused(client: Client) -> None:
    rules = f'<nacm xmlns="{NACM}"><write-default>deny</write-default></nacm>'
    await client.lab.commit(top("<entry><id>1</id></entry>") + rules)
    locks: Locks = client.lab.context.locks
    locked: list[int] = []
    lock = locks.lock

    def noted(target: str, session_id: int, time: str) -> None:
        locked.append(session_id)
        lock(target, session_id, time)

    locks.lock = noted  # type: ignore[method-assign]
    bob = client.as_user("bob")
    for method in ("PUT", "PATCH", "DELETE"):
        found = await bob.ask(method, f"{DATA}{AT}=1", json.dumps(entry(id="1")))
        assert (found.status, found.error["error-tag"]) == (403, "access-denied")
    assert (await client.ask("DELETE", f"{DATA}{AT}=9")).status == 404
    assert (await client.put(f"{AT}=1", entry(id="1"), If_Match='"x"')).status == 412
    assert locked == []
    assert (await client.put(f"{AT}=1", entry(id="1"))).status == 204
    assert len(locked) == 1


async def test_edits_at_once_are_carried_out_one_after_the_other(client: Client) -> None:
    names = [str(number) for number in range(6)]
    found = await asyncio.gather(*(client.put(f"{AT}={name}", entry(id=name)) for name in names))
    assert [one.status for one in found] == [201] * 6
    assert len((await client.get(AT)).json["every-construct:entry"]) == 6


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("value", ["1", "2"])
async def test_a_key_stays_as_it_is(client: Client, method: str, value: str) -> None:
    await client.put(f"{AT}=1", entry(id="1", number=3))
    body = None if method == "DELETE" else json.dumps({"every-construct:id": value})
    found = await client.ask(method, f"{DATA}{AT}=1/id", body)
    assert (found.status, found.fields["allow"]) == (405, "GET, HEAD, OPTIONS")
    (error,) = found.json["ietf-restconf:errors"]["error"]
    assert error["error-tag"] == "operation-not-supported"
    assert "a key cannot be changed or deleted" in error["error-message"]
    assert await config(client, f"{AT}=1") == entry(id="1", number=3)
