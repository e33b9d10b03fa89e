"""Tags and times, and what a client may make depend on them (RFC 9110 sections 8.8 and 13)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import combinations
from typing import Any

import pytest

from agent.datastore.txids import Txids, view
from agent.nacm.access import Access
from agent.nacm.rules import Rule, Rules, Step
from agent.operations import implicit
from agent.operations.locking import release
from agent.restconf import app
from agent.restconf.login import Logins
from agent.restconf.media import Media
from agent.restconf.problems import Problem
from agent.restconf.retrieval import retrieved
from agent.restconf.shown import Shown
from agent.restconf.validators import Validators, refuse_another, refuse_changed, validators_of
from agent.yang.schema import Schema
from tests.agent.lab import top
from tests.agent.restconf.client import DATA, JSON, XML, Client
from tests.agent.restconf.test_login import AT, NACM
from tests.agent.restconf.test_pure import ENTRY, place

TEN, ELEVEN = (datetime(2026, 11, 27, hour, tzinfo=UTC) for hour in (10, 11))
LONG_AGO, LATE = "Fri, 01 Jan 1999 00:00:00 GMT", "Thu, 01 Jan 2099 00:00:00 GMT"
LONG_BEFORE = datetime(1999, 1, 1, tzinfo=UTC)
OURS, OTHER_FORM = '"a.js"', '"a.xs"'


def made(shown_since: datetime = TEN) -> Validators:
    return Validators("a", "s", Media.JSON, modified=TEN, shown_since=shown_since)


def test_validators_are_of_the_unit(schema: Schema) -> None:
    txids = Txids("o")
    txids.changed(1, "2026-11-27T10:00:00.000Z", [f"{ENTRY}[id='1']"])
    txids.changed(2, "2026-11-27T11:00:00.000Z", [f"{ENTRY}[id='2']"])
    of = {
        path: validators_of(view(txids), place(schema, path), shown="s", since=LONG_BEFORE, media=Media.JSON)
        for path in ("", f"{ENTRY}=1", f"{ENTRY}=2", ENTRY)
    }
    assert of[""].etag == of[f"{ENTRY}=2"].etag == of[ENTRY].etag != of[f"{ENTRY}=1"].etag
    assert of[f"{ENTRY}=1"].headers["Last-Modified"] == "Fri, 27 Nov 2026 10:00:00 GMT"
    txids.changed(3, "2026-11-27T11:00:00.000Z", ["/ietf-netconf-acm:nacm/groups"])
    of_rules = validators_of(
        view(txids), place(schema, ENTRY), shown="s", since=LONG_BEFORE, media=Media.JSON
    )
    assert (of_rules.modified, of_rules.shown_since) == (ELEVEN, ELEVEN + timedelta(seconds=1))
    assert of[ENTRY].shown_since < TEN


@pytest.mark.parametrize(
    ("fields", "there", "absent"),
    [
        ({}, False, False),
        ({"if-match": OURS}, False, True),
        ({"if-match": OTHER_FORM}, False, True),
        ({"if-match": f'"b", {OURS}'}, False, True),
        ({"if-match": '"b"'}, True, True),
        ({"if-match": f"W/{OURS}"}, True, True),  # section 8.8.3.2: a weak one is never the same strongly
        ({"if-match": '"a.jt"'}, True, True),
        ({"if-match": "*"}, False, True),
        ({"if-none-match": "*"}, True, False),
        ({"if-none-match": OURS}, True, False),
        ({"if-none-match": OTHER_FORM}, True, False),
        ({"if-none-match": f"W/{OURS}"}, True, False),
        ({"if-none-match": '"b"'}, False, False),
        ({"if-unmodified-since": "Fri, 27 Nov 2026 10:00:00 GMT"}, False, False),
        ({"if-unmodified-since": "Fri, 27 Nov 2026 09:00:00 GMT"}, True, False),
        ({"if-match": OURS, "if-unmodified-since": "Fri, 27 Nov 2026 09:00:00 GMT"}, False, True),
        ({"if-unmodified-since": "Fri, 01 Jan 2027 00:00:00 +9999999999999999999999"}, False, False),
    ],
)
def test_an_edit_is_of_what_its_client_knows(fields: dict[str, str], there: bool, absent: bool) -> None:
    for known, refused in ((made(), there), (None, absent)):
        if not refused:
            refuse_changed(fields, known)
            continue
        with pytest.raises(Problem) as caught:
            refuse_changed(fields, known)
        assert caught.value.status == 412
        assert caught.value.headers == ({} if known is None else known.headers)


@pytest.mark.parametrize(
    ("fields", "known"),
    [
        ({}, False),
        ({"if-none-match": OURS}, True),
        ({"if-none-match": f"W/{OURS}"}, True),
        ({"if-none-match": f'"b", {OURS}'}, True),
        ({"if-none-match": OTHER_FORM}, False),
        ({"if-none-match": "*"}, True),
        ({"if-none-match": '"b"', "if-modified-since": "Fri, 27 Nov 2026 12:00:00 GMT"}, False),
        ({"if-modified-since": "Fri, 27 Nov 2026 10:00:00 GMT"}, True),
        ({"if-modified-since": "Fri, 27 Nov 2026 09:59:59 GMT"}, False),
        ({"if-modified-since": "yesterday"}, False),
        ({"if-modified-since": "Mon, 01 Jan 2027 00:00:00 +9999999999999999999999"}, False),
        ({"if-modified-since": "Mon, 99 Jan 2027 00:00:00 GMT"}, False),
        ({"if-modified-since": "Fri, 31 Dec 9999 23:59:59 -1400"}, True),
        ({"if-modified-since": "Mon, 01 Jan 0001 00:00:00 +1400"}, False),
    ],
)
def test_what_a_client_has(fields: dict[str, str], known: bool) -> None:
    assert made().are_known(fields) is known


def test_a_time_says_nothing_of_what_newer_rules_show() -> None:
    later = {"if-modified-since": "Fri, 27 Nov 2026 10:30:00 GMT"}
    assert made().are_known(later)
    assert not made(shown_since=ELEVEN).are_known(later)
    assert made(shown_since=ELEVEN).are_known({"if-none-match": OURS})  # a tag is of the rules


@pytest.mark.parametrize(
    ("fields", "refused", "refused_of_state"),
    [
        ({}, False, False),
        ({"if-match": "*"}, False, False),
        ({"if-match": OURS}, False, True),
        ({"if-match": '"b"'}, True, True),
        ({"if-match": f"W/{OURS}"}, True, True),
        ({"if-unmodified-since": LONG_AGO}, True, False),  # without a time there is nothing to compare
        ({"if-unmodified-since": LATE}, False, False),
        ({"if-match": OURS, "if-unmodified-since": LONG_AGO}, False, True),
    ],
)
def test_a_read_is_of_what_its_client_asks_for(
    fields: dict[str, str], refused: bool, refused_of_state: bool
) -> None:
    for known, is_refused in ((made(), refused), (None, refused_of_state)):
        if not is_refused:
            refuse_another(fields, known)
            continue
        with pytest.raises(Problem) as caught:
            refuse_another(fields, known)
        assert caught.value.status == 412


# -- what a reader is shown ----------------------------------------------------------------------

NARROW = Rule("list", "narrow", False, path=(Step("every-construct", "top", {}),), access=frozenset({"read"}))
WRITING = Rule("list", "writing", False, path=(), access=frozenset({"create"}))
ALL = Rule("list", "all", True)


def access(*rules: Rule, user: str = "ann", read_default: bool = True, free: str = "") -> Access:
    return Access(user, frozenset(), settings=Rules(read_default=read_default), rules=rules, free=free)


def test_a_digest_is_of_what_the_rules_show(schema: Schema) -> None:
    shown = Shown(schema)
    differ = [access(ALL), access(NARROW), access(), access(read_default=False), access(ALL, NARROW)]
    digests = [shown.to(one) for one in differ]
    assert digests[0] == digests[4]  # the first match wins
    assert all(one != other for one, other in combinations(digests[:4], 2))
    alike = (access(NARROW, user="bob"), access(NARROW, WRITING), access(WRITING, NARROW))
    assert {shown.to(one) for one in alike} == {digests[1]}
    assert shown.to(access(NARROW, free="recovery")) == digests[0]


def test_since_when_somebody_is_shown_the_same(schema: Schema, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [TEN + timedelta(milliseconds=900)]
    shown = Shown(schema, lambda: clock[0])
    first, second = TEN + timedelta(seconds=1), ELEVEN + timedelta(seconds=1)
    assert shown.since(access(NARROW)) == first
    clock[0] = ELEVEN
    assert shown.since(access(NARROW)) == shown.since(access(NARROW, WRITING)) == first
    assert shown.since(access(NARROW, user="bob")) == second  # who may have been shown anything
    assert shown.since(replace(access(NARROW), secrets=False)) == second
    assert shown.since(access(NARROW)) == first  # whatever his browser is shown
    assert shown.since(access(ALL)) == second  # as in another group
    assert shown.since(access(ALL, user="admin")) == datetime(1970, 1, 1, tzinfo=UTC)
    assert shown.since(replace(access(ALL, user="admin"), secrets=False)) == second
    assert shown.since(access(NARROW, user="admin")) == second
    assert shown.since(access(ALL, user="admin")) == second
    clock[0] += timedelta(hours=1)
    assert shown.since(access(NARROW)) == second + timedelta(hours=1)  # and back
    monkeypatch.setattr("agent.restconf.shown._KNOWN_MAX", 3)
    for number in range(10):
        shown.since(access(user=str(number)))
        assert len(shown._since) <= 3


def test_a_time_is_of_what_its_reader_is_shown(schema: Schema) -> None:
    txids = Txids("o")
    txids.changed(1, "2026-11-27T10:00:00.000Z", [f"{ENTRY}[id='1']"])
    later = {"if-modified-since": "Fri, 27 Nov 2026 10:30:00 GMT"}
    for since, known in ((TEN, True), (ELEVEN, False)):
        found = validators_of(view(txids), place(schema, ENTRY), shown="s", since=since, media=Media.JSON)
        assert found.are_known(later) is known


@dataclass(frozen=True)
class Narrower(Access):
    """Says more than the rules do."""

    everywhere: bool = True

    def everything(self, accesses: Iterable[str]) -> bool:
        return self.everywhere and super().everything(accesses)


def test_a_digest_is_of_what_else_narrows_what_is_read(schema: Schema) -> None:
    shown = Shown(schema)
    for rules in ((ALL,), (NARROW,)):
        wide, narrow = (
            Narrower("ann", frozenset(), settings=Rules(), rules=rules, everywhere=one)
            for one in (True, False)
        )
        assert shown.to(wide) != shown.to(narrow)


def test_rules_cannot_be_guessed_from_a_tag_and_who_reads_all_keeps_his(schema: Schema) -> None:
    one, restarted = Shown(schema), Shown(schema)
    assert one.to(access(NARROW)) != restarted.to(access(NARROW))
    assert one.to(access(ALL)) == restarted.to(access(ALL))


def test_what_is_remembered_is_bounded(schema: Schema, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.restconf.shown._KNOWN_MAX", 3)
    shown = Shown(schema)
    for number in range(10):
        shown.to(access(user=str(number)))
        assert len(shown._known) <= 3


# -- on the wire ---------------------------------------------------------------------------------

READERS = (
    f'<nacm xmlns="{NACM}" xmlns:ec="urn:yangswan:test:every-construct"><groups><group><name>readers</name>'
    "<user-name>reader</user-name></group></groups><rule-list><name>readers</name><group>readers</group>"
    "<rule><name>note</name><path>/ec:top/ec:entry/ec:word</path>"
    "<access-operations>read</access-operations><action>{}</action></rule></rule-list></nacm>"
)
CONFIG = f"{AT}=1?content=config"


async def commit(client: Client, number: int = 1, rules: str = "") -> None:
    await client.lab.commit(
        rules + top(f"<entry><id>1</id><number>{number}</number><word>abc</word></entry>")
    )


async def test_each_representation_has_its_tag(client: Client) -> None:
    await commit(client)
    tags = {}
    for accept in (JSON, XML):
        found = await client.get(CONFIG, Accept=accept)
        tags[accept] = found.fields["etag"]
        assert not tags[accept].startswith("W/")
        same = await client.get(CONFIG, Accept=accept, If_None_Match=tags[accept])
        assert (same.status, same.fields["etag"]) == (304, tags[accept])
        for field in ("cache-control", "vary"):  # RFC 9110 section 15.4.5
            assert same.fields[field] == found.fields[field]
    assert tags[JSON] != tags[XML]
    assert (await client.get(CONFIG, Accept=XML, If_None_Match=tags[JSON])).status == 200


async def test_what_was_read_in_one_form_is_written_in_another(client: Client) -> None:
    for number, accept in enumerate((JSON, XML)):
        await commit(client, number)
        tag = (await client.get(CONFIG, Accept=accept)).fields["etag"]
        body = {"every-construct:entry": [{"id": "1", "number": number + 10}]}
        assert (await client.patch(f"{AT}=1", body, If_Match=f'"other", {tag}')).status == 204
        assert (await client.patch(f"{AT}=1", body, If_Match=tag)).status == 412


async def test_a_weak_tag_is_no_ground_for_an_edit(client: Client) -> None:
    await commit(client)
    tag = (await client.get(CONFIG)).fields["etag"]
    body = {"every-construct:entry": [{"id": "1", "number": 2}]}
    assert (await client.patch(f"{AT}=1", body, If_Match=f"W/{tag}")).status == 412
    assert (await client.patch(f"{AT}=1", body, If_Match=tag)).status == 204


async def test_a_read_has_conditions(client: Client) -> None:
    await commit(client)
    found = await client.get(f"{AT}=1")
    tag, modified = found.fields["etag"], found.fields["last-modified"]
    for method in ("GET", "HEAD"):
        for query in ("", "?content=config"):
            at = f"{DATA}{AT}=1{query}"
            for refused in ({"If_Match": '"other"'}, {"If_Unmodified_Since": LONG_AGO}):
                # Before it is asked whether he has it: RFC 9110 section 13.2.2.
                for more in ({}, {"If_None_Match": tag}):
                    assert (await client.ask(method, at, **refused, **more)).status == 412
            for met in ({"If_Match": tag}, {"If_Match": "*"}, {"If_Unmodified_Since": modified}):
                assert (await client.ask(method, at, **met)).status == 200
    state = f"{DATA}{AT}=1/state"
    assert (await client.ask("GET", state)).fields.get("etag") is None
    assert (await client.ask("GET", state, If_Match="*")).status == 200
    assert (await client.ask("GET", state, If_Match=tag)).status == 412
    # Section 13.2.1: what would be refused without conditions is refused in the same way.
    assert (await client.get(f"{AT}=9", If_Match='"other"')).status == 404
    assert (await client.get(f"{AT}=1?depth=0", If_Match='"other"')).status == 400


async def test_the_tag_of_what_is_read_with_its_state_is_for_edits(client: Client) -> None:
    await commit(client)
    tag = (await client.get(f"{AT}=1")).fields["etag"]
    assert (await client.get(f"{AT}=1", If_None_Match=tag)).status == 200
    assert tag == (await client.get(CONFIG)).fields["etag"]
    body = json.dumps({"every-construct:entry": [{"id": "1", "number": 2}]})
    assert (await client.ask("PUT", f"{DATA}{AT}=1", body, If_Match=tag)).status == 204


async def test_other_rules_make_another_tag(client: Client) -> None:
    await commit(client, rules=READERS.format("permit"))
    reader = client.as_user("reader")
    before, everything = await reader.get(CONFIG), (await client.get(CONFIG)).fields["etag"]
    known = {"If_None_Match": before.fields["etag"]}
    assert b"abc" in before.body
    assert (await reader.get(CONFIG, **known)).status == 304
    await commit(client, rules=READERS.format("deny"))
    after = await reader.get(CONFIG, **known)
    assert (after.status, b"abc" in after.body) == (200, False)
    assert (await reader.get(CONFIG, If_Modified_Since=before.fields["last-modified"])).status == 200
    assert (await client.get(CONFIG, If_None_Match=everything)).status == 304  # no rule is about him
    edit = await reader.patch(
        f"{AT}=1", {"every-construct:entry": [{"id": "1"}]}, If_Match=known["If_None_Match"]
    )
    assert edit.status in (403, 412)


@pytest.mark.parametrize("then", ["deny", "permit"])
async def test_a_tag_is_of_what_is_shown_with_it_though_rules_change_meanwhile(
    client: Client, then: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = {"deny": READERS.format("deny"), "permit": READERS.format("permit")}
    (first,) = rules.keys() - {then}
    await commit(client, rules=rules[first])
    reader, done = client.as_user("reader"), list[int]()
    read = retrieved

    async def then_rules_change(*arguments: Any, **further: Any) -> bytes | None:
        found = await read(*arguments, **further)
        done.append(1)
        if len(done) == 1:
            await commit(client, rules=rules[then])
        return found

    monkeypatch.setattr(app, "retrieved", then_rules_change)
    shown = await reader.get(CONFIG)
    assert (b"abc" in shown.body) == (then == "permit")
    assert len(done) == 2
    assert shown.fields["etag"] == (await reader.get(CONFIG)).fields["etag"]
    await commit(client, rules=rules[first])
    assert (await reader.get(CONFIG, If_None_Match=shown.fields["etag"])).status == 200


async def test_who_reads_while_rules_change_again_and_again_is_refused(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await commit(client, rules=READERS.format("permit"))
    read, nacm = retrieved, client.lab.context.nacm

    async def then_rules_change(*arguments: Any, **further: Any) -> bytes | None:
        found = await read(*arguments, **further)
        nacm.load(client.lab.context.configuration.running)
        return found

    monkeypatch.setattr(app, "retrieved", then_rules_change)
    found = await client.as_user("reader").get(CONFIG)
    assert (found.status, found.error["error-tag"]) == (409, "resource-denied")
    assert "etag" not in found.fields


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_the_tag_of_an_edit_is_of_what_that_has_left_and_not_of_what_came_after_it(
    client: Client, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await commit(client)
    released = release

    async def then_another_commits(*arguments: Any) -> None:
        await released(*arguments)
        monkeypatch.undo()
        await client.lab.commit(top("<entry><id>1</id><number>99</number></entry>"))

    monkeypatch.setattr(implicit, "release", then_another_commits)
    body = json.dumps({"every-construct:entry": [{"id": "1", "number": 5}]})
    done = await client.ask(method, f"{DATA}{AT}=1", body)
    assert done.status == 204
    now = await client.get(f"{AT}=1")
    assert now.fields["etag"] != done.fields["etag"]
    late = await client.ask(method, f"{DATA}{AT}=1", body, If_Match=done.fields["etag"])
    assert late.status == 412
    assert "<number>99</number>" in client.lab.running


IN_GROUP = (
    f'<nacm xmlns="{NACM}" xmlns:ec="urn:yangswan:test:every-construct">'
    "<rule-list><name>staff</name><group>staff</group><rule><name>note</name><path>/ec:top/ec:entry/ec:word</path>"
    "<access-operations>read</access-operations><action>deny</action></rule></rule-list></nacm>"
)


async def test_a_time_says_nothing_of_what_is_shown_to_other_groups_of_the_system(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups: list[tuple[str, ...]] = [()]

    async def groups_of(_logins: Logins, _user: str) -> tuple[str, ...]:
        return groups[0]

    monkeypatch.setattr(Logins, "groups_of", groups_of)
    clock = [datetime.now(UTC) + timedelta(hours=1)]
    client.app._shown._now = lambda: clock[0]
    await commit(client, rules=IN_GROUP)
    reader = client.as_user("reader")
    for now, is_shown in (((), True), (("staff",), False), ((), True)):
        groups[0] = now
        before = {"If_Modified_Since": format_datetime(clock[0], usegmt=True)}
        clock[0] += timedelta(hours=1)
        found = await reader.get(CONFIG, **before)
        assert (found.status, b"abc" in found.body) == (200, is_shown)
        clock[0] += timedelta(seconds=2)
        after = {"If_Modified_Since": format_datetime(clock[0], usegmt=True)}
        assert (await reader.get(CONFIG, **after)).status == 304
        browser = await reader.get(CONFIG, **after, Sec_Fetch_Dest="document")
        assert browser.status == 200  # where that is shown something else, or may be
