"""What of the head of a request is refused, and with which status."""

from __future__ import annotations

import pytest

from agent.http.head import METHODS, host_name, refusal
from agent.http.limits import DoorLimits

LIMITS = DoorLimits(
    head_fields=4, target_octets=64, body_octets=10, methods=METHODS, slashes_below="/restconf/data"
)
HOST = (b"host", b"gw.example")


def status(target: bytes = b"/", *fields: tuple[bytes, bytes], method: str = "GET") -> int | None:
    found = refusal(method, target, fields or (HOST,), limits=LIMITS, hosts={"gw.example", "::1"})
    return None if found is None else found.status


@pytest.mark.parametrize(
    "target",
    [
        b"/",
        b"/a/b",
        b"/a/",
        b"/restconf/data/m:l=a%2Fb,c",
        b"/restconf/data/m:l=,",
        b"/a?b=c/d..e&f=%2F..%2F",
        b"/...",
        b"/%E2%82%AC",
        b"/a?x=/m:l[k='1']",
    ],
)
def test_a_path_is_taken(target: bytes) -> None:
    assert status(target) is None


@pytest.mark.parametrize(
    "target",
    [
        b"a",
        b"*",
        b"",
        b"http://gw.example/",
        b"gw.example:80",
        b"//",
        b"//evil.example/a",
        b"/a//b",
        b"/.",
        b"/..",
        b"/a/../b",
        b"/a/%2e%2E/b",
        b"/a/.%2e",
        b"/a%2fb",
        b"/a%2F..%2Fb",
        b"/a%5c..%5Cb",
        b"/restconf/datax/a%2Fb",
        b"/restconf/data%2F",
        b"/a\\b",
        b"/a%00",
        b"/a?b=%00",
        b"/%",
        b"/%4",
        b"/%zz",
        b"/%ff",
        b"/%c0%ae%c0%ae/",
        b"/a#b",
        b"/\xc3\xa9",
        b"/a\x01",
    ],
)
def test_a_path_that_is_a_trick_is_refused(target: bytes) -> None:
    assert status(target) == 400


def test_star_is_for_options_alone() -> None:
    assert status(b"*", method="OPTIONS") is None


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([(b"host", b"gw.example")], None),
        ([(b"host", b"GW.example.:8443")], None),
        ([(b"host", b"[::1]:80")], None),
        ([(b"host", b"[0:0:0:0:0:0:0:1]")], None),
        ([(b"host", b"evil.example")], 421),
        ([(b"host", b"gw.example.evil.example")], 421),
        ([(b"host", b"127.0.0.1")], 421),
        ([], 400),
        ([(b"accept", b"*/*")], 400),
        ([(b"host", b"")], 400),
        ([(b"host", b"gw.example, evil.example")], 400),
        ([(b"host", b"gw.example:80:80")], 400),
        ([(b"host", b"user@gw.example")], 400),
        ([(b"host", b"gw.example/")], 400),
        ([(b"host", b"[::1")], 400),
        ([(b"host", b"[.:]")], 400),
        ([HOST, HOST], 400),
    ],
)
def test_the_host_is_one_that_this_door_is_known_by(
    fields: list[tuple[bytes, bytes]], expected: int | None
) -> None:
    found = refusal("GET", b"/", fields, limits=LIMITS, hosts={"gw.example", "::1"})
    assert (None if found is None else found.status) == expected


def test_there_are_bounds() -> None:
    assert status(b"/" + b"a" * 63) is None
    assert status(b"/" + b"a" * 64) == 414
    assert status(b"/", HOST, (b"content-length", b"10")) is None
    assert status(b"/", HOST, (b"content-length", b"11")) == 413
    assert status(b"/", HOST, *[(b"x", b"y")] * 3) is None
    assert status(b"/", HOST, *[(b"x", b"y")] * 4) == 431


def test_a_body_has_one_end() -> None:
    """RFC 9112 section 6.3: what says two is how requests are smuggled."""
    length, chunked = (b"content-length", b"4"), (b"transfer-encoding", b"chunked")
    assert status(b"/", HOST, length) is None
    assert status(b"/", HOST, chunked) is None
    assert status(b"/", HOST, length, chunked) == 400
    assert status(b"/", HOST, chunked, length) == 400


@pytest.mark.parametrize(
    ("method", "expected"), [("TRACE", 501), ("CONNECT", 501), ("get", 501), ("PUT", None)]
)
def test_methods_are_known_or_not(method: str, expected: int | None) -> None:
    assert status(method=method) == expected


def test_who_may_not_use_a_method_hears_of_the_others() -> None:
    found = refusal("PUT", b"/", [HOST], limits=DoorLimits(), hosts={"gw.example"})
    assert found is not None
    assert (found.status, found.allow) == (405, "GET, HEAD, OPTIONS")


@pytest.mark.parametrize(("text", "name"), [("A.b.:1", "a.b"), ("[::FFFF]", "::ffff"), ("a b", None)])
def test_a_host_has_one_form(text: str, name: str | None) -> None:
    assert host_name(text) == name
