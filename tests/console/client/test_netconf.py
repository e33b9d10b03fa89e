"""A session with servers that are made up: good ones, bad ones, and such as are no NETCONF servers."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest
from lxml import etree

from console.client.documents import errors_of, parse
from console.client.netconf import Session
from console.client.session import Gone, ServerErrors
from console.client.unix import UnixStream
from tests.console.client.servers import HELLO, NETCONF, answering, chunked, reply, says, server, silent

REQUEST = etree.XML(f'<get xmlns="{NETCONF}"/>')


def session(path: Path, timeout_s: float = 30) -> Session:
    return Session(UnixStream(path), where="the agent", timeout_s=timeout_s)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "ended the connection"),
        (b"<html/>]]>]]>", "ended the connection"),
        (b"x" * 2_000_000, "not a NETCONF server"),
        (b"<!DOCTYPE x [<!ENTITY a 'b'>]><hello/>]]>]]>", "document type"),
        (b"<hello>]]>]]>", "not XML"),
        (
            f'<hello xmlns="{NETCONF}"><capabilities/><session-id>1</session-id></hello>]]>]]>'.encode(),
            "hello lacks",
        ),
        (HELLO.replace(b"<session-id>7</session-id>", b""), "hello lacks"),
        (HELLO.replace(b">7<", b">x<"), "hello lacks"),
        (HELLO.replace(b">7<", b">" + b"7" * 5000 + b"<"), "hello lacks"),
        (b"", "ended the connection"),
    ],
)
def test_what_is_no_netconf_server_is_said_so(tmp_path: Path, said: bytes, why: str) -> None:
    with server(tmp_path / "s", says(said)) as path, pytest.raises(Gone, match=why):
        session(path)


def test_who_says_nothing_is_no_netconf_server(tmp_path: Path) -> None:
    with server(tmp_path / "s", silent) as path, pytest.raises(Gone, match="says no hello"):
        session(path, timeout_s=0)


def test_replies_are_told_apart_by_their_ids(tmp_path: Path) -> None:
    def behave(number: int, message: bytes) -> bytes:
        return (
            reply(99, "<other/>")
            + chunked(f'<rpc-reply xmlns="{NETCONF}"/>' if number == 9 else "<x/>")
            + reply(number)
        )

    with server(tmp_path / "s", answering(behave)) as path:
        one = session(path)
        assert one.session_id == 7
        for _ in range(3):
            assert [etree.QName(child).localname for child in one.rpc(REQUEST)] == ["ok"]
        one.close()
        with pytest.raises(Gone):
            one.rpc(REQUEST)


def test_errors_are_values_and_warnings_are_none(tmp_path: Path) -> None:
    error = (
        "<rpc-error><error-type>application</error-type><error-tag>invalid-value</error-tag><error-severity>{}"
        '</error-severity><error-app-tag>x</error-app-tag><error-path xmlns:i="urn:i">/i:a/i:b</error-path>'
        "<error-message>it is\n  wrong</error-message><error-info><session-id>5</session-id></error-info>"
        "</rpc-error>"
    )

    def behave(number: int, message: bytes) -> bytes:
        return reply(number, error.format("warning") + (error.format("error") if number > 1 else "<ok/>"))

    with server(tmp_path / "s", answering(behave)) as path:
        one = session(path)
        assert one.rpc(REQUEST) is not None
        with pytest.raises(ServerErrors) as caught:
            one.rpc(REQUEST)
    (found,) = caught.value.errors
    assert (found.tag, found.message, found.app_tag, found.path, found.session_id) == (
        "invalid-value", "it is wrong", "x", "/i:a/i:b", 5,
    )  # fmt: skip
    assert ("i", "urn:i") in found.namespaces


def test_errors_that_stand_in_data_are_data() -> None:
    error = "<rpc-error><error-tag>x</error-tag></rpc-error>"
    inside = f'<rpc-reply xmlns="{NETCONF}"><data>{error}</data></rpc-reply>'
    assert errors_of(parse(inside.encode())) == ()


@pytest.mark.parametrize(
    "document",
    [
        "<a>" * 300 + "</a>" * 300,
        f"<a>{'x' * 11_000_000}</a>",
        "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
        "&x;",
    ],
)
def test_a_reply_that_is_too_much_or_no_xml_ends_the_session(tmp_path: Path, document: str) -> None:
    with server(tmp_path / "s", answering(lambda number, message: chunked(document))) as path:
        one = session(path)
        with pytest.raises(Gone, match="the server sent"):
            one.rpc(REQUEST)
        assert one.gone is not None


def test_a_session_that_ends_in_a_reply_is_gone(tmp_path: Path) -> None:
    def behave(accepted: socket.socket) -> None:
        accepted.sendall(HELLO)
        while b"\n##\n" not in accepted.recv(65536):
            pass
        accepted.sendall(b"\n#100\n<rpc-reply")

    with server(tmp_path / "s", behave) as path:
        one = session(path)
        with pytest.raises(Gone, match="the session with the agent has ended"):
            one.rpc(REQUEST)


def test_ctrl_c_ends_a_wait_and_the_session_goes_on(tmp_path: Path) -> None:
    def behave(number: int, message: bytes) -> bytes | None:
        if number == 1:
            os.kill(os.getpid(), signal.SIGINT)
            return None
        return reply(1, "<late/>") + reply(number)

    with server(tmp_path / "s", answering(behave)) as path:
        one = session(path)
        with pytest.raises(KeyboardInterrupt):
            one.rpc(REQUEST)
        found = one.rpc(REQUEST)
        assert [etree.QName(child).localname for child in found] == ["ok"]
        one.close()


def test_a_large_request_goes_out_whole(tmp_path: Path) -> None:
    got: list[int] = []

    def behave(number: int, message: bytes) -> bytes:
        got.append(len(message))
        return reply(number)

    large = etree.XML(f'<get xmlns="{NETCONF}"><filter>{"<x/>" * 1_000_000}</filter></get>')
    with server(tmp_path / "s", answering(behave)) as path:
        one = session(path)
        one.rpc(large)
        one.close()
    assert got[0] > 4_000_000
