"""get-data and edit-data (RFC 8526), <operational> and the origin of values (RFC 8342)."""

from __future__ import annotations

import pytest

from tests.agent.handlers import Lab, Remembering
from tests.agent.lab import EC, entry, top

NS = "urn:ietf:params:xml:ns:yang:ietf-netconf-nmda"
DS = "urn:ietf:params:xml:ns:yang:ietf-datastores"
OR = "urn:ietf:params:xml:ns:yang:ietf-origin"


def get_data(datastore: str, body: str = "") -> str:
    return (
        f'<get-data xmlns="{NS}" xmlns:ds="{DS}" xmlns:or="{OR}"><datastore>ds:{datastore}</datastore>{body}'
        "</get-data>"
    )


def edit_data(datastore: str, body: str, more: str = "") -> str:
    return (
        f'<edit-data xmlns="{NS}" xmlns:ds="{DS}"><datastore>ds:{datastore}</datastore>{more}'
        f"<config>{body}</config></edit-data>"
    )


def only(body: str = f'<top xmlns="{EC}"/>') -> str:
    return f"<subtree-filter>{body}</subtree-filter>"


@pytest.fixture(autouse=True)
async def filled(lab: Lab) -> None:
    await lab.commit(top("<entry><id>1</id><number>2</number></entry><entry><id>2</id></entry>"))


async def test_running_and_candidate_hold_configuration_as_it_was_set(lab: Lab) -> None:
    await lab.edit(entry("<number>3</number>"))
    expected = (
        f'<top xmlns="{EC}"><entry><id>1</id><number>{{}}</number></entry><entry><id>2</id></entry></top>'
    )
    for datastore, number in (("running", 2), ("candidate", 3)):
        reply = await lab.do(get_data(datastore, only()))
        assert reply == f'<data xmlns="{NS}">{expected.format(number)}</data>'


async def test_operational_holds_state_and_the_defaults_in_use(lab: Lab) -> None:
    reply = await lab.do(get_data("operational", only()))
    assert "<number>2</number>" in reply
    assert "<speed>100</speed>" in reply
    assert "<seen>1</seen>" in reply


@pytest.mark.parametrize(
    ("mode", "shown"),
    [("report-all", True), ("explicit", False), ("trim", False), ("report-all-tagged", True)],
)
async def test_with_defaults_applies_to_get_data(lab: Lab, mode: str, shown: bool) -> None:
    for datastore in ("running", "operational"):
        reply = await lab.do(get_data(datastore, only() + f"<with-defaults>{mode}</with-defaults>"))
        assert (">100</speed>" in reply) is shown
        assert ('default="true"' in reply) is (mode == "report-all-tagged")


async def test_an_xpath_filter(lab: Lab) -> None:
    body = f"<xpath-filter xmlns:ec=\"{EC}\">/ec:top/ec:entry[ec:id='1']/ec:number</xpath-filter>"
    reply = await lab.do(get_data("operational", body))
    assert reply == (
        f'<data xmlns="{NS}"><top xmlns="{EC}"><entry><id>1</id><number>2</number></entry></top></data>'
    )


async def test_config_filter(lab: Lab) -> None:
    reply = await lab.do(get_data("operational", only() + "<config-filter>true</config-filter>"))
    assert "<number>2</number>" in reply
    assert "<seen>" not in reply
    reply = await lab.do(get_data("operational", only() + "<config-filter>false</config-filter>"))
    assert "<number>" not in reply
    assert "<id>1</id>" in reply
    assert "<seen>1</seen>" in reply
    reply = await lab.do(get_data("running", only() + "<config-filter>false</config-filter>"))
    assert reply == f'<data xmlns="{NS}"/>'


async def test_max_depth_counts_from_what_is_selected(lab: Lab) -> None:
    reply = await lab.do(get_data("running", only() + "<max-depth>1</max-depth>"))
    assert "<entry>" not in reply
    reply = await lab.do(get_data("running", only() + "<max-depth>2</max-depth>"))
    assert "<id>1</id>" in reply
    assert "<number>" not in reply
    xpath = f'<xpath-filter xmlns:ec="{EC}">/ec:top/ec:entry</xpath-filter><max-depth>2</max-depth>'
    assert "<number>2</number>" in await lab.do(get_data("running", xpath))
    whole = await lab.do(get_data("running", "<max-depth>unbounded</max-depth>"))
    assert "<number>2</number>" in whole
    assert "<number>" not in await lab.do(get_data("running", "<max-depth>2</max-depth>"))


async def test_rfc8342_with_origin(lab: Lab) -> None:
    reply = await lab.do(get_data("operational", only() + "<with-origin/>"))
    assert f'<top xmlns="{EC}" xmlns:or="{OR}" or:origin="or:intended">' in reply
    assert '<speed or:origin="or:default">100</speed>' in reply
    assert "<number>2</number>" in reply  # it has the origin of what it stands in
    assert "<seen>1</seen>" in reply
    assert "origin" not in await lab.do(get_data("operational", only()))


