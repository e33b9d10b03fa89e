"""What the views make of data: lines of differences, facts, commits, expiry, numbers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from console.show.layout import ranges
from tests.browser.modules import Modules, modules_in
from tests.browser.view_lab import NOW, called

pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def modules(chromium: Browser) -> AsyncIterator[Modules]:
    async with modules_in(chromium) as there:
        yield there


ENTRY = "/yangswan-ipsec:tunnels/ipsec[id='7']"


@pytest.mark.parametrize(
    ("line", "kind", "shown"),
    [
        (f"+ {ENTRY}", "added", ENTRY),
        (f"- {ENTRY}/description = a = b", "removed", f"{ENTRY}/description = a = b"),
        (f"+ {ENTRY}/local-id/key = vpn-1", "added", f"{ENTRY}/local-id/key = vpn-1"),
        ("~ /a:b/c[n='x = /secret'] first", "moved", "/a:b/c[n='x = /secret'] first"),
        ("+ /a:b/c[n='it]s']/d = e", "added", "/a:b/c[n='it]s']/d = e"),
        ("+more", "other", "+more"),
        ("more = less", "other", "more = less"),
    ],
)
async def test_lines_of_differences(modules: Modules, line: str, kind: str, shown: str) -> None:
    (found,) = await called(modules, "differences.js", "m.lines(given)", f"{line}\n")
    assert (found["kind"], found["text"]) == (kind, shown)
    assert found["sign"] == ("" if kind == "other" else line[0])


async def test_a_line_is_cut_where_nobody_reads_it_any_more(modules: Modules) -> None:
    (found,) = await called(modules, "differences.js", "m.lines(given)", "+ " + "x" * 2001)
    assert found["text"] == "x" * 2000 + "… (1 more character)"


async def test_no_lines_are_no_differences(modules: Modules) -> None:
    assert await called(modules, "differences.js", '[m.lines(""), m.lines(undefined)]') == [[], []]


async def test_changes_lead_to_their_tunnels(modules: Modules) -> None:
    other = "/yangswan-ipsec:tunnels/yangswan-ipsec:ipsec[yangswan-ipsec:id='12']"
    targets = [ENTRY, f"{ENTRY}/description", "/yangswan-ipsec:tunnels", other, None]
    assert await called(modules, "differences.js", "given.map(m.tunnelOf)", targets) == [
        7,
        None,
        None,
        12,
        None,
    ]


@pytest.mark.parametrize(
    "numbers", [[], [3], [2, 1], [1, 2, 3], [5, 1, 2, 3, 3, 9], list(range(0, 80, 2)), [1, *range(5, 40, 3)]]
)
async def test_numbers_are_written_as_the_command_line_writes_them(
    modules: Modules, numbers: list[int]
) -> None:
    assert await called(modules, "bounded.js", "m.ranges(given)", numbers) == ranges(numbers)


async def test_what_waits_to_be_drawn_is_bounded(modules: Modules) -> None:
    script = "((b) => (given.forEach((one) => b.push(one)), [b.drain(), b.drain()]))(new m.Bounded(3))"
    first, second = await called(modules, "bounded.js", script, list(range(100)))
    assert first == {"items": [97, 98, 99], "dropped": 97}
    assert second == {"items": [], "dropped": 0}


DOWN = {"id": 7, "local-address": "192.0.2.1", "state": {"status": "down", "applied": "applied"}}


@pytest.mark.parametrize(
    ("tunnel", "name", "parts"),
    [
        (DOWN, "Status", ["Down: waits for the peer to call; one of the two gateways needs 'initiator'"]),
        ({**DOWN, "initiator": True}, "Status", ["Down: it does not carry traffic"]),
        ({**DOWN, "enabled": False}, "Status",
         ["Disabled: it is configured, and the daemon does not know of it"]),
        ({"id": 7}, "Status", ["You may not read the state of this tunnel"]),
        ({"id": 7, "state": {"status": "another"}}, "Status", ["another"]),
        (DOWN, "Role", ["responder, from 192.0.2.1 to any peer"]),
        ({"state": {"last-error": {"reason": "peer-silent", "detail": "x\u202e", "time": NOW}}}, "Last error",
         [{"at": NOW}, ": The peer did not answer (x\\u202e)"]),
        ({"state": {"last-down": {}}}, "Last down", None),
        ({"state": {"status": "down", "supervision": {"attempts": 1, "next-attempt": NOW}}}, "Next attempt",
         [{"at": NOW}, ", 1 attempt so far"]),
        ({"state": {"status": "installed", "supervision": {"attempts": 1}}}, "Next attempt", None),
        ({"state": {"retransmission-tries": 2}}, "Unanswered", ["a request, sent again 2 times so far"]),
        ({"state": {"ike-sa": [{"nat-local": True}, {"nat-any": True}]}}, "NAT",
         ["none; this gateway pretends one, to have ESP in UDP"]),
        ({"state": {"narrowed": {"local-subnet": ["10.0.0.0/8"]}}}, "Not carried",
         [{"line": "10.0.0.0/8 on this side: the peer did not take all of it"}]),
        ({"state": {"overlap": [{"tunnel": 3, "relation": "same"}]}}, "Overlap",
         [{"line": "with tunnel 3: both have the same pair of subnets, to the same peer"}]),
        ({"state": {"leak-protection": {"in-force": False, "reason": "failed", "detail": "no nft"}}}, "Leaks",
         ["packets may pass in clear: the rules could not be put in force (no nft)"]),
        ({"state": {"leak-protection": {"in-force": True, "dropped-packets-out": "5"}}}, "Leaks",
         ["packets in clear are dropped; 5 dropped on their way out, 0 on their way in"]),
        ({"state": {"applied": "pending"}}, "In force",
         ["No: the daemon cannot be reached; it will be told when it can"]),
        ({"state": {"counters": {"ups": 1, "failures": 0}}}, "Counted", ["up 1, failed 0"]),
    ],
)  # fmt: skip
async def test_facts_of_a_tunnel(modules: Modules, tunnel: dict[str, Any], name: str, parts: Any) -> None:
    found = dict(await called(modules, "tunnel-facts.js", "m.factsOf(given)", tunnel))
    assert found.get(name) == parts


async def test_events_and_configuration_in_words(modules: Modules) -> None:
    event = {"what": "ike-rekeyed"}
    failed = {"what": "failed", "times": 3, "reason": "peer-silent"}
    assert await called(modules, "tunnel-facts.js", "given.map(m.eventWords)", [event, failed]) == [
        "Ike rekeyed", "Failed 3 times: The peer did not answer"
    ]  # fmt: skip
    given = {
        "enabled": False, "local-subnet": ["10.0.0.0/8", "10.1.0.0/16"],
        "ike": {"proposal": [{"priority": 2, "cipher": "aes256"}]}, "certificate": {"own": "gw"},
    }  # fmt: skip
    assert await called(modules, "tunnel-facts.js", "m.flattened(given)", given) == [
        ["enabled", "no"],
        ["local-subnet", "10.0.0.0/8, 10.1.0.0/16"],
        ["ike / proposal 2 / cipher", "aes256"],
        ["certificate / own", "gw"],
    ]


async def test_which_commits_wait_and_until_when(modules: Modules) -> None:
    pending = {"rollback-to": 5, "remaining-s": 60, "user": "ann", "session-id": 9, "persistent": False}
    waits = "m.pendingOf({'confirmed-commit': given.pending}, now)"
    script = f"given.commits.map((one) => m.outcomeOf(one, {waits}, now))"
    commits = [
        {"id": 5, "outcome": "committed"},
        {"id": 6, "outcome": "committed"},
        {"id": 7, "outcome": "undone"},
        {"id": 8, "outcome": "committed", "taken-back-by": 9},
    ]
    found = await called(modules, "commits.js", script, {"commits": commits, "pending": pending})
    assert [one["words"] for one in found] == [
        "committed", "to be confirmed by 13:01:00", "undone before it was in force", "taken back by 9"
    ]  # fmt: skip
    assert len({one["sign"] for one in found}) == 4
    verified = {**pending, "verify": {"remaining-s": 30}}
    found = await called(modules, "commits.js", script, {"commits": commits[1:2], "pending": verified})
    assert found[0]["words"] == "being verified until 13:00:30"
    words = "m.pendingWords(m.pendingOf({'confirmed-commit': given}, now))"
    assert await called(modules, "commits.js", words, pending) == (
        "A confirmed commit of ann waits to be confirmed; else it is taken back, or when session 9 ends"
    )
    assert await called(modules, "commits.js", "[m.pendingOf({}, now), m.pendingOf(undefined, now)]") == [
        None,
        None,
    ]


async def test_older_commits_are_asked_for_by_their_ids(modules: Modules) -> None:
    script = "[m.idsBefore(5, 1, 3), m.idsBefore(3, 2, 50), m.idsBefore(1, 1, 50)]"
    assert await called(modules, "commits.js", script) == [[4, 3, 2], [2], []]


@pytest.mark.parametrize(
    ("one", "kind", "words"),
    [
        ({"not-after": "2027-11-28T12:00:00Z"}, "far", "in 365 days"),
        ({"not-after": "2026-12-08T12:00:00Z"}, "soon", "soon: in 10 days"),
        ({"not-after": "2026-11-27T10:00:00Z", "expired": True}, "over", "expired 26 hours ago"),
        (
            {"not-after": "2027-12-08T12:00:00Z", "not-before": "2026-11-28T14:00:00Z"},
            "early",
            "valid in 2 hours",
        ),
        ({"next-update": "2026-12-08T12:00:00Z"}, "far", "in 10 days"),
        ({"next-update": "2026-11-28T18:00:00Z"}, "soon", "soon: in 6 hours"),
        ({"next-update": "2026-11-27T12:00:00Z", "expired": True}, "over", "out of force, 24 hours ago"),
        ({}, "far", "not said"),
    ],
)
async def test_when_certificates_end(modules: Modules, one: dict[str, Any], kind: str, words: str) -> None:
    found = await called(modules, "expiry.js", "m.expiryOf(given, now)", one)
    assert (found["kind"], found["words"]) == (kind, words)
    assert bool(found["sign"]) == (kind != "far"), "no colour alone says it"


async def test_what_is_wrong_with_certificates_is_said_in_sentences(modules: Modules) -> None:
    state = {
        "certificate": [
            {"name": "gw", "not-after": "2026-12-08T12:00:00Z", "tunnel": [1, 2, 3]},
            {"name": "ca", "not-after": "2030-12-08T12:00:00Z"},
        ],
        "crl": [{"name": "list", "next-update": "2026-11-27T12:00:00Z", "expired": True}],
        "revocation": {"fetching": "no-plugin", "kept": ["authority x"]},
    }
    assert await called(modules, "expiry.js", "m.warningsOf(given, now)", state) == [
        "Certificate gw expires in 10 days; used by tunnel 1-3",
        "CRL list is out of force: nothing but what it revokes is known by it",
        "The daemon has no plugin that can fetch revocation lists: install strongSwan's plugin curl, and "
        "restart the daemon.",
        "Kept by the daemon until it starts again: authority x",
    ]
    assert await called(modules, "expiry.js", "m.warningsOf({}, now)") == []


async def test_how_long_a_peer_may_be_silent(modules: Modules) -> None:
    given = [{"tries": 5, "timeout": "4.0", "base": "1.8"}, {"tries": 5}, {}]
    assert await called(modules, "daemon.js", "given.map(m.patience)", given) == [
        "asked again 5 times, given up after 165 s", "", ""
    ]  # fmt: skip


async def test_who_holds_a_lock(modules: Modules) -> None:
    state = {"datastores": {"datastore": [
        {"name": "running"},
        {"name": "candidate", "locks": {"global-lock": {"locked-by-session": 4}}},
        {"name": "other", "locks": {"partial-lock": [{"locked-by-session": 4}]}},
    ]}}  # fmt: skip
    found = await called(modules, "sessions.js", "[...m.locksOf(given)]", state)
    assert found == [[4, ["candidate", "parts of other"]]]


async def test_numbers_in_addresses(modules: Modules) -> None:
    texts = ["7", "65535", "0", "-1", "1e3", "07", "abc", "", "12345678901", None]
    assert await called(modules, "reading.js", "given.map(m.numberOf)", texts) == [7, 65535, *[None] * 8]
