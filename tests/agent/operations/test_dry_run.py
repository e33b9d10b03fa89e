"""dry-run: what a commit would do, asked through the doors of every operation."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from lxml import etree

from agent.errors import OperationFailed, RpcErrors
from agent.nacm.tries import MAX_TRIES
from agent.operations import dry_run as dry_run_module
from agent.operations import parameters
from agent.operations.dry_run import MEANWHILE, _told
from agent.translator import EntryChange, Foresight
from tests.agent.handlers import Lab, Remembering
from tests.agent.lab import EC, top
from tests.agent.operations.guarded import AGENT, JOE, SAM, USERS, nacm, path, rule, rule_list
from tests.agent.operations.test_cut_off import AUTHOR, OTHER, captured

DRY_RUN = f'<dry-run xmlns="{AGENT}"/>'
A, B = (f"/every-construct:top/entry[id='{key}']" for key in "ab")


def entry(key: str, body: str = "", attributes: str = "") -> str:
    return f"<entry {attributes}><id>{key}</id>{body}</entry>"


def dry_run(source: str = "", *entries: str) -> str:
    named = "".join(f"<entry>{one}</entry>" for one in entries)
    chosen = f"<source>{source}</source>" if source else ""
    return f'<dry-run xmlns="{AGENT}">{chosen}{named}</dry-run>'


def config(body: str) -> str:
    return f"<config>{body}</config>"


Plain = dict[str, Any]


async def told(lab: Lab, request: str = DRY_RUN, session_id: int = 1) -> Plain:
    """Return the answer as lists of plain dictionaries, by name."""
    return _plain(etree.fromstring(f"<reply>{await lab.do(request, session_id)}</reply>"))


def _plain(element: Any) -> Plain:
    found: Plain = {}
    for child in element:
        value = _plain(child) if len(child) else child.text or ""
        found.setdefault(etree.QName(child).localname, []).append(value)
    return found


def names(answer: Plain) -> list[tuple[str, str]]:
    return [(one["path"][0], one["change"][0]) for one in answer.get("entry", [])]


def refusals(answer: Plain) -> list[tuple[str, str | None]]:
    return [(one["error-tag"][0], one.get("error-path", [None])[0]) for one in answer["would-be-refused"]]


async def test_each_change_is_told_with_its_messages_and_nothing_is_done(lab: Lab) -> None:
    await lab.commit(top(entry("a", "<number>1</number>") + entry("b")))
    gone = entry("b", "", 'nc:operation="delete"')
    await lab.edit(top(entry("a", "<number>2</number>") + gone + entry("c")))
    before, log = lab.candidate, list(lab.translator.log)
    found = await told(lab)
    assert sorted(names(found)) == [
        (A, "modified"),
        (B, "deleted"),
        ("/every-construct:top/entry[id='c']", "created"),
    ]
    (first,) = (one for one in found["entry"] if one["path"] == [A])
    assert first["message"][0]["command"] == ["set"]
    assert first["message"][0]["content"] == ['{"name": "a"}']
    assert first["live"] == [{"kind": ["thing"], "now": ["2"], "effect": ["ended"], "affected": ["1"]}]
    assert (first["interruption-s"], first["interruption-known-from"]) == (["1.5"], ["last-negotiation"])
    assert found["totals"] == [{"entries": ["3"], "messages": ["3"], "interrupted": ["3"]}]
    assert lab.candidate == before
    assert lab.translator.log == [*log, "foresee 3"]
    assert "<number>1</number>" in lab.running
    await lab.do("<discard-changes/>")
    assert names(await told(lab)) == []


async def test_a_configuration_that_is_given_is_looked_at_in_place_of_the_candidate(lab: Lab) -> None:
    await lab.commit(top(entry("a") + entry("b")))
    await lab.edit(top(entry("c")))
    found = await told(lab, dry_run(config(top(entry("b", "<number>7</number>")))))
    assert sorted(names(found)) == [(A, "deleted"), (B, "modified")]
    assert names(await told(lab, dry_run("<candidate/>"))) == [
        ("/every-construct:top/entry[id='c']", "created")
    ]
    assert "<id>c</id>" in lab.candidate


async def test_entries_can_be_picked(lab: Lab) -> None:
    await lab.edit(top(entry("a") + entry("b")))
    found = await told(lab, dry_run("", A.replace("'", '"')))
    assert names(found) == [(A, "created")]
    assert found["totals"][0]["entries"] == ["2"]
    for wrong in ("/every-construct:top/nowhere", "entry", "/x:top/x:entry[x:id='a']", "/ec:top/ec:nowhere"):
        (error,) = await lab.refused(dry_run("", wrong))
        assert (error.tag, error.info["bad-element"]) == ("invalid-value", "entry")
        assert "no data node of this path" in error.message


async def test_an_entry_is_named_as_it_is_shown_or_with_declared_prefixes(lab: Lab) -> None:
    await lab.edit(top(entry("a") + entry("b")))
    for named in ("/z:top/z:entry[z:id='a']", '/z:top/z:entry[ z:id = "a" ]', A):
        asked = dry_run("", named).replace("<entry>", f'<entry xmlns:z="{EC}">')
        assert names(await told(lab, asked)) == [(A, "created")], named


def test_whom_blind_changes_cut_off_is_asked_a_change_at_a_time() -> None:
    asked: list[str] = []

    def is_open(path: str) -> bool:
        asked.append(path)
        return path == B

    blind, seen = (EntryChange((), path, None, {}, blind=path != A) for path in (B, A))
    hidden = EntryChange((), "/c", None, {}, blind=True)
    pieces = _told({"one": [blind, hidden], "two": [seen]}, is_open)
    counts = []
    found = None
    while found is None:
        try:
            next(pieces)
            counts.append(len(asked))
        except StopIteration as end:
            found = end.value
    assert counts == [1, 2, 2]
    assert found == {"one": [blind], "two": [seen]}


async def test_a_commit_that_comes_in_between_is_told(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    await lab.edit(top(entry("a")))
    assert MEANWHILE not in (await told(lab)).get("unknown", [])
    foresee = lab.context.configuration.foresee

    async def disturbed(*arguments: Any) -> Any:
        await lab.commit(top(entry("z")))
        return await foresee(*arguments)

    monkeypatch.setattr(lab.context.configuration, "foresee", disturbed)
    assert MEANWHILE in (await told(lab, dry_run(config(top(entry("b"))))))["unknown"]


async def test_more_entries_than_the_model_permits_are_refused_before_all_else(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lab.edit(top(entry("a")))
    assert names(await told(lab, dry_run("", *[A] * 1000))) == [(A, "created")]
    monkeypatch.setattr(lab.context.configuration, "examine", None)
    monkeypatch.setattr("agent.operations.dry_run.located", None)
    with pytest.raises(RpcErrors) as problem:
        await told(lab, dry_run("", *[A] * 1001))
    (error,) = problem.value.errors
    assert (error.tag, error.app_tag, error.type.value) == (
        "operation-failed",
        "too-many-elements",
        "protocol",
    )
    assert "at most, and names 1001: leave all of them out" in error.message


async def test_the_values_of_too_many_entries_are_not_looked_at(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at = []
    monkeypatch.setattr(parameters, "value_problem", lambda *arguments: looked_at.append(arguments))
    with pytest.raises(RpcErrors) as problem:
        await told(lab, dry_run("", *[A] * 20_000))
    assert problem.value.errors[0].app_tag == "too-many-elements"
    assert len(looked_at) == 1000


async def test_what_a_commit_would_refuse_is_data(lab: Lab) -> None:
    await lab.edit(top(entry("a")))
    lab.translator.refuse_check = True
    found = await told(lab)
    assert refusals(found) == [("invalid-value", A)]
    assert found["would-be-refused"][0]["error-message"] == ["refused by check"]
    assert names(found) == []
    by_commit = await lab.refused("<commit/>")
    assert [(error.tag, error.path) for error in by_commit] == refusals(found)
    lab.translator.refuse_check = False
    lab.translator.foresight = Foresight(hindrances=[OperationFailed("it is away", app_tag="away")])
    found = await told(lab)
    assert found["would-be-refused"][0]["error-app-tag"] == ["away"]
    assert names(found) == [(A, "created")], "what passes does not hide what would be done"


async def test_what_validation_finds_is_data_and_what_is_no_configuration_is_an_error(lab: Lab) -> None:
    await lab.edit(top(entry("a", "<number>3</number><twice>5</twice>")))
    by_commit = await lab.refused("<commit/>")
    assert refusals(await told(lab)) == [(error.tag, error.path) for error in by_commit]
    (error,) = await lab.refused(dry_run(config(top("<nonsense/>"))))
    assert error.tag == "unknown-element"
    (error,) = await lab.refused(dry_run("<candidate/>" + config("")))
    assert error.tag in ("bad-element", "missing-element")


async def test_a_lock_of_another_session_is_told_and_so_is_a_pending_commit(lab: Lab) -> None:
    await lab.edit(top(entry("a")))
    await lab.do("<commit><confirmed/></commit>")
    await lab.edit(top(entry("b")))
    found = await told(lab, session_id=7)
    assert refusals(found) == [("in-use", None)]
    assert "confirmed commit pending" in found["would-be-refused"][0]["error-message"][0]
    assert names(found) == [(B, "created")]
    assert "would-be-refused" not in await told(lab)
    await lab.do("<commit/>")
    await lab.do("<lock><target><running/></target></lock>")
    await lab.edit(top(entry("a", "<number>2</number>")))
    found = await told(lab, session_id=7)
    assert refusals(found) == [("in-use", None)]
    assert names(found) == [(A, "modified")]


# -- access control --------------------------------------------------------------------------------

WRITER = rule("w", "permit", path("/", "create update delete"))
HIDE_A = rule("h", "deny", path("/ec:top/ec:entry[ec:id='a']", "read"))
HIDE_NUMBERS = rule("h", "deny", path("/ec:top/ec:entry/ec:number", "read"))


async def ruled(lab: Lab, *rules: str) -> None:
    for session_id, user in USERS.items():
        lab.callers[session_id] = Remembering(session_id, user)
    await lab.commit(nacm(rule_list("l", ["limited"], *rules)))


async def test_a_caller_is_told_of_what_he_may_read(lab: Lab) -> None:
    await ruled(lab, HIDE_A, WRITER)
    await lab.edit(top(entry("a") + entry("b")))
    found = await told(lab, session_id=JOE)
    assert names(found) == [(B, "created")]
    assert found["entry"][0]["message"][0]["index"] == ["1"]
    assert found["totals"][0]["entries"] == ["1"]
    assert "'a'" not in str(found)
    assert len(names(await told(lab))) == 2


async def test_of_an_entry_with_a_hidden_leaf_no_content_is_told(lab: Lab) -> None:
    await ruled(lab, HIDE_NUMBERS, WRITER)
    await lab.edit(top(entry("b", "<word>x</word>")))
    (found,) = (await told(lab, session_id=JOE))["entry"]
    assert found["message"] == [{"index": ["1"], "command": ["set"]}]
    assert "live" not in found


async def test_what_the_caller_may_not_change_would_be_refused_as_a_commit_refuses_it(lab: Lab) -> None:
    await ruled(lab, rule("w", "permit", path("/ec:top/ec:entry[ec:id='b']")))
    await lab.edit(top(entry("a") + entry("b")), 1)
    by_commit = await lab.refused("<commit/>", JOE)
    found = await told(lab, session_id=JOE)
    assert refusals(found) == [(error.tag, error.path) for error in by_commit]
    assert ("access-denied", A) in refusals(found)
    assert names(found) == []
    given = await told(lab, dry_run(config(top(entry("a")))), session_id=JOE)
    assert {tag for tag, _ in refusals(given)} == {"access-denied"}


async def test_rules_of_access_control_are_told_to_whom_may_read_them(lab: Lab) -> None:
    await ruled(lab, WRITER)
    await lab.edit(nacm(rule_list("another", ["guest"], rule("x", "deny"))))
    assert [name.partition(":")[0] for name, _ in names(await told(lab))] == ["/ietf-netconf-acm"]
    assert names(await told(lab, session_id=JOE)) == []


async def test_dry_run_can_be_denied_as_every_operation(lab: Lab) -> None:
    await ruled(lab, rule("no", "deny", "<rpc-name>dry-run</rpc-name>"))
    (error,) = await lab.refused(DRY_RUN, JOE)
    assert (error.tag, error.path) == ("access-denied", "/yangswan-agent:dry-run")
    assert await told(lab, session_id=SAM)


async def test_tries_that_meet_what_is_hidden_are_counted_and_limited(lab: Lab) -> None:
    await ruled(lab, HIDE_A, WRITER)
    await lab.edit(top(entry("b")))
    error = OperationFailed("it clashes with a", path=B)
    error.about = (A,)
    lab.translator.foresight = Foresight(refusals=[error])
    for _ in range(MAX_TRIES):
        (found,) = (await told(lab, session_id=JOE))["would-be-refused"]
        assert found["error-message"] == ["this is in conflict with something that you may not read"]
        error.message, error.about = "it clashes with a", (A,)
    (refused,) = await lab.refused(DRY_RUN, JOE)
    assert refused.tag == "resource-denied"
    (refused,) = await lab.refused("<commit/>", JOE)
    assert refused.tag == "resource-denied"


@pytest.mark.parametrize("before", [MAX_TRIES - 1, MAX_TRIES])
async def test_a_dry_run_that_is_done_again_is_one_try(
    lab: Lab, before: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rules change after it was counted, so that nobody is told what it has found."""
    await ruled(lab, HIDE_A, WRITER)
    await lab.edit(top(entry("b")))
    tries, xml, done = lab.context.nacm.tries, dry_run_module._xml, list[int]()

    def foresee() -> None:
        error = OperationFailed("it clashes with a", path=B)
        error.about = (A,)
        lab.translator.foresight = Foresight(refusals=[error])

    def then_rules_change(*arguments: Any) -> bytes:
        found = xml(*arguments)
        done.append(1)
        if len(done) == 1:
            lab.context.nacm.load(lab.context.configuration.running)
            foresee()
        return found

    monkeypatch.setattr(dry_run_module, "_xml", then_rules_change)
    for _ in range(before):
        tries.count("joe")
    foresee()
    if before == MAX_TRIES:
        (refused,) = await lab.refused(DRY_RUN, JOE)
        assert (refused.tag, done) == ("resource-denied", [])
        return
    (found,) = (await told(lab, session_id=JOE))["would-be-refused"]
    assert found["error-message"] == ["this is in conflict with something that you may not read"]
    assert len(done) == 2
    assert len(tries._times["joe"]) == MAX_TRIES
    (refused,) = await lab.refused(DRY_RUN, JOE)
    assert refused.tag == "resource-denied"


