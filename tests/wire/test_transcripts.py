"""Whole conversations, octet by octet: one file a feature under transcripts/.

A line ``1>`` begins what session 1 sends (its <rpc> is put around it), ``1<`` what it must get next: a reply,
or a notification. ``...`` in what it gets stands for anything; line breaks and indents between elements do
not count. ``{commit 3}`` stands for the etag that commit 3 has given. REWRITE=1 writes down what the server
answers now: look at the difference before you believe it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.agent_process import running_agent
from tests.wire.raw_client import RawClient, chunked, raw_client, rpc

TRANSCRIPTS = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))
MODULES = Path(__file__).parents[1] / "modules"
REWRITE = os.environ.get("REWRITE") == "1"
# What is another every time.
_VARIABLE = re.compile(
    r"\d{4}-\d\d-\d\dT[\d:.]+Z|(?<=<remaining-s>)\d+|(?<=pending for )\d+|(?<=<source-host>)[\d.]+"
)
_ETAG = re.compile(r"\b[0-9a-f]{16}(?:\.[0-9a-f]{4})?-(\d+)-[0-9a-f]+\b")
_COMMIT = re.compile(r"\{commit (\d+)\}")


@dataclass
class Turn:
    session: str
    sends: bool
    text: str


def turns(transcript: str) -> Iterator[Turn | str]:
    """Yield the turns of a transcript, and the comments between them as they are."""
    for block in re.split(r"(?m)^(?=\d[<>]|#)", transcript):
        if match := re.match(r"(\d)([<>])\s*(.*)", block, re.DOTALL):
            yield Turn(match[1], match[2] == ">", match[3].strip())
        elif block:
            yield block


def flat(xml: str) -> str:
    return re.sub(r">\s+<", "><", xml.strip())


def pattern(expected: str) -> str:
    return re.escape(flat(expected)).replace(re.escape("..."), ".*?")


def read(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def write(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")


class Conversation:
    def __init__(self, connect: AsyncExitStack, agent: object) -> None:
        self._stack = connect
        self._agent = agent
        self._sessions: dict[str, RawClient] = {}
        self._etags: dict[str, str] = {}

    async def session(self, name: str) -> RawClient:
        if name not in self._sessions:
            made = raw_client(self._agent, greet="1.1")  # type: ignore[arg-type]
            self._sessions[name] = await self._stack.enter_async_context(made)
        return self._sessions[name]

    async def play(self, turn: Turn) -> str:
        """Send, or return what the session gets next."""
        client = await self.session(turn.session)
        if turn.sends:
            client.send(chunked(rpc(_COMMIT.sub(lambda found: self._etags[found[1]], flat(turn.text)))))
            return turn.text
        text = (await client.chunked_message()).decode()
        self._etags |= {found[1]: found[0] for found in _ETAG.finditer(text)}
        return _ETAG.sub(r"{commit \1}", text)


@pytest.mark.parametrize("file", TRANSCRIPTS, ids=lambda file: file.stem)
async def test_the_server_says_what_is_written(file: Path, tmp_path: Path) -> None:
    written: list[str] = []
    transcript = list(turns(read(file)))
    modules = [f"--yang-module={MODULES / name}.yang" for name in ("acme", "zoo", "zoo-more")]
    with running_agent(tmp_path / "data", modules) as agent:
        async with AsyncExitStack() as stack:
            conversation = Conversation(stack, agent)
            for turn in transcript:
                if isinstance(turn, str):
                    written.append(turn)
                    continue
                text = await conversation.play(turn)
                if turn.sends:
                    written.append(f"{turn.session}> {turn.text}\n")
                    continue
                written.append(f"{turn.session}< {_VARIABLE.sub('...', text)}\n")
                if not REWRITE:
                    assert re.fullmatch(pattern(turn.text), flat(text)), f"{file.name}: {text}"
    if REWRITE:
        write(file, "".join(written))


def test_there_is_one_for_each_feature() -> None:
    features = {
        "access-control",
        "confirmed-commit",
        "edit",
        "limits",
        "nmda",
        "notifications",
        "prefixes",
        "push",
        "subscriptions",
        "transaction-ids",
        "with-defaults",
    }
    assert {file.stem for file in TRANSCRIPTS} == features


def test_the_comparison_sees_a_difference() -> None:
    assert re.fullmatch(pattern("<a>\n  <b>...</b>\n</a>"), flat("<a><b>1</b></a>"))
    assert not re.fullmatch(pattern("<a><b>...</b></a>"), flat("<a><c>1</c></a>"))
    assert not re.fullmatch(pattern("<a/>"), flat("<a/><b/>"))
