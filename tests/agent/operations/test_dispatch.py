"""Operations as a client meets them, without a wire: parameters, filters, actions, schemas."""

from __future__ import annotations

import re

import pytest

from agent.operations.context import Ending, EndKind
from agent.yang.schema import Schema
from tests.agent.handlers import Lab
from tests.agent.lab import EC, entry, top
from tests.requests import edit_candidate

GET_1 = f'<get><filter><top xmlns="{EC}"><entry><id>1</id></entry></top></filter></get>'


async def test_get_joins_state_for_the_wanted_entries_only(lab: Lab) -> None:
    await lab.commit(top("<entry><id>1</id><number>2</number></entry><entry><id>2</id></entry>"))
    reply = await lab.do(GET_1)
    assert "<number>2</number>" in reply
    assert "<seen>1</seen>" in reply
    assert lab.translator.asked_for == [("1",)]


async def test_get_of_configuration_leafs_asks_no_translator(lab: Lab) -> None:
    await lab.commit(entry("<number>2</number>"))
    body = f'<get><filter><top xmlns="{EC}"><entry><id>1</id><number/></entry></top></filter></get>'
    assert "<number>2</number>" in await lab.do(body)
    assert lab.translator.asked_for == []


@pytest.mark.parametrize(
    "select",
    ["/ec:top/ec:entry[ec:id='1']/ec:state", "/ec:top/ec:entry[ec:id='1']/ec:state/ec:seen"],
)
async def test_get_by_xpath_of_one_entry_asks_for_that_entry(lab: Lab, select: str) -> None:
    await lab.commit(top("<entry><id>1</id></entry><entry><id>2</id></entry>"))
    reply = await lab.do(f'<get><filter type="xpath" select="{select}"/></get>')
    assert "<seen>1</seen>" in reply
    assert "<id>2</id>" not in reply
    assert lab.translator.asked_for == [("1",)]


async def test_get_by_xpath_that_compares_entries_sees_all(lab: Lab) -> None:
    await lab.commit(top("<entry><id>1</id></entry><entry><id>22</id></entry>"))
    reply = await lab.do('<get><filter type="xpath" select="//ec:entry[ec:state/ec:seen=\'2\']"/></get>')
    assert "<id>22</id>" in reply
    assert "<id>1</id>" not in reply


async def test_get_without_filter_shows_everything(lab: Lab) -> None:
    await lab.commit(entry("<number>2</number>"))
    reply = await lab.do("<get/>")
    assert "<number>2</number>" in reply
    assert "<seen>1</seen>" in reply
    assert "<yang-library" in reply


SUBTREE = {
    "selection of a container": (f'<top xmlns="{EC}"/>', {"1", "2"}),
    "content match on a leaf that is no key": (
        f'<top xmlns="{EC}"><entry><word>b</word></entry></top>',
        {"2"},
    ),
    "content match that fails": (f'<top xmlns="{EC}"><entry><word>z</word></entry></top>', set()),
    "two filters of one container": (
        f'<top xmlns="{EC}"><entry><id>1</id></entry></top><top xmlns="{EC}"><entry><id>2</id></entry></top>',
        {"1", "2"},
    ),
    "selection of leafs": (f'<top xmlns="{EC}"><entry><id/></entry></top>', {"1", "2"}),
    "no namespace matches any": ('<top xmlns=""><entry><id>1</id></entry></top>', {"1"}),
    "another namespace matches nothing": ('<top xmlns="urn:other"/>', set()),
    "an attribute matches nothing": (f'<top xmlns="{EC}" x="1"/>', set()),
    "an unknown element selects nothing": (f'<top xmlns="{EC}"><entry><nonsense/></entry></top>', set()),
    "an empty filter selects nothing": ("", set()),
}


@pytest.mark.parametrize("name", SUBTREE)
async def test_rfc6241_6_subtree_filter(lab: Lab, name: str) -> None:
    body, expected = SUBTREE[name]
    await lab.commit(top("<entry><id>1</id><word>a</word></entry><entry><id>2</id><word>b</word></entry>"))
    reply = await lab.do(f"<get-config><source><running/></source><filter>{body}</filter></get-config>")
    assert {n for n in ("1", "2") if f"<id>{n}</id>" in reply} == expected