@pytest.mark.parametrize("name", ["eth0", "eth1"])
async def test_what_is_wrong_with_a_secret_is_told_to_who_may_read_what_it_belongs_to(
    lab: Lab, name: str
) -> None:
    hidden = path("/acme:interfaces/acme:interface[acme:name='eth1']", "read")
    await ruled(lab, rule("h", "deny", hidden), WRITER)
    await lab.edit(top(entry("b")))
    place = f"/acme:interfaces/interface[name='{name}']"
    lab.translator.foresight = Foresight(refusals=[OperationFailed("it is short", path=f"{place}/password")])
    (found,) = (await told(lab, session_id=JOE))["would-be-refused"]
    expected = ("it is short", f"{place}/password")
    if name == "eth1":
        expected = ("something that you may not read is wrong here", "/acme:interfaces/interface")
    assert (found["error-message"], found["error-path"]) == ([expected[0]], [expected[1]])


async def test_one_that_is_broken_off_leaves_nothing_held(lab: Lab) -> None:
    await lab.edit(top(entry("a")))
    task = asyncio.create_task(lab.do(DRY_RUN))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not lab.context.looking_ahead.locked()
    assert not lab.context.configuration.writing.locked()
    assert names(await told(lab)) == [(A, "created")]


async def test_while_a_translator_looks_ahead_others_may_write(lab: Lab) -> None:
    """What takes long is not done under the lock of the datastores."""
    await lab.edit(top(entry("a")))
    seen: list[bool] = []
    foresee = lab.translator.foresee

    async def observed(*arguments: Any) -> Foresight:
        seen.append(lab.context.configuration.writing.locked())
        return await foresee(*arguments)

    lab.translator.foresee = observed  # type: ignore[method-assign]
    await told(lab)
    assert seen == [False]


