"""Conditions of transaction ids (draft-ietf-netconf-transaction-id, 3.6, 3.7): what changed is not edited."""

from __future__ import annotations

import re

import pytest

from tests.agent.handlers import Lab
from tests.agent.lab import EA
from tests.agent.operations.test_txid import (
    TXID,
    WITH_ETAG,
    T,
    edit_config,
    entry,
    facts,
    get_config,
    ids,
    in_top,
    root_id,
)

__all__ = ["ids"]


async def test_an_edit_of_what_is_as_its_author_knows_it_is_committed(lab: Lab, ids: list[str]) -> None:
    body = in_top(entry("1", "<number>5</number>", f't:etag="{ids[0]}"'))
    await lab.do(edit_config(body))
    await lab.do("<commit/>")
    assert "<number>5</number>" in lab.running
    for number, mechanism in enumerate(("etag", "last-modified"), start=6):
        known = f't:{mechanism}="{await root_id(lab, mechanism)}"'
        await lab.do(edit_config(in_top(entry("1", f"<number>{number}</number>"), known), known))
        await lab.do("<commit/>")
        assert f"<number>{number}</number>" in lab.running


async def test_one_of_what_has_changed_is_refused_at_the_commit_and_all_that_changed_is_named(
    lab: Lab, ids: list[str]
) -> None:
    old = f't:etag="{ids[0]}"'
    inside = (
        entry("1", "<number>5</number>", old)
        + entry("2", f"<number {old}>5</number>")
        + entry("3", attributes=old)
    )
    before = lab.running
    await lab.do(edit_config(in_top(inside, old), old))
    found = [facts(error) for error in await lab.refused("<commit/>")]
    above = "/every-construct:top"
    places = (None, above, f"{above}/entry[id='3']", f"{above}/entry[id='2']/number")
    assert [one[:3] for one in found] == [("operation-failed", "protocol", place) for place in places]
    for (*_, info), place, now in zip(found, places, (ids[2], ids[2], ids[2], ids[1]), strict=True):
        named = {} if place is None else {"mismatch-path": place}
        assert info == {**named, "mismatch-etag-value": now}
    assert lab.running == before
    assert len(await lab.refused("<commit/>")) == 4, "until the candidate is another"
    await lab.do("<discard-changes/>")
    await lab.do("<commit/>")


async def test_of_one_element_what_was_said_last_counts(lab: Lab, ids: list[str]) -> None:
    for value in (ids[0], ids[1]):
        await lab.do(edit_config(in_top(entry("2", "<number>5</number>", f't:etag="{value}"'))))
    await lab.do("<commit/>")
    assert "<number>5</number>" in lab.running
    for value in (await root_id(lab), ids[1]):
        await lab.do(edit_config(in_top(entry("2", "<number>6</number>", f't:etag="{value}"'))))
    assert len(await lab.refused("<commit/>")) == 1


async def test_what_another_commits_in_between_is_not_overwritten(lab: Lab, ids: list[str]) -> None:
    """The candidate is shared: who commits it first takes along what others demanded."""
    mine = in_top(entry("1", "<number>5</number>", f't:etag="{ids[0]}"'))
    await lab.do(edit_config(mine))
    await lab.do("<discard-changes/>", 2)
    await lab.commit(in_top(entry("1", "<number>6</number>")), 2)
    await lab.do(edit_config(mine))
    (error,) = await lab.refused("<commit/>")
    assert "read it again" in error.message
    assert "<number>6</number>" in lab.running


@pytest.mark.parametrize("value", ["?", "!", "=", "never-seen"])
async def test_no_id_is_never_met(lab: Lab, ids: list[str], value: str) -> None:
    await lab.do(edit_config(in_top(entry("1", attributes=f't:etag="{value}"'))))
    assert len(await lab.refused("<commit/>")) == 1, "though nothing would be changed"


async def test_what_is_not_there_is_as_what_it_would_lie_in(lab: Lab, ids: list[str]) -> None:
    await lab.do(edit_config(in_top(entry("new", attributes=f't:etag="{ids[2]}"'))))
    await lab.do("<commit/>")
    deletion = in_top(entry("1", attributes='nc:operation="delete"'))
    await lab.commit(deletion)
    await lab.do(edit_config(in_top(entry("1", "<number>5</number>", f't:etag="{ids[0]}"'))))
    (error,) = await lab.refused("<commit/>")
    assert facts(error)[3]["mismatch-etag-value"] == await root_id(lab)


async def test_a_deletion_may_have_a_condition(lab: Lab, ids: list[str]) -> None:
    for name, refused in (("1", False), ("3", True)):
        await lab.do(edit_config(in_top(entry(name, attributes=f'nc:operation="delete" t:etag="{ids[1]}"'))))
        if refused:
            assert len(await lab.refused("<commit/>")) == 1
        else:
            await lab.do("<commit/>")
    assert "<id>1</id>" not in lab.running
    assert "<id>3</id>" in lab.running


