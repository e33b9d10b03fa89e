"""restart-daemon over NETCONF, for a charon that the system runs.

No systemd runs where the tests do: the systemctl here is a stand-in that restarts a real external charon as
systemd would.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.agent_process import AgentProcess
from tests.lab import Lab
from tests.real.gateways import DAEMON, end_charon, inside, loaded_connections, start_in, talk
from tests.real.test_netconf_to_charon import tunnel
from tests.translators.systemctls import charon_alone, put_on_path, restarts_charon_of
from tests.wire.raw_client import chunked, raw_client, rpc
from translators.strongswan.charon.daemon import leftover_pids

pytestmark = pytest.mark.real

RESTART = f'<restart-daemon xmlns="{DAEMON}"/>'


@contextmanager
def agent_beside_a_charon(lab: Lab, folder: Path, settings: str) -> Iterator[tuple[AgentProcess, Path]]:
    """Yield an agent with an external charon, and the folder of that."""
    charon = folder / "system" / "strongswan"
    inside(lab.alice_ns, lambda: charon_alone(charon))
    file = folder / "settings.toml"
    sockets = f'vici-socket = "{charon}/vici.sock"\nerror-notify-socket = "{charon}/notify.sock"'
    file.write_text(f"[translator.strongswan]\n{sockets}\n{settings}\n")
    try:
        agent = start_in(lab.alice_ns, folder / "agent", "--config", str(file), charon="external")
        try:
            yield agent, charon
        finally:
            agent.stop()
    finally:
        end_charon(charon.parent)


def test_it_returns_when_the_next_charon_holds_the_tunnels(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_on_path(monkeypatch, tmp_path / "bin", restarts_charon_of(tmp_path / "system" / "strongswan"))
    with agent_beside_a_charon(lab, tmp_path, 'charon-unit = "our-charon.service"') as (agent, charon):
        inside(
            lab.alice_ns, lambda: talk(agent, lambda o: o.commit(tunnel(1, "alice", "bob", initiator=False)))
        )
        (before,) = leftover_pids([charon])
        inside(lab.alice_ns, lambda: talk(agent, lambda o: o.do(RESTART)))
        (after,) = leftover_pids([charon])
        assert after != before
        assert set(inside(lab.alice_ns, lambda: loaded_connections(charon.parent))) == {"ipsec-1"}
    assert "restart -- our-charon.service" in (tmp_path / "bin" / "called").read_text()


def test_what_systemctl_says_against_it_comes_as_an_error(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_on_path(monkeypatch, tmp_path / "bin", "sys.exit('Unit strongswan-starter.service not found.')")

    async def ask(agent: AgentProcess) -> bytes:
        async with raw_client(agent, greet="1.1") as client:
            client.send(chunked(rpc(RESTART)))
            return await client.chunked_message()

    with agent_beside_a_charon(lab, tmp_path, "") as (agent, _charon):
        reply = inside(lab.alice_ns, lambda: ask(agent)).decode()
    for expected in (
        "<error-tag>operation-failed</error-tag>",
        "<error-app-tag>systemctl-failed</error-app-tag>",
        "exit code 1: Unit strongswan-starter.service not found.",
    ):
        assert expected in reply
