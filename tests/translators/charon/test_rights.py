"""Who may have a charon of his own."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.errors import BackendError
from agent.translator import Settings
from translators.strongswan.assembly import make
from translators.strongswan.charon import rights


@pytest.mark.parametrize(
    ("effective", "refused"),
    [("000001ffffffffff", False), ("0000000000001000", False), ("0000000000000400", True), ("0", True)],
)
def test_it_takes_the_capability_to_change_networks(tmp_path: Path, effective: str, refused: bool) -> None:
    (tmp_path / "status").write_text(f"Name:\tx\nCapPrm:\tffff\nCapEff:\t{effective}\nCapBnd:\tffff\n")
    sentence = rights.refusal(tmp_path / "status")
    assert (sentence is not None) is refused
    assert sentence is None or "run it as root" in sentence


async def test_an_agent_without_rights_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rights, "refusal", lambda: "it takes root")
    with pytest.raises(BackendError, match="it takes root"):
        await make(Settings(tmp_path, "managed")).start({})
    without = make(Settings(tmp_path, "none"))
    await without.start({})
    await without.stop()