async def test_refusals_are_as_many_as_a_reply_holds(lab: Lab) -> None:
    lab.translator.refuse_check = True
    await lab.edit(top("".join(entry(f"n{number}") for number in range(150))))
    found = await told(lab)
    with pytest.raises(RpcErrors) as caught:
        await lab.do("<commit/>")
    assert len(found["would-be-refused"]) == len(caught.value.errors) == 100


# -- sessions that would be cut off ----------------------------------------------------------------


async def test_who_would_be_cut_off_is_told_and_others_are_named_in_a_warning(lab: Lab) -> None:
    for session_id, route in ((1, AUTHOR), (2, OTHER)):
        lab.callers[session_id] = Remembering(session_id, source=route.remote, local=route.local)
    lab.translator.captures = [captured(AUTHOR), captured(OTHER)]
    await lab.edit(top(entry("a")))
    found = await told(lab)
    (own,) = found["would-be-refused"]
    by_commit = await lab.refused("<commit/>")
    assert [own["error-app-tag"][0], own["error-message"][0]] == [
        by_commit[0].app_tag,
        by_commit[0].message,
    ]
    assert names(found) == [(A, "created")], "a confirmed commit would do it"
    assert found["warning"] == [
        {
            "app-tag": ["would-cut-off-session"],
            "path": ["/every-construct:top/entry[id='1']"],
            "message": ["a commit may cut off session 2 of tester from 10.5.0.7: entry 1 would take it"],
        }
    ]


