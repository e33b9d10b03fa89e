"""No answer depends on a secret that who asks may not read, and none names what he may not read."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.errors import RpcError, RpcErrors
from agent.from_settings import make_schema
from agent.nacm import tries
from agent.nacm.state import state_reader, tells_state
from agent.nacm.tries import MAX_TRIES, WINDOW_S, Tries
from agent.served import SERVED, standard_modules
from agent.settings import Settings as AgentSettings
from agent.translator import Settings
from agent.yang.schema import Schema
from tests.agent.handlers import Lab, Remembering, running_lab
from tests.requests import IPSEC
from translators.strongswan.assembly import make

AGENT = "urn:yangswan:params:xml:ns:yang:agent"
NACM = "urn:ietf:params:xml:ns:yang:ietf-netconf-acm"
ADMIN, WRITER, NOBODY = 1, 3, 9
RIGHT, WRONG = "right-secret-0001-of-thirty-two-characters", "wrong-secret-0002-of-thirty-two-characters"
# Who may write everything, and read what is no secret.
RULES = (
    f'<nacm xmlns="{NACM}"><groups><group><name>writers</name><user-name>wilma</user-name></group></groups>'
    "<rule-list><name>w</name><group>writers</group>{more}"
    "<rule><name>write</name><access-operations>create update delete exec</access-operations>"
    "<action>permit</action></rule></rule-list></nacm>"
)
HIDE_1 = (
    f"<rule><name>hide</name><path xmlns:s='{IPSEC}'>/s:tunnels/s:ipsec[s:id='1']</path>"
    "<access-operations>read</access-operations><action>deny</action></rule>"
)


def tunnel(number: int, secret: str = RIGHT, *, remote: str = "", more: str = "", ppk: str = "") -> str:
    """Return an entry to a peer of its own, with a local identity of its own."""
    key = f"<ike><ppk><id>shared-ppk</id><key>{ppk}</key></ppk></ike>" if ppk else ""
    return (
        f"<ipsec><id>{number}</id><secret>{secret}</secret><local-address>192.0.2.1</local-address>"
        f"<peer>198.51.100.{number}</peer><local-id><name>own{number}</name></local-id>"
        f"<remote-id><name>{remote or f'peer{number}'}</name></remote-id>{more}{key}</ipsec>"
    )


def tunnels(*entries: str) -> str:
    return f'<tunnels xmlns="{IPSEC}">{"".join(entries)}</tunnels>'


def edit(body: str, test: str = "") -> str:
    option = f"<test-option>{test}</test-option>" if test else ""
    return f"<edit-config><target><candidate/></target>{option}<config>{body}</config></edit-config>"


def validate(body: str) -> str:
    return f"<validate><source><config>{body}</config></source></validate>"


def copy(body: str) -> str:
    return f"<copy-config><target><candidate/></target><source><config>{body}</config></source></copy-config>"


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Lab]:
    translator = make(Settings(tmp_path / "data", "none"))
    schema = Schema(
        standard_modules(), SERVED, translator.yang_files, disabled_features=translator.disabled_features
    )
    schema.names = translator.names
    async with running_lab(schema, tmp_path, translator) as lab:  # type: ignore[arg-type]
        await translator.start({})
        lab.callers[WRITER] = Remembering(WRITER, "wilma")
        lab.callers[NOBODY] = Remembering(NOBODY, "nobody")
        await lab.commit(RULES.format(more=""))
        yield lab
        await translator.stop()


async def answer(lab: Lab, request: str, session_id: int) -> object:
    """Return all that a client is told, with what could be in it of a secret."""
    try:
        reply = await lab.do(request, session_id)
    except Exception as problem:
        errors: list[RpcError] = list(problem.errors)  # type: ignore[attr-defined]
        told = [(e.tag, e.app_tag, e.path, e.message, tuple(e.info.items())) for e in errors]
        assert RIGHT not in str(told)
        assert WRONG not in str(told)
        return told
    return reply


async def answers(lab: Lab, request: str, session_id: int = WRITER) -> list[object]:
    """Return the answers if the guess in ``request`` is right and if it is wrong; nothing of it is left."""
    found = []
    for guess in (RIGHT, WRONG):
        found.append(await answer(lab, request.replace("GUESS", guess), session_id))
        await lab.do("<discard-changes/>")
    return found


CLASH = tunnel(2, "GUESS", remote="peer1")  # with tunnel 1, which has the secret
OWN = tunnel(1, "GUESS")
BOTH = tunnels(OWN, tunnel(2, WRONG, remote="peer1"))
PPK = tunnels(tunnel(1, ppk="GUESS"), tunnel(2, ppk=WRONG))
TRIES = {
    "a tunnel that has the identity of the one with the secret": tunnels(CLASH),
    "the secret of the tunnel itself": tunnels(OWN),
    "the secret itself, beside one that is in conflict": BOTH,
    "that in the other order": tunnels(tunnel(2, WRONG, remote="peer1"), OWN),
    "a postquantum key": PPK,
}


def dry_run(body: str) -> str:
    return f'<dry-run xmlns="{AGENT}"><source><config>{body}</config></source></dry-run>'


DOORS = {
    "dry-run": dry_run,
    "test-only": lambda body: edit(body, "test-only"),
    "test-then-set": lambda body: edit(body, "test-then-set"),
    "validate": validate,
}


@pytest.mark.parametrize("body", TRIES.values(), ids=TRIES)
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("session_id", [WRITER, NOBODY], ids=["who may write", "who may nothing"])
async def test_whether_a_guess_is_right_is_not_told(
    gateway: Lab, body: str, door: str, session_id: int
) -> None:
    await gateway.commit(tunnels(tunnel(1, RIGHT), tunnel(7, RIGHT, remote="peer7")))
    await gateway.commit(tunnels(tunnel(1, ppk=RIGHT)) if body is PPK else tunnels(tunnel(1)))
    right, wrong = await answers(gateway, DOORS[door](body), session_id)
    assert right == wrong
    if session_id == NOBODY and door == "dry-run":
        assert "<error-tag>access-denied</error-tag>" in str(right)
        assert "<error-message>" in str(right)
    elif session_id == NOBODY:
        assert isinstance(right, list)
        assert {error[0] for error in right} == {"access-denied"}


async def test_the_conflicts_of_a_guess_are_told_all_the_same(gateway: Lab) -> None:
    await gateway.commit(tunnels(tunnel(1)))
    right, wrong = await answers(gateway, edit(tunnels(CLASH), "test-only"))
    assert right == wrong
    assert [error[1] for error in right] == ["secret-shadowed"]  # type: ignore[attr-defined]
    # Who may read the secret is told the truth.
    assert (await answers(gateway, edit(tunnels(CLASH), "test-only"), ADMIN))[0] == ""


async def test_nor_does_the_lock_tell_nor_the_commit(gateway: Lab) -> None:
    """A candidate that differs cannot be locked; nor is what differs from running committed silently."""
    await gateway.commit(tunnels(tunnel(1)))
    told = []
    for guess in (RIGHT, WRONG):
        await gateway.do(edit(tunnels(tunnel(1, guess))), WRITER)
        told.append(await answer(gateway, "<lock><target><candidate/></target></lock>", WRITER))
        told.append(await answer(gateway, "<validate><source><candidate/></source></validate>", WRITER))
        await gateway.do("<discard-changes/>")
    assert told[:2] == told[2:]
    assert await answer(gateway, copy(tunnels(tunnel(1))), WRITER) == ""
    assert isinstance(await answer(gateway, "<lock><target><candidate/></target></lock>", WRITER), list)
    assert await answer(gateway, "<commit/>", WRITER) == ""


async def test_an_edit_that_is_taken_back_leaves_nothing_different(gateway: Lab) -> None:
    await gateway.commit(tunnels(tunnel(1)))
    await gateway.do(edit(tunnels(tunnel(1)), "test-only"), WRITER)
    assert await gateway.do("<lock><target><candidate/></target></lock>", WRITER) == ""


async def test_what_is_committed_stays_in_the_way_of_nobody(gateway: Lab) -> None:
    """Two tunnels with one identity and one secret: who may not read it may change what is not about it."""
    await gateway.commit(tunnels(tunnel(1), tunnel(2, remote="peer1")))
    body = tunnels("<ipsec><id>1</id><description>x</description></ipsec>")
    await gateway.do(edit(body, "test-then-set"), WRITER)
    await gateway.do("<commit/>", WRITER)
    assert "<description>x</description>" in gateway.running
    await gateway.do(edit(tunnels(tunnel(3, WRONG)), "test-then-set"), WRITER)
    await gateway.do("<commit/>", WRITER)
    assert "<id>3</id>" in gateway.running


async def test_validate_of_a_configuration_is_checked_as_copy_config_is(gateway: Lab) -> None:
    await gateway.commit(tunnels(tunnel(1)))
    for body in (tunnels(tunnel(1)), tunnels(tunnel(2)), "", RULES.format(more="")):
        by_copy = await answer(gateway, copy(body), NOBODY)
        assert isinstance(by_copy, list)
        assert await answer(gateway, validate(body), NOBODY) == by_copy
    assert await gateway.do(validate(tunnels(tunnel(2)) + RULES.format(more=""))) == ""


async def hide_the_first(gateway: Lab) -> None:
    """Let the rule come before the other one."""
    await gateway.commit(f'<nacm xmlns="{NACM}" nc:operation="delete"/>')
    await gateway.commit(RULES.format(more=HIDE_1))


CONFLICTS = {
    "identities": tunnel(2, WRONG, remote="peer1").replace("own2", "own1"),
    "secrets": tunnel(2, WRONG, remote="peer1"),
    "subnets": tunnel(
        2, more="<local-subnet>10.1.0.0/16</local-subnet><remote-subnet>10.2.0.0/16</remote-subnet>"
    ),
}


@pytest.mark.parametrize("entry", CONFLICTS.values(), ids=CONFLICTS)
async def test_a_conflict_names_nothing_that_may_not_be_read(gateway: Lab, entry: str) -> None:
    subnets = "<local-subnet>10.1.0.0/16</local-subnet><remote-subnet>10.2.0.0/16</remote-subnet>"
    await gateway.commit(tunnels(tunnel(1, more=subnets)))
    request = edit(tunnels(entry), "test-only")
    named = str(await answer(gateway, request, WRITER))
    assert "tunnel 1" in named or "tunnels 1" in named
    await hide_the_first(gateway)
    hidden = await answer(gateway, request, WRITER)
    assert {error[3] for error in hidden} == {  # type: ignore[attr-defined]
        "this is in conflict with something that you may not read"
    }
    assert {error[2] for error in hidden} == {  # type: ignore[attr-defined]
        "/yangswan-ipsec:tunnels/ipsec[id='2']"
    }
    for word in ("198.51.100.1", "peer1", "own1", "tunnel 1", "tunnels 1", "10.1."):
        assert word not in str(hidden)


DRY_RUN = '<dry-run xmlns="urn:yangswan:params:xml:ns:yang:agent"/>'
VALIDATE = "<validate><source><candidate/></source></validate>"


async def test_who_writes_what_he_may_not_read_is_told_nothing_of_it_by_a_conflict(gateway: Lab) -> None:
    """The entry at which the conflict stands counts as the other one does."""
    both = "<local-subnet>10.1.0.0/16</local-subnet><remote-subnet>10.{}.0.0/16</remote-subnet>"
    await gateway.commit(tunnels(*(tunnel(number, more=both.format(number)) for number in (1, 2))))
    await hide_the_first(gateway)
    more = "<remote-subnet>10.2.0.0/16</remote-subnet>"
    await gateway.do(edit(tunnels(f"<ipsec><id>1</id>{more}</ipsec>")), WRITER)
    for request in (VALIDATE, "<commit/>"):
        ((tag, _, path, message, _),) = await answer(gateway, request, WRITER)  # type: ignore[misc]
        assert (tag, path) == ("invalid-value", "/yangswan-ipsec:tunnels/ipsec")
        assert message == "something that you may not read is wrong here"
    told = str(await answer(gateway, DRY_RUN, WRITER))
    assert "something that you may not read is wrong here" in told
    for word in ("10.1.", "198.51.100", "10.2."):
        assert word not in told
    assert "198.51.100.2" in str(await answer(gateway, VALIDATE, 1))


async def test_what_others_left_unfinished_is_told_to_who_may_read_it(gateway: Lab) -> None:
    await hide_the_first(gateway)
    await gateway.do(edit(tunnels("<ipsec><id>1</id><secret>12345678</secret></ipsec>")))
    for request in (VALIDATE, "<commit/>", DRY_RUN):
        told = str(await answer(gateway, request, WRITER))
        assert "something that you may not read is wrong here" in told
        for word in ("address", "'1'", "mandatory"):
            assert word not in told
        assert "local-address" in str(await answer(gateway, request, 1))


async def test_state_names_no_tunnel_that_may_not_be_read(gateway: Lab) -> None:
    subnets = "<local-subnet>10.1.0.0/16</local-subnet><remote-subnet>10.2.0.0/16</remote-subnet>"
    both = [tunnel(number, more=subnets).replace(f"198.51.100.{number}", "198.51.100.9") for number in (1, 2)]
    await gateway.commit(tunnels(*both))
    request = f"<get><filter>{tunnels('<ipsec><id>2</id><state/></ipsec>')}</filter></get>"
    assert "<tunnel>1</tunnel>" in await gateway.do(request, WRITER)
    await hide_the_first(gateway)
    seen = await gateway.do(request, WRITER)
    assert "<status>" in seen
    assert "overlap" not in seen
    assert "<tunnel>1</tunnel>" in await gateway.do(request)


def test_what_names_tunnels_in_the_state_is_in_the_model(tmp_path: Path) -> None:
    translator = make(Settings(tmp_path / "data", "none"))
    schema = Schema(
        standard_modules(), SERVED, translator.yang_files, disabled_features=translator.disabled_features
    )
    for path, entry in translator.names.items():
        assert not schema.find(path).config
        assert schema.find(entry.partition("[")[0]).kind.value == "list"


async def test_such_tries_are_logged_and_limited(
    gateway: Lab, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hide_the_first(gateway)
    await gateway.commit(tunnels(tunnel(1)))
    request = edit(tunnels(CONFLICTS["secrets"]), "test-only")
    caplog.set_level(logging.WARNING)
    now = [0.0]
    monkeypatch.setattr(gateway.context.nacm, "tries", Tries(lambda: now[0]))
    for _ in range(MAX_TRIES):
        await answer(gateway, request, WRITER)
    assert caplog.text.count("user 'wilma' was refused") == MAX_TRIES
    for refused in (request, validate(""), "<commit/>"):
        ((tag, *_),) = await answer(gateway, refused, WRITER)  # type: ignore[misc,attr-defined]
        assert tag == "resource-denied"
    assert await gateway.do(edit(tunnels(tunnel(5)))) == ""
    assert await gateway.do("<commit/>") == ""
    now[0] = WINDOW_S
    assert await answer(gateway, "<commit/>", WRITER) == ""


@pytest.mark.parametrize("door", ["commit", "test-only", "validate"])
async def test_who_tries_in_many_sessions_at_once_has_no_more_of_them(
    gateway: Lab, caplog: pytest.LogCaptureFixture, door: str
) -> None:
    await hide_the_first(gateway)
    await gateway.commit(tunnels(tunnel(1)))
    conflict = tunnels(CONFLICTS["secrets"])
    if door != "test-only":
        await gateway.do(edit(conflict), WRITER)
    request = {
        "commit": "<commit/>",
        "test-only": edit(conflict, "test-only"),
        "validate": "<validate><source><candidate/></source></validate>",
    }[door]
    caplog.set_level(logging.WARNING)
    sessions = range(100, 100 + MAX_TRIES + 6)
    for session in sessions:
        gateway.callers[session] = Remembering(session, "wilma")
    writing = gateway.context.configuration.writing
    async with writing:
        waiting = [asyncio.create_task(answer(gateway, request, session)) for session in sessions]
        await gateway.until(lambda: len(writing._waiters or ()) == len(waiting))
    answers = [(await task)[0][0] for task in waiting]  # type: ignore[index]
    assert answers.count("resource-denied") == len(waiting) - MAX_TRIES
    assert caplog.text.count("user 'wilma' was refused") == MAX_TRIES


def test_only_so_many_users_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tries, "MAX_USERS", 2)
    counted = Tries(lambda: 0.0)
    for user in ("a", "b", "a", "c"):
        counted.count(user)
    assert list(counted._times) == ["a", "c"]


def test_what_is_said_of_a_tunnel_that_does_not_work_is_of_its_state(tmp_path: Path) -> None:
    schema = make_schema(AgentSettings(), [make(Settings(tmp_path, "none"))])
    one, two = (f"/yangswan-ipsec:tunnels/ipsec[id='{number}']" for number in (1, 2))
    may_read_state = state_reader(schema, lambda path: path != f"{one}/state")
    assert not may_read_state(one)
    assert may_read_state(two)
    entries = [
        node.path for root in schema.roots.values() for node in root.subtree() if tells_state(node)
    ]  # fmt: skip
    assert entries == ["/yangswan-agent:agent/confirmed-commit/verify/not-working/entry"]


@pytest.mark.parametrize("count", [100, 105])
@pytest.mark.parametrize("guess", [2, 9])
async def test_how_many_errors_are_left_out_tells_nothing_of_a_hidden_tunnel(
    gateway: Lab, guess: int, count: int
) -> None:
    subnets = "<local-subnet>10.1.0.0/16</local-subnet><remote-subnet>10.{}.0.0/16</remote-subnet>"
    await gateway.commit(tunnels(tunnel(1, more=subnets.format(2))))
    await hide_the_first(gateway)
    own = [tunnel(10 + n, f"{'t' * 32}{n}", remote="dup") for n in range(count + 1)]
    own = [one.replace(f"own{10 + n}", "dup") for n, one in enumerate(own)]
    request = edit(tunnels(*own, tunnel(220, more=subnets.format(guess))), "test-only")
    with pytest.raises(RpcErrors) as refused:
        await gateway.do(request, WRITER)
    assert len(refused.value.errors) == 100
    assert not [error.told for error in refused.value.errors if "left out" in error.told]
    with pytest.raises(RpcErrors) as refused:
        await gateway.do(request, ADMIN)
    assert "left out" in refused.value.errors[-1].told
