"""Private keys between disk and a charon that refuses, is lost, or holds what it should not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.errors import RpcError
from agent.translator import Settings
from tests.translators.authority import key_pem, new_key
from translators.strongswan.charon.shared import Shared
from translators.strongswan.charon.vici import ViciError
from translators.strongswan.pki.charon_keys import CharonKeys
from translators.strongswan.pki.key_rpcs import KeyRpcs
from translators.strongswan.pki.key_store import KeyStore

KEY = {"name": "gw", "pem": key_pem(new_key())}


class FakeSession:
    """A charon with keys; ``refuses`` is a command that it refuses."""

    def __init__(self, refuses: str = "") -> None:
        self.refuses = refuses
        self.keys: set[str] = set()
        self.lost = asyncio.Event()

    async def request(self, command: str, message: dict[str, Any] | None = None) -> dict[str, Any]:
        if command == self.refuses:
            raise ViciError(command, "not today")
        match command:
            case "load-key":
                self.keys.add("handle")
                return {"id": "handle"}
            case "unload-key":
                self.keys.discard((message or {})["id"])
            case "get-keys":
                return {"keys": sorted(self.keys)}
        return {}


class Made:
    def __init__(self, folder: Path) -> None:
        self.shared = Shared()
        self.session = FakeSession()
        self.readmit: Callable[[Any], Any] = self.agree
        self.folder = folder
        store = KeyStore(folder)
        self.keys = CharonKeys(store, self.shared)
        self.rpcs = KeyRpcs(
            Settings(folder),
            self.shared,
            store=store,
            keys=self.keys,
            readmit=lambda session: self.readmit(session),
        )

    @property
    def session(self) -> FakeSession | None:
        return self.shared.session  # type: ignore[return-value]

    @session.setter
    def session(self, session: FakeSession | None) -> None:
        self.shared.session = session  # type: ignore[assignment]

    async def agree(self, _session: Any) -> None:
        pass

    @property
    def files(self) -> list[str]:
        return sorted(file.name for file in self.folder.glob("*"))


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path)


async def test_a_key_that_charon_refuses_is_not_kept(made: Made) -> None:
    made.session = FakeSession("load-key")
    with pytest.raises(RpcError) as caught:
        await made.rpcs.rpc("import-private-key", KEY)
    assert (caught.value.app_tag, made.files) == ("backend-refused", [])


async def test_what_is_wrong_with_another_tunnel_is_not_the_keys_fault(made: Made) -> None:
    async def disagree(_session: Any) -> None:
        raise ViciError("load-shared", "another tunnel's secret is refused")

    assert made.session is not None
    made.shared.desired.refused.add("1")
    made.readmit = disagree
    await made.rpcs.rpc("import-private-key", KEY)
    assert (made.files, made.session.keys) == (["gw.pem"], {"handle"})
    assert made.session.lost.is_set()


@pytest.mark.parametrize("reachable", [False, True])
async def test_a_deleted_key_is_taken_from_charon_when_that_can_be(made: Made, reachable: bool) -> None:
    await made.rpcs.rpc("import-private-key", KEY)
    charon, made.session = made.session, FakeSession("unload-key") if reachable else None
    assert charon is not None
    await made.rpcs.rpc("delete-private-key", {"name": "gw"})
    assert (made.files, charon.keys) == ([], {"handle"})
    made.session = charon
    await made.keys.load_all(charon)  # type: ignore[arg-type]
    assert charon.keys == set()


async def test_a_key_that_came_back_meanwhile_stays(made: Made) -> None:
    await made.rpcs.rpc("import-private-key", KEY)
    charon, made.session = made.session, None
    assert charon is not None
    await made.rpcs.rpc("delete-private-key", {"name": "gw"})
    await made.rpcs.rpc("import-private-key", KEY)
    await made.keys.load_all(charon)  # type: ignore[arg-type]
    assert charon.keys == {"handle"}