async def test_edit_data_and_copy_config_demand_the_same(lab: Lab, ids: list[str]) -> None:
    nmda = 'xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-nmda"'
    ds = 'xmlns:ds="urn:ietf:params:xml:ns:yang:ietf-datastores"'
    body = in_top(entry("3", "<number>5</number>", f't:etag="{ids[0]}"'))
    into = f"<datastore>ds:candidate</datastore>{WITH_ETAG}<config>{body}</config>"
    edit = f"<edit-data {nmda} {ds} {T}>{into}</edit-data>"
    assert await lab.do(edit) == f'<ok xmlns:txid="{TXID}" txid:etag="!"/>'
    assert len(await lab.refused("<commit/>")) == 1
    target = "<target><candidate/></target>"
    copy = f"<copy-config {T}>{target}<source><config>{body}</config></source></copy-config>"
    await lab.do(copy)
    assert len(await lab.refused("<commit/>")) == 1
    await lab.do("<copy-config><target><candidate/></target><source><running/></source></copy-config>")
    await lab.do("<commit/>")
    await lab.do(copy.replace(ids[0], ids[2]))
    await lab.do("<commit/>")
    assert lab.running.count("<entry>") == 1


async def test_an_edit_that_is_taken_back_leaves_no_condition(lab: Lab, ids: list[str]) -> None:
    await lab.do(edit_config(in_top(entry("1", attributes=f't:etag="{ids[0]}"'))))
    wrong = in_top(entry("1", "<twice>1</twice><number>4</number>", 't:etag="old"'))
    test_only = "<test-option>test-only</test-option>"
    for more in (test_only, "<test-option>test-then-set</test-option>"):
        await lab.refused(edit_config(wrong, more=more))
    await lab.refused(edit_config(in_top(entry("1", "<number>x</number>", 't:etag="old"'))))
    await lab.do(edit_config(in_top(entry("1", attributes='t:etag="old"')), more=test_only))
    await lab.do("<commit/>")


async def test_a_dry_run_tells_of_a_condition_that_is_not_met(lab: Lab, ids: list[str]) -> None:
    await lab.do(edit_config(in_top(entry("2", "<number>5</number>", f't:etag="{ids[0]}"'))))
    reply = await lab.do('<dry-run xmlns="urn:yangswan:params:xml:ns:yang:agent"/>')
    assert "is not as it was at the etag that an edit gave" in reply
    await lab.do(edit_config(in_top(entry("2", "<number>5</number>", f't:etag="{ids[1]}"'))))
    reply = await lab.do('<dry-run xmlns="urn:yangswan:params:xml:ns:yang:agent"/>')
    assert "would-be-refused" not in reply


async def test_conditions_are_bounded(lab: Lab, ids: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.datastore.candidate.MAX_CONDITIONS", 2)
    attributes = f't:etag="{ids[2]}"'
    for name in ("1", "2"):
        await lab.do(edit_config(in_top(entry(name, attributes=attributes))))
    before = lab.candidate
    (error,) = await lab.refused(edit_config(in_top(entry("3", "<number>5</number>", attributes))))
    assert (error.tag, "more than 2 transaction ids" in error.message) == ("resource-denied", True)
    assert lab.candidate == before
    await lab.do("<commit/>")


async def test_keys_are_what_they_mean_and_not_how_they_are_written(lab: Lab) -> None:
    """No XPath can hold the first, the second is a number as nobody prints it, the third has a prefix."""

    def written(odd: str, attributes: str = "", number: str = "7", prefix: str = "h") -> str:
        return (
            in_top(entry(odd, "<number>1</number>", attributes))
            + f'<outer xmlns="{EA}"><row {attributes}><k>{number}</k></row></outer>'
            + f'<idl xmlns="urn:hostile" {attributes}>'
            f'<i xmlns:{prefix}="urn:hostile">{prefix}:one-id</i></idl>'
        )

    await lab.commit(written("a'b&quot;c"))
    root = await root_id(lab)
    await lab.commit(in_top(entry("other")) + f'<outer xmlns="{EA}"><row><k>8</k></row></outer>')
    reply = await lab.do(get_config(attributes=f't:etag="{root}"'))
    assert '<entry txid:etag="="><id>a\'b"c</id></entry>' in reply
    assert '<row txid:etag="="><k>7</k></row>' in reply
    # libyang 3 declares no prefix for an identity of the default namespace.
    key = r'<i(>| xmlns:\w+="urn:hostile">\w+:)one-id</i>'
    assert re.search(f'<idl xmlns="urn:hostile" txid:etag="=">{key}', reply)
    await lab.do(edit_config(written("a'b&quot;c", f't:etag="{root}"', number="007", prefix="other")))
    await lab.do("<commit/>")
