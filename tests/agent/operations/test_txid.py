"""Transaction ids (draft-ietf-netconf-transaction-id): what is shown, what is left out, what is refused."""

from __future__ import annotations

import re

import pytest
from lxml import etree

from agent.errors import RpcError
from agent.operations.read import WITH_DEFAULTS_NS
from agent.yang.tree import Tree
from tests.agent.handlers import Lab
from tests.agent.lab import EA, EC
from tests.agent.operations.guarded import NACM, rule, rule_list, ruled
from tests.agent.operations.test_nmda import get_data

TXID = "urn:ietf:params:xml:ns:netconf:txid:1.0"
MODULE = "urn:ietf:params:xml:ns:yang:ietf-netconf-txid"
T = f'xmlns:t="{TXID}"'
DATA = f'<data xmlns:txid="{TXID}"'
MISMATCH = f"{{{MODULE}}}txid-value-mismatch-error-info"
TOP = "/every-construct:top"
WITH_ETAG = f'<with-etag xmlns="{MODULE}">true</with-etag>'


def filtered(body: str, attributes: str = "") -> str:
    return f"<filter {attributes}>{body}</filter>"


def get_config(filter_: str = "", attributes: str = "", source: str = "running") -> str:
    return f"<get-config {T} {attributes}><source><{source}/></source>{filter_}</get-config>"


def entry(name: str, body: str = "", attributes: str = "") -> str:
    return f"<entry {attributes}><id>{name}</id>{body}</entry>"


def in_top(body: str = "", attributes: str = "") -> str:
    return f'<top xmlns="{EC}" {attributes}>{body}</top>'


def edit_config(body: str, attributes: str = "", more: str = "") -> str:
    target = "<target><candidate/></target>"
    return f"<edit-config {T}>{target}{more}<config {attributes}>{body}</config></edit-config>"


def ids_in(reply: str) -> list[str]:
    return re.findall(r'txid:(?:etag|last-modified)="([^"]*)"', reply)


async def root_id(lab: Lab, mechanism: str = "etag") -> str:
    """Return the id of running."""
    return ids_in(await lab.do(get_config(filtered(in_top("<flag/>")), f't:{mechanism}="?"')))[0]


async def entry_id(lab: Lab, name: str) -> str:
    return ids_in(await lab.do(get_config(filtered(in_top(entry(name, attributes='t:etag="?"'))))))[0]


def facts(error: RpcError) -> tuple[str, str, str | None, dict[str, object]]:
    return error.tag, error.type.value, error.path, {k.rpartition("/")[2]: v for k, v in error.info.items()}


@pytest.fixture
async def ids(lab: Lab) -> list[str]:
    """Commit three times; return the ids of running after each."""
    found = []
    for body in (
        entry("1", "<number>1</number>") + entry("2", "<number>2</number>"),
        entry("2", "<number>3</number>"),
        entry("3"),
    ):
        await lab.commit(in_top(body))
        found.append(await root_id(lab))
    return found


# -- what is shown (3.3) -------------------------------------------------------------------------


async def test_every_versioned_node_below_the_place_that_is_asked_for_has_its_id(
    lab: Lab, ids: list[str]
) -> None:
    first, second, third = ids
    assert await lab.do(get_config(filtered(in_top()), 't:etag="?"')) == (
        f'{DATA} txid:etag="{third}"><top xmlns="{EC}" txid:etag="{third}">'
        f'<entry txid:etag="{first}"><id>1</id><number>1</number></entry>'
        f'<entry txid:etag="{second}"><id>2</id><number>3</number></entry>'
        f'<entry txid:etag="{third}"><id>3</id></entry></top></data>'
    )


async def test_only_what_is_asked_for_has_one(lab: Lab, ids: list[str]) -> None:
    filter_ = filtered(in_top(entry("1", attributes='t:etag="?"') + entry("2")))
    assert await lab.do(get_config(filter_)) == (
        f'{DATA}><top xmlns="{EC}"><entry txid:etag="{ids[0]}"><id>1</id><number>1</number></entry>'
        "<entry><id>2</id><number>3</number></entry></top></data>"
    )
    assert "txid" not in await lab.do(get_config(filtered(in_top())))


async def test_on_the_filter_it_is_for_all_whatever_the_filter_is(lab: Lab, ids: list[str]) -> None:
    xpath = f'<filter type="xpath" xmlns:ec="{EC}" select="/ec:top/ec:entry[ec:id=\'2\']" t:etag="?"/>'
    for filter_ in (xpath, filtered(in_top(entry("2")), 't:etag="?"')):
        assert await lab.do(get_config(filter_)) == (
            f'{DATA} txid:etag="{ids[2]}"><top xmlns="{EC}" txid:etag="{ids[2]}">'
            f'<entry txid:etag="{ids[1]}"><id>2</id><number>3</number></entry></top></data>'
        )


