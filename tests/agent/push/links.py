"""A translator for the list changing:link, whose state a test sets, and subscribers in a lab."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lxml import etree

from agent.datastore.backends import Keys
from agent.translator import Json
from agent.yang.schema import Schema
from tests.agent.handlers import LIMIT_S, Lab, running_lab
from tests.agent.push.states import CH, KEYS
from tests.agent.push.subscriber import Subscriber, meaning
from tests.agent.recording_translator import RecordingTranslator

SN = "urn:ietf:params:xml:ns:yang:ietf-subscribed-notifications"
YP = "urn:ietf:params:xml:ns:yang:ietf-yang-push"
DS = "urn:ietf:params:xml:ns:yang:ietf-datastores"
ENGINE = "/changing:engine"
ALWAYS = ("/changing:links/link/state/octets", "/changing:engine/uptime")


@dataclass
class Links(RecordingTranslator):
    config_list: str = "/changing:links/link"
    state_path: str = "/changing:links/link/state"
    state_roots: Sequence[str] = (ENGINE,)
    always_changing: Sequence[str] = ALWAYS
    states: dict[str, Json] = field(default_factory=dict)
    engine: Json = field(default_factory=dict)
    roots_asked: int = 0

    async def entry_state(self, keys: Sequence[Keys]) -> Mapping[Keys, Json]:
        self.asked_for.extend(keys)
        return {key: self.states[key[0]] for key in keys if key[0] in self.states}

    async def root_state(self, root: str) -> Json:
        self.roots_asked += 1
        return self.engine


@dataclass
class PushLab:
    lab: Lab
    links: Links

    @property
    def context(self) -> Any:
        return self.lab.context

    def set_state(self, name: str, state: Json) -> None:
        self.links.states[name] = state
        self.context.operational.state_changed([link_path(name, "/state")])

    def set_engine(self, engine: Json) -> None:
        self.links.engine = engine
        self.context.operational.state_changed([ENGINE])

    async def configure(self, *bodies: str) -> None:
        await self.lab.commit(f'<links xmlns="{CH}">{"".join(bodies)}</links>')

    async def establish(self, body: str, session_id: int = 1) -> int:
        reply = await self.lab.do(establish(body), session_id)
        return int(etree.fromstring(f"<reply>{reply}</reply>".encode()).findtext(f"{{{SN}}}id") or "")

    async def shown(self, session_id: int = 1, datastore: str = "operational", filter_: str = "") -> Any:
        """Return what a get shows, without what always changes."""
        filter_ = filter_ or f'<subtree-filter><links xmlns="{CH}"/><engine xmlns="{CH}"/></subtree-filter>'
        reply = await self.lab.do(
            f'<get-data xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-nmda" xmlns:ds="{DS}">'
            f"<datastore>ds:{datastore}</datastore>{filter_}</get-data>",
            session_id,
        )
        data = etree.fromstring(reply.encode())
        for path in ("links/link/state/octets", "engine/uptime"):
            for node in data.findall("/".join(f"{{{CH}}}{step}" for step in path.split("/"))):
                node.getparent().remove(node)
        return meaning(data, ordered=["way"])

    def follow(self, session_id: int = 1) -> Following:
        return Following(self.lab, session_id)


@dataclass
class Following:
    """What a subscriber makes of the notifications of one session."""

    lab: Lab
    session_id: int
    subscriber: Subscriber = field(default_factory=lambda: Subscriber({"changing": CH}, KEYS))
    taken: int = 0

    @property
    def updates(self) -> list[bytes]:
        return [message for message in self.lab.caller(self.session_id).sent if b"<push-" in message]

    def take(self) -> Any:
        for message in self.updates[self.taken :]:
            self.subscriber.take(message)
        self.taken = len(self.updates)
        return meaning(self.subscriber.data, ordered=["way"])

    async def until(self, expected: Any) -> None:
        """Wait until the subscriber has what is expected, and everything is applied that came."""
        caller = self.lab.caller(self.session_id)
        try:
            async with asyncio.timeout(LIMIT_S):
                while self.take() != expected:
                    caller.arrived.clear()
                    await caller.arrived.wait()
        except TimeoutError:
            assert self.take() == expected


def link_path(name: str, below: str = "") -> str:
    quoted = f'"{name}"' if "'" in name else f"'{name}'"
    return f"/changing:links/link[name={quoted}]{below}"


def establish(body: str) -> str:
    return (
        f'<establish-subscription xmlns="{SN}" xmlns:yp="{YP}" xmlns:ds="{DS}">'
        f"{body}</establish-subscription>"
    )


def datastore(name: str = "operational") -> str:
    return f"<yp:datastore>ds:{name}</yp:datastore>"


ALL = (
    f'<yp:datastore-subtree-filter><links xmlns="{CH}"/><engine xmlns="{CH}"/></yp:datastore-subtree-filter>'
)


def on_change(body: str = "") -> str:
    return f"<yp:on-change>{body}</yp:on-change>"


@asynccontextmanager
async def push_lab(schema: Schema, folder: Path) -> AsyncIterator[PushLab]:
    links = Links()
    async with running_lab(schema, folder, links) as lab:
        lab.context.operational.add_translator_roots()
        yield PushLab(lab, links)