async def test_a_warning_tells_nothing_that_its_reader_may_not_read(lab: Lab) -> None:
    monitoring = "<module-name>ietf-netconf-monitoring</module-name>"
    hide_sessions = rule("s", "deny", f"{monitoring}<access-operations>read</access-operations>")
    await ruled(lab, hide_sessions, WRITER)
    lab.callers[2] = Remembering(2, "secretive", source=OTHER.remote, local=OTHER.local)
    lab.translator.captures = [captured(OTHER)]
    await lab.edit(top(entry("a")))
    found = await told(lab, session_id=JOE)
    (warning,) = found["warning"]
    assert warning == {
        "app-tag": ["would-cut-off-session"],
        "message": ["a commit may cut off another session: its packets would go another way"],
    }


@pytest.mark.parametrize("key", ["a", "b"])
async def test_who_would_cut_himself_off_is_told_as_by_a_commit_also_by_what_he_may_not_read(
    lab: Lab, key: str
) -> None:
    await ruled(lab, HIDE_A, WRITER)
    joe = lab.callers[2] = Remembering(2, "joe", source=AUTHOR.remote, local=AUTHOR.local)
    await lab.edit(top(entry(key)), joe.session_id)
    hidden = captured(AUTHOR)
    place = f"/every-construct:top/entry[id='{key}']"
    lab.translator.captures = [replace(hidden, path=place, tells=(place,))]
    (by_commit,) = await lab.refused("<commit/>", joe.session_id)
    (found,) = (await told(lab, session_id=joe.session_id))["would-be-refused"]
    assert found["error-message"] == [by_commit.message]
    assert found.get("error-path", [None]) == [by_commit.path]
    assert ("entry 1 would take it" in by_commit.message) is (key == "b")