async def test_without_a_filter_all_that_is_configured_has_one(lab: Lab, ids: list[str]) -> None:
    reply = await lab.do(get_config(attributes='t:etag="?"'))
    assert ids_in(reply) == [ids[2], ids[2], ids[0], ids[1], ids[2]]
    assert reply.count("<top ") == 1
    assert "<nacm" not in reply, "nothing is configured there"


async def test_a_list_that_its_user_orders_has_the_id_of_what_it_stands_in(lab: Lab) -> None:
    await ruled(lab, rule_list("one", ["admin"], rule("r", "permit")))
    root = await root_id(lab)
    reply = await lab.do(get_config(filtered(f'<nacm xmlns="{NACM}" t:etag="?"/>')))
    assert f'<nacm xmlns="{NACM}" txid:etag="{root}">' in reply
    assert "<rule-list>" in reply
    assert f'<groups txid:etag="{root}"><group txid:etag="{root}"><name>admin</name>' in reply
    known = filtered(f'<nacm xmlns="{NACM}"><rule-list t:etag="{root}"/></nacm>')
    assert '<rule-list txid:etag="="><name>one</name></rule-list>' in await lab.do(get_config(known))


async def test_the_namespace_is_that_of_the_client(lab: Lab, ids: list[str]) -> None:
    operation = get_config(filtered(in_top("<flag/>")), 't:etag="?"').replace(TXID, MODULE)
    assert (await lab.do(operation)).startswith(f'<data xmlns:txid="{MODULE}" txid:etag="{ids[2]}"><top ')


async def test_defaults_and_origins_are_shown_beside_ids(lab: Lab, ids: list[str]) -> None:
    wd = '<with-defaults xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults">{}</with-defaults>'
    request = get_config(filtered(in_top("<flag/>", 't:etag="?"')))
    tagged = await lab.do(request.replace("</get-config>", wd.format("report-all-tagged") + "</get-config>"))
    assert f'<top xmlns="{EC}" txid:etag="{ids[2]}"><flag xmlns:ncwd=' in tagged
    assert 'ncwd:default="true">true</flag>' in tagged
    body = f'<subtree-filter {T} t:etag="?">{in_top(entry("1", "<number/>"))}</subtree-filter><with-origin/>'
    reply = await lab.do(get_data("operational", body))
    assert f'txid:etag="{ids[0]}" xmlns:or=' in reply.replace(' or:origin="or:intended"', "") or (
        f'<entry txid:etag="{ids[0]}">' in reply
    )
    assert 'or:origin="or:intended"' in reply


EVERYTHING = (
    in_top(
        "<entry><id>1</id><number>1</number><pet>cat</pet><tag>a</tag><tag>b</tag><present><needed>x</needed></present>"
        "<stage><name>s</name></stage><address><ip>192.0.2.1</ip><port>1</port></address><plain><note>n</note></plain>"
        "</entry><entry><id>2</id></entry>"
    )
    + f'<order xmlns="{EC}">one</order><order xmlns="{EC}">two</order>'
    + f'<outer xmlns="{EA}"><inner>i</inner><row><k>1</k></row></outer>'
    + '<idl xmlns="urn:hostile"><i xmlns:h="urn:hostile">h:one-id</i></idl>'
    + f'<nacm xmlns="{NACM}"><read-default>permit</read-default>'
    "<groups><group><name>g</name></group></groups></nacm>"
)


@pytest.mark.parametrize("mode", ["explicit", "trim", "report-all", "report-all-tagged"])
@pytest.mark.parametrize("filter_", [
    "", filtered(in_top()), filtered(in_top("<entry/><flag/>")),
    filtered(f'<nacm xmlns="{NACM}"/>' + in_top(entry("1"))),
    filtered(in_top("<entry><number/><address/><plain/></entry>")), filtered("<top/><order/>"),
    f'<filter type="xpath" xmlns:ec="{EC}" select="/ec:top/ec:entry/ec:number | /ec:order"/>',
])  # fmt: skip
@pytest.mark.parametrize("operation", ["get", "get-config"])
async def test_but_for_ids_a_reply_is_as_without_them(
    lab: Lab, operation: str, filter_: str, mode: str
) -> None:
    await lab.commit(EVERYTHING)
    source = "<source><running/></source>" if operation == "get-config" else ""
    wd = f'<with-defaults xmlns="{WITH_DEFAULTS_NS}">{mode}</with-defaults>'
    plain = await lab.do(f"<{operation} {T}>{source}{filter_}{wd}</{operation}>")
    shown = await lab.do(f'<{operation} {T} t:etag="?">{source}{filter_}{wd}</{operation}>')
    assert "txid:etag=" in shown
    without = re.sub(r' txid:etag="[^"]*"', "", shown).replace(f' xmlns:txid="{TXID}"', "")
    assert etree.canonicalize(without) == etree.canonicalize(plain)


