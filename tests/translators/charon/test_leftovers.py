"""What a killed charon left in the kernel: how it is removed, and that it keeps nothing from starting."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from translators.strongswan.charon import command, leftovers


@pytest.mark.parametrize("problem", [FileNotFoundError("ip"), TimeoutError("too long"), None])
async def test_what_cannot_be_removed_is_said_and_the_rest_is_still_tried(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, problem: OSError | None
) -> None:
    tried = []

    async def run(words: Sequence[str], limit_s: float) -> tuple[int | None, bytes]:
        tried.append(words[2])
        if problem is not None:
            raise problem
        return 2, b"RTNETLINK answers: Operation not permitted\n"

    monkeypatch.setattr(command, "run", run)
    await leftovers.remove()
    assert tried == ["policy", "state"]
    assert len(caplog.messages) == 2
    for message in caplog.messages:
        assert message.startswith("ip xfrm ")
        assert (str(problem) if problem else "not permitted") in message
