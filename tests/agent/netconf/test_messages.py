"""Messages (RFC 6241 section 4): what is echoed, how an error is written, how a path gets prefixes."""

from __future__ import annotations

import pytest
from lxml import etree

from agent.errors import (
    AccessDenied,
    BadAttribute,
    BadElement,
    DataExists,
    DataMissing,
    ErrorType,
    InUse,
    InvalidValue,
    LockDenied,
    MalformedMessage,
    MissingAttribute,
    MissingElement,
    OperationFailed,
    OperationNotSupported,
    ResourceDenied,
    RollbackFailed,
    RpcError,
    TooBig,
    TxidMismatch,
    UnknownAttribute,
    UnknownElement,
    UnknownNamespace,
)
from agent.netconf.messages import (
    PLAIN_START,
    RpcProblem,
    error_reply,
    parse_hello,
    parse_rpc,
    reply,
    xml_path,
)
from agent.xml import NETCONF_NS, XmlError, parse

NAMESPACES = {"m": ("mp", "urn:m"), "n": ("np", "urn:n"), "o": ("mp", "urn:o")}
NC = {"nc": NETCONF_NS}


def rpc(attributes: str = 'message-id="1"', body: str = "<get/>") -> bytes:
    return f'<rpc xmlns="{NETCONF_NS}" {attributes}>{body}</rpc>'.encode()


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ('message-id="a &amp; b"', {"message-id": "a & b"}),
        ('message-id="1" x:y="z" xmlns:x="urn:x"', {"message-id": "1", "{urn:x}y": "z"}),
        (
            'message-id="1" xml:lang="sv"',
            {"message-id": "1", "{http://www.w3.org/XML/1998/namespace}lang": "sv"},
        ),
        ("message-id='\"'", {"message-id": '"'}),
    ],
)
def test_rfc6241_4_2_a_reply_carries_the_attributes_of_its_rpc(
    attributes: str, expected: dict[str, str]
) -> None:
    answer = etree.fromstring(reply(parse_rpc(rpc(attributes)), b""))
    assert dict(answer.attrib) == expected
    assert [etree.QName(child).localname for child in answer] == ["ok"]


@pytest.mark.parametrize(
    ("data", "tag"),
    [
        (f'<rpc xmlns="{NETCONF_NS}"><get/></rpc>'.encode(), "missing-attribute"),
        (rpc(body=""), "missing-element"),
        (rpc(body="<get/><get/>"), "bad-element"),
        (b'<rpc message-id="1"><get/></rpc>', "unknown-element"),
        (f'<hello xmlns="{NETCONF_NS}"/>'.encode(), "unknown-element"),
    ],
)
def test_what_is_no_rpc_gets_an_error_of_type_rpc(data: bytes, tag: str) -> None:
    with pytest.raises(RpcProblem) as caught:
        parse_rpc(data)
    assert (caught.value.error.tag, caught.value.error.type) == (tag, ErrorType.RPC)


def test_comments_and_processing_instructions_are_no_operations() -> None:
    assert etree.QName(parse_rpc(rpc(body="<!-- x --><?y z?><get/>")).operation).localname == "get"


def test_a_hello_is_read() -> None:
    body = "<capabilities><capability> urn:a </capability></capabilities><session-id>4</session-id>"
    hello = parse_hello(f'<hello xmlns="{NETCONF_NS}">{body}</hello>'.encode())
    assert hello is not None
    assert (hello.capabilities, hello.session_id) == ({"urn:a"}, "4")
    assert parse_hello(rpc()) is None


BODY = "<capabilities><capability>urn:a</capability></capabilities>"


@pytest.mark.parametrize(
    "further",
    [
        "<foo/>",
        '<foo xmlns="urn:x"><capability>urn:b</capability></foo>',
        "text",
        "<foo><session-id>4</session-id><capabilities><capability>urn:b</capability></capabilities></foo>",
        "<capability>urn:b</capability>",
        '<capabilities xmlns="urn:x"><capability>urn:b</capability></capabilities>',
    ],
)
def test_what_else_is_in_a_hello_is_passed_over(further: str) -> None:
    for body in (BODY + further, further + BODY):
        found = parse_hello(f'<hello xmlns="{NETCONF_NS}" more="1">{body}</hello>'.encode())
        assert found is not None
        assert (found.capabilities, found.session_id) == ({"urn:a"}, None)


REFUSED_XML = [
    b"", b"<a>", b"<a/><b/>", b"<a>\0</a>", b"<!DOCTYPE a><a/>", b"<a>&x;</a>", b"<x:a/>",
    b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', b"<a>\xff</a>", b"<a>" * 257 + b"</a>" * 257,
]  # fmt: skip


