"""Who may have a charon of his own."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.errors import BackendError
from agent.translator import Settings
from translators.strongswan.assembly import make
from translators.strongswan.charon import rights
from translators.strongswan.protection import nft


@pytest.mark.parametrize(
    ("effective", "refused"),
    [("000001ffffffffff", False), ("0000000000001000", False), ("0000000000000400", True), ("0", True)],
)
def test_it_takes_the_capability_to_change_networks(tmp_path: Path, effective: str, refused: bool) -> None:
    (tmp_path / "status").write_text(f"Name:\tx\nCapPrm:\tffff\nCapEff:\t{effective}\nCapBnd:\tffff\n")
    sentence = rights.refusal(tmp_path / "status")
    assert (sentence is not None) is refused
    assert sentence is None or "run it as root" in sentence


ALL, NONE = "000001ffffffffff", "0000000000000000"


@pytest.mark.parametrize(
    ("effective", "words"),
    [
        (ALL, []),
        ("0000000000003000", []),
        ("0000000000001000", ["CAP_NET_RAW the monitor"]),
        ("0000000000002000", ["CAP_NET_ADMIN neither leak protection nor"]),
        (NONE, ["CAP_NET_ADMIN", "CAP_NET_RAW"]),
    ],
)
def test_what_is_not_done_for_the_charon_of_the_system_without_rights_is_said(
    tmp_path: Path, effective: str, words: list[str]
) -> None:
    (tmp_path / "status").write_text(f"CapEff:\t{effective}\n")
    said = rights.lacking([tmp_path / "not-there-yet"], tmp_path / "status")
    assert len(said) == len(words)
    assert all(word in sentence for word, sentence in zip(words, said, strict=True))


def test_a_socket_that_may_not_be_opened_is_said_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "status").write_text(f"CapEff:\t{ALL}\n")
    (tmp_path / "vici").touch()
    assert rights.lacking([tmp_path / "vici"], tmp_path / "status") == []
    monkeypatch.setattr(rights.os, "access", lambda _path, _mode: False)
    (said,) = rights.lacking([tmp_path / "vici", tmp_path / "none"], tmp_path / "status")
    assert f"charon's socket {tmp_path / 'vici'} may not be opened by user " in said
    assert "charon.group in strongswan.conf" in said


def test_only_an_agent_for_the_charon_of_the_system_says_it_and_what_is_not_installed_all_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rights, "lacking", lambda _sockets: ["something"])
    monkeypatch.setattr(nft, "program", lambda: None)
    said = {charon: make(Settings(tmp_path, charon)).lacking() for charon in ("managed", "external", "none")}
    assert said["none"] == []
    assert said["external"][0] == "something"
    assert "something" not in said["managed"]
    for charon in ("external", "managed"):
        assert "nft was not found" in said[charon][-1]


async def test_an_agent_without_rights_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rights, "refusal", lambda: "it takes root")
    with pytest.raises(BackendError, match="it takes root"):
        await make(Settings(tmp_path, "managed")).start({})
    without = make(Settings(tmp_path, "none"))
    await without.start({})
    await without.stop()
