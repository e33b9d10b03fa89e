"""Subscriptions to the changes of a datastore (RFC 8641 section 3.3)."""

from __future__ import annotations

import asyncio
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.errors import BackendError, RpcErrors
from agent.yang.schema import Schema
from tests.agent.handlers import LIMIT_S
from tests.agent.push.links import ALL, datastore, link_path, on_change, push_lab
from tests.agent.push.states import NAMES, NUMBERS, TEXTS

STATE = st.fixed_dictionaries(
    {},
    optional={
        "status": TEXTS,
        "octets": NUMBERS.map(str),
        "peer": st.lists(TEXTS, min_size=1, max_size=3),
        "queue": st.fixed_dictionaries(
            {},
            optional={
                "length": NUMBERS,
                "waiting": st.lists(
                    st.fixed_dictionaries({"what": TEXTS, "size": NUMBERS}), min_size=1, max_size=3
                ),
            },
        ),
        "neighbour": st.lists(
            st.fixed_dictionaries({"address": NAMES}, optional={"since": TEXTS}),
            unique_by=lambda one: one["address"],
            min_size=1,
            max_size=3,
        ),
    },
)
ENGINE = st.fixed_dictionaries(
    {}, optional={"status": TEXTS, "uptime": NUMBERS, "feature": st.lists(TEXTS, min_size=1, max_size=3)}
)
PLAIN = st.sampled_from(["a", "b", "it's", "10"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("state"), PLAIN, STATE),
        st.tuples(st.just("engine"), PLAIN, ENGINE),
        st.tuples(st.just("note"), PLAIN, TEXTS),
        st.tuples(st.just("ways"), PLAIN, st.lists(st.sampled_from("xyz"), unique=True)),
        st.tuples(st.just("delete"), PLAIN, st.none()),
    ),
    max_size=8,
)


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


async def step(lab: Any, kind: str, name: str, value: Any) -> None:
    if kind == "state":
        lab.set_state(name, value)
    elif kind == "engine":
        lab.set_engine(value)
    else:
        attribute, body = "", ""
        if kind == "note":
            body = f"<note>{escaped(value)}</note>"
        elif kind == "ways":
            attribute = ' nc:operation="replace"'
            body = "".join(f"<way>{way}</way>" for way in value)
        else:
            attribute = ' nc:operation="remove"'
        await lab.configure(f"<link{attribute}><name>{name}</name>{body}</link>")


@settings(max_examples=25, deadline=None)
@given(STEPS)
def test_every_update_in_order_gives_what_a_get_shows(
    changing: Schema, steps: list[tuple[str, str, Any]]
) -> None:
    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with push_lab(changing, Path(folder)) as lab:
                await lab.configure("<link><name>a</name></link>")
                await lab.establish(datastore() + ALL + on_change())
                reader = lab.follow()
                await reader.until(await lab.shown())
                for each in steps:
                    await step(lab, *each)
                    await reader.until(await lab.shown())
                assert reader.subscriber.syncs == 1

    asyncio.run(run())


@settings(max_examples=15, deadline=None)
@given(STEPS)
def test_of_a_burst_the_last_state_is_right(changing: Schema, steps: list[tuple[str, str, Any]]) -> None:
    """Nothing waits between the steps: they are merged as it happens."""

    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with push_lab(changing, Path(folder)) as lab:
                await lab.configure("<link><name>a</name></link>")
                await lab.establish(datastore() + ALL + on_change())
                reader = lab.follow()
                for each in steps:
                    await step(lab, *each)
                await reader.until(await lab.shown())

    asyncio.run(run())


@pytest.mark.parametrize("refused", [False, True], ids=["done", "refused"])
async def test_an_entry_that_goes_is_told_of_as_a_whole(
    changing: Schema, tmp_path: Path, refused: bool
) -> None:
    """Its state goes while the change is carried out, before the entry does; others are told of meanwhile."""
    async with push_lab(changing, tmp_path) as lab:
        await lab.configure("<link><name>a</name></link><link><name>b</name></link>")
        lab.set_state("a", {"status": "up", "peer": ["x", "y"]})
        await lab.establish(datastore() + ALL + on_change())
        reader = lab.follow()
        await reader.until(await lab.shown())
        done = len(reader.updates)

        async def applied(_plan: object) -> None:
            del lab.links.states["a"]
            lab.context.operational.state_changed([link_path("a", "/state")])
            lab.set_state("b", {"status": "other"})
            async with asyncio.timeout(LIMIT_S):
                while not any(b"other" in update for update in reader.updates):
                    caller = lab.lab.caller(1)
                    caller.arrived.clear()
                    await caller.arrived.wait()
            if refused:
                lab.links.states["a"] = {"status": "restored"}
                raise BackendError("not now")

        lab.links.apply = applied  # type: ignore[method-assign]
        going = lab.configure('<link nc:operation="delete"><name>a</name></link>')
        if refused:
            with pytest.raises(RpcErrors):
                await going
            await lab.lab.do("<discard-changes/>")
        else:
            await going
        await reader.until(await lab.shown())
        edits = re.findall(
            rb"<operation>(\w+)</operation><target>/changing:links/link=a([^<]*)</target>",
            b"".join(reader.updates[done:]),
        )
        if refused:
            assert (b"replace", b"/state/status") in edits
        else:
            assert edits == [(b"delete", b"")]
