"""The UNIX socket of the program as a whole: who comes through it, what he may, and what is told of him."""

from __future__ import annotations

import asyncio
import getpass
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree
from ncclient.operations import RPCError
from ncclient.transport.errors import SessionCloseError

from agent.transport.preamble import WORD
from tests.agent_process import AgentProcess, running_agent, start_agent
from tests.requests import tunnel
from tests.wire.local_client import ROOT_ONLY, acting_as, connected, folder_for_all
from tests.wire.raw_client import qualified
from tests.wire.test_sessions import logged

ROOT = Path(__file__).parents[2]
ME = getpass.getuser()
NS = {
    "m": "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring",
    "a": "urn:yangswan:params:xml:ns:yang:agent",
    "e": "urn:ietf:params:xml:ns:yang:ietf-netconf-notifications",
}
SESSIONS = ("subtree", f'<netconf-state xmlns="{NS["m"]}"><sessions/></netconf-state>')
HISTORY = ("subtree", f'<agent xmlns="{NS["a"]}"><history/></agent>')
CONFIG = '<config xmlns="urn:ietf:params:xml:ns:netconf:base:1.0">{}</config>'
NACM = "urn:ietf:params:xml:ns:yang:ietf-netconf-acm"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason=ROOT_ONLY)


def settings(folder: Path, **values: str) -> list[str]:
    file = folder / "agent.toml"
    lines = [f'{name.replace("_", "-")} = "{value}"' for name, value in values.items()]
    file.write_text("\n".join(lines) + "\n")
    return ["--config", str(file)]


@pytest.fixture
def folder() -> Iterator[Path]:
    with folder_for_all() as folder:
        yield folder


@pytest.fixture
def agent(folder: Path) -> Iterator[AgentProcess]:
    """One whose socket is for the group of the user nobody."""
    options = settings(folder, socket="s", socket_group="nogroup")
    with running_agent(folder / "data", options) as agent:
        yield agent


def commit(session: object, body: str, target: str = "candidate") -> None:
    session.edit_config(config=CONFIG.format(body), target=target)  # type: ignore[attr-defined]
    session.commit()  # type: ignore[attr-defined]