# -- what is left out (3.4) ----------------------------------------------------------------------


async def test_nothing_has_changed(lab: Lab, ids: list[str]) -> None:
    for request in (
        get_config(attributes=f't:etag="{ids[2]}"'),
        get_config(filtered(in_top(), f't:etag="{ids[2]}"')),
        get_config(f'<filter type="xpath" xmlns:ec="{EC}" select="/ec:top" t:etag="{ids[2]}"/>'),
    ):
        assert await lab.do(request) == f'{DATA} txid:etag="="/>'
    assert await lab.do(get_config(filtered(in_top(attributes=f't:etag="{ids[2]}"')))) == (
        f'{DATA}><top xmlns="{EC}" txid:etag="="/></data>'
    )


async def test_with_one_id_of_the_datastore_only_what_changed_since_comes(lab: Lab, ids: list[str]) -> None:
    reply = await lab.do(get_config(filtered(in_top()), f't:etag="{ids[0]}"'))
    assert reply == (
        f'{DATA} txid:etag="{ids[2]}"><top xmlns="{EC}" txid:etag="{ids[2]}">'
        '<entry txid:etag="="><id>1</id></entry>'
        f'<entry txid:etag="{ids[1]}"><id>2</id><number>3</number></entry>'
        f'<entry txid:etag="{ids[2]}"><id>3</id></entry></top></data>'
    )


async def test_the_closest_id_counts(lab: Lab, ids: list[str]) -> None:
    body = entry("1", attributes='t:etag="?"') + entry("2") + entry("3", attributes=f't:etag="{ids[2]}"')
    assert await lab.do(get_config(filtered(in_top(body, f't:etag="{ids[1]}"')))) == (
        f'{DATA}><top xmlns="{EC}" txid:etag="{ids[2]}">'
        f'<entry txid:etag="{ids[0]}"><id>1</id><number>1</number></entry>'
        '<entry txid:etag="="><id>2</id></entry><entry txid:etag="="><id>3</id></entry></top></data>'
    )


async def test_a_node_without_an_id_has_that_of_what_it_lies_in(lab: Lab, ids: list[str]) -> None:
    for given, shown in ((ids[1], '<number txid:etag="="/>'), (ids[0], "<number>3</number>")):
        body = entry("2", f'<number t:etag="{given}"/>')
        assert await lab.do(get_config(filtered(in_top(body)))) == (
            f'{DATA}><top xmlns="{EC}"><entry><id>2</id>{shown}</entry></top></data>'
        )


async def test_what_two_elements_select_is_left_out_if_it_is_known_to_both(lab: Lab, ids: list[str]) -> None:
    known, unknown = f't:etag="{ids[2]}"', 't:etag="?"'
    for first, second, left_out in ((known, known, True), (known, unknown, False), (known, "", False)):
        body = entry("1", attributes=first) + entry("1", attributes=second)
        reply = await lab.do(get_config(filtered(in_top(body))))
        assert ("<number>" not in reply) is left_out
        assert ('txid:etag="="' in reply) is left_out
    both = filtered(in_top(attributes=known) + in_top(entry("1", attributes=unknown)))
    assert f'<entry txid:etag="{ids[0]}">' in await lab.do(get_config(both))


async def test_an_element_that_tests_a_value_counts_where_it_holds(lab: Lab, ids: list[str]) -> None:
    body = f'<entry t:etag="{ids[2]}"><number>1</number></entry><entry t:etag="?"><number>3</number></entry>'
    reply = await lab.do(get_config(filtered(in_top(body))))
    assert '<entry txid:etag="="><id>1</id></entry>' in reply
    assert f'<entry txid:etag="{ids[1]}"><id>2</id><number>3</number></entry>' in reply


@pytest.mark.parametrize("value", ["?", "never-seen", "!", "="])
async def test_an_id_that_is_not_known_is_that_of_nothing(lab: Lab, ids: list[str], value: str) -> None:
    reply = await lab.do(get_config(filtered(in_top(entry("1", attributes=f't:etag="{value}"')))))
    assert f'<entry txid:etag="{ids[0]}"><id>1</id><number>1</number></entry>' in reply


