"""A charon that is played by a double: it records what is asked, and refuses what a test says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from translators.strongswan.charon.vici import ViciError, ViciUnavailable
from translators.strongswan.translation.plan import Step
from translators.strongswan.upkeep.executor import execute


class Charon:
    """Records what is asked; ``refuses`` maps a command to the error that it raises."""

    def __init__(self, refuses: Mapping[str, Exception] | None = None, sas: Any = ()) -> None:
        self.refuses = dict(refuses or {})
        self.sas = list(sas)
        self.asked: list[tuple[str, Any]] = []
        self.forced_only = False

    async def request(self, command: str, message: Any = None) -> Any:
        self.asked.append((command, message))
        if command in self.refuses:
            raise self.refuses[command]
        if command == "terminate" and (not self.forced_only or message["force"] == "yes"):
            self.sas = [each for each in self.sas if each["uniqueid"] != message.get("ike-id")]
            for each in self.sas:
                each["child-sas"] = {
                    name: child
                    for name, child in each["child-sas"].items()
                    if child["uniqueid"] != message.get("child-id")
                }
        return {}

    async def each(self, requests: Sequence[tuple[str, Any]]) -> list[ViciError | None]:
        found: list[ViciError | None] = []
        for command, message in requests:
            try:
                await self.request(command, message)
                found.append(None)
            except ViciUnavailable:
                raise
            except ViciError as error:
                found.append(error)
        return found

    async def list_sas(self, name: str | None = None) -> Any:
        return [each for each in self.sas if name is None or each["name"] == name]

    def commands(self) -> list[str]:
        return [command for command, _message in self.asked]


async def run(charon: Charon, *steps: Step) -> list[str]:
    initiated: list[str] = []
    await execute(steps, charon, initiated.append, lambda _name: False)  # type: ignore[arg-type]
    return initiated
