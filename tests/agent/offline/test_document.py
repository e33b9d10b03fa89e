"""A configuration in a file, whatever holds it."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.offline.checking import content_of
from agent.offline.document import Language, Unreadable, language_of, read_document
from agent.yang.schema import Schema

IPSEC = "urn:yangswan:params:xml:ns:yang:ipsec"
TUNNELS = f'<tunnels xmlns="{IPSEC}"><leak-protection>false</leak-protection></tunnels>'
MEMBERS = '{"yangswan-ipsec:tunnels": {"leak-protection": false}}'
BASE = 'xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"'
SET = 'xmlns="urn:ietf:params:xml:ns:yang:ietf-yang-instance-data"'
XML_FORMS = [
    TUNNELS,
    f"<config>{TUNNELS}</config>",
    f"<config {BASE}>{TUNNELS}</config>",
    f"<data {BASE}>{TUNNELS}</data>",
    f'<rpc-reply {BASE} message-id="1"><data>{TUNNELS}</data></rpc-reply>',
    f'<data xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-nmda">{TUNNELS}</data>',
    f'<data xmlns="urn:ietf:params:xml:ns:yang:ietf-restconf">{TUNNELS}</data>',
    f"<instance-data-set {SET}><name>x</name><content-data>{TUNNELS}</content-data></instance-data-set>",
    f'<?xml version="1.0" encoding="UTF-8"?>\n<!-- x -->\n{TUNNELS}',
    f"\ufeff{TUNNELS}",
]
JSON_FORMS = [
    MEMBERS,
    f'{{"ietf-restconf:data": {MEMBERS}}}',
    f'{{"ietf-netconf:config": {MEMBERS}}}',
    f'{{"ietf-yang-instance-data:instance-data-set": {{"name": "x", "content-data": {MEMBERS}}}}}',
    f"\ufeff  {MEMBERS}\n",
]


@pytest.mark.parametrize("text", [*XML_FORMS, *JSON_FORMS])
def test_every_form_holds_the_same(schema: Schema, text: str) -> None:
    data = text.encode()
    language = language_of(Path("file"), data)
    assert content_of(schema, read_document(schema, data, language)).to_xml() == TUNNELS.encode()


@pytest.mark.parametrize(
    "text",
    [
        f"<config {BASE}/>",
        "{}",
        f"<instance-data-set {SET}/>",
        '{"ietf-yang-instance-data:instance-data-set": {}}',
    ],
)
def test_a_configuration_may_be_empty(schema: Schema, text: str) -> None:
    data = text.encode()
    assert content_of(schema, read_document(schema, data, language_of(Path("file"), data))).empty


@pytest.mark.parametrize(
    ("name", "data", "language"),
    [
        ("a", b"<", Language.XML),
        ("a.toml", b" \n<", Language.XML),
        ("a", b"{", Language.JSON),
        ("a.json", b"[", Language.JSON),
        ("a.toml", b"[limits]", Language.TOML),
        ("a", b"# x", Language.TOML),
        ("a.xml", b"", Language.XML),
        ("a.json", b"", Language.JSON),
        ("a.conf", b"", Language.TOML),
    ],
)
def test_what_a_file_is_written_in_is_seen_where_it_begins(
    name: str, data: bytes, language: Language
) -> None:
    assert language_of(Path(name), data) is language


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<config>", "not well-formed at line 1"),
        ('<?xml version="1.0" encoding="ISO-8859-1"?><config/>', "UTF-8"),
        ("<!DOCTYPE x><config/>", "document type declaration"),
        (
            f"<instance-data-set {SET}><datastore>ds:operational</datastore></instance-data-set>",
            "'operational'",
        ),
        (f"<instance-data-set {SET}><content-data/><content-data/></instance-data-set>", "stands 2 times"),
        ("{]", "not JSON at line 1, column 2"),
        ('{"ietf-yang-instance-data:instance-data-set": {"content-data": []}}', "is no object"),
        (
            '{"ietf-yang-instance-data:instance-data-set": {"datastore": "ietf-datastores:operational"}}',
            "no configuration",
        ),
    ],
)
def test_what_holds_no_configuration_is_said(schema: Schema, text: str, words: str) -> None:
    data = text.encode()
    with pytest.raises(Unreadable, match=words):
        read_document(schema, data, language_of(Path("file"), data))