async def test_last_modified_does_the_same(lab: Lab, ids: list[str]) -> None:
    time = await root_id(lab, "last-modified")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", time)
    assert (
        await lab.do(get_config(attributes=f't:last-modified="{time}"')) == f'{DATA} txid:last-modified="="/>'
    )
    await lab.commit(in_top(entry("1", "<number>9</number>")))
    reply = await lab.do(get_config(filtered(in_top()), f't:last-modified="{time}"'))
    assert reply.count('<entry txid:last-modified="=">') == 2
    assert "<id>1</id><number>9</number>" in reply
    assert ids_in(reply)[0] > time


async def test_state_has_no_id_and_stays_where_its_tunnel_is_known(lab: Lab, ids: list[str]) -> None:
    known = f't:etag="{ids[2]}"'
    state = "<entry><id>1</id><state><seen>1</seen></state></entry>"
    reply = await lab.do(f"<get {T} {known}>{filtered(in_top(entry('1')))}</get>")
    assert reply == f'{DATA} txid:etag="="><top xmlns="{EC}" txid:etag="=">{state}</top></data>'
    asked = 't:etag="?"'
    reply = await lab.do(f"<get {T}>{filtered(in_top(entry('1', attributes=known)))}</get>")
    assert 'txid:etag="="><id>1</id><state><seen>1</seen></state></entry>' in reply
    reply = await lab.do(f"<get {T}>{filtered(in_top(entry('1', attributes=asked)))}</get>")
    assert f'<entry txid:etag="{ids[0]}"><id>1</id><number>1</number>' in reply
    assert "<state><seen>1</seen></state>" in reply


async def test_get_data(lab: Lab, ids: list[str]) -> None:
    nmda = "urn:ietf:params:xml:ns:yang:ietf-netconf-nmda"
    data = f'<data xmlns="{nmda}" xmlns:txid="{TXID}"'

    def asked(datastore: str, value: str, body: str = "") -> str:
        return get_data(datastore, body).replace("<get-data ", f'<get-data {T} t:etag="{value}" ')

    assert await lab.do(asked("running", ids[2])) == f'{data} txid:etag="="/>'
    wanted = in_top(entry("2", attributes=f't:etag="{ids[0]}"'))
    subtree = f"<subtree-filter {T}>{wanted}</subtree-filter>"
    assert await lab.do(get_data("running", subtree)) == (
        f'{data}><top xmlns="{EC}"><entry txid:etag="{ids[1]}"><id>2</id><number>3</number></entry></top>'
        "</data>"
    )
    xpath = f'<xpath-filter {T} xmlns:ec="{EC}" t:etag="{ids[0]}">/ec:top/ec:entry[ec:id="1"]</xpath-filter>'
    assert '<entry txid:etag="="><id>1</id></entry>' in await lab.do(get_data("candidate", xpath))
    cut = await lab.do(
        asked("running", "?", f"<subtree-filter>{in_top()}</subtree-filter><max-depth>1</max-depth>")
    )
    assert cut == f'{data} txid:etag="{ids[2]}"><top xmlns="{EC}" txid:etag="{ids[2]}"/></data>'
    reply = await lab.do(
        asked("operational", ids[2], f"<subtree-filter>{in_top(entry('1'))}</subtree-filter>")
    )
    assert "<seen>1</seen>" in reply
    assert "<number>" not in reply