async def test_a_filter_returns_only_the_selected_leafs(lab: Lab) -> None:
    await lab.commit(entry("<number>2</number><word>a</word>"))
    body = f'<filter><top xmlns="{EC}"><entry><word/></entry></top></filter>'
    reply = await lab.do(f"<get-config><source><running/></source>{body}</get-config>")
    assert reply == f'<data><top xmlns="{EC}"><entry><id>1</id><word>a</word></entry></top></data>'


XPATH_REFUSALS = {
    "1 +": "invalid-value",
    "count(/ec:top)": "invalid-value",
    "/undeclared:top": "invalid-value",
    "/" + "ec:top/" * 2000: "invalid-value",
}


@pytest.mark.parametrize("select", XPATH_REFUSALS, ids=lambda s: s[:20])
async def test_an_xpath_that_cannot_be_used_is_refused(lab: Lab, select: str) -> None:
    await lab.commit(entry("<number>2</number>"))
    operation = (
        f'<get-config><source><running/></source><filter type="xpath" select="{select}"/></get-config>'
    )
    assert [e.tag for e in await lab.refused(operation)] == [XPATH_REFUSALS[select]]


CONFIG = "<config><ec:order>x</ec:order></config>"
PARAMETERS = {
    "<get-config/>": [("missing-element", "source")],
    "<get-config><source/></get-config>": [("missing-element", "config-source")],
    "<get-config><source><running/><candidate/></source></get-config>": [("bad-element", "candidate")],
    "<get-config><source><startup/></source></get-config>": [("operation-not-supported", None)],
    "<get-config><source><running/></source><bogus/></get-config>": [("unknown-element", "bogus")],
    f"<edit-config>{CONFIG}</edit-config>": [("missing-element", "target")],
    "<edit-config><target><candidate/></target></edit-config>": [("missing-element", "config")],
    f"<edit-config><target><candidate/></target><default-operation>x</default-operation>{CONFIG}"
    "</edit-config>": [("invalid-value", "default-operation")],
    "<kill-session><session-id>0</session-id></kill-session>": [("invalid-value", "session-id")],
    "<kill-session><session-id>1</session-id></kill-session>": [("invalid-value", "session-id")],
    "<kill-session><session-id>99</session-id></kill-session>": [("invalid-value", "session-id")],
    "<validate/>": [("missing-element", "source")],
    "<commit><wish/></commit>": [("unknown-element", "wish")],
    '<get><filter type="regex"/></get>': [("bad-attribute", "filter")],
    '<get><filter type="xpath"/></get>': [("missing-attribute", "filter")],
}


@pytest.mark.parametrize("operation", PARAMETERS)
async def test_parameters_are_checked_against_the_rpc(lab: Lab, operation: str) -> None:
    errors = await lab.refused(operation)
    assert [(e.tag, e.info.get("bad-element")) for e in errors] == PARAMETERS[operation]


UNSUPPORTED = [
    f"<edit-config><target><running/></target>{CONFIG}</edit-config>",
    "<nonsense/>",
    "<copy-config><target><running/></target><source><candidate/></source></copy-config>",
]


@pytest.mark.parametrize("operation", UNSUPPORTED)
async def test_what_is_not_supported_says_so(lab: Lab, operation: str) -> None:
    errors = await lab.refused(operation)
    assert errors[0].tag in ("operation-not-supported", "unknown-element")


async def test_an_operation_of_an_unknown_namespace(lab: Lab) -> None:
    assert [e.tag for e in await lab.refused('<go xmlns="urn:nowhere"/>')] == ["unknown-namespace"]


async def test_test_only_validates_and_changes_nothing(lab: Lab) -> None:
    edit = (
        "<edit-config><target><candidate/></target><test-option>test-only</test-option>"
        "<config>{}</config></edit-config>"
    )
    await lab.do(edit.format(entry("<number>2</number>")))
    assert [e.app_tag for e in await lab.refused(edit.format(entry("<twice>3</twice>")))] == ["twice-wrong"]
    assert await lab.do("<get-config><source><candidate/></source></get-config>") == "<data/>"


