"""Operations as a client meets them, without a wire: parameters, filters, actions, schemas."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from agent.errors import RpcErrors
from agent.operations.context import Ending, EndKind
from agent.operations.dispatch import CHECKED_HERE, SMALL_OCTETS, dispatch
from agent.operations.parameters import check_input
from agent.xml import NETCONF_NS, parse
from agent.yang.native import NULL, ffi, lib, sized_array
from agent.yang.schema import Schema
from agent.yang.schema_node import SchemaNode
from tests.agent.handlers import Lab
from tests.agent.lab import EC, PREFIXES, entry, top
from tests.requests import edit_candidate

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


@pytest.mark.parametrize("option", ["stop-on-error", "continue-on-error", "rollback-on-error"])
async def test_an_edit_with_errors_changes_nothing_and_tells_them_all_with_each_error_option(
    lab: Lab, option: str
) -> None:
    body = top("<entry><id>1</id></entry><entry><id>2</id><number>999</number><word>A</word></entry>")
    refusals = await lab.refused(
        f"<edit-config><target><candidate/></target><error-option>{option}</error-option>"
        f"<config {PREFIXES}>{body}</config></edit-config>"
    )
    assert [error.path for error in refusals] == [
        "/every-construct:top/entry[id='2']/number",
        "/every-construct:top/entry[id='2']/word",
    ]
    assert lab.candidate == ""


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


async def test_errors_of_one_edit_are_limited(lab: Lab) -> None:
    body = top("".join(f"<nonsense{n}/>" for n in range(500)))
    errors = await lab.refused(edit_candidate(body))
    assert len(errors) == 100


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


def _leafs(node: SchemaNode) -> Iterator[SchemaNode]:
    for child in node.children.values():
        if child.is_leafy:
            yield child
        yield from _leafs(child)


def _members(type_: Any) -> Iterator[Any]:
    if type_.basetype != lib.LY_TYPE_UNION:
        yield type_
        return
    for member in sized_array(ffi.cast("struct lysc_type_union *", type_).types):
        yield from _members(member)


def test_no_pattern_is_matched_on_the_event_loop(schema: Schema) -> None:
    asked = {leaf.name: leaf for qname in CHECKED_HERE for leaf in _leafs(schema.rpcs[qname])}
    assert "default-operation" in asked
    assert "max-depth" in asked
    types = [ffi.cast("struct lysc_node_leaf *", leaf.pointer).type for leaf in asked.values()]
    kinds = [kind for type_ in types for kind in _members(type_)]
    assert all(kind.basetype != lib.LY_TYPE_LEAFREF for kind in kinds)
    texts = [kind for kind in kinds if kind.basetype == lib.LY_TYPE_STRING]
    assert texts
    assert all(ffi.cast("struct lysc_type_str *", text).patterns == NULL for text in texts)


@pytest.mark.parametrize(
    ("operation", "octets", "is_here"),
    [
        ("<commit/>", SMALL_OCTETS, True),
        ("<commit/>", SMALL_OCTETS + 1, False),
        ("<commit/>", None, False),
        ("<commit><persist-id>x</persist-id></commit>", SMALL_OCTETS, False),
        (edit_candidate(""), SMALL_OCTETS, True),
        (edit_candidate(""), SMALL_OCTETS + 1, False),
    ],
)
async def test_small_parameters_are_checked_on_the_event_loop(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, operation: str, octets: int | None, is_here: bool
) -> None:
    elsewhere: list[object] = []
    worker = lab.context.worker

    async def noting(function: Callable[..., Any], *arguments: Any) -> Any:
        elsewhere.append(function)
        return await worker(function, *arguments)

    monkeypatch.setattr(lab.context, "worker", noting)
    rpc = parse(f'<rpc xmlns="{NETCONF_NS}" {PREFIXES}>{operation}</rpc>'.encode())
    with suppress(RpcErrors):
        await dispatch(lab.context, lab.caller(1), rpc[0], octets)
    assert (check_input not in elsewhere) is is_here
