"""The state of a tunnel while charon is slow to say what SAs there are."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.translator import Json, Settings
from tests.translators.tunnels import at_bob
from tests.translators.upkeep.test_listing import Slow
from translators.strongswan.assembly import make
from translators.strongswan.upkeep import listing


class SlowCharon(Slow):
    """As much of a session as state is made of."""

    version = "5.9.8"
    plugins = ("kernel-libipsec",)


@pytest.mark.parametrize("answers", [True, False])
async def test_it_says_that_its_sas_are_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: bool
) -> None:
    if not answers:
        monkeypatch.setattr(listing, "READ_LIMIT_S", 0.001)
    translator = make(Settings(tmp_path, "external", {"vici-socket": str(tmp_path / "vici")}))
    charon = SlowCharon()
    translator.parts.shared.session = charon  # type: ignore[assignment]
    translator.parts.shared.desired.replace({"1": at_bob()})
    if answers:
        charon.may.set()
    state: Json = (await translator.entry_state([("1",)]))["1",]
    assert charon.asked == ["ipsec-1"]
    assert ("sas-unknown" in state, "ike-sa" in state) == (not answers, answers)
    assert state["status"] == ("installed" if answers else "down")
