"""The examples of the NETCONF page say in a sentence why a gateway cannot be reached."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.transport.files import write_key_pair
from tests.agent_process import AgentProcess, running_agent
from tests.scripts.agents import ROOT

EXAMPLES = sorted(path for path in (ROOT / "examples" / "netconf").glob("*.py") if path.name != "gateway.py")
WORDS = {
    "explain.py": ["rita", "--operation", "get"],
    "grant.py": ["reader", "rita"],
    "operational.py": ["7"],
    "safe_change.py": ["examples/site-to-site/alice.xml"],
    "subscribe.py": [],
    "watch.py": [],
    "what_changed.py": ["--known", "known.json"],
}


def said(example: str, *options: str) -> str:
    """Run an example that cannot reach its gateway; returns what it says."""
    done = subprocess.run(
        [sys.executable, f"examples/netconf/{example}", *WORDS[example], *options],
        cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONWARNINGS": ""},
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    return done.stderr


@pytest.fixture
def keys(tmp_path: Path) -> list[str]:
    for name in ("host_key", "key"):
        write_key_pair(tmp_path / name, "test")
    return ["--key", str(tmp_path / "key"), "--host-key", str(tmp_path / "host_key.pub")]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    with running_agent(tmp_path_factory.mktemp("gateway")) as agent:
        yield agent


@pytest.fixture
def closed() -> Iterator[str]:
    """A port on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield str(taken.getsockname()[1])


@pytest.mark.parametrize("example", [path.name for path in EXAMPLES])
def test_a_port_on_which_nobody_listens(example: str, keys: list[str], closed: str) -> None:
    assert said(example, *keys, "--port", closed).startswith(
        f"the gateway 127.0.0.1 port {closed} cannot be used: "
    )


def test_a_name_that_nobody_has(keys: list[str]) -> None:
    assert "the gateway gateway.invalid port 8300 cannot be used: " in said(
        "explain.py", *keys, "--host", "gateway.invalid"
    )


def test_a_port_that_is_of_something_else(keys: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            client, _ = server.accept()
            client.sendall(b"220 mail\r\n")
            client.close()

        thread = threading.Thread(target=answer)
        thread.start()
        assert "cannot be used: " in said("explain.py", *keys, "--port", str(server.getsockname()[1]))
        thread.join()


def test_another_host_key(gateway: AgentProcess, keys: list[str]) -> None:
    options = [*keys[2:], "--key", str(gateway.key), "--port", str(gateway.port)]
    assert "it has not the host key in" in said("explain.py", *options)


def test_a_key_that_is_nobodys(gateway: AgentProcess, keys: list[str]) -> None:
    options = [*keys[:2], "--host-key", str(gateway.data_dir / "host_key.pub"), "--port", str(gateway.port)]
    assert "it does not let admin in with the key" in said("explain.py", *options)
