"""What a second reader broke: leafs outside lists, choices, doors of access control, timers, stale errors."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from agent.datastore import confirming
from agent.nacm.control import MAX_KNOWN
from agent.translator import Notification
from agent.yang.schema import Schema
from tests.agent.handlers import Lab, running_lab
from tests.agent.lab import EC, entry, make_schema, top
from tests.agent.operations.guarded import (
    JOE,
    NACM,
    NOBODY,
    edit_refused,
    explained,
    filled,
    interface,
    path,
    rule,
    rule_list,
    ruled,
    seen,
    xpath,
)
from tests.agent.operations.test_notifications import edits, subscribe

H = "urn:hostile"
CONFIRMED = "<commit><confirmed/></commit>"
WITH_DEFAULTS = "urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults"
EVERYTHING = f'<with-defaults xmlns="{WITH_DEFAULTS}">report-all</with-defaults>'


def box(body: str) -> str:
    return f'<box xmlns="{H}">{body}</box>'


def vault(body: str, attributes: str = "") -> str:
    return f'<vault xmlns="{H}" {attributes}>{body}</vault>'


LEAFS = {
    "a leaf with a default": (box("<mode>special</mode>"), box('<mode nc:operation="delete"/>')),
    "a switch of access control": (
        f'<nacm xmlns="{NACM}"><enable-nacm>false</enable-nacm></nacm>',
        f'<nacm xmlns="{NACM}"><enable-nacm nc:operation="delete"/></nacm>',
    ),
    "a leaf beside a list": (top("<flag>false</flag>"), top('<flag nc:operation="delete"/>')),
    "a leaf-list with defaults": (
        box("<lld>three</lld>"),
        box('<lld nc:operation="delete">three</lld>'),
    ),
    "what depends on a when": (
        box("<mode>special</mode><dep>x</dep><sub><sv>1</sv></sub>"),
        box('<mode nc:operation="remove"/><dep nc:operation="remove"/><sub nc:operation="remove"/>'),
    ),
}


@pytest.mark.parametrize("name", LEAFS)
async def test_what_was_deleted_stays_deleted_after_a_restart(
    schema: Schema, tmp_path: Path, name: str
) -> None:
    set_, deleted = LEAFS[name]
    async with running_lab(schema, tmp_path) as lab:
        before = lab.running
        await lab.commit(set_)
        assert lab.running != before
        await lab.commit(deleted)
        assert lab.running == before
    async with running_lab(schema, tmp_path) as lab:
        assert lab.running == before
        assert lab.context.nacm.rules.enabled


@pytest.mark.parametrize("name", LEAFS)
async def test_a_rollback_takes_back_leafs_outside_lists(schema: Schema, tmp_path: Path, name: str) -> None:
    async with running_lab(schema, tmp_path) as lab:
        before = lab.running
        await lab.edit(LEAFS[name][0])
        await lab.do(CONFIRMED)
        assert lab.running != before
        await lab.do("<cancel-commit/>")
        assert lab.running == before == lab.candidate
        await lab.edit(LEAFS[name][0])
        await lab.do("<commit><confirmed/><persist>x</persist></commit>")
    async with running_lab(schema, tmp_path) as lab:  # and so does a restart in the window
        assert lab.running == before


async def all_values(lab: Lab) -> str:
    return await lab.do(f"<get-config><source><running/></source>{EVERYTHING}</get-config>")


async def test_rfc7950_7_9_a_case_takes_its_defaults_along(lab: Lab) -> None:
    await lab.commit(box("<bx>1</bx><bc><bcv>1</bcv></bc>"))
    await lab.commit(box('<bc nc:operation="remove"/>'))
    assert "<bcv>q</bcv>" in await all_values(lab)
    await lab.commit(box("<ay>1</ay>"))
    assert "<bcv>" not in await all_values(lab)
    assert "<ax>adef</ax>" in await all_values(lab)
    await lab.commit(box("<bx>2</bx>"))
    assert "<ax>" not in await all_values(lab)
    await lab.commit(box("<item><name>harmless</name></item>"))


# -- access control ------------------------------------------------------------------------------


async def test_no_refusal_recites_what_may_not_be_read(lab: Lab) -> None:
    hide = rule("hide", "deny", path("/ec:top/ec:entry/ec:tag", "read"))
    await ruled(lab, rule_list("l", ["limited"], hide))
    await filled(lab)
    await lab.commit(vault("<key><name>hidden-key</name></key>") + entry("<tag>hidden-tag</tag>"))
    replace = (
        "<edit-config><target><candidate/></target><default-operation>replace</default-operation>"
        "<config/></edit-config>"
    )
    told = [error for error in await lab.refused(replace, NOBODY)]
    paths = [error.path for error in told]
    assert "/hostile:vault" in paths
    assert "/ietf-netconf-acm:nacm" in paths
    assert not any("hidden-key" in f"{e.path}{e.message}" or "user-name" in f"{e.path}" for e in told)
    refused = await edit_refused(lab, entry("", 'nc:operation="delete"'), JOE)
    assert ("access-denied", "/every-construct:top/entry[id='1']/tag") in refused
    assert "hidden-tag" not in str(refused)
    # Nor does a commit of what somebody else wrote.
    await lab.edit(vault("<key><name>hidden-too</name></key>"))
    assert [e.path for e in await lab.refused("<commit/>", NOBODY)] == ["/hostile:vault"]


async def test_what_is_wrong_with_the_data_of_others_is_not_recited(lab: Lab) -> None:
    hide = rule("hide", "deny", path("/ec:top", "*"))
    await ruled(lab, rule_list("l", ["limited"], hide), settings="<write-default>permit</write-default>")
    await lab.edit(entry("<twice>1</twice>"))
    (error,) = await lab.refused("<validate><source><candidate/></source></validate>", JOE)
    assert (error.tag, error.path) == ("operation-failed", "/every-construct:top")
    assert "may not read" in error.message
    (error,) = await lab.refused("<validate><source><candidate/></source></validate>")
    assert error.path == "/every-construct:top/entry[id='1']/twice"


@pytest.mark.parametrize(
    "body",
    [
        interface("eth0", "<password>wrong</password>"),
        interface("eth0", "<password>hush-eth</password>"),
        interface("eth0", '<password nc:operation="create">x</password>'),
        interface("eth0", '<password nc:operation="delete"/>'),
        vault('<pass yang:insert="before" yang:value="nope">x</pass>'),
        vault("<pass>p1</pass>"),
        vault("", 'nc:operation="remove"'),
    ],
)
async def test_a_protected_value_cannot_be_guessed_by_editing(lab: Lab, body: str) -> None:
    """The answer is the same whatever is there."""
    await ruled(lab)
    await filled(lab)
    await lab.commit(vault("<pass>p1</pass>"))
    ((tag, where),) = await edit_refused(lab, body, NOBODY)
    assert tag == "access-denied"
    assert where in ("/acme:interfaces/interface[name='eth0']/password", "/hostile:vault")
    source = f"<source><config>{body}</config></source>"
    whole = f"<copy-config><target><candidate/></target>{source}</copy-config>"
    if "operation" not in body and "insert" not in body:
        assert {e.path for e in await lab.refused(whole, NOBODY)} == {where}


async def test_no_event_tells_of_keys_and_values_that_are_protected(lab: Lab) -> None:
    await lab.do(subscribe(), 2)
    await lab.commit(vault("<key><name>hidden</name></key><pass>p1</pass>") + box("<mode>special</mode>"))
    change = await lab.caller(2).got("netconf-config-change")
    assert sorted(edits(change)) == [("/box/mode", "create"), ("/vault", "merge")]
    await lab.commit(box("<item><name>it's</name></item><item><name>it's \"both\"</name></item>"))
    change = await lab.caller(2).got("netconf-config-change", 2)
    assert sorted(edits(change)) == [("/box", "merge"), ('/box/item[name="it\'s"]', "create")]


@pytest.mark.parametrize("limit", ["<module-name>acme</module-name>", None])
async def test_a_permit_of_one_module_does_not_cover_what_another_adds(lab: Lab, limit: str | None) -> None:
    permit = rule(
        "p", "permit", limit or f"<module-name>acme</module-name>{path('/acme:interfaces', 'read')}"
    )
    deny = rule("d", "deny", path("/acme:interfaces", "read"))
    await ruled(lab, rule_list("l", ["limited"], permit, deny))
    await lab.commit(interface("eth0", f'<mtu>1</mtu><extra xmlns="{H}">leak</extra>'))
    reply = await seen(lab, JOE)
    assert "<mtu>1</mtu>" in reply
    assert "leak" not in reply
    answer = await explained(lab, "<user>joe</user><path>/acme:interfaces/interface/hostile:extra</path>")
    assert answer["action"] == "deny"


async def test_a_rule_about_an_action_stops_no_reading(lab: Lab) -> None:
    action = "<module-name>hostile</module-name>" + path("/acme:interfaces/acme:interface/acme:reset", "*")
    await ruled(lab, rule_list("l", ["limited"], rule("d", "deny", action)))
    await filled(lab)
    assert "eth0" in await seen(lab, JOE)


async def test_rfc8341_3_2_5_what_a_choice_drives_out_needs_no_rights(lab: Lab) -> None:
    only_q = rule("q", "permit", f'<path xmlns:h="{H}">/h:oc/h:q</path>')
    await ruled(lab, rule_list("l", ["limited"], only_q))
    await lab.commit(f'<oc xmlns="{H}"><p>1</p></oc>')
    await lab.commit(f'<oc xmlns="{H}"><q>1</q></oc>', JOE)
    assert "<p>" not in lab.running
    assert await edit_refused(lab, f'<oc xmlns="{H}"><p>1</p></oc>', JOE) != []


async def test_rfc8341_3_2_5_what_a_when_takes_away_needs_no_rights(lab: Lab) -> None:
    only_mode = rule("m", "permit", f'<path xmlns:h="{H}">/h:box/h:mode</path>')
    await ruled(lab, rule_list("l", ["limited"], only_mode))
    await lab.commit(box("<mode>special</mode><dep2>x</dep2>"))
    assert await edit_refused(lab, box('<dep2 nc:operation="delete"/>'), JOE) != []
    await lab.commit(box("<mode>plain</mode>"), JOE)
    assert "<dep2>" not in lab.running


async def test_a_move_needs_rights_on_what_is_moved_only(lab: Lab) -> None:
    only_4 = rule("m", "permit", f"<path xmlns:h=\"{H}\">/h:box/h:uo[h:k='4']</path>")
    await ruled(lab, rule_list("l", ["limited"], only_4))
    await lab.commit(box("".join(f"<uo><k>{n}</k></uo>" for n in "1234")))
    await lab.edit(box('<uo yang:insert="first"><k>4</k></uo>'), JOE)
    assert await edit_refused(lab, box('<uo yang:insert="first"><k>1</k></uo>'), JOE) != []


async def test_an_error_of_one_request_does_not_show_in_the_next(lab: Lab) -> None:
    await ruled(lab)
    row = '<outer xmlns="urn:yangswan:test:every-augment"><row><k>typed-by-another</k></row></outer>'
    assert await lab.do(f"<get><filter>{row}</filter></get>") == "<data/>"
    (error,) = await lab.refused(f"<get>{xpath('count(/acme:interfaces)')}</get>", NOBODY)
    assert "typed-by-another" not in error.message
    body = "<commit><confirmed/><confirm-timeout>x</confirm-timeout></commit>"
    (error,) = await lab.refused(body, NOBODY)
    assert "typed-by-another" not in error.message


async def test_a_selection_below_a_selection_keeps_its_own_levels(lab: Lab) -> None:
    await lab.commit(entry("<stage><name>a</name><effort>1</effort></stage>"))
    nmda, ds = "urn:ietf:params:xml:ns:yang:ietf-netconf-nmda", "urn:ietf:params:xml:ns:yang:ietf-datastores"
    reply = await lab.do(
        f'<get-data xmlns="{nmda}" xmlns:ds="{ds}"><datastore>ds:running</datastore>'
        f'<xpath-filter xmlns:ec="{EC}">/ec:top | /ec:top/ec:entry/ec:stage</xpath-filter>'
        "<max-depth>1</max-depth></get-data>"
    )
    assert "<stage><name>a</name></stage>" in reply
    assert "<effort>" not in reply


# -- confirmed commit and events -----------------------------------------------------------------


async def test_a_rollback_that_the_disk_refuses_is_tried_again(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confirming, "RETRY_S", 0.01)
    await lab.edit(entry("<number>1</number>"))
    await lab.do("<commit><confirmed/><confirm-timeout>1</confirm-timeout></commit>")
    refused: list[int] = []

    def broken(_commit_id: int) -> None:
        refused.append(1)
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(lab.context.configuration.store, "changes_after", broken)
        await lab.until(lambda: len(refused) > 2)
        (error,) = await lab.refused("<commit/>")  # too late to confirm
        assert (error.tag, error.type.value) == ("in-use", "protocol")
    await lab.until(lambda: lab.context.confirmed.window is None)
    assert "<number>" not in lab.running


async def test_a_cancel_that_fails_is_tried_again(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirming, "RETRY_S", 0.01)
    await lab.edit(entry("<number>1</number>"))
    await lab.do(CONFIRMED)
    lab.translator.refuse_apply = True
    await lab.refused("<cancel-commit/>")
    lab.translator.refuse_apply = False
    await lab.until(lambda: "<number>" not in lab.running)


async def test_a_model_that_changed_in_the_window_keeps_no_server_from_starting(
    schema: Schema, tmp_path: Path
) -> None:
    async with running_lab(schema, tmp_path) as lab:
        await lab.commit(top("<flag>false</flag><entry><id>1</id><number>2</number></entry>"))
        await lab.edit(entry("<number>3</number>"))
        await lab.do("<commit><confirmed/><persist>x</persist></commit>")
        # As if the module had allowed more once: what was stored does not fit any more.
        database = lab.context.configuration.store._db
        was = "replace(CAST(before AS TEXT), '<number>2', '<number>2000')"
        database.execute(f"UPDATE changes SET before = CAST({was} AS BLOB)")
    async with running_lab(make_schema(), tmp_path) as lab:
        assert "<flag>false</flag>" in lab.running
        assert lab.context.confirmed.window is None


async def test_characters_outside_the_basic_plane(lab: Lab) -> None:
    await lab.do(subscribe(), 2)
    await lab.commit(top("<entry><id>\N{GRINNING FACE}</id></entry>"))
    assert "<seen>1</seen>" in await lab.do("<get/>")
    change = await lab.caller(2).got("netconf-config-change")
    assert "\N{GRINNING FACE}" in change.decode()


async def test_a_filter_that_fails_on_an_event_is_told(lab: Lab) -> None:
    acme = "xmlns:a='http://example.com/ns/acme'"
    count = f"<filter type='xpath' {acme} select=\"/a:sys-config-change[count('x')]\"/>"
    await lab.do(subscribe(count), 2)
    lab.context.stream.publish(Notification({"acme:sys-config-change": {"what": "x"}}))
    await lab.until(lambda: not lab.caller(2).subscribed())
    task = lab.caller(2).task
    assert task is not None
    assert "count" in str(task.exception())


async def test_who_asks_about_many_names_fills_no_memory(lab: Lab) -> None:
    for number in range(MAX_KNOWN + 10):
        lab.context.nacm.access(f"user {number}", ())
    assert len(lab.context.nacm._in_force.known) <= MAX_KNOWN
