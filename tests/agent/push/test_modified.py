"""modify-subscription and resync-subscription to a datastore (RFC 8641 sections 4.4.2 and 4.4.3)."""

from __future__ import annotations

from agent.operations.dispatch import dispatch
from agent.operations.publisher import Bounds
from agent.xml import NETCONF_NS, parse
from tests.agent.push.linked import edits, modify, resync, subtree
from tests.agent.push.links import ALL, PushLab, datastore, on_change
from tests.agent.push.states import CH


async def test_another_filter_is_a_patch_to_what_it_selects(lab: PushLab) -> None:
    await lab.configure("<link><name>b</name></link>")
    number = await lab.establish(datastore() + ALL + on_change())
    await lab.lab.caller(1).got("push-update")
    only_b = f'<links xmlns="{CH}"><link><name>b</name></link></links>'
    await lab.lab.do(modify(number, datastore() + subtree(only_b)))
    caller = lab.lab.caller(1)
    told = await caller.got("subscription-modified")
    assert b"<name>b</name>" in told
    assert b"<dampening-period>0<" in told
    reader = lab.follow()
    await reader.until(await lab.shown(filter_=f"<subtree-filter>{only_b}</subtree-filter>"))
    assert "delete /changing:links/link=a" in edits(await caller.got("push-change-update"))


async def test_modified_twice_before_anything_was_sent(lab: PushLab) -> None:
    number = await lab.establish(datastore() + ALL + on_change())
    caller = lab.lab.caller(1)
    await caller.got("push-update")
    for dampening in (1, 2):
        await lab.lab.do(
            modify(
                number,
                datastore() + on_change(f"<yp:dampening-period>{dampening}</yp:dampening-period>"),
            )
        )
    reader = lab.follow()
    lab.set_state("a", {"status": "down"})
    await reader.until(await lab.shown())
    assert reader.subscriber.syncs == 1


async def test_modified_again_and_again_it_watches_one_selection(lab: PushLab) -> None:
    def one(name: str) -> str:
        return subtree(f'<links xmlns="{CH}"><link><name>{name}</name></link></links>')

    publisher = lab.context.publisher
    publisher.bounds = Bounds(selections=3)
    number = await lab.establish(datastore() + one("nobody") + on_change())
    caller = lab.lab.caller(1)
    await caller.got("push-update")
    for count in range(1, 10):  # of which nothing is to be told
        await lab.lab.do(modify(number, datastore() + one(f"nobody{count}")))
        await caller.got("subscription-modified", count)
        await lab.lab.until(lambda: len(publisher.watches) == 1)
    assert len(publisher.when_rules_changed) == 1
    await lab.establish(datastore() + ALL + on_change(), 2)


async def test_a_modification_whose_reply_is_never_written_leaves_nothing_behind(lab: PushLab) -> None:
    number = await lab.establish(datastore() + ALL + on_change(), 2)
    caller, context = lab.lab.caller(2), lab.context
    only_b = subtree(f'<links xmlns="{CH}"><link><name>b</name></link></links>')
    for _ in range(2):
        message = f'<rpc xmlns="{NETCONF_NS}">{modify(number, datastore() + only_b)}</rpc>'
        await dispatch(context, caller, parse(message.encode())[0])
    assert len(context.publisher.watches) == 2
    context.subscriptions.session_ended(2)
    assert len(context.publisher.watches) == 0
    assert not context.publisher.when_rules_changed


async def test_a_resync_is_owed_by_what_it_is_modified_to(lab: PushLab) -> None:
    number = await lab.establish(datastore() + ALL + on_change())
    caller = lab.lab.caller(1)
    await caller.got("push-update")
    for body in ("", on_change("<yp:dampening-period>1</yp:dampening-period>"), ""):
        await lab.lab.do(modify(number, datastore() + body))
        if body:
            await lab.lab.do(resync(number))
    reader = lab.follow()
    await caller.got("push-update", 2)
    await reader.until(await lab.shown())


async def test_resync_sends_everything_anew(lab: PushLab) -> None:
    number = await lab.establish(datastore() + ALL + on_change())
    caller = lab.lab.caller(1)
    await caller.got("push-update")
    assert await lab.lab.do(resync(number)) == ""
    await caller.got("push-update", 2)
