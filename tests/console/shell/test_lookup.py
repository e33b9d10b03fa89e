"""Values for completion: a server that does not answer is not waited for."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.client.connection import Connection
from console.client.unix import UnixStream
from console.shell.lookup import Lookup
from tests.console.client.servers import answering, server


@pytest.mark.parametrize("source", ["tunnel", "commit", "session", "certificate", "user"])
def test_a_server_that_says_nothing_is_given_up(tmp_path: Path, source: str) -> None:
    with server(tmp_path / "s", answering(lambda number, message: None)) as path:
        client = Connection(lambda: UnixStream(path), "the agent")
        assert Lookup(client, 0.05)(source, "") == ()
        assert client.gone is None
        client.cut()
