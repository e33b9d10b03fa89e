"""A translator that looks ahead, and the daemon that is played for it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agent.translator import EntryChange, Foresight, Settings
from tests.lab import change
from tests.translators.tunnels import Json
from translators.strongswan.assembly import make
from translators.strongswan.charon.vici import ViciError
from translators.strongswan.translator import StrongSwanTranslator


class Charon:
    """A session that records what is asked; its charon encrypts in the kernel."""

    plugins = ("vici",)
    hears_log = True

    def __init__(self, *sas: Json) -> None:
        self.sas = sas
        self.asked: list[tuple[str, Any]] = []
        self.lost = asyncio.Event()
        self.hangs = False

    async def request(self, command: str, message: Any = None) -> Any:
        self.asked.append((command, message))
        if command == "terminate":
            self.sas = ()
        return {}

    async def each(self, requests: Sequence[tuple[str, Any]]) -> list[ViciError | None]:
        for command, message in requests:
            await self.request(command, message)
        return [None] * len(requests)

    async def list_sas(self, name: str | None = None) -> Any:
        if self.hangs:
            await asyncio.Event().wait()
        return [one for one in self.sas if name in (None, one["name"])]


def translator(folder: Path, charon: str = "external") -> StrongSwanTranslator:
    return make(Settings(folder, charon, {"vici-socket": str(folder / "vici.sock")}))


async def begun(made: StrongSwanTranslator, *entries: Json, charon: Charon | None = None) -> None:
    made.parts.shared.desired.replace({str(entry["id"]): entry for entry in entries})
    made.parts.protection.guards.put(made.parts.protection.guards.wanted(made.parts.shared.desired.entries))
    made.parts.shared.session = charon  # type: ignore[assignment]


async def seen_to_negotiate(made: StrongSwanTranslator, charon: Charon, up: Json, took_s: float) -> None:
    """Have tunnel 1 seen to come up, as ``up``, ``took_s`` after it was initiated."""
    live, loop = made.parts.live, asyncio.get_running_loop()
    charon.sas, there = (), charon.sas
    await live._initiate("ipsec-1")
    charon.sas, clock = there, loop.time
    now_s = clock()
    loop.time = lambda: now_s + took_s  # type: ignore[method-assign]
    live.negotiations._attempts["1"].begun_s = now_s
    message = {"up": "yes", "ipsec-1": {"initiator": "yes", **up, "established": "0"}}
    live.on_event(charon, "child-updown", message)  # type: ignore[arg-type]
    loop.time = clock  # type: ignore[method-assign]


def commands(found: Foresight) -> list[str]:
    return [message.command for message in found.messages]


def blind(before: Json | None, after: Json) -> EntryChange:
    found = change(before, after)
    return EntryChange(found.keys, found.path, found.before, found.after, blind=True)