def test_the_user_of_the_agent_may_do_everything_from_the_first_start(tmp_path: Path) -> None:
    """Without [users] and without a rule about him: the gateway's administrator types on it as root."""
    with folder_for_all() as folder, running_agent(folder / "data") as agent:
        path = agent.data_dir / "netconf.sock"
        with connected(path) as session:
            session.create_subscription()
            with connected(path) as other:
                commit(other, tunnel(1))
                assert "not-a-real-secret" in str(other.get_config("running"))
                rows = other.get(SESSIONS).data_ele.findall(".//m:session", NS)
            told = [etree.fromstring(session.take_notification().notification_xml.encode()) for _ in range(2)]
        assert [row.findtext("m:username", namespaces=NS) for row in rows] == [ME, ME]
        assert [qualified(row.find("m:transport", NS)) for row in rows] == [f"{{{NS['a']}}}netconf-unix"] * 2
        assert [row.find("m:source-host", NS) for row in rows] == [None, None]
        assert [one.find(".//e:source-host", NS) for one in told] == [None, None]
        with connected(path) as session:
            (own,) = session.get(HISTORY).data_ele.xpath(f"//a:commit[a:user='{ME}']", namespaces=NS)
        assert own.find("a:source-address", NS) is None
        log = "".join(agent.log)
        assert f"[session 1 {ME}] begun through the socket" in log
        assert f"commit 2 by {ME} (session 2 through the socket): " in log
        agent.stop()
        assert not path.exists()
        done = subprocess.run(
            [sys.executable, "-m", "agent", "history", "--data-dir", str(agent.data_dir), "--charon", "none"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert f"  {ME} through the socket (session 2)  " in done.stdout


def test_no_rule_of_an_older_history_keeps_him_out(folder: Path) -> None:
    options = settings(folder, socket="s")
    everything_is_denied = (
        f'<nacm xmlns="{NACM}"><read-default>deny</read-default><exec-default>deny</exec-default>'
        "<rule-list><name>none</name><group>*</group><rule><name>none</name><module-name>*</module-name>"
        "<action>deny</action></rule></rule-list></nacm>"
    )
    with running_agent(folder / "data", options), connected(folder / "s") as session:
        commit(session, everything_is_denied)
    with running_agent(folder / "data", options), connected(folder / "s") as session:
        commit(session, tunnel(1))
        reply = session.dispatch(
            etree.fromstring(
                f'<explain-access xmlns="{NS["a"]}"><operation>commit</operation></explain-access>'
            )
        )
        assert "it is a recovery session" in str(reply)


@as_root
def test_a_member_of_the_group_may_look_and_change_nothing(agent: AgentProcess, folder: Path) -> None:
    with connected(folder / "s") as session:
        commit(session, tunnel(1))
    with connected(folder / "s", "nobody") as session:
        found = str(session.get_config("running"))
        assert "peer1" in found
        assert "not-a-real-secret" not in found
        with pytest.raises(RPCError, match="user 'nobody'"):
            session.edit_config(config=CONFIG.format(tunnel(2)), target="candidate")
        for operation in (session.commit, session.discard_changes, session.validate):
            with pytest.raises(RPCError, match="user 'nobody'"):
                operation()


@as_root
def test_the_groups_of_the_system_count_where_access_control_says_so(
    agent: AgentProcess, folder: Path
) -> None:
    with connected(folder / "s") as session:
        commit(
            session,
            f'<nacm xmlns="{NACM}"><enable-external-groups>true</enable-external-groups><rule-list>'
            "<name>ours</name><group>nogroup</group><rule><name>all</name><action>permit</action></rule>"
            "</rule-list></nacm>",
        )
    with connected(folder / "s", "nobody") as session:
        commit(session, tunnel(1))


@as_root
def test_who_is_not_in_the_group_does_not_get_in(agent: AgentProcess, folder: Path) -> None:
    found = (folder / "s").stat()
    assert (stat.S_IMODE(found.st_mode), found.st_uid) == (0o660, 0)
    with (
        socket.socket(socket.AF_UNIX) as client,
        acting_as("daemon"),
        pytest.raises(PermissionError),
    ):
        client.connect(str(folder / "s"))


@as_root
def test_a_member_cannot_fill_all_places(folder: Path) -> None:
    options = settings(folder, socket="s", socket_group="nogroup")
    with (folder / "agent.toml").open("a") as file:
        file.write("[limits]\nsessions = 4\nsessions-per-user = 2\n")
    with (
        running_agent(folder / "data", options) as agent,
        connected(folder / "s", "nobody"),
        connected(folder / "s", "nobody"),
    ):
        with (
            pytest.raises((SessionCloseError, ConnectionError)),
            connected(folder / "s", "nobody"),
        ):
            pass
        assert asyncio.run(logged(agent, "nobody through the socket has too many sessions"))
        with connected(folder / "s") as session:
            found = session.get(("subtree", f'<agent xmlns="{NS["a"]}"/>')).data_ele
            assert found.findtext(".//a:refused-connections", namespaces=NS) == "1"


def test_two_agents_do_not_have_one_socket(folder: Path) -> None:
    options = settings(folder, socket="s")
    with running_agent(folder / "data", options):
        with pytest.raises(
            AssertionError, match=r"s: another agent or program listens there: end it"
        ) as caught:
            start_agent(folder / "other", options)
        assert "Traceback" not in str(caught.value)
        with connected(folder / "s") as session:
            session.get_config("running")


def test_what_a_killed_agent_leaves_is_in_nobody_s_way(folder: Path) -> None:
    options = settings(folder, socket="s")
    agent = start_agent(folder / "data", options)
    agent.kill()
    assert (folder / "s").is_socket()
    with running_agent(folder / "data", options), connected(folder / "s") as session:
        session.get_config("running")
    assert not (folder / "s").exists()


def test_none_is_made_where_none_is_wanted(folder: Path) -> None:
    with running_agent(folder / "data", settings(folder, socket="")) as agent:
        pass
    assert not any(one.is_socket() for one in folder.rglob("*"))
    assert not any("served at" in line for line in agent.log)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("x" * 200, "and that of a socket has 107 at most"),
        ("agent.toml", "what is there is no socket, and the agent leaves it alone"),
        ("missing/s", "No such file or directory"),
        ("link", "it is a link, which the agent leaves alone"),
    ],
)
def test_a_socket_that_cannot_be_is_a_fault(folder: Path, value: str, reason: str) -> None:
    (folder / "link").symlink_to("s")
    options = settings(folder, socket=value)
    for look in (["--check"], []):
        done = subprocess.run(
            [sys.executable, "-m", "agent", *options, *look, "--data-dir", str(folder / "data"),
             "--listen", "127.0.0.1:0", "--charon", "none"],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stdout) == (os.EX_CONFIG, "")
        assert done.stderr.startswith("yangswand: NETCONF cannot be served at the socket ")
        assert done.stderr.rstrip().endswith(reason)
        assert done.stderr.count("\n") == 1