async def test_a_retrieval_that_is_known_looks_at_no_tree(
    lab: Lab, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    for name in ("duplicate", "copy_of", "copy_into", "to_xml"):
        kept = getattr(Tree, name)

        def counted(self: Tree, *arguments: object, _kept=kept, _name=name, **more: object) -> object:  # type: ignore[no-untyped-def]
            looked.append(_name)
            return _kept(self, *arguments, **more)

        monkeypatch.setattr(Tree, name, counted)
    await lab.do(get_config(attributes=f't:etag="{ids[2]}"'))
    await lab.do(get_config(filtered(in_top(attributes=f't:etag="{ids[2]}"'))))
    await lab.do(get_config(f'<filter type="xpath" xmlns:ec="{EC}" select="//*" t:etag="{ids[2]}"/>'))
    await lab.do(get_config(attributes=f't:etag="{ids[2]}"', source="candidate"))
    assert looked == []
    await lab.do(get_config(""))
    assert looked, "the count sees a retrieval"


# -- the candidate (3.5) -------------------------------------------------------------------------


async def test_the_candidate_has_the_ids_of_running_where_it_does_not_differ(
    lab: Lab, ids: list[str]
) -> None:
    request = get_config(filtered(in_top()), 't:etag="?"', source="candidate")
    assert ids_in(await lab.do(request)) == [ids[2], ids[2], ids[0], ids[1], ids[2]]
    await lab.edit(in_top(entry("2", "<number>7</number>")))
    assert ids_in(await lab.do(request)) == ["!", "!", ids[0], "!", ids[2]]
    known = get_config(filtered(in_top(), f't:etag="{ids[2]}"'), source="candidate")
    reply = await lab.do(known)
    assert '<entry txid:etag="!"><id>2</id><number>7</number></entry>' in reply
    assert reply.count('txid:etag="="') == 2
    await lab.edit(in_top(entry("2", "<number>3</number>")))
    assert ids_in(await lab.do(request))[0] == ids[2], "as in running again"
    await lab.edit(in_top(entry("2", attributes='nc:operation="delete"')))
    assert ids_in(await lab.do(request)) == ["!", "!", ids[0], ids[2]]
    await lab.do("<discard-changes/>")
    assert await lab.do(known) == f'{DATA} txid:etag="="/>'


async def test_whoever_wants_it_gets_the_new_id_with_the_ok(lab: Lab, ids: list[str]) -> None:
    body = in_top(entry("1", "<number>8</number>"))
    assert await lab.do(edit_config(body, more=WITH_ETAG)) == f'<ok xmlns:txid="{TXID}" txid:etag="!"/>'
    reply = await lab.do(f"<commit>{WITH_ETAG}</commit>")
    new = await root_id(lab)
    assert reply == f'<ok xmlns:txid="{TXID}" txid:etag="{new}"/>'
    assert await entry_id(lab, "1") == new
    assert new not in ids
    time = WITH_ETAG.replace("with-etag", "with-last-modified")
    assert await lab.do(f"<commit>{time}</commit>") == (
        f'<ok xmlns:txid="{TXID}" txid:last-modified="{await root_id(lab, "last-modified")}"/>'
    )
    assert await lab.do(f"<commit>{WITH_ETAG.replace('true', 'false')}</commit>") == ""


# -- what is no id -------------------------------------------------------------------------------


@pytest.mark.parametrize(("operation", "attribute", "element", "at"), [
    (get_config(attributes='t:etag="a b"'), "etag", "get-config", None),
    (get_config(filtered("", 't:etag=""')), "etag", "filter", None),
    (get_config(filtered(in_top(attributes='t:last-modified="now"'))), "last-modified", "top", None),
    (edit_config(in_top(), 't:etag="a b"'), "etag", "config", None),
    (edit_config(in_top(entry("1", "", 't:etag="&quot;"'))), "etag", "entry", f"{TOP}/entry[id='1']"),
    (edit_config(in_top(attributes='t:last-modified="2026"')), "last-modified", "top", TOP),
])  # fmt: skip
async def test_what_cannot_be_an_id_is_refused(
    lab: Lab, operation: str, attribute: str, element: str, at: str | None
) -> None:
    (error,) = await lab.refused(operation)
    assert (error.tag, error.path) == ("bad-attribute", at)
    assert error.info == {"bad-attribute": attribute, "bad-element": element}


async def test_a_retrieval_uses_one_kind(lab: Lab, ids: list[str]) -> None:
    (error,) = await lab.refused(get_config(filtered(in_top(attributes='t:last-modified="?"')), 't:etag="?"'))
    assert (error.tag, error.info["bad-attribute"]) == ("bad-attribute", "last-modified")
    twice = get_config(attributes=f'xmlns:m="{MODULE}" t:etag="?" m:etag="?"')
    assert [error.tag for error in await lab.refused(twice)] == ["bad-attribute"]


@pytest.mark.parametrize("operation", [
    f'<commit {T} t:etag="?"/>',
    f'<get-config {T}><source t:etag="?"><running/></source></get-config>',
    f'<lock {T}><target t:etag="?"><candidate/></target></lock>',
    get_config(attributes='t:other="?"'),
    edit_config(in_top(attributes='t:other="?"')),
    get_config(attributes='etag="?"'),
])  # fmt: skip
async def test_elsewhere_it_means_nothing_and_is_refused(lab: Lab, operation: str) -> None:
    assert [error.tag for error in await lab.refused(operation)] == ["unknown-attribute"]


async def test_a_retrieval_with_the_parameter_is_told_of_the_attribute(lab: Lab) -> None:
    (error,) = await lab.refused(get_config(WITH_ETAG))
    assert (error.tag, error.info) == ("unknown-element", {"bad-element": "with-etag"})
    assert "attribute etag" in error.message
