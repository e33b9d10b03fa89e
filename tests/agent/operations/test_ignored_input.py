"""What means nothing where it stands is refused: whoever wrote it expects something of it."""

from __future__ import annotations

import pytest

from agent.errors import RpcErrors
from agent.netconf.messages import RpcProblem, parse_rpc
from agent.operations.dispatch import dispatch
from agent.xml import NETCONF_NS as BASE
from tests.agent.handlers import Lab
from tests.agent.lab import EC, entry, top

AGENT = "urn:yangswan:params:xml:ns:yang:agent"
NMDA = "urn:ietf:params:xml:ns:yang:ietf-netconf-nmda"
DATASTORES = "urn:ietf:params:xml:ns:yang:ietf-datastores"
NOTIFICATION = "urn:ietf:params:xml:ns:netconf:notification:1.0"
ONE = entry("<number>1</number>")
CANDIDATE = "<target><candidate/></target>"
RUNNING = "<source><running/></source>"


def edit_config(attributes: str = "", body: str = ONE, more: str = "") -> str:
    return f"<edit-config>{CANDIDATE}{more}<config {attributes}>{body}</config></edit-config>"


def edit_data(attributes: str, body: str = ONE) -> str:
    return (
        f'<edit-data xmlns="{NMDA}" xmlns:ds="{DATASTORES}"><datastore>ds:candidate</datastore>'
        f"<config {attributes}>{body}</config></edit-data>"
    )


def copy(attributes: str = "", body: str = ONE) -> str:
    return f"<copy-config>{CANDIDATE}<source><config {attributes}>{body}</config></source></copy-config>"


def validate(attributes: str = "", body: str = ONE) -> str:
    return f"<validate><source><config {attributes}>{body}</config></source></validate>"


def get_config(filter_: str) -> str:
    return f"<get-config>{RUNNING}{filter_}</get-config>"


def explain(path: str) -> str:
    return f'<explain-access xmlns="{AGENT}"><path>{path}</path></explain-access>'


def anchored(key: str) -> str:
    body = f'<stage yang:insert="before" yang:key="{key}"><name>b</name></stage>'
    return edit_config(body=entry(body))


REPLACE = 'nc:operation="replace"'
CONFIG = {"bad-attribute": "operation", "bad-element": "config"}
SELECT = 'select="/ec:top"'
IGNORED = {
    "an operation on config": (edit_config(REPLACE), "unknown-attribute", CONFIG),
    "a wrong operation on config": (edit_config('nc:operation="bogus"'), "unknown-attribute", CONFIG),
    "an operation without prefix on config": (edit_config('operation="merge"'), "unknown-attribute", CONFIG),
    "an operation on config of edit-data": (edit_data(REPLACE), "unknown-attribute", CONFIG),
    "an operation on config of copy-config": (copy(REPLACE), "unknown-attribute", CONFIG),
    "an operation on config of validate": (validate(REPLACE), "unknown-attribute", CONFIG),
    "an insert on config": (
        edit_config('yang:insert="first"'),
        "unknown-attribute",
        {"bad-attribute": "insert", "bad-element": "config"},
    ),
    "an operation on target": (
        f"<edit-config><target {REPLACE}><candidate/></target><config>{ONE}</config></edit-config>",
        "unknown-attribute",
        {"bad-attribute": "operation", "bad-element": "target"},
    ),
    "an attribute of the operation": (
        '<commit confirmed="true"/>',
        "unknown-attribute",
        {"bad-attribute": "confirmed", "bad-element": "commit"},
    ),
    "an attribute of a leaf": (
        '<commit><confirmed timeout="5"/></commit>',
        "unknown-attribute",
        {"bad-attribute": "timeout", "bad-element": "confirmed"},
    ),
    "text in config": (edit_config(body="set vpn 1 enable"), "bad-element", {"bad-element": "config"}),
    "text after data": (edit_config(body=f"{ONE}set"), "bad-element", {"bad-element": "config"}),
    "text in config of edit-data": (edit_data("", f"{ONE}set"), "bad-element", {"bad-element": "config"}),
    "text in config of copy-config": (copy(body="set"), "bad-element", {"bad-element": "config"}),
    "text in config of validate": (validate(body=f"set{ONE}"), "bad-element", {"bad-element": "config"}),
    "text after an element of data": (
        edit_config(body=entry("<number>1</number>set")),
        "bad-element",
        {"bad-element": "entry"},
    ),
    "text after an element with an operation": (
        edit_config(body=entry(f"<number {REPLACE}>1</number>set")),
        "bad-element",
        {"bad-element": "entry"},
    ),
    "text in data that nothing is done to": (
        edit_config(body=top("set"), more="<default-operation>none</default-operation>"),
        "bad-element",
        {"bad-element": "top"},
    ),
    "text beside parameters": ("<commit>now</commit>", "bad-element", {"bad-element": "commit"}),
    "text beside a datastore": (
        f"<edit-config><target><candidate/>running</target><config>{ONE}</config></edit-config>",
        "bad-element",
        {"bad-element": "target"},
    ),
    "elements in a value": (
        "<commit><confirmed/><persist><token>x</token></persist></commit>",
        "bad-element",
        {"bad-element": "persist"},
    ),
    "text in an action": (
        '<action xmlns="urn:ietf:params:xml:ns:yang:1">'
        + entry("<poke><strength>1</strength></poke>")
        + "now</action>",
        "bad-element",
        {"bad-element": "action"},
    ),
    "select without type": (
        get_config(f"<filter {SELECT}/>"),
        "missing-attribute",
        {"bad-attribute": "type", "bad-element": "filter"},
    ),
    "select without type for notifications": (
        f'<create-subscription xmlns="{NOTIFICATION}"><filter {SELECT}/></create-subscription>',
        "missing-attribute",
        {"bad-attribute": "type", "bad-element": "filter"},
    ),
    "select of a subtree": (
        get_config(f'<filter type="subtree" {SELECT}/>'),
        "bad-attribute",
        {"bad-attribute": "select", "bad-element": "filter"},
    ),
    "elements beside select": (
        get_config(f'<filter type="xpath" {SELECT}>{top("")}</filter>'),
        "bad-element",
        {"bad-element": "top"},
    ),
    "another attribute of a filter": (
        get_config('<filter kind="xpath"/>'),
        "unknown-attribute",
        {"bad-attribute": "kind", "bad-element": "filter"},
    ),
    "text in a filter": (get_config("<filter>/top</filter>"), "bad-element", {"bad-element": "filter"}),
    "text beside elements in a filter": (
        get_config(f"<filter>{top('flag<flag/>')}</filter>"),
        "bad-element",
        {"bad-element": "top"},
    ),
    "confirm-timeout without confirmed": (
        "<commit><confirm-timeout>2</confirm-timeout></commit>",
        "bad-element",
        {"bad-element": "confirm-timeout"},
    ),
    "persist without confirmed": (
        "<commit><persist>x</persist></commit>",
        "bad-element",
        {"bad-element": "persist"},
    ),
    "a prefix of a key that is not declared": (
        anchored("[zz:name='a']"),
        "bad-attribute",
        {"bad-attribute": "key", "bad-element": "stage"},
    ),
    "a prefix of a key that is another module's": (
        anchored("[et:name='a']"),
        "bad-attribute",
        {"bad-attribute": "key", "bad-element": "stage"},
    ),
    "a key that is none": (
        anchored("[name='a'][effort='1']"),
        "bad-attribute",
        {"bad-attribute": "key", "bad-element": "stage"},
    ),
    "what is no key at all": (
        anchored("a[name='a']"),
        "bad-attribute",
        {"bad-attribute": "key", "bad-element": "stage"},
    ),
    "a prefix of a key to explain": (
        explain("/every-construct:top/entry[zz:id='1']"),
        "invalid-value",
        {"bad-element": "path"},
    ),
    "a key to explain that is none": (
        explain("/every-construct:top/entry[number='1']"),
        "invalid-value",
        {"bad-element": "path"},
    ),
}