@pytest.mark.parametrize("data", REFUSED_XML, ids=lambda data: repr(data[:20]))
def test_the_door_to_xml_refuses(data: bytes) -> None:
    with pytest.raises(XmlError) as caught:
        parse(data)
    assert caught.value.__cause__ is None


def test_the_door_to_xml_counts_elements() -> None:
    assert len(parse(b"<a><b/><c/></a>", max_elements=3)) == 2
    with pytest.raises(XmlError, match="3 elements"):
        parse(b"<a><b/><c/><d/></a>", max_elements=3)


def test_the_door_to_xml_counts_levels() -> None:
    assert len(parse(b"<a><b/></a>", max_depth=2)) == 1
    with pytest.raises(XmlError, match="2 levels"):
        parse(b"<a><b><c/></b></a>", max_depth=2)


def test_the_door_to_xml_lets_256_levels_in() -> None:
    assert len(list(parse(b"<a>" * 256 + b"</a>" * 256).iter())) == 256


ERRORS: list[tuple[RpcError, str, str, dict[str, str]]] = [
    (InUse("x"), "application", "in-use", {}),
    (InvalidValue("x"), "application", "invalid-value", {}),
    (TooBig("x"), "application", "too-big", {}),
    (MissingAttribute("a", "e", type=ErrorType.RPC), "rpc", "missing-attribute",
     {"bad-attribute": "a", "bad-element": "e"}),
    (BadAttribute("a", "e", "x"), "application", "bad-attribute", {"bad-attribute": "a", "bad-element": "e"}),
    (UnknownAttribute("a", "e", "x"), "application", "unknown-attribute",
     {"bad-attribute": "a", "bad-element": "e"}),
    (MissingElement("e", "x"), "application", "missing-element", {"bad-element": "e"}),
    (BadElement("e", "x"), "application", "bad-element", {"bad-element": "e"}),
    (UnknownElement("e", "x"), "application", "unknown-element", {"bad-element": "e"}),
    (UnknownNamespace("e", "urn:x"), "application", "unknown-namespace",
     {"bad-element": "e", "bad-namespace": "urn:x"}),
    (AccessDenied("x"), "application", "access-denied", {}),
    (LockDenied("running", 7), "protocol", "lock-denied", {"session-id": "7"}),
    (ResourceDenied("x"), "application", "resource-denied", {}),
    (RollbackFailed("x"), "application", "rollback-failed", {}),
    (DataExists("x"), "application", "data-exists", {}),
    (DataMissing("x"), "application", "data-missing", {}),
    (OperationNotSupported("x"), "application", "operation-not-supported", {}),
    (OperationFailed("x"), "application", "operation-failed", {}),
    (MalformedMessage("x"), "rpc", "malformed-message", {}),
]  # fmt: skip


@pytest.mark.parametrize(("error", "kind", "tag", "info"), ERRORS, ids=[row[2] for row in ERRORS])
def test_rfc6241_appendix_a_each_error_has_its_wire_form(
    error: RpcError, kind: str, tag: str, info: dict[str, str]
) -> None:
    found = etree.fromstring(error_reply(PLAIN_START, [error], NAMESPACES)).find("nc:rpc-error", NC)
    assert found is not None
    assert found.findtext("nc:error-type", namespaces=NC) == kind
    assert found.findtext("nc:error-tag", namespaces=NC) == tag
    assert found.findtext("nc:error-severity", namespaces=NC) == "error"
    assert found.findtext("nc:error-message", namespaces=NC) == error.message
    holder = found.find("nc:error-info", NC)
    assert {etree.QName(e).localname: e.text for e in (holder if holder is not None else ())} == info


def test_the_children_of_an_error_stand_in_the_order_of_the_schema() -> None:
    error = InvalidValue("m", path="/m:a", app_tag="t", info={"bad-element": "a"})
    found = etree.fromstring(error_reply(PLAIN_START, [error], NAMESPACES))[0]
    assert [etree.QName(child).localname for child in found] == [
        "error-type", "error-tag", "error-severity", "error-app-tag",
        "error-path", "error-message", "error-info",
    ]  # fmt: skip


def test_a_message_with_what_xml_cannot_hold_is_still_xml() -> None:
    found = etree.fromstring(error_reply(PLAIN_START, [OperationFailed("a\x01<b>&\ufffe")], NAMESPACES))
    assert found.findtext(".//nc:error-message", namespaces=NC) == "a\ufffd<b>&\ufffd"