def test_a_data_folder_with_a_long_name_has_none_and_the_agent_starts(folder: Path) -> None:
    data_dir = folder / ("x" * 120)
    with running_agent(data_dir) as agent:
        assert any("and that of a socket has 107 at most" in line for line in agent.log)
    assert not (data_dir / "netconf.sock").exists()


def test_clients_that_come_and_go_leave_nothing(folder: Path) -> None:
    options = settings(folder, socket="s")
    with (folder / "agent.toml").open("a") as file:
        file.write("[limits]\nsessions = 1000\nsessions-per-user = 1000\nunauthenticated = 1000\n")
    with running_agent(folder / "data", options, log_level="warning") as agent:
        descriptors = f"/proc/{agent.process.pid}/fd"

        def come_and_go(times: int) -> None:
            for number in range(times):
                with socket.socket(socket.AF_UNIX) as client:
                    client.connect(str(folder / "s"))
                    if number % 3:
                        client.sendall((b"<", b"yangswan-netconf-subsystem ")[number % 2])

        def sessions() -> int:
            with connected(folder / "s") as session:
                return len(session.get(SESSIONS).data_ele.findall(".//m:session", NS))

        come_and_go(1)
        assert sessions() == 1
        before = len(os.listdir(descriptors))
        come_and_go(300)
        while sessions() > 1 or len(os.listdir(descriptors)) > before:  # the last ones are still going
            pass


@as_root
def test_a_client_of_any_link_is_shown_with_his_address(folder: Path) -> None:
    """Names of interfaces have characters that the zone of an address in a model has not (RFC 6991)."""
    options = settings(folder, socket="s")
    with running_agent(folder / "data", options), socket.socket(socket.AF_UNIX) as client:
        client.settimeout(60)
        client.connect(str(folder / "s"))
        client.sendall(WORD + b'{"user": "ann", "source-host": "fe80::1%br-lan"}\n')
        assert client.recv(4096).startswith(b"<hello")
        with connected(folder / "s") as session:
            shown = session.get(SESSIONS).data
    assert [found.text for found in shown.findall(".//{*}source-host")] == ["fe80::1"]


def test_octets_that_are_no_netconf_end_the_session(folder: Path) -> None:
    with running_agent(folder / "data", settings(folder, socket="s")) as agent:
        for octets in (b"\x00" * 1000 + b"]]>]]>", b"<a>]]>]]>", b"yangswan-netconf-subsystem {}\n"):
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(60)
                client.connect(str(folder / "s"))
                client.sendall(octets)
                while client.recv(65536):
                    pass
        assert agent.process.poll() is None
        with connected(folder / "s") as session:
            session.get_config("running")