async def test_test_then_set_refuses_what_would_be_invalid(lab: Lab) -> None:
    edit = (
        "<edit-config><target><candidate/></target><test-option>test-then-set</test-option>"
        "<config>{}</config></edit-config>"
    )
    await lab.do(edit.format(entry("<number>2</number>")))
    before = await lab.do("<get-config><source><candidate/></source></get-config>")
    assert "<number>2</number>" in before
    assert [e.app_tag for e in await lab.refused(edit.format(entry("<twice>3</twice>")))] == ["twice-wrong"]
    assert await lab.do("<get-config><source><candidate/></source></get-config>") == before
    await lab.do("<commit/>")
    assert lab.translator.holds[("1",)]["number"] == 2


async def test_validate_of_an_inline_configuration(lab: Lab) -> None:
    validate = "<validate><source><config>{}</config></source></validate>"
    await lab.do(validate.format(entry("<number>2</number><twice>4</twice>")))
    assert [e.app_tag for e in await lab.refused(validate.format(entry("<twice>3</twice>")))] == [
        "twice-wrong"
    ]
    assert [e.tag for e in await lab.refused(validate.format(entry("<nonsense/>")))] == ["unknown-element"]


async def test_copy_config_replaces_the_whole_candidate(lab: Lab) -> None:
    await lab.commit(entry("<number>2</number>"))
    config = f"<config>{top('<entry><id>9</id></entry>')}</config>"
    await lab.do(f"<copy-config><target><candidate/></target><source>{config}</source></copy-config>")
    await lab.do("<commit/>")
    reply = await lab.do("<get-config><source><running/></source></get-config>")
    assert "<id>9</id>" in reply
    assert "<id>1</id>" not in reply
    assert set(lab.translator.holds) == {("9",)}


async def test_a_locked_candidate_is_closed_to_others(lab: Lab) -> None:
    await lab.do("<lock><target><candidate/></target></lock>", 1)
    for operation in (
        f"<edit-config><target><candidate/></target>{CONFIG}</edit-config>",
        "<commit/>",
        "<discard-changes/>",
    ):
        assert [e.tag for e in await lab.refused(operation, 2)] == ["in-use"], operation
    denied = await lab.refused("<lock><target><candidate/></target></lock>", 2)
    assert [(e.tag, e.info) for e in denied] == [("lock-denied", {"session-id": "1"})]


async def test_a_candidate_with_changes_cannot_be_locked(lab: Lab) -> None:
    await lab.edit(entry("<number>2</number>"))
    assert [e.tag for e in await lab.refused("<lock><target><candidate/></target></lock>", 2)] == [
        "lock-denied"
    ]
    await lab.do("<discard-changes/>")
    await lab.do("<lock><target><candidate/></target></lock>", 2)


async def test_unlock_of_the_candidate_discards(lab: Lab) -> None:
    await lab.do("<lock><target><candidate/></target></lock>")
    await lab.edit(entry("<number>2</number>"))
    await lab.do("<unlock><target><candidate/></target></unlock>")
    assert await lab.do("<get-config><source><candidate/></source></get-config>") == "<data/>"


async def test_kill_session_ends_the_other(lab: Lab) -> None:
    await lab.do("<kill-session><session-id>2</session-id></kill-session>")
    assert lab.caller(2).ending == Ending(EndKind.KILLED, "killed by session 1", 1)


ACTION = '<action xmlns="urn:ietf:params:xml:ns:yang:1">{}</action>'


async def test_rfc7950_7_15_an_action_is_carried_out(lab: Lab) -> None:
    await lab.commit(entry(""))
    reply = await lab.do(ACTION.format(entry("<poke><strength>3</strength></poke>")))
    assert reply == f'<reaction xmlns="{EC}">poke 1 3</reaction>'


@pytest.mark.parametrize(
    ("body", "tag"),
    [
        (entry("<poke><strength>10</strength></poke>"), "invalid-value"),
        (entry("<poke/>"), "data-missing"),
        (entry("<poke><strength>x</strength></poke>"), "invalid-value"),
        (entry("<prod/>"), "unknown-element"),
        (entry("<word>a</word><poke><strength>1</strength></poke>"), "bad-element"),
        (entry("<poke><strength>1</strength></poke>") + "<ec:order>a</ec:order>", "missing-element"),
        (top("<flag>true</flag><entry><id>1</id><poke><strength>1</strength></poke></entry>"), "bad-element"),
        (top("<entry><id>77</id><poke><strength>1</strength></poke></entry>"), "data-missing"),
        ("", "missing-element"),
    ],
)
async def test_an_action_that_cannot_be_done_says_why(lab: Lab, body: str, tag: str) -> None:
    await lab.commit(entry(""))
    assert [e.tag for e in await lab.refused(ACTION.format(body))] == [tag]


