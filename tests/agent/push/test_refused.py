"""What no subscription to a datastore may ask for, and how it is refused (RFC 8641 section 4.4.1)."""

from __future__ import annotations

import pytest

from agent.operations.publisher import Bounds
from tests.agent.push.linked import modify, periodic, resync, subtree, xpath
from tests.agent.push.links import ALL, YP, PushLab, datastore, establish, on_change
from tests.agent.push.states import CH

BIG = "x" * 300


@pytest.mark.parametrize(
    ("body", "identity", "hints"),
    [
        ("<yp:datastore>ds:startup</yp:datastore>" + on_change(), "datastore-not-subscribable", []),
        ("<yp:datastore>ds:intended</yp:datastore>" + periodic(), "datastore-not-subscribable", []),
        (datastore() + periodic(99), "period-unsupported", ["period-hint=100"]),
        (datastore() + periodic(0), "period-unsupported", ["period-hint=100"]),
        (
            datastore() + xpath("/ch:links/ch:link/ch:state/ch:octets") + on_change(),
            "on-change-unsupported",
            ["filter-failure-hint"],
        ),
        (
            datastore() + subtree(f'<engine xmlns="{CH}"><uptime/></engine>') + on_change(),
            "on-change-unsupported",
            ["filter-failure-hint"],
        ),
        (
            datastore()
            + subtree('<netconf-state xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"/>')
            + on_change(),
            "on-change-unsupported",
            ["filter-failure-hint"],
        ),
        (datastore() + subtree('<nothing xmlns="urn:a"/>') + on_change(), "unchanging-selection", []),
        (datastore() + xpath("/ch:nothing") + periodic(), "unchanging-selection", []),
        (
            datastore("running") + subtree(f'<engine xmlns="{CH}"/>') + on_change(),
            "unchanging-selection",
            [],
        ),
        (
            datastore() + ALL + periodic(),
            "update-too-big",
            ["kilobytes-estimate", "kilobytes-limit"],
        ),
        (datastore() + ALL + on_change(), "sync-too-big", ["kilobytes-estimate", "kilobytes-limit"]),
        (
            datastore() + ALL + on_change("<yp:sync-on-start>false</yp:sync-on-start>"),
            "update-too-big",
            ["kilobytes-estimate", "kilobytes-limit"],
        ),
    ],
)
async def test_refusals_are_identities_with_hints(
    lab: PushLab, body: str, identity: str, hints: list[str]
) -> None:
    if "big" in identity:
        lab.context.publisher.bounds = Bounds(update_octets=100)
    (error,) = await lab.lab.refused(establish(body))
    assert error.app_tag == f"ietf-yang-push:{identity}"
    found = {name.rpartition("/")[2]: value for name, value in error.info.items()}
    assert found.pop("reason") == f"ietf-yang-push:{identity}"
    assert all(
        name.startswith(f"{{{YP}}}establish-subscription-datastore-error-info/") for name in error.info
    )
    for hint in hints:
        name, _, value = hint.partition("=")
        assert found.pop(name) == value or not value
    assert not found
    assert len(lab.context.publisher.watches) == 0
    assert not lab.context.publisher.when_rules_changed


@pytest.mark.parametrize(
    ("body", "identity"),
    [
        (datastore() + xpath("count(/ch:links)") + on_change(), "filter-unsupported"),
        (
            datastore() + subtree(f'<links xmlns="{CH}">text<link/></links>') + on_change(),
            "filter-unsupported",
        ),
        (datastore() + subtree("<a/>" * 1001) + on_change(), "filter-unsupported"),
        (datastore() + subtree(f"<a>{'x' * 70_000}</a>") + periodic(), "filter-unsupported"),
        (
            datastore() + "<yp:selection-filter-ref>x</yp:selection-filter-ref>" + on_change(),
            "filter-unsupported",
        ),
    ],
)
async def test_filters_that_cannot_be_used(lab: PushLab, body: str, identity: str) -> None:
    (error,) = await lab.lab.refused(establish(body))
    assert error.app_tag == f"ietf-subscribed-notifications:{identity}"
    assert any(name.endswith("/filter-failure-hint") for name in error.info)


async def test_only_so_many_selections_are_watched(lab: PushLab) -> None:
    lab.context.publisher.bounds = Bounds(selections=1)
    await lab.establish(datastore() + ALL + on_change())
    await lab.establish(datastore() + ALL + on_change())
    other = datastore() + subtree(f'<engine xmlns="{CH}"/>') + on_change()
    (error,) = await lab.lab.refused(establish(other))
    assert error.app_tag == "ietf-subscribed-notifications:insufficient-resources"
    await lab.establish(
        other.replace("on-change", "periodic")
        .replace("/>", "/>", 1)
        .replace("<yp:periodic></yp:periodic>", periodic())
    )


async def test_what_is_refused_for_the_size_of_filters_watches_nothing(
    lab: PushLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.subscriptions.OCTETS_PER_USER", 1000)
    long = subtree(f'<links xmlns="{CH}"><link><name>{"x" * 1000}</name></link></links>')
    (error,) = await lab.lab.refused(establish(datastore() + long + on_change()))
    assert error.app_tag == "ietf-subscribed-notifications:insufficient-resources"
    number = await lab.establish(datastore() + ALL + on_change())
    (error,) = await lab.lab.refused(modify(number, datastore() + long))
    assert error.app_tag == "ietf-subscribed-notifications:insufficient-resources"
    assert len(lab.context.publisher.watches) == 1
    assert len(lab.context.publisher.when_rules_changed) == 1


async def test_what_is_kept_is_bounded(lab: PushLab) -> None:
    lab.context.publisher.bounds = Bounds(octets=100)
    (error,) = await lab.lab.refused(establish(datastore() + ALL + on_change()))
    assert error.app_tag == "ietf-subscribed-notifications:insufficient-resources"


async def test_refusals_of_a_resync(lab: PushLab) -> None:
    of_other = await lab.establish(datastore() + ALL + on_change(), session_id=2)
    every_minute = await lab.establish(datastore() + ALL + periodic(6000))
    without = await lab.establish(datastore() + ALL + on_change("<yp:sync-on-start>false</yp:sync-on-start>"))
    large = await lab.establish(datastore() + ALL + on_change())
    lab.context.publisher.bounds = Bounds(update_octets=100)
    for number, identity in (
        (of_other, "no-such-subscription-resync"),
        (4711, "no-such-subscription-resync"),
        (every_minute, "on-change-sync-unsupported"),
        (without, "on-change-sync-unsupported"),
        (large, "sync-too-big"),
    ):
        (error,) = await lab.lab.refused(resync(number))
        assert error.app_tag == f"ietf-yang-push:{identity}"
        assert f"{{{YP}}}resync-subscription-error/reason" in error.info


@pytest.mark.parametrize("body", [datastore(), datastore() + ALL])
async def test_a_policy_is_needed(lab: PushLab, body: str) -> None:
    (error,) = await lab.lab.refused(establish(body))
    assert (error.tag, error.info["bad-element"]) == ("missing-element", "periodic")


async def test_a_policy_needs_a_datastore(lab: PushLab) -> None:
    (error,) = await lab.lab.refused(establish(on_change()))
    assert (error.tag, error.info["bad-element"]) == ("missing-element", "target")
