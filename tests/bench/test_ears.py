"""What comes by itself is heard whole, however it is cut, and when it comes."""

from __future__ import annotations

import socket
import time
from contextlib import closing

import pytest

from bench.ears import Ears, Scrape, Stream, Web, Words
from bench.rows.crowd import PATCH
from bench.session import Late, Refused

TOLD = b"<push-change-update xmlns='x'><id>%d</id><status xmlns='y'>%s</status></push-change-update>"
END = b"</notification>"


@pytest.mark.parametrize("octets", [1, 7, 100, 10_000])
def test_words_are_read_however_they_are_cut(octets: int) -> None:
    words = Words(PATCH % (b"status", b"status"))
    other = b"<push-change-update><id>9</id><value/></push-change-update>" + END  # of something else
    text = (TOLD % (1, b"down") + END) + other + (TOLD % (23, b"installed") + END)
    found = [said for at in range(0, len(text), octets) for said in words.of(text[at : at + octets])]
    assert found == ["1 down", "23 installed"]


def test_what_is_never_read_takes_no_more_than_a_bound() -> None:
    words = Words(b"(never)")
    for _ in range(100):
        assert words.of(b"x" * 1000) == []
    assert len(words._rest) == 4096


def test_streams_are_heard_with_their_time_and_their_end_is_seen() -> None:
    here, there = socket.socketpair()
    with here, there, closing(Ears()) as ears:
        ears.add("one", Stream(here.fileno(), lambda: here.recv(100), Words(b"<(x)>")))
        before = time.monotonic()
        there.sendall(b"<x><x>")
        found: list[tuple[str, str, float]] = []
        for each in ears.heard(lambda: len(found) == 2):
            found.append(each)
        assert [one[:2] for one in found] == [("one", "x")] * 2
        assert before <= found[0][2] == found[1][2] <= time.monotonic()
        with pytest.raises(Late, match="a sound was not heard"):
            list(ears.heard(lambda: False, "a sound", limit_s=0))
        there.shutdown(socket.SHUT_WR)
        with pytest.raises(Refused, match="ended"):
            list(ears.heard(lambda: False))


def test_a_scrape_is_whole_before_it_says_anything() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        web = Web(server.getsockname()[1])
        came, _ = server.accept()
        with came, closing(web):
            scrape = Scrape(web, rb"up\{[^}]*\} 1", ("installed", "down"))
            for value, said in ((b"1", "installed"), (b"0", "down")):
                scrape.ask()
                assert came.recv(1000).startswith(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:")
                body = b'up{id="1"} ' + value + b"\n"
                came.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
                assert scrape.hear() == ()
                assert scrape.goes_on
                came.sendall(body)
                assert scrape.hear() == [said]
                assert not scrape.goes_on
            came.sendall(b"HTTP/1.1 503 no\r\nContent-Length: 0\r\n\r\n")
            with pytest.raises(Refused, match="503"):
                scrape.hear()
