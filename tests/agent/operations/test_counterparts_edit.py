"""Counterparts of netopeer2's programs candidate, edit and error, by the names of their cases."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from agent.yang.violations import YANG_1
from tests.agent.handlers import Lab
from tests.agent.lab import EA, EC, entry, top
from tests.agent.operations.guarded import acme, interface
from tests.agent.operations.test_hostile import H
from tests.requests import edit_candidate

RUNNING = "<get-config><source><running/></source></get-config>"
CANDIDATE = "<get-config><source><candidate/></source></get-config>"
E1 = "/every-construct:top/entry[id='1']"
DELETE, REMOVE = 'nc:operation="delete"', 'nc:operation="remove"'
CREATE, REPLACE = 'nc:operation="create"', 'nc:operation="replace"'


@dataclass(frozen=True)
class Edit:
    """``before`` is committed, then ``body``; ``there`` and ``gone`` say what running holds after it, or
    ``refused`` the tag with which the edit is refused."""

    body: str
    before: str = ""
    there: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    refused: str = ""


EDITS = {
    "test_merge_edit1": Edit(entry("<word>a</word>"), there=("<word>a</word>",)),
    "test_merge_edit2": Edit(
        entry("<number>2</number><twice>4</twice>"), there=("<number>2</number>", "<twice>4</twice>")
    ),
    "test_merge_edit2_fail": Edit(entry("<number>201</number>"), refused="invalid-value"),
    "test_delete_edit1": Edit(entry(f"<word {DELETE}/>"), entry("<word>a</word>"), gone=("<word>",)),
    "test_delete_edit2": Edit(
        top(f"<entry {DELETE}><id>1</id></entry>"), entry("<number>2</number>"), gone=("<entry>",)
    ),
    "test_delete_empty": Edit(top(f"<entry {DELETE}><id>1</id></entry>"), refused="data-missing"),
    "test_merge_patrial": Edit(entry("<number>2</number>"), there=("<id>1</id>", "<number>2</number>")),
    "test_merge_into_existing": Edit(
        entry("<word>a</word>"), entry("<number>2</number>"), there=("<number>2</number>", "<word>a</word>")
    ),
    "test_merge_overwrite": Edit(
        entry("<number>3</number>"),
        entry("<number>2</number>"),
        there=("<number>3</number>",),
        gone=("<number>2<",),
    ),
    "test_replace": Edit(
        entry("<word>a</word>", REPLACE),
        entry("<number>2</number>"),
        there=("<word>a</word>",),
        gone=("<number>",),
    ),
    "test_replace_create": Edit(entry("<word>a</word>", REPLACE), there=("<word>a</word>",)),
    "test_create": Edit(entry("<word>a</word>", CREATE), there=("<word>a</word>",)),
    "test_create_fail": Edit(entry("<word>b</word>", CREATE), entry("<word>a</word>"), refused="data-exists"),
    "test_remove": Edit(entry(f"<word {REMOVE}/>"), entry("<word>a</word>"), gone=("<word>",)),
    "test_remove_empty": Edit(top(f"<entry {REMOVE}><id>1</id></entry>"), gone=("<entry>",)),
    # RFC 6241 section 7.2: the MTU of one interface, then another interface in place of an old one.
    "test_ex1": Edit(
        interface("Ethernet0/0", "<mtu>1500</mtu>"),
        interface("Ethernet0/0", "<mtu>9000</mtu>"),
        there=("<mtu>1500</mtu>",),
        gone=("9000",),
    ),
    "test_ex2": Edit(
        acme(f"<interface {DELETE}><name>192.0.2.4</name></interface>"),
        acme("".join(f"<interface><name>192.0.2.{n}</name></interface>" for n in (1, 4))),
        there=("192.0.2.1",),
        gone=("192.0.2.4",),
    ),
    "test_autodel_case": Edit(
        entry("<side>3</side>"),
        entry("<radius>1.5</radius><colour>red</colour>"),
        there=("<side>3</side>",),
        gone=("<radius>", "<colour>"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EDITS)
async def test_edit(lab: Lab, name: str) -> None:
    case = EDITS[name]
    if case.before:
        await lab.commit(case.before)
    if case.refused:
        assert [error.tag for error in await lab.refused(edit_candidate(case.body))] == [case.refused]
        return
    await lab.commit(case.body)
    running = await lab.do(RUNNING)
    assert all(text in running for text in case.there)
    assert not any(text in running for text in case.gone)


async def test_candidate(lab: Lab) -> None:
    """test_edit_basic, test_discard_changes, test_commit and test_discard_changes_advanced."""
    await lab.edit(entry("<number>2</number>"))
    assert "<number>2" in await lab.do(CANDIDATE)
    assert await lab.do(RUNNING) == "<data/>"
    await lab.do("<discard-changes/>")
    assert await lab.do(CANDIDATE) == "<data/>"
    await lab.commit(entry("<number>2</number>"))
    assert await lab.do(RUNNING) == await lab.do(CANDIDATE)
    await lab.edit(entry("<word>a</word>"))
    await lab.do("<discard-changes/>")
    assert await lab.do(CANDIDATE) == await lab.do(RUNNING)


async def test_candidate_validate(lab: Lab) -> None:
    """test_validate_valid and test_validate_invalid."""
    validate = "<validate><source><candidate/></source></validate>"
    await lab.edit(entry("<number>2</number><twice>4</twice>"))
    await lab.do(validate)
    await lab.edit(entry("<twice>5</twice>"))
    assert [error.app_tag for error in await lab.refused(validate)] == ["twice-wrong"]


async def test_candidate_commit_locked_running(lab: Lab) -> None:
    await lab.edit(entry("<number>2</number>"))
    await lab.do("<lock><target><running/></target></lock>", 2)
    assert [error.tag for error in await lab.refused("<commit/>")] == ["in-use"]


async def test_candidate_lock_modified_candidate(lab: Lab) -> None:
    await lab.edit(entry("<number>2</number>"))
    (error,) = await lab.refused("<lock><target><candidate/></target></lock>", 2)
    assert error.tag == "lock-denied"


def alias(ip: str) -> str:
    return f"<address><ip>{ip}</ip><port>1</port><alias>x</alias></address>"


def refs(body: str) -> str:
    return f'<references xmlns="{EC}">{body}</references>'


ERRORS = {
    "test_unique": (entry(alias("a") + alias("b")), "operation-failed", "data-not-unique"),
    "test_max_elem": (
        entry("".join(f"<tag>{n}</tag>" for n in range(4))), "operation-failed", "too-many-elements",
    ),
    "test_min_elem": (
        f'<strict xmlns="{H}"><few>a</few><up>x</up></strict>', "operation-failed", "too-few-elements",
    ),
    "test_mandatory_choice": (
        f'<strict xmlns="{H}"><few>a</few><few>b</few></strict>', "data-missing", "missing-choice",
    ),
    "test_must": (entry("<number>2</number><twice>5</twice>"), "operation-failed", "twice-wrong"),
    "test_require_instance": (refs("<chosen>nobody</chosen>"), "data-missing", "instance-required"),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
async def test_error_at_commit(lab: Lab, name: str) -> None:
    body, tag, app_tag = ERRORS[name]
    await lab.edit(body)
    (error, *_more) = await lab.refused("<commit/>")
    assert (error.tag, error.app_tag) == (tag, app_tag)
    assert error.path
    if name == "test_mandatory_choice":  # RFC 7950 section 15.6
        assert (error.path, error.info) == ("/hostile:strict", {f"{YANG_1}missing-choice": "way"})
    if name == "test_min_elem":  # section 15.3
        assert (error.path, error.info) == ("/hostile:strict/few", {})


EDIT_ERRORS = {
    "test_invalid_insert": (
        entry('<step yang:insert="before" yang:value="none">a</step>'), "bad-attribute", "missing-instance",
    ),
    "test_create_exists": (entry(f"<word {CREATE}>b</word>"), "data-exists", None),
    "test_delete_missing": (entry(f"<colour {DELETE}/>"), "data-missing", None),
    "test_none_missing": (top('<entry nc:operation="none"><id>2</id></entry>'), "data-missing", None),
    "test_bad_element": (entry("<number>many</number>"), "invalid-value", None),
    "test_unknown_element": (entry("<nonsense/>"), "unknown-element", None),
    "test_unknown_namespace": (f'<x xmlns="{EA}x"/>', "unknown-namespace", None),
}  # fmt: skip


@pytest.mark.parametrize("name", EDIT_ERRORS)
async def test_error_of_an_edit(lab: Lab, name: str) -> None:
    await lab.commit(entry("<word>a</word>"))
    body, tag, app_tag = EDIT_ERRORS[name]
    body = body.replace(' nc:operation="none"', "")
    none = "<default-operation>none</default-operation>" if name == "test_none_missing" else ""
    operation = f"<edit-config><target><candidate/></target>{none}<config>{body}</config></edit-config>"
    (error,) = await lab.refused(operation)
    assert error.tag == tag
    assert app_tag is None or error.app_tag == app_tag
    assert error.message


async def test_error_invalid_xpath_filter(lab: Lab) -> None:
    (error,) = await lab.refused('<get><filter type="xpath" select="/ec:top["/></get>')
    assert error.tag == "invalid-value"


async def test_error_multi_error(lab: Lab) -> None:
    await lab.edit(entry("<number>2</number><twice>5</twice>" + alias("a") + alias("b")))
    errors = await lab.refused("<commit/>")
    assert {error.app_tag for error in errors} == {"twice-wrong", "data-not-unique"}
