"""load-commit under access control: whose rights it takes, and what it tells of what is hidden."""

from __future__ import annotations

import pytest

from agent.errors import MAX_ERRORS, RpcError
from tests.agent.handlers import Lab
from tests.agent.lab import entry, top
from tests.agent.operations.comparisons import lines, three_commits
from tests.agent.operations.guarded import (
    JOE,
    NOBODY,
    SAM,
    acme,
    filled,
    interface,
    path,
    rule,
    rule_list,
    ruled,
)
from tests.agent.operations.loads import ago, changed_units, commit
from tests.requests import edit_candidate


async def test_it_takes_the_rights_to_write_what_changes(lab: Lab) -> None:
    await lab.commit(entry("<number>1</number>"))
    await ruled(
        lab,
        rule_list("a", ["admin"], rule("all", "permit", "<access-operations>*</access-operations>")),
        rule_list("b", ["limited"], rule("one", "permit", path("/ec:top/ec:entry[ec:id='1']"))),
    )
    rules = lab.context.configuration.store.latest()
    await lab.commit(entry("<number>2</number>"))
    await lab.do(commit(rules), JOE)
    await lab.do("<discard-changes/>")
    await lab.commit(top("<entry><id>2</id></entry>"))
    before = lab.candidate
    errors = await lab.refused(commit(rules), JOE)
    assert [(error.tag, error.path) for error in errors] == [
        ("access-denied", "/every-construct:top/entry[id='2']")
    ]
    assert lab.candidate == before
    assert [error.tag for error in await lab.refused(commit(rules), NOBODY)] == ["access-denied"]
    await lab.do(commit(rules), SAM)
    await lab.do("<commit/>", SAM)
    assert await lines(lab, rules) == []


async def test_who_changed_the_candidate_and_may_not_loses_nothing_of_it(lab: Lab) -> None:
    """The uncommitted change of another counts, too: as with copy-config."""
    await three_commits(lab)
    await ruled(lab, rule_list("b", ["limited"], rule("one", "permit", path("/ec:top/ec:entry[ec:id='1']"))))
    newest = lab.context.configuration.store.latest()
    await lab.edit(top("<flag>false</flag>"))
    (error,) = await lab.refused(commit(newest), JOE)
    assert (error.tag, error.path) == ("access-denied", "/every-construct:top/flag")
    assert "<flag>false</flag>" in lab.candidate


async def test_a_secret_that_may_be_written_goes_back_and_is_not_shown(lab: Lab) -> None:
    await filled(lab)
    await ruled(
        lab,
        rule_list(
            "a",
            ["limited"],
            rule("w", "permit", "<access-operations>create update delete</access-operations>"),
        ),
    )
    rules = lab.context.configuration.store.latest()
    await lab.commit(interface("eth0", "<mtu>1500</mtu><password>new</password>"))
    reply = await lab.do(commit(rules), JOE)
    assert "hush" not in reply
    assert "hush-eth" in lab.candidate
    shown = await lines(lab, "running", "candidate", session_id=JOE)
    assert len(shown) == 2
    assert not any("password" in line for line in shown)
    await lab.do("<commit/>", JOE)
    assert "hush-eth" in lab.running
    assert "new" not in lab.running


async def test_a_unit_with_something_hidden_counts_as_changed(lab: Lab) -> None:
    """Else whether there is something to commit would tell whether a secret is what it was."""
    await filled(lab)
    await ruled(
        lab,
        rule_list("a", ["limited"], rule("w", "permit", path("/acme:interfaces", "create update delete"))),
    )
    rules = lab.context.configuration.store.latest()
    for password in ("new", "hush-eth"):
        await lab.commit(interface("eth0", f"<password>{password}</password>"))
    await lab.commit(acme("<interface><name>eth0</name><mtu>1</mtu></interface>"))
    await lab.do(commit(rules), JOE)
    candidate = lab.context.configuration.candidate
    assert len(candidate.blind) == 1
    await lab.do(commit(rules))
    assert candidate.blind == set(), "who may read everything"


GUESSES = ("hush-eth", "wrong")


async def test_who_guesses_a_secret_and_loads_his_guess_does_not_learn_whether_he_was_right(lab: Lab) -> None:
    """Neither the rollback of his guess, nor loading it again, depends on what the secret is."""
    await filled(lab)
    await ruled(
        lab,
        rule_list("a", ["limited"], rule("w", "permit", path("/acme:interfaces", "create update delete"))),
    )
    history = lab.context.configuration.store.history
    told = []
    for guess in GUESSES:
        before = history.ends()[1]
        await lab.edit(interface("eth0", f"<password>{guess}</password>"), JOE)
        await lab.do("<commit><confirmed/></commit>", JOE)
        guessed = history.ends()[1]
        await lab.do("<cancel-commit/>", JOE)
        back = history.ends()[1]
        counts = [history.changed_count(number) for number in range(before + 1, back + 1)]
        await lab.do(commit(guessed), JOE)
        differing = [unit.path for unit in changed_units(lab)]
        await lab.do("<commit/>", JOE)
        told.append((guessed - before, back - before, counts, differing, history.ends()[1] - before))
        await lab.do(commit(guessed - 1))
        await lab.do("<commit/>")
        assert "hush-eth" in lab.running
    assert told[0] == told[1] == (1, 2, [1, 1], ["/acme:interfaces/interface[name='eth0']"], 3)


