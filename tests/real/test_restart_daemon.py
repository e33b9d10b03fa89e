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
from tests.lab import Lab, charon_folder, end_charon
from tests.real.gateways import DAEMON, inside, loaded_connections, on, running_in
from tests.real.test_netconf_to_charon import tunnel
from tests.translators.systemctls import charon_alone, put_on_path, restarts_charon_of, sockets_of
from tests.wire.raw_client import raw_client
from translators.strongswan.charon.daemon import leftover_pids

pytestmark = pytest.mark.real

RESTART = f'<restart-daemon xmlns="{DAEMON}"/>'


@contextmanager
def agent_beside_a_charon(lab: Lab, folder: Path, settings: str) -> Iterator[tuple[AgentProcess, Path]]:
    """Yield an agent with an external charon, and the folder of that."""
    charon = charon_folder(folder / "system")
    inside(lab.alice_ns, lambda: charon_alone(charon))
    file = folder / "settings.toml"
    sockets = "\n".join(f'{name} = "{path}"' for name, path in sockets_of(charon).items())
    file.write_text(f"[translator.strongswan]\n{sockets}\n{settings}\n")
    try:
        options = ("--config", str(file))
        with running_in(lab.alice_ns, folder / "agent", *options, charon="external") as agent:
            yield agent, charon
    finally:
        end_charon(charon.parent)


def test_it_returns_when_the_next_charon_holds_the_tunnels(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_on_path(monkeypatch, tmp_path / "bin", restarts_charon_of(charon_folder(tmp_path / "system")))
    with agent_beside_a_charon(lab, tmp_path, 'charon-unit = "our-charon.service"') as (agent, charon):
        on(lab.alice_ns, agent, lambda o: o.commit(tunnel(1, "alice", "bob", initiator=False)))
        (before,) = leftover_pids([charon])
        on(lab.alice_ns, agent, lambda o: o.do(RESTART))
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
            return await client.ask(RESTART)

    with agent_beside_a_charon(lab, tmp_path, "") as (agent, _charon):
        reply = inside(lab.alice_ns, lambda: ask(agent)).decode()
    for expected in (
        "<error-tag>operation-failed</error-tag>",
        "<error-app-tag>systemctl-failed</error-app-tag>",
        "exit code 1: Unit strongswan-starter.service not found.",
    ):
        assert expected in reply