@pytest.mark.parametrize(("request_", "tag", "info"), IGNORED.values(), ids=IGNORED)
async def test_what_would_be_passed_over_is_refused(
    lab: Lab, request_: str, tag: str, info: dict[str, str]
) -> None:
    await lab.commit(entry("<stage><name>a</name></stage>"))
    before = lab.candidate
    errors = await lab.refused(request_)
    assert [(error.tag, error.info) for error in errors] == [(tag, info)]
    assert lab.candidate == before


TAKEN = {
    "a prefix of a key that is declared": anchored("[ec:name='a']"),
    "a key without prefix": anchored(" [name = 'a'] "),
    "a language": f'<get-config xml:lang="en">{RUNNING}</get-config>',
    "a key to explain": explain("/every-construct:top/entry[every-construct:id='1']/tag[.='x']"),
    "no type and no select": get_config(f"<filter>{top('')}</filter>"),
    "an attribute of a filter with the prefix of NETCONF": get_config(
        '<filter nc:type="xpath" nc:select="/ec:top"/>'
    ),
    "white space": f"<get-config>\n  {RUNNING}\n  <filter>\n    {top('')}\n  </filter>\n</get-config>",
    "confirm-timeout with confirmed": "<commit><confirmed/><confirm-timeout>9</confirm-timeout></commit>",
}


@pytest.mark.parametrize("request_", TAKEN.values(), ids=TAKEN)
async def test_what_means_something_is_taken(lab: Lab, request_: str) -> None:
    await lab.commit(entry("<stage><name>a</name></stage>"))
    await lab.do(request_)


def test_text_beside_the_operation_is_refused() -> None:
    rpc = '<rpc xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="1">{}</rpc>'
    for body in ("now<get/>", "<get/>now"):
        with pytest.raises(RpcProblem) as caught:
            parse_rpc(rpc.format(body).encode())
        assert (caught.value.error.tag, caught.value.error.info) == ("bad-element", {"bad-element": "rpc"})


async def test_a_commit_that_is_refused_for_its_timeout_commits_nothing(lab: Lab) -> None:
    await lab.edit(ONE)
    await lab.refused("<commit><confirm-timeout>2</confirm-timeout></commit>")
    assert EC not in lab.running


@pytest.mark.parametrize(
    ("operation", "element"),
    [
        ('<get xmlns=""/>', "get"),
        ('<discard-changes xmlns=""/>', "discard-changes"),
        ('<lock><target xmlns=""><candidate/></target></lock>', "target"),
        ('<get-config><source><running xmlns=""/></source></get-config>', "running"),
    ],
)
@pytest.mark.parametrize("prefix", ["", "nc:"])
async def test_what_is_said_to_be_in_no_namespace_is_not_netconfs(
    lab: Lab, prefix: str, operation: str, element: str
) -> None:
    declared = f'xmlns{":nc" if prefix else ""}="{BASE}" message-id="1"'
    request = parse_rpc(f"<{prefix}rpc {declared}>{operation}</{prefix}rpc>".encode())
    with pytest.raises(RpcErrors) as caught:
        await dispatch(lab.context, lab.caller(1), request.operation)
    told = next(error for error in caught.value.errors if error.tag == "unknown-namespace")
    assert told.info == {"bad-element": element, "bad-namespace": ""}
    assert told.message == f"<{element}> is in no namespace, and nothing of this server is"