async def test_that_depends_on_the_rules_and_not_on_what_is_there(lab: Lab) -> None:
    """Also where there is no secret, and for who may read it there is nothing to commit."""
    await ruled(
        lab,
        rule_list("a", ["limited"], rule("w", "permit", path("/acme:interfaces", "create update delete"))),
        rule_list("b", ["admin"], rule("all", "permit", "<access-operations>*</access-operations>")),
    )
    for name in ("eth0", "it's"):
        await lab.commit(interface(name, "<mtu>1</mtu>"))
        first = lab.context.configuration.store.latest()
        for mtu in (2, 1):
            await lab.commit(interface(name, f"<mtu>{mtu}</mtu>"))
        await lab.do(commit(first), JOE)
        assert len(changed_units(lab)) == 1
        await lab.do(commit(first), SAM)
        assert changed_units(lab) == []
    for flag in ("false", "true", "false"):
        await lab.commit(top(f"<flag>{flag}</flag>"))
    await lab.do(ago(2), JOE)
    assert changed_units(lab) == []


async def test_who_may_change_nothing_is_refused_before_anything_is_looked_at(lab: Lab) -> None:
    await three_commits(lab)
    await ruled(lab, settings="<write-default>deny</write-default>")
    error: RpcError
    for operation in (commit(1), commit(99)):
        (error,) = await lab.refused(operation, NOBODY)
        assert error.tag == "access-denied"


async def test_the_order_of_what_is_loaded_does_not_tell_whether_a_guess_was_right(lab: Lab) -> None:
    """What differs beside the guess stands where it would, whether the guess differs or not."""
    await filled(lab)
    await ruled(
        lab,
        rule_list("a", ["limited"], rule("w", "permit", path("/acme:interfaces", "create update delete"))),
    )
    told = []
    for guess in GUESSES:
        base = lab.context.configuration.store.latest()
        await lab.edit(interface("eth0", f"<password>{guess}</password>"), JOE)
        await lab.edit(acme("<interface><name>dummy</name><mtu>1</mtu></interface>"), JOE)
        await lab.do("<commit/>", JOE)
        await lab.do(commit(base), JOE)
        told.append([unit.path for unit in changed_units(lab)])
        await lab.do(commit(base))
        await lab.do("<commit/>")
    assert told[0] == told[1]
    assert len(told[0]) == 2


READS_ALL = rule("r", "permit", "<access-operations>read</access-operations>")
NO_ENTRY = rule("h", "deny", path("/ec:top/ec:entry", "create update delete"))
BLIND_TO_ENTRIES = rule("h", "deny", path("/ec:top/ec:entry", "*"))
TOP = rule("o", "permit", path("/ec:top", "*"))
ENTRIES = "/every-construct:top/entry"


async def limited(lab: Lab, *rules: str) -> int:
    """Give JOE these rules; return the newest commit."""
    everything = rule("all", "permit", "<access-operations>*</access-operations>")
    await ruled(lab, rule_list("a", ["admin"], everything), rule_list("b", ["limited"], *rules))
    return lab.context.configuration.store.latest()


def entries(count: int) -> str:
    return "".join(f"<entry><id>{number}</id></entry>" for number in range(count))


@pytest.mark.parametrize("count", [60, 100, 101, 150, 201, 400])
async def test_who_may_read_everything_is_told_no_wrong_number_of_refusals(lab: Lab, count: int) -> None:
    base = await limited(lab, READS_ALL, NO_ENTRY, TOP)
    await lab.commit(top(entries(count)))
    errors = await lab.refused(commit(base), JOE)
    assert len({error.path for error in errors}) == len(errors) == min(count, MAX_ERRORS)
    told = "(more errors are left out)" if count > MAX_ERRORS else ""
    assert [error.told for error in errors if "left out" in error.told] == (
        [f"{errors[-1].message} {told}"] if told else []
    )


@pytest.mark.parametrize("count", [1, 99, 150])
async def test_how_many_hidden_entries_there_are_does_not_decide_what_else_is_told(
    lab: Lab, count: int
) -> None:
    """All of them are one refusal, and what comes after them is refused as well."""
    base = await limited(lab, BLIND_TO_ENTRIES, rule("f", "deny", path("/ec:top/ec:flag", "delete")), TOP)
    await lab.commit(top(entries(count)))
    await lab.commit(top("<flag>false</flag>"))
    errors = await lab.refused(commit(base), JOE)
    assert [error.path for error in errors] == [ENTRIES, "/every-construct:top/flag"]
    assert not [error for error in errors if error.left_out]


@pytest.mark.parametrize("count", [1, 100, 101, 250])
async def test_an_edit_tells_as_little(lab: Lab, count: int) -> None:
    await limited(lab, BLIND_TO_ENTRIES, rule("f", "deny", path("/ec:top/ec:flag", "delete")), TOP)
    await lab.commit(top(f"{entries(count)}<flag>false</flag>"))
    removed = top("").replace("<top ", '<top nc:operation="remove" ')
    errors = await lab.refused(edit_candidate(removed), JOE)
    assert {error.path for error in errors} == {ENTRIES, "/every-construct:top/flag"}
    assert not [error for error in errors if error.left_out]
