"""What would cost libyang more than its length is refused at every door before libyang sees it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agent.datastore.candidate import Candidate, Savepoint
from agent.datastore.edit import edit
from agent.errors import MAX_ERRORS, MORE, UNSEEN
from agent.nacm.rules import parse_path
from agent.xml import Element
from agent.yang.expressions import (
    MAX_BRACKETS_DEEP,
    MAX_EXPRESSION_OCTETS,
    MAX_NAMES_OCTETS,
    MAX_SIGNS,
    MAX_VALUE_OCTETS,
    expression_fault,
)
from agent.yang.invocation import Invocation
from agent.yang.paths import MAX_KEY_OCTETS
from agent.yang.tree import Tree
from tests.agent.handlers import Lab, Remembering
from tests.agent.lab import EC, entry, top
from tests.agent.operations.guarded import (
    AGENT,
    JOE,
    NACM,
    NOBODY,
    interface,
    path,
    rule,
    rule_list,
    ruled,
)
from tests.requests import edit_candidate

MANY = 1_000
ACTION = "urn:ietf:params:xml:ns:yang:1"
NMDA = "urn:ietf:params:xml:ns:yang:ietf-netconf-nmda"
DATASTORES = "urn:ietf:params:xml:ns:yang:ietf-datastores"


def edited(body: str) -> str:
    return edit_candidate(body)


def edited_data(body: str) -> str:
    datastore = f'<datastore xmlns:ds="{DATASTORES}">ds:candidate</datastore>'
    return f'<edit-data xmlns="{NMDA}">{datastore}<config>{body}</config></edit-data>'


def copied(body: str) -> str:
    source = f"<source><config>{body}</config></source>"
    return f"<copy-config><target><candidate/></target>{source}</copy-config>"


def validated(body: str) -> str:
    return f"<validate><source><config>{body}</config></source></validate>"


DOORS: dict[str, Callable[[str], str]] = {
    "edit-config": edited,
    "edit-data": edited_data,
    "copy-config": copied,
    "validate": validated,
}
REPEATED = {
    "an entry": top("<entry><id>1</id></entry>" * MANY),
    "an entry of a list ordered by user": entry("<stage><name>1</name></stage>" * MANY),
    "an entry with its key in another form": entry(
        "<address><ip>a</ip><port>1</port></address>" + "<address><ip>a</ip><port>01</port></address>" * MANY
    ),
    "a key": top(f"<entry>{'<id>1</id>' * MANY}</entry>"),
    "a leaf": entry("<number>1</number>" * MANY),
    "a value of a leaf-list": entry("<tag>a</tag>" * MANY),
    "a container at the top": top("") * MANY,
    "a container at the top whose data is changed": top('<flag nc:operation="create">true</flag>') * MANY,
    "a value of a leaf-list at the top": f'<order xmlns="{EC}">a</order>' * MANY,
    "an entry of a list at the top": '<idl xmlns="urn:hostile" xmlns:h="urn:hostile"><i>h:one-id</i></idl>'
    * MANY,
    "a leaf of an entry that is changed": entry("<number>1</number>" * MANY, 'nc:operation="create"'),
}


@pytest.fixture
def closed(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    assert lab.candidate == lab.running

    def parse(*_: object, **__: object) -> None:
        pytest.fail("libyang got to see it")

    monkeypatch.setattr(Tree, "parse", parse)
    monkeypatch.setattr(Invocation, "parse", parse)


@pytest.mark.usefixtures("closed")
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", REPEATED)
async def test_what_stands_there_a_thousand_times_is_refused_first(lab: Lab, door: str, name: str) -> None:
    body = REPEATED[name]
    if door in ("copy-config", "validate"):
        body = body.replace('nc:operation="create"', "")
    errors = await lab.refused(DOORS[door](body))
    assert len(errors) == MAX_ERRORS
    assert {error.tag for error in errors} == {"bad-element"}
    assert all("may stand only once" in error.message for error in errors)


async def test_what_stands_there_once_or_twice_elsewhere_is_taken(lab: Lab) -> None:
    await lab.edit(
        top(
            "<entry><id>1</id><tag>a</tag><tag>b</tag><stage><name>1</name></stage></entry>"
            "<entry><id>2</id><tag>a</tag><stage><name>1</name></stage></entry>"
            "<entry><id> 1</id></entry>"
        )
    )
    assert lab.candidate.count("<entry>") == 3


@pytest.mark.parametrize(
    "body",
    [
        top("<flag>true</flag>") * 2,
        top("<flag>true</flag>") + f'<order xmlns="{EC}">a</order>' + entry("<number>1</number>"),
        f'<order xmlns="{EC}">a</order>' * 2,
        '<idl xmlns="urn:hostile" xmlns:h="urn:hostile"><i>h:one-id</i></idl>'
        '<idl xmlns="urn:hostile" xmlns:g="urn:hostile"><i>g:one-id</i><x>y</x></idl>',
        "<oc xmlns='urn:hostile'><p>1</p></oc><oc xmlns='urn:hostile'><q>1</q></oc>",
        top("<flag>true</flag>") + f'<e:top xmlns:e="{EC}"/>',
    ],
)
@pytest.mark.parametrize("door", DOORS)
async def test_a_second_root_does_not_overrule_the_first(lab: Lab, door: str, body: str) -> None:
    before = lab.candidate
    (error,) = await lab.refused(DOORS[door](body))
    assert (error.tag, error.message.partition("' ")[2]) == ("bad-element", "may stand only once here")
    assert error.path is not None
    assert lab.candidate == before


@pytest.mark.parametrize("default", ["merge", "replace", "none"])
@pytest.mark.parametrize("attributes", ["", 'nc:operation="delete"', 'nc:operation="replace"'])
async def test_nor_where_one_of_both_has_an_operation(lab: Lab, default: str, attributes: str) -> None:
    await lab.edit(top("<flag>true</flag>"))
    second = f'<top xmlns="{EC}" {attributes}/>'
    request = edited(top("<flag>false</flag>") + second).replace(
        "<config>", f"<default-operation>{default}</default-operation><config>"
    )
    (error,) = await lab.refused(request)
    assert (error.tag, error.path) == ("bad-element", "/every-construct:top")
    assert "<flag>true</flag>" in lab.candidate


async def test_an_entry_without_an_operation_stands_once_also_beside_others_with_one(lab: Lab) -> None:
    created = '<entry nc:operation="create"><id>2</id></entry>'
    (error,) = await lab.refused(edited(top("<entry><id>1</id></entry>" * 2 + created)))
    assert (error.tag, error.path) == ("bad-element", "/every-construct:top/entry[id='1']")


async def test_values_and_entries_at_the_top_may_be_named_again_with_an_operation(lab: Lab) -> None:
    order = f'<order xmlns="{EC}" nc:operation="{{}}">a</order>'
    await lab.edit(order.format("create") + order.format("delete") + order.format("create"))
    assert lab.candidate.count("<order") == 1


async def test_an_entry_may_be_named_again_where_each_has_its_operation(lab: Lab) -> None:
    one = '<entry nc:operation="{}"><id>1</id></entry>'
    await lab.edit(top(one.format("create") + one.format("delete") + one.format("create")))
    assert lab.candidate.count("<entry>") == 1


# -- actions and rpcs ----------------------------------------------------------------------------


def poked(inside: str) -> str:
    return f'<action xmlns="{ACTION}">{top(inside)}</action>'


@pytest.mark.usefixtures("closed")
@pytest.mark.parametrize(
    "inside",
    [
        "<entry><id>1</id><poke/></entry>" * MANY,
        f"<entry>{'<id>1</id>' * MANY}<poke/></entry>",
        f"<entry><id>1</id>{'<number>1</number>' * MANY}<poke/></entry>",
        f"<entry><id>1</id>{'<poke/>' * MANY}</entry>",
    ],
)
async def test_the_same_holds_for_what_an_action_stands_in(lab: Lab, inside: str) -> None:
    errors = await lab.refused(poked(inside))
    assert len(errors) == MAX_ERRORS
    assert {error.tag for error in errors} == {"bad-element"}


@pytest.mark.usefixtures("closed")
async def test_and_for_the_input_of_an_rpc(lab: Lab) -> None:
    errors = await lab.refused(f'<sum xmlns="{EC}">{"<a>1</a>" * MANY}</sum>')
    assert len(errors) == MAX_ERRORS
    assert {error.tag for error in errors} == {"bad-element"}


async def test_access_comes_before_the_parser(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    exec_denied = "<module-name>acme</module-name><access-operations>exec</access-operations>"
    await ruled(lab, rule_list("l", ["limited"], rule("no", "deny", exec_denied)))
    await lab.commit(interface("eth0"))
    monkeypatch.setattr(Invocation, "parse", lambda *_: pytest.fail("libyang got to see it"))
    reset = "<reset><reset-at>no time at all</reset-at></reset>"
    (error,) = await lab.refused(f'<action xmlns="{ACTION}">{interface("eth0", reset)}</action>', JOE)
    assert error.tag == "access-denied"
    assert error.path == "/acme:interfaces/interface[name='eth0']/reset"
    assert lab.context.nacm.denied_operations == 1


# -- keys and expressions ------------------------------------------------------------------------


@pytest.mark.usefixtures("closed")
@pytest.mark.parametrize("door", DOORS)
async def test_a_key_of_megabytes_is_refused(lab: Lab, door: str) -> None:
    key = "k" * (MAX_KEY_OCTETS + 1)
    (error,) = await lab.refused(DOORS[door](entry(f"<stage><name>{key}</name></stage>")))
    assert (error.tag, error.path) == ("too-big", "/every-construct:top/entry[id='1']/stage")
    (error,) = await lab.refused(DOORS[door](entry(f"<tag>{key}</tag>")))
    assert error.tag == "too-big"


@pytest.mark.usefixtures("closed")
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("leaf", ["number", "word", "either", "radius"])
async def test_a_value_of_megabytes_is_refused_where_none_is_meant(lab: Lab, door: str, leaf: str) -> None:
    (error,) = await lab.refused(DOORS[door](entry(f"<{leaf}>{'1' * (MAX_VALUE_OCTETS + 1)}</{leaf}>")))
    assert (error.tag, error.path) == ("invalid-value", f"/every-construct:top/entry[id='1']/{leaf}")
    assert len(error.message) < 200


async def test_a_string_without_a_pattern_is_as_long_as_it_is(lab: Lab) -> None:
    text = "x" * (MAX_VALUE_OCTETS + 1)
    await lab.edit(entry(f"<stage><name>a</name></stage><only-with-word>{text}</only-with-word>"))
    assert text in lab.candidate


@pytest.mark.usefixtures("closed")
@pytest.mark.parametrize("door", DOORS)
async def test_an_identity_is_short(lab: Lab, door: str) -> None:
    (error,) = await lab.refused(DOORS[door](entry(f"<pet>{'a' * (MAX_NAMES_OCTETS + 1)}</pet>")))
    assert (error.tag, error.path) == ("invalid-value", "/every-construct:top/entry[id='1']/pet")
    assert str(MAX_NAMES_OCTETS) in error.message


@pytest.mark.usefixtures("closed")
async def test_an_identity_in_the_input_of_an_rpc_is_short(lab: Lab) -> None:
    monitoring = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"
    asked = "<get-schema xmlns='{}'><identifier>acme</identifier><format>{}</format></get-schema>"
    (error,) = await lab.refused(asked.format(monitoring, "a" * (MAX_NAMES_OCTETS + 1)))
    assert (error.tag, len(error.message) < 200) == ("invalid-value", True)
    assert str(MAX_NAMES_OCTETS) in error.message


EXPRESSIONS = {
    "long": "/a" * MAX_EXPRESSION_OCTETS,
    "of minus signs": "-" * 400_000 + "1",
    "of minus signs apart": "- " * (MAX_SIGNS + 1) + "1",
    "deep": "(" * (MAX_BRACKETS_DEEP + 1) + "1" + ")" * (MAX_BRACKETS_DEEP + 1),
}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_an_expression_has_limits(name: str) -> None:
    assert expression_fault(EXPRESSIONS[name])


def test_what_stands_in_quotes_is_no_part_of_an_expression() -> None:
    assert not expression_fault("/a[b='" + "-([" * 100 + "']")
    assert not expression_fault("-" * MAX_SIGNS + "1")


@pytest.mark.usefixtures("closed")
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", EXPRESSIONS)
async def test_the_path_of_a_rule_is_an_expression(lab: Lab, door: str, name: str) -> None:
    bad = rule("r", "deny", f"<path>{EXPRESSIONS[name]}</path>")
    (error,) = await lab.refused(DOORS[door](f'<nacm xmlns="{NACM}">{rule_list("l", ["g"], bad)}</nacm>'))
    assert error.tag == "invalid-value"
    assert "expression" in error.message
    assert error.path == "/ietf-netconf-acm:nacm/rule-list[name='l']/rule[name='r']/path"


@pytest.mark.parametrize("name", EXPRESSIONS)
async def test_a_filter_is_measured_before_it_is_read(lab: Lab, name: str) -> None:
    get_data = (
        f'<get-data xmlns="{NMDA}"><datastore xmlns:ds="{DATASTORES}">ds:running</datastore>'
        f"<xpath-filter>{EXPRESSIONS[name]}</xpath-filter></get-data>"
    )
    get = f'<get><filter type="xpath" select="{EXPRESSIONS[name]}"/></get>'
    subscription = (
        '<create-subscription xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0">'
        f'<filter type="xpath" select="{EXPRESSIONS[name]}"/></create-subscription>'
    )
    for operation in (get_data, get, subscription):
        (error,) = await lab.refused(operation)
        assert error.tag == "invalid-value"
        assert len(error.message) < 200


async def test_so_is_the_path_that_explain_access_is_asked_about(lab: Lab) -> None:
    for predicate in (f"[id='{'1' * 1_000_000}']", "[id=1]" * 200_000):
        asked = f"<path>/every-construct:top/entry{predicate}</path>"
        (error,) = await lab.refused(f'<explain-access xmlns="{AGENT}">{asked}</explain-access>')
        assert error.tag == "invalid-value"


def test_a_path_is_read_without_going_back() -> None:
    """The time that a path takes grows with its length, also where it is none in the end."""
    with pytest.raises(ValueError, match="instance-identifier"):
        parse_path("/m:a" + "[b=c]" * 200_000 + "[")
    with pytest.raises(ValueError, match="instance-identifier"):
        parse_path("/m:a[" + "b" * 1_000_000)


# -- errors --------------------------------------------------------------------------------------


async def test_parameters_that_nobody_knows_are_told_a_hundred_times(lab: Lab) -> None:
    for operation in ("get", "commit", "get-config", "edit-config"):
        unknown = '<q:a xmlns:q="urn:q"/>' * 300
        errors = await lab.refused(f"<{operation}>{unknown}</{operation}>")
        assert len(errors) == MAX_ERRORS
        assert [error.left_out for error in errors] == [0] * 99 + [MORE]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    "body",
    [
        '<a xmlns="urn:nobody"/>' * 300,
        top("<bogus/>" * 300),
        top("".join(f"<entry><id>{n}</id><number>999</number></entry>" for n in range(300))),
        top('<flag bogus="1"/>' * 300),
        top("".join(f'<entry nc:operation="delete"><id>{n}</id></entry>' for n in range(300))),
    ],
)
async def test_so_is_what_is_wrong_with_an_edit(lab: Lab, door: str, body: str) -> None:
    errors = await lab.refused(DOORS[door](body))
    assert 1 <= len(errors) <= MAX_ERRORS
    assert [error.left_out for error in errors[:-1]] == [0] * (len(errors) - 1)
    assert errors[-1].left_out == (MORE if len(errors) == MAX_ERRORS else 0)


async def test_so_are_the_rules_that_a_configuration_breaks(lab: Lab) -> None:
    await lab.edit(top("".join(f"<entry><id>{n}</id><twice>1</twice></entry>" for n in range(300))))
    errors = await lab.refused("<commit/>")
    assert len(errors) == MAX_ERRORS
    assert errors[-1].told.endswith("(more errors are left out)")
    assert EC in lab.candidate


# -- who may change nothing ----------------------------------------------------------------------


@pytest.mark.usefixtures("closed")
@pytest.mark.parametrize("door", ["copy-config", "validate"])
@pytest.mark.parametrize("user", [JOE, NOBODY])
async def test_a_large_configuration_of_who_may_change_nothing_is_not_looked_at(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, door: str, user: int
) -> None:
    monkeypatch.setattr("agent.operations.write.EditAttributes", lambda *_: pytest.fail("it was looked at"))
    lab.callers |= {JOE: Remembering(JOE, "joe"), NOBODY: Remembering(NOBODY, "nobody")}
    body = top("".join(f"<entry><id>{n}</id></entry>" for n in range(MANY)))
    (error,) = await lab.refused(DOORS[door](body), user)
    assert error.tag == "access-denied"
    assert "may not change anything: no rule is about it, and write-default is deny" in error.message
    assert error.path == "/every-construct:top"
    assert lab.context.nacm.denied_data_writes == 1


def numbered(name: int, number: int) -> str:
    return f"<entry><id>{name}</id><number>{number}</number></entry>"


@pytest.mark.parametrize("door", ["edit-config", "edit-data"])
@pytest.mark.parametrize("user", [JOE, NOBODY])
async def test_who_may_change_nothing_is_told_the_same_of_a_large_edit_as_of_a_small_one(
    lab: Lab, door: str, user: int
) -> None:
    await lab.commit(top(numbered(0, 3) + numbered(1, 2)))
    await ruled(
        lab, rule_list("l", ["limited"], rule("no-change", "deny", path("/", "create update delete")))
    )

    def of(count: int) -> str:
        return top("".join(numbered(n, 2) for n in range(count)))

    small = await lab.refused(DOORS[door](of(MAX_ERRORS + 2)), user)
    assert len(small) == MAX_ERRORS
    assert small[0].path == "/every-construct:top/entry[id='0']/number"
    told = "rule 'no-change' of rule-list 'l' denies it" if user == JOE else "write-default is deny"
    assert told in small[0].message
    large = await lab.refused(DOORS[door](of(MANY)), user)
    assert [(e.tag, e.path, e.message) for e in large] == [(e.tag, e.path, e.message) for e in small]
    assert lab.candidate == lab.running
    assert not lab.context.configuration.candidate.changed


async def test_what_comes_after_its_beginning_is_not_said_to_be_refused(lab: Lab) -> None:
    """Most of what is at its beginning changes nothing, and so may all the rest: nobody looked."""
    await lab.commit(top(LARGE))
    reads = rule("all", "permit", "<access-operations>read</access-operations>")
    await ruled(lab, rule_list("l", ["limited"], reads))
    changed = top(numbered(0, 3) + LARGE[len(numbered(0, 2)) :])
    (error,) = await lab.refused(DOORS["edit-config"](changed), JOE)
    assert error.path == "/every-construct:top/entry[id='0']/number"
    assert error.told == f"{error.message} (the rest was not looked at)"
    assert error.left_out == UNSEEN


async def test_no_more_than_its_beginning_is_looked_at(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[int] = []

    def noted(candidate: Candidate, config: Element, default_operation: str) -> Savepoint:
        looked_at.append(len(list(config.iterdescendants())))
        return edit(candidate, config, default_operation)

    monkeypatch.setattr("agent.operations.write.edit", noted)
    await ruled(lab)
    await lab.refused(DOORS["edit-config"](top(LARGE)), JOE)
    assert [one for one in looked_at if one > MANY] == []
    assert len(looked_at) == 2, "the rules, and the beginning"


LARGE = "".join(numbered(n, 2) for n in range(MANY))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(f'<top xmlns="{EC}" nc:operation="replace">{LARGE}</top>', id="the rest is deleted"),
        pytest.param(top(LARGE), id="the beginning changes nothing"),
        pytest.param(top(f"<bogus/>{LARGE}"), id="the beginning is faulty"),
        pytest.param(
            top(f"<entry><id>0</id>{'<twice>1</twice>' * MANY * 2}</entry>"), id="one entry is large"
        ),
        pytest.param(f'<a xmlns="urn:nobody"/>{top(LARGE)}', id="nobody knows it"),
    ],
)
async def test_of_an_edit_whose_beginning_says_nothing_of_the_rest_he_is_told_why(
    lab: Lab, body: str
) -> None:
    await lab.commit(top(LARGE if body == top(LARGE) else numbered(0, 2)))
    await ruled(
        lab, rule_list("l", ["limited"], rule("no-change", "deny", path("/", "create update delete")))
    )
    (error,) = await lab.refused(DOORS["edit-config"](body), JOE)
    assert error.tag == "access-denied"
    assert "may not change anything: rule 'no-change' of rule-list 'l' denies it" in error.message
    assert error.path == (None if body.startswith("<a ") else "/every-construct:top")
    assert lab.context.nacm.denied_data_writes == 1
    assert lab.candidate == lab.running


@pytest.mark.parametrize("setting", ["<write-default>permit</write-default>", ""])
async def test_who_may_change_something_has_it_looked_at(lab: Lab, setting: str) -> None:
    permitted = rule("some", "permit", path("/ec:top", "create"))
    await ruled(lab, rule_list("l", ["limited"], *([] if setting else [permitted])), settings=setting)
    await lab.do(DOORS["edit-config"](top("".join(f"<entry><id>{n}</id></entry>" for n in range(MANY)))), JOE)
    assert lab.candidate.count("<entry>") == MANY
