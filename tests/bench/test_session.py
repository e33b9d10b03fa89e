"""The raw client, against a server that answers what it is told to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.messages import END, Words, framed
from bench.peers import netconfd, stub
from bench.peers.failed import Failed
from bench.rows.rates import ask_all
from bench.session import Late, Refused, Session, open_session
from bench.site import Peer

OK = b"\n#5\n<ok/>" + END
ERROR = b"\n#36\n<rpc-reply><rpc-error>broken</rpc-error>" + END
LARGE = b"\n#3000000\n" + 3_000_000 * b"x" + END


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    folder = tmp_path_factory.mktemp("stub")
    with stub.started(folder, {"ok": OK, "one": ERROR, "whole": LARGE}) as started:
        yield started


@pytest.fixture
def session(peer: Peer, tmp_path: Path) -> Iterator[Session]:
    with open_session(peer.command, tmp_path) as opened:
        yield opened


def test_a_reply_comes_whole(session: Session) -> None:
    assert session.ask(Words().commit()) == OK
    assert session.ask(Words().whole()) == LARGE
    assert session.ask(Words().commit()) == OK


def test_an_error_is_one(session: Session) -> None:
    with pytest.raises(Refused, match="broken"):
        session.ask(Words().one(1))


def test_a_server_that_closes_is_no_answer(session: Session) -> None:
    with pytest.raises(Refused, match="closed"):
        session.ask(framed("<x/>", "unheard-of"))


def test_a_server_that_says_nothing_is_late(peer: Peer, tmp_path: Path) -> None:
    with open_session(peer.command, tmp_path, 0.2) as session, pytest.raises(Late):
        session.ask(b"\n#5\n<ok/>")


@pytest.mark.parametrize("count", [1, 15, 16, 17, 100])
def test_as_many_are_answered_as_were_asked(session: Session, count: int) -> None:
    session.ask_deep(Words().commit(), count, 16)
    assert session.ask(Words().whole()) == LARGE


def test_sessions_share_what_is_asked(peer: Peer, tmp_path: Path) -> None:
    with open_session(peer.command, tmp_path) as one, open_session(peer.command, tmp_path) as other:
        ask_all([one, other], Words().commit(), 31)
        assert one.ask(Words().whole()) == LARGE
        assert other.ask(Words().whole()) == LARGE


def test_nobody_without_the_key_comes_in(peer: Peer, tmp_path: Path) -> None:
    with (
        pytest.raises(Refused),
        open_session([word.replace("user_key", "none") for word in peer.command], tmp_path),
    ):
        pass


def test_a_server_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with pytest.raises(Failed, match="netconfd"), netconfd.started(tmp_path):
        pass