async def test_an_rpc_of_a_served_module(lab: Lab) -> None:
    assert await lab.do(f'<sum xmlns="{EC}"><a>41</a></sum>') == f'<result xmlns="{EC}">42</result>'


async def test_every_listed_schema_is_served(lab: Lab, schema: Schema) -> None:
    for module in schema.modules:
        reply = await lab.do(
            '<get-schema xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring">'
            f"<identifier>{module.name}</identifier><version>{module.revision}</version></get-schema>"
        )
        assert f"module {module.name}" in reply


async def test_an_unknown_schema_is_refused(lab: Lab) -> None:
    ask = (
        '<get-schema xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring">'
        "<identifier>{}</identifier>{}</get-schema>"
    )
    assert [e.tag for e in await lab.refused(ask.format("nothing", ""))] == ["invalid-value"]
    assert [
        e.tag for e in await lab.refused(ask.format("ietf-netconf", "<version>1999-01-01</version>"))
    ] == ["invalid-value"]
    assert [e.tag for e in await lab.refused(ask.format("ietf-netconf", "<format>yin</format>"))] == [
        "invalid-value"
    ]


async def test_a_fault_of_our_own_is_answered_and_the_server_goes_on(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(lab.context.configuration, "commit", broken)
    assert [e.app_tag for e in await lab.refused("<commit/>")] == ["internal-error"]
    assert await lab.do("<get-config><source><candidate/></source></get-config>") == "<data/>"


WD = "urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults"
TAGGED = 'xmlns:ncwd="urn:ietf:params:xml:ns:netconf:default:1.0" ncwd:default="true"'
PLAIN = "<plain><speed>100</speed></plain>"
IMPLICIT = f"<plain><speed {TAGGED}>100</speed></plain>"
# What is reported of a value that the client set to the default, and of one that it did not set.
MODES = {
    "explicit": (PLAIN, ""),
    "trim": ("", ""),
    "report-all": (PLAIN, PLAIN),
    "report-all-tagged": (IMPLICIT, IMPLICIT),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("operation", ["get-config", "get"])
async def test_rfc6243_3_the_four_modes(lab: Lab, mode: str, operation: str) -> None:
    set_by_client = "<plain><speed>100</speed></plain>"
    await lab.commit(top(f"<entry><id>1</id>{set_by_client}</entry><entry><id>2</id></entry>"))
    source = "<source><running/></source>" if operation == "get-config" else ""
    ask = f'<{operation}>{source}<with-defaults xmlns="{WD}">{mode}</with-defaults></{operation}>'
    reply = await lab.do(ask)
    found = [re.search("<plain>.*</plain>", part) for part in reply.split("<entry>")[1:]]
    assert tuple(match[0] if match else "" for match in found) == MODES[mode]


async def test_without_with_defaults_the_basic_mode_is_explicit(lab: Lab) -> None:
    await lab.commit(entry(""))
    assert "<speed" not in await lab.do("<get-config><source><running/></source></get-config>")


async def test_an_unknown_mode_is_refused(lab: Lab) -> None:
    ask = f'<get><with-defaults xmlns="{WD}">sometimes</with-defaults></get>'
    assert [e.tag for e in await lab.refused(ask)] == ["invalid-value"]


@pytest.mark.parametrize(
    ("mode", "explicit"), [("report-all", True), ("report-all-tagged", False), ("trim", False)]
)
async def test_rfc6243_4_5_3_copy_config_copies_what_the_mode_reports(
    lab: Lab, mode: str, explicit: bool
) -> None:
    await lab.commit(entry(""))
    await lab.do(
        "<copy-config><target><candidate/></target><source><running/></source>"
        f'<with-defaults xmlns="{WD}">{mode}</with-defaults></copy-config>'
    )
    reply = await lab.do("<get-config><source><candidate/></source></get-config>")
    assert ("<speed>100</speed>" in reply) is explicit


async def test_copy_config_of_values_tagged_as_default_leaves_them_implicit(lab: Lab) -> None:
    tagged = entry(f"<number>1</number>{IMPLICIT}")
    await lab.do(
        f"<copy-config><target><candidate/></target><source><config>{tagged}</config></source></copy-config>"
    )
    reply = await lab.do("<get-config><source><candidate/></source></get-config>")
    assert "<number>1</number>" in reply
    assert "<speed>" not in reply


HOSTILE = [
    "deref(/ec:top/ec:entry/ec:id)",
    "/ec:top/ec:entry[ deref (ec:id)]",
    "enum-value(/)",
    "bit-is-set(/, 'a')",
    "/ec:top/ec:entry[ec:id='1']" + "[" * 9000,
    "/ec:top/ec:entry[" + "(" * 2000 + "ec:id" + ")" * 2000 + "]",
    "/ec:top" + "[ec:entry" * 33 + "]" * 33,
]


@pytest.mark.parametrize("select", HOSTILE, ids=lambda s: s[:30])
@pytest.mark.parametrize("operation", ["get", "get-config"])
async def test_an_xpath_that_would_harm_the_server_is_refused(lab: Lab, operation: str, select: str) -> None:
    await lab.commit(entry("<number>2</number>"))
    source = "<source><running/></source>" if operation == "get-config" else ""
    ask = f'<{operation}>{source}<filter type="xpath" select="{select}"/></{operation}>'
    assert [e.tag for e in await lab.refused(ask)] == ["invalid-value"]


async def test_brackets_may_be_as_deep_as_is_said(lab: Lab) -> None:
    select = "/ec:top[" + "(" * 31 + "ec:entry or ec:flag" + ")" * 31 + "]"
    assert "<top" not in await lab.do(f'<get><filter type="xpath" select="{select}"/></get>')


async def test_a_literal_may_hold_what_an_expression_may_not(lab: Lab) -> None:
    await lab.commit(entry("<number>2</number>"))
    select = "//ec:entry[ec:id != 'deref(//x)']"
    ask = f'<get-config><source><running/></source><filter type="xpath" select="{select}"/></get-config>'
    assert "<number>2</number>" in await lab.do(ask)


TWICE = {
    "an entry": top("<entry><id>5</id><word>a</word></entry><entry><id>5</id><word>b</word></entry>"),
    "a leaf": entry("<word>a</word><word>b</word>"),
    "a nested entry": entry("<stage><name>x</name></stage><stage><name>x</name></stage>"),
    "a value of a leaf-list": entry("<step>x</step><step>x</step>"),
    "a container": entry("<plain><note>a</note></plain><plain><note>b</note></plain>"),
}


@pytest.mark.parametrize("name", TWICE)
async def test_what_stands_twice_is_refused(lab: Lab, name: str) -> None:
    config = f"<config>{TWICE[name]}</config>"
    for ask in (
        f"<edit-config><target><candidate/></target>{config}</edit-config>",
        f"<copy-config><target><candidate/></target><source>{config}</source></copy-config>",
        f"<validate><source>{config}</source></validate>",
    ):
        assert [e.tag for e in await lab.refused(ask)] == ["bad-element"], ask
    assert await lab.do("<get-config><source><candidate/></source></get-config>") == "<data/>"


async def test_copy_config_takes_no_instructions(lab: Lab) -> None:
    instructed = entry("", 'nc:operation="delete"')
    config = f"<config>{instructed}</config>"
    ask = f"<copy-config><target><candidate/></target><source>{config}</source></copy-config>"
    assert [e.tag for e in await lab.refused(ask)] == ["unknown-attribute"]


async def test_a_filter_on_an_identityref_understands_the_prefix(lab: Lab) -> None:
    await lab.commit(entry("<pet>ec:cat</pet>"))
    for value in ("ec:cat", "cat"):
        body = f'<filter><top xmlns="{EC}"><entry><pet>{value}</pet></entry></top></filter>'
        assert "<id>1</id>" in await lab.do(f"<get-config><source><running/></source>{body}</get-config>")


async def test_a_number_is_read_in_its_canonical_form(lab: Lab) -> None:
    await lab.do("<kill-session><session-id>+02</session-id></kill-session>")
    assert lab.caller(2).ending == Ending(EndKind.KILLED, "killed by session 1", 1)


async def test_a_carriage_return_comes_back_as_one(lab: Lab) -> None:
    await lab.commit(entry("<hidden>a&#13;b</hidden>"))
    reply = await lab.do("<get-config><source><running/></source></get-config>")
    assert "<hidden>a&#13;b</hidden>" in reply
    assert "\r" not in reply


async def test_nobody_gets_a_lock_while_another_commits(lab: Lab) -> None:
    lab.context.configuration.datastores.committer = 7
    for name in ("running", "candidate"):
        (error,) = await lab.refused(f"<lock><target><{name}/></target></lock>")
        assert (error.tag, error.info) == ("lock-denied", {"session-id": "7"})
    lab.context.configuration.datastores.committer = None
    await lab.commit(entry("<number>2</number>"))
    assert lab.context.configuration.committer is None


async def test_a_deleted_leaf_has_its_default_again(lab: Lab) -> None:
    await lab.commit(top("<flag>false</flag>"))
    await lab.commit(top('<flag nc:operation="delete"/>'))
    for source in ("running", "candidate"):
        ask = f'<source><{source}/></source><with-defaults xmlns="{WD}">report-all</with-defaults>'
        assert "<flag>true</flag>" in await lab.do(f"<get-config>{ask}</get-config>")


async def test_errors_of_one_edit_are_limited(lab: Lab) -> None:
    body = top("".join(f"<nonsense{n}/>" for n in range(500)))
    errors = await lab.refused(edit_candidate(body))
    assert len(errors) == 100


@pytest.mark.parametrize("operation", ["get", "get-config"])
async def test_a_filter_has_a_budget(lab: Lab, operation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.operations.budget.MAX_COMPARISONS", 1000)
    await lab.commit(top("".join(f"<entry><id>{n}</id></entry>" for n in range(50))))
    source = "<source><running/></source>" if operation == "get-config" else ""
    scan = "<entry><word>zz</word></entry>"
    ask = f'<{operation}>{source}<filter><top xmlns="{EC}">{{}}</top></filter></{operation}>'
    await lab.do(ask.format(scan))
    assert [e.tag for e in await lab.refused(ask.format(scan * 100))] == ["too-big"]


async def test_many_filter_elements_for_one_list_copy_it_once(lab: Lab) -> None:
    await lab.commit(top("<entry><id>1</id><word>a</word></entry><entry><id>2</id></entry>"))
    elements = "<entry><word>a</word></entry>" * 3 + "<entry><number/></entry>"
    reply = await lab.do(f'<get><filter><top xmlns="{EC}">{elements}</top></filter></get>')
    assert reply.count("<id>1</id>") == 1
    assert lab.translator.asked_for.count(("1",)) == 1


async def test_an_action_on_what_is_not_there_names_it(lab: Lab) -> None:
    (error,) = await lab.refused(ACTION.format(entry("<poke><strength>1</strength></poke>")))
    assert (error.tag, error.path) == ("data-missing", "/every-construct:top/entry[id='1']")


async def test_an_unknown_namespace_in_an_action_is_named_with_its_element(lab: Lab) -> None:
    await lab.commit(entry(""))
    (error,) = await lab.refused(ACTION.format(entry('<poke xmlns="urn:nowhere"/>')))
    assert error.info == {"bad-element": "poke", "bad-namespace": "urn:nowhere"}


async def test_what_moved_to_another_module_is_answered_with_where(lab: Lab, schema: Schema) -> None:
    schema.hints = {(EC, name): f"since revision R it is /new:{name}" for name in ("brew", "box", "top")}
    try:
        operation = await lab.refused(f'<brew xmlns="{EC}"/>')
        data = await lab.refused(edit_candidate(f'<box xmlns="{EC}"/>'))
        below = await lab.refused(edit_candidate(entry("<box/>")))
        assert await lab.do(edit_candidate(top("<flag>true</flag>"))) == ""
    finally:
        schema.hints = {}
    for errors, said in (
        (operation, "<brew> is not in this namespace: since revision R it is /new:brew"),
        (data, "'box' is not in this namespace: since revision R it is /new:box"),
        (below, "there is no 'box' below 'entry'"),
    ):
        assert [(error.tag, error.info["bad-element"]) for error in errors] == [
            ("unknown-element", "brew" if errors is operation else "box")
        ]
        assert errors[0].message == said
