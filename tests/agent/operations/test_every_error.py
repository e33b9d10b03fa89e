"""Each error-tag of RFC 6241 appendix A that a server can send, as the whole ``<rpc-error>`` that it is."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from agent import errors
from agent.netconf.messages import rpc_error
from agent.operations import budget
from tests.agent.handlers import Lab, Remembering
from tests.agent.lab import EC, entry, top
from tests.requests import edit_candidate

NACM = "urn:ietf:params:xml:ns:yang:ietf-netconf-acm"


@dataclass(frozen=True)
class Case:
    """What provokes an error, and its fields in the order of the schema."""

    operation: str
    type: str
    app_tag: str = ""
    path: str = ""
    info: str = ""
    before: Callable[[Lab, pytest.MonkeyPatch], Awaitable[None]] | None = None
    session_id: int = 1


async def locked(lab: Lab, _patch: pytest.MonkeyPatch) -> None:
    await lab.do("<lock><target><candidate/></target></lock>", 2)


async def there(lab: Lab, _patch: pytest.MonkeyPatch) -> None:
    await lab.commit(entry("<number>1</number>"))


async def invalid(lab: Lab, _patch: pytest.MonkeyPatch) -> None:
    await lab.edit(entry("<twice>1</twice>"))


async def stranger(lab: Lab, _patch: pytest.MonkeyPatch) -> None:
    lab.callers[3] = Remembering(3, "stranger")


async def narrow_budget(lab: Lab, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(budget, "MAX_COMPARISONS", 1)
    await lab.commit(top("<entry><id>1</id></entry><entry><id>2</id></entry>"))


async def full_disk(lab: Lab, patch: pytest.MonkeyPatch) -> None:
    await lab.edit(entry("<number>1</number>"))

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    patch.setattr(lab.context.configuration.store, "begin", full)


async def stubborn_backend(lab: Lab, patch: pytest.MonkeyPatch) -> None:
    """One that refuses the last step, cannot undo, and cannot be reconciled."""
    await lab.edit(entry("<number>1</number>"))

    async def unreachable(_entries: object) -> None:
        raise OSError("the backend is gone")

    async def inconsistent(_plan: object) -> None:
        raise errors.BackendInconsistent("refused, and an undo failed")

    patch.setattr(lab.translator, "apply", inconsistent)
    patch.setattr(lab.translator, "reconcile", unreachable)


ENTRY = "/ec:top/ec:entry[ec:id='1']"
CASES = {
    "in-use": Case("<discard-changes/>", "protocol", before=locked),
    "invalid-value": Case(
        edit_candidate(entry("<number>x</number>")), "application", path=f"{ENTRY}/ec:number"
    ),
    "too-big": Case(
        f'<get-config><source><running/></source><filter><top xmlns="{EC}">'
        "<entry><word>a</word></entry></top></filter></get-config>",
        "protocol",
        before=narrow_budget,
    ),
    "missing-attribute": Case(
        '<get><filter type="xpath"/></get>',
        "protocol",
        info="<bad-attribute>select</bad-attribute><bad-element>filter</bad-element>",
    ),
    "bad-attribute": Case(
        edit_candidate(entry('<number nc:operation="improve">1</number>')),
        "application",
        path=f"{ENTRY}/ec:number",
        info="<bad-attribute>operation</bad-attribute><bad-element>number</bad-element>",
    ),
    "unknown-attribute": Case(
        edit_candidate(entry('<number colour="red">1</number>')),
        "application",
        path=f"{ENTRY}/ec:number",
        info="<bad-attribute>colour</bad-attribute><bad-element>number</bad-element>",
    ),
    "missing-element": Case("<get-config/>", "protocol", info="<bad-element>source</bad-element>"),
    "bad-element": Case(
        "<commit><persist>x</persist></commit>", "protocol", info="<bad-element>persist</bad-element>"
    ),
    "unknown-element": Case(
        edit_candidate(entry("<nowhere/>")),
        "application",
        path=ENTRY,
        info="<bad-element>nowhere</bad-element>",
    ),
    "unknown-namespace": Case(
        edit_candidate('<x xmlns="urn:unknown"/>'),
        "application",
        info="<bad-element>x</bad-element><bad-namespace>urn:unknown</bad-namespace>",
    ),
    "access-denied": Case(
        edit_candidate(entry("<number>1</number>")), "application", path=ENTRY, before=stranger, session_id=3
    ),
    "lock-denied": Case(
        "<lock><target><candidate/></target></lock>",
        "protocol",
        info="<session-id>2</session-id>",
        before=locked,
    ),
    "resource-denied": Case("<commit/>", "application", before=full_disk),
    "rollback-failed": Case("<commit/>", "application", "backend-refused", before=stubborn_backend),
    "data-exists": Case(
        edit_candidate(entry('<number nc:operation="create">1</number>')),
        "application",
        path=f"{ENTRY}/ec:number",
        before=there,
    ),
    "data-missing": Case(edit_candidate(entry("", 'nc:operation="delete"')), "application", path=ENTRY),
    "operation-not-supported": Case("<delete-config><target><startup/></target></delete-config>", "protocol"),
    "operation-failed": Case("<commit/>", "application", "twice-wrong", f"{ENTRY}/ec:twice", before=invalid),
}


@pytest.mark.parametrize("tag", CASES)
async def test_rfc6241_appendix_a(lab: Lab, tag: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = CASES[tag]
    if case.before is not None:
        await case.before(lab, monkeypatch)
    found = (await lab.refused(case.operation, case.session_id))[0]
    namespaces = lab.context.schema.namespaces()
    text = rpc_error(found, namespaces, {EC: "ec"}).decode()
    message = re.search(r'<error-message xml:lang="en">([^<]+)</error-message>', text)
    assert message is not None
    assert len(message[1]) > 10
    expected = (
        f"<rpc-error><error-type>{case.type}</error-type><error-tag>{tag}</error-tag>"
        "<error-severity>error</error-severity>"
    )
    if case.app_tag:
        expected += f"<error-app-tag>{case.app_tag}</error-app-tag>"
    if case.path:
        expected += f'<error-path xmlns:ec="{EC}">{case.path}</error-path>'
    expected += message[0]
    if case.info:
        expected += f"<error-info>{case.info}</error-info>"
    assert text == expected + "</rpc-error>"


def test_no_tag_is_left_out() -> None:
    """malformed-message has no handler: tests/wire/test_bad_input.py sends what provokes it."""
    tags = {c.tag for c in vars(errors).values() if isinstance(c, type) and issubclass(c, errors.RpcError)}
    assert tags == set(CASES) | {"malformed-message"}


SOURCES = ("running", "candidate", "startup", "url", "config")


@pytest.mark.parametrize("target", ["running", "candidate", "startup", "url"])
@pytest.mark.parametrize("source", SOURCES)
async def test_copy_config_between_all_datastores(lab: Lab, source: str, target: str) -> None:
    """The candidate can be copied to, from running and from what the request holds; nothing else exists."""
    await lab.commit(entry("<number>1</number>"))
    await lab.edit(entry("<number>2</number>"))
    given = {
        "url": "<url>file:///tmp/x</url>",
        "config": f"<config>{entry('<number>3</number>')}</config>",
    }
    body = (
        f"<copy-config><target>{given.get(target, f'<{target}/>')}</target>"
        f"<source>{given.get(source, f'<{source}/>')}</source></copy-config>"
    )
    number = {("running", "candidate"): 1, ("config", "candidate"): 3}.get((source, target))
    if number is not None:
        await lab.do(body)
        assert f"<number>{number}</number>" in lab.candidate
        return
    before = lab.candidate, lab.running
    tag = (await lab.refused(body))[0].tag
    if {source, target} & {"startup", "url"}:
        assert tag == "operation-not-supported"  # their capabilities are not announced
    elif target == "running":
        assert tag == "operation-not-supported"
    else:
        assert (source, target, tag) == ("candidate", "candidate", "invalid-value")
    assert (lab.candidate, lab.running) == before