PATHS = [
    ("/m:a/b", {}, "/mp:a/mp:b", {"mp": "urn:m"}),
    ("/m:a/n:b/c", {}, "/mp:a/np:b/np:c", {"mp": "urn:m", "np": "urn:n"}),
    ("/m:a[k='x']/b", {}, "/mp:a[mp:k='x']/mp:b", {"mp": "urn:m"}),
    ("/m:a[k='x/y[z]'][l=\"it's\"]/b", {}, "/mp:a[mp:k='x/y[z]'][mp:l=\"it's\"]/mp:b", {"mp": "urn:m"}),
    ("/m:l[.='v']", {}, "/mp:l[.='v']", {"mp": "urn:m"}),
    ("/m:l[3]/a", {}, "/mp:l[3]/mp:a", {"mp": "urn:m"}),
    ("/m:a", {"urn:m": "mine"}, "/mine:a", {"mine": "urn:m"}),
    ("/m:a/o:b", {}, "/mp:a/mp_:b", {"mp": "urn:m", "mp_": "urn:o"}),
]


@pytest.mark.parametrize(("path", "prefixes", "expected", "declared"), PATHS)
def test_an_error_path_is_written_with_prefixes_that_are_declared(
    path: str, prefixes: dict[str, str], expected: str, declared: dict[str, str]
) -> None:
    assert xml_path(path, NAMESPACES, prefixes) == (expected, declared)


def test_error_info_of_another_namespace_with_paths() -> None:
    key = "{urn:ietf:params:xml:ns:yang:1}non-unique"
    error = OperationFailed("x", info={key: ("/m:a[k='1']", "/m:a[k='2']")})
    found = etree.fromstring(error_reply(PLAIN_START, [error], NAMESPACES)).findall(f".//{key}")
    assert [(e.text, e.nsmap["mp"]) for e in found] == [
        ("/mp:a[mp:k='1']", "urn:m"),
        ("/mp:a[mp:k='2']", "urn:m"),
    ]


def test_error_info_in_a_container_of_its_own() -> None:
    error = TxidMismatch("etag", "h-1-2", path="/m:a[k='1']")
    found = etree.fromstring(error_reply(PLAIN_START, [error], NAMESPACES)).find(".//nc:error-info", NC)
    assert found is not None
    (holder,) = found
    uri = "{urn:ietf:params:xml:ns:yang:ietf-netconf-txid}"
    assert holder.tag == f"{uri}txid-value-mismatch-error-info"
    assert [(e.tag, e.text) for e in holder] == [
        (f"{uri}mismatch-path", "/mp:a[mp:k='1']"),
        (f"{uri}mismatch-etag-value", "h-1-2"),
    ]
    assert holder[0].nsmap["mp"] == "urn:m"
    whole = TxidMismatch("last-modified", "x", path=None)
    (holder,) = etree.fromstring(error_reply(PLAIN_START, [whole], NAMESPACES)).find(".//nc:error-info", NC)
    assert [e.tag for e in holder] == [f"{uri}mismatch-last-modified-value"]


def test_parameters_without_a_namespace_are_netconfs_own() -> None:
    """As Ansible's documentation writes them; what is inside <config> and <filter> stays as it is."""
    base = "urn:ietf:params:xml:ns:netconf:base:1.0"
    rpc = parse_rpc(
        f'<nc:rpc xmlns:nc="{base}" message-id="1"><nc:edit-config><nc:target><candidate/></nc:target>'
        "<config><plain/></config></nc:edit-config></nc:rpc>".encode()
    )
    names = [str(element.tag) for element in rpc.operation.iter()]
    assert names == [f"{{{base}}}{n}" for n in ("edit-config", "target", "candidate", "config")] + ["plain"]
    rpc = parse_rpc(f'<nc:rpc xmlns:nc="{base}" message-id="1"><discard-changes/></nc:rpc>'.encode())
    assert rpc.operation.tag == f"{{{base}}}discard-changes"


@pytest.mark.parametrize(
    "operation", ['<get xmlns=""/>', '<get xmlns=""><filter/></get>', '<lock><target xmlns=""/></lock>']
)
@pytest.mark.parametrize("start", ["<rpc xmlns=", "<nc:rpc xmlns:nc="])
def test_what_is_said_to_be_in_no_namespace_stays_there(start: str, operation: str) -> None:
    end = "</rpc>" if start.startswith("<rpc") else "</nc:rpc>"
    found = parse_rpc(f'{start}"{NETCONF_NS}" message-id="1">{operation}{end}'.encode()).operation
    assert next(element for element in found.iter() if element.nsmap.get(None) == "").tag in ("get", "target")


def test_an_operation_of_another_namespace_keeps_its_parameters() -> None:
    base = "urn:ietf:params:xml:ns:netconf:base:1.0"
    rpc = parse_rpc(f'<nc:rpc xmlns:nc="{base}" message-id="1"><x:y xmlns:x="u"><z/></x:y></nc:rpc>'.encode())
    assert [str(element.tag) for element in rpc.operation.iter()] == ["{u}y", "z"]