async def test_origin_filters(lab: Lab) -> None:
    reply = await lab.do(get_data("operational", only() + "<origin-filter>or:default</origin-filter>"))
    assert "<speed>100</speed>" in reply
    assert "<number>" not in reply
    assert "<seen>1</seen>" in reply  # state is not affected
    barred = "<negated-origin-filter>or:default</negated-origin-filter>"
    reply = await lab.do(get_data("operational", only() + barred))
    assert "<speed>" not in reply
    assert "<number>2</number>" in reply
    both = "<origin-filter>or:default</origin-filter><origin-filter>or:intended</origin-filter>"
    reply = await lab.do(get_data("operational", only() + both))
    assert "<speed>100</speed>" in reply
    assert "<number>2</number>" in reply
    reply = await lab.do(get_data("operational", only() + "<origin-filter>or:learned</origin-filter>"))
    assert "<number>" not in reply


@pytest.mark.parametrize(
    ("operation", "bad"),
    [
        (get_data("startup"), "datastore"),
        (get_data("intended"), "datastore"),
        (get_data("running", "<with-origin/>"), "with-origin"),
        (get_data("candidate", "<origin-filter>or:default</origin-filter>"), "origin-filter"),
        (get_data("running", "<max-depth>0</max-depth>"), "max-depth"),
        (get_data("running", "<config-filter>perhaps</config-filter>"), "config-filter"),
        (edit_data("running", ""), "datastore"),
        (edit_data("operational", ""), "datastore"),
        (edit_data("startup", ""), "datastore"),
        (get_data("nonsense"), "datastore"),
    ],
)
async def test_what_is_not_there_is_an_invalid_value(lab: Lab, operation: str, bad: str) -> None:
    (error,) = await lab.refused(operation)
    assert (error.tag, error.info["bad-element"]) == ("invalid-value", bad)


async def test_both_filters_exclude_each_other(lab: Lab) -> None:
    (error,) = await lab.refused(get_data("running", only() + "<xpath-filter>/*</xpath-filter>"))
    assert error.tag == "bad-element"


async def test_edit_data_edits_the_candidate(lab: Lab) -> None:
    await lab.do(edit_data("candidate", entry("<number>7</number>")))
    assert "<number>7</number>" in lab.candidate
    assert "<number>2</number>" in lab.running
    removal = entry("", 'nc:operation="delete"').replace("<id>1</id>", "<id>2</id>")
    await lab.do(edit_data("candidate", removal, "<default-operation>none</default-operation>"))
    assert "<id>2</id>" not in lab.candidate
    (error,) = await lab.refused(edit_data("candidate", removal))
    assert (error.tag, error.path) == ("data-missing", "/every-construct:top/entry[id='2']")
    (error,) = await lab.refused(edit_data("candidate", entry("<nowhere/>")))
    assert (error.tag, error.path) == ("unknown-element", "/every-construct:top/entry[id='1']")


async def test_edit_data_of_a_locked_candidate_is_refused(lab: Lab) -> None:
    await lab.do("<lock><target><candidate/></target></lock>", 2)
    (error,) = await lab.refused(edit_data("candidate", entry("<number>7</number>")))
    assert error.tag == "in-use"


async def test_rfc8526_3_2_lock_unlock_and_validate_take_a_datastore(lab: Lab) -> None:
    named = f'<datastore xmlns="{NS}" xmlns:ds="{DS}">ds:candidate</datastore>'
    await lab.do(f"<lock><target>{named}</target></lock>")
    assert lab.context.locks.owner("candidate") is not None
    await lab.do(f"<validate><source>{named}</source></validate>")
    await lab.do(f"<unlock><target>{named}</target></unlock>")
    assert lab.context.locks.owner("candidate") is None
    for operation in ("<lock><target>{}</target></lock>", "<validate><source>{}</source></validate>"):
        (error,) = await lab.refused(operation.format(named.replace("candidate", "operational")))
        assert error.tag == "invalid-value"


async def test_get_data_shows_what_may_be_read(lab: Lab) -> None:
    lab.callers[3] = Remembering(3, "somebody")
    nacm = "urn:ietf:params:xml:ns:yang:ietf-netconf-acm"
    await lab.commit(f'<nacm xmlns="{nacm}"><read-default>permit</read-default></nacm>')
    for datastore in ("running", "candidate", "operational"):
        assert "<nacm" in await lab.do(get_data(datastore))
        reply = await lab.do(get_data(datastore), 3)
        assert "<nacm" not in reply
        assert "<number>2</number>" in reply
