"""Who changed the rules, from what the kernel says of it."""

from __future__ import annotations

import asyncio
import struct
import subprocess

import pytest

from tests.lab import Namespace
from tests.translators.upkeep.test_supervisor import until
from translators.strongswan.protection import nft
from translators.strongswan.protection.watch import RulesWatch, authors

# What nft 1.0.6 with the process id 27800 caused: a table, a chain and a rule, and the generation after them.
NEWS = bytes.fromhex(
    "38000000000a000001000000986c000001000002060001007400000008000300000000010c000400000000000000000108000200"
    "0000000038000000030a000402000000986c000001000002060001007400000006000300630000000c0002000000000000000001"
    "080006000000000160000000060a000c03000000986c000001000002060001007400000006000200630000000c00030000000000"
    "00000002300004002c0001000c000100636f756e746572001c0002000c00010000000000000000000c0002000000000000000000"
)
GENERATION = bytes.fromhex(
    "2c0000000f0a000001000000986c00000000000208000100000000020800020000006c98080003006e667400"
)
AUTHOR = 27800


def generation(*attributes: bytes) -> bytes:
    body = b"\0\0\0\2" + b"".join(attributes)
    return struct.pack("=IHHII", 16 + len(body), 0x0A0F, 0, 1, 0) + body


def test_the_author_of_a_generation_is_read() -> None:
    assert list(authors(GENERATION)) == [AUTHOR]
    assert list(authors(GENERATION + GENERATION)) == [AUTHOR, AUTHOR]


def test_what_comes_before_the_end_of_a_transaction_has_no_author() -> None:
    assert list(authors(NEWS)) == []
    assert list(authors(NEWS + GENERATION)) == [AUTHOR]


@pytest.mark.parametrize(
    "message",
    [
        generation(),
        generation(struct.pack("=HHI", 8, 1, 7)),
        # An attribute that is shorter than its own header.
        generation(struct.pack("=HH", 0, 2)),
        generation(struct.pack("=HHI", 3, 1, 7), struct.pack("=HHI", 8, 2, AUTHOR)),
    ],
)
def test_a_generation_that_does_not_say_whose_it_is_is_somebody_elses(message: bytes) -> None:
    assert list(authors(message)) == [0]


def test_attributes_that_are_not_aligned_are_passed_over() -> None:
    name = struct.pack("=HH", 9, 3) + b"nfttt" + b"\0\0\0"
    assert list(authors(generation(name, struct.pack("=HH", 8, 2) + AUTHOR.to_bytes(4, "big")))) == [AUTHOR]


@pytest.mark.parametrize("size", range(len(GENERATION)))
def test_what_is_cut_short_is_read_as_far_as_it_goes(size: int) -> None:
    assert set(authors(GENERATION[:size])) <= {0, AUTHOR, *(AUTHOR >> 8 * cut for cut in (1, 2, 3))}
    assert next(authors(NEWS + GENERATION[:size]), 0) in {0, AUTHOR, *(AUTHOR >> 8 * n for n in (1, 2, 3))}


@pytest.mark.parametrize("length", range(16))
def test_a_message_shorter_than_its_header_ends_the_reading(length: int) -> None:
    assert list(authors(struct.pack("=IHHII", length, 0x0A0F, 0, 1, 0) + GENERATION)) == []


@pytest.mark.real
def test_changes_of_others_are_heard_and_our_own_are_not(namespace: Namespace) -> None:
    async def test() -> None:
        heard: list[int] = []
        watch = RulesWatch(lambda: heard.append(1))
        watch.start()
        try:
            await nft.apply(["add table inet ours"])
            assert await nft.listing("inet ours") is not None
            await asyncio.to_thread(subprocess.run, ["nft", "list ruleset"], check=True, capture_output=True)
            # Were our own heard, then before this.
            assert heard == []
            await asyncio.to_thread(subprocess.run, ["nft", "flush ruleset"], check=True)
            await until(lambda: len(heard) == 1)
        finally:
            watch.stop()
            watch.stop()
        await asyncio.to_thread(subprocess.run, ["nft", "add table inet others"], check=True)
        assert len(heard) == 1

    namespace.call(lambda: asyncio.run(test()))


async def test_where_the_rules_cannot_be_watched_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refused(*_about: object) -> None:
        raise OSError(93, "Protocol not supported")

    monkeypatch.setattr("socket.socket", refused)
    watch = RulesWatch(lambda: None)
    watch.start()
    monkeypatch.undo()
    watch.stop()
    for what in ("nftables", "rules of routing"):
        assert f"changes of {what} cannot be watched, only looked for: [Errno 93]" in caplog.text


class Lossy:
    """A socket that says once that it lost something."""

    def __init__(self) -> None:
        self.replies: list[OSError] = [OSError(105, "No buffer space available"), BlockingIOError()]

    def recv(self, _size: int) -> bytes:
        raise self.replies.pop(0)


def test_news_that_were_lost_may_have_been_of_others() -> None:
    heard: list[int] = []
    RulesWatch(lambda: heard.append(1))._read(Lossy(), lambda _datagram: False)  # type: ignore[arg-type]
    assert heard == [1]


@pytest.mark.real
@pytest.mark.parametrize("family", ["-4", "-6"])
def test_a_rule_of_routing_that_goes_is_heard_and_one_that_comes_is_not(
    namespace: Namespace, family: str
) -> None:
    def rule(*words: str) -> None:
        subprocess.run(["ip", family, "rule", *words], check=True)

    async def test() -> None:
        heard: list[int] = []
        watch = RulesWatch(lambda: heard.append(1))
        watch.start()
        try:
            await asyncio.to_thread(rule, "add", "priority", "219", "lookup", "main")
            await asyncio.to_thread(rule, "del", "priority", "219")
            await until(lambda: len(heard) == 1)
        finally:
            watch.stop()

    namespace.call(lambda: asyncio.run(test()))
