"""NETCONF through OpenSSH's own server: its users, keys and subsystem, and the agent behind it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from lxml import etree

from tests.agent_process import AgentProcess, running_agent
from tests.requests import edit_candidate, tunnel
from tests.wire.local_client import ROOT_ONLY, folder_for_all
from tests.wire.openssh_server import GROUP, SSHD, Sshd, on_machine, sshd
from tests.wire.raw_client import EOM, hello, qualified, rpc
from tests.wire.test_socket import NACM, NS

pytestmark = [
    pytest.mark.skipif(SSHD is None, reason="sshd is not installed (script/setup --tests installs it)"),
    pytest.mark.skipif(os.geteuid() != 0, reason=ROOT_ONLY),
]
HELLO = hello("1.0") + EOM
SESSIONS = (
    rpc(f'<get><filter><netconf-state xmlns="{NS["m"]}"><sessions/></netconf-state></filter></get>') + EOM
)
GET_CONFIG = rpc("<get-config><source><running/></source></get-config>") + EOM
COMMIT = rpc("<commit/>") + EOM
CLOSE = rpc("<close-session/>") + EOM


@dataclass
class Gateway:
    agent: AgentProcess
    server: Sshd

    def ask(self, user: str, *requests: bytes, key: str = "ann") -> list[etree._Element]:
        """Return the replies to ``requests``; the session ends as it should."""
        done = self.server.ask(user, HELLO, *requests, CLOSE, key=key)
        assert (done.returncode, done.stderr) == (0, b""), self.log()
        _hello, *replies, ok, rest = done.stdout.split(EOM)
        assert b"<ok/>" in ok
        assert rest == b""
        return [etree.fromstring(reply) for reply in replies]

    def log(self) -> str:
        return "".join(self.agent.log) + (self.server.folder / "sshd.log").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with folder_for_all() as folder:
        before = on_machine(folder)
        (folder / "agent.toml").write_text(f'socket = "s"\nsocket-group = "{GROUP[0]}"\n')
        with (
            running_agent(folder / "data", ["--config", str(folder / "agent.toml")], prefix=before) as agent,
            sshd(folder, folder / "s", before) as server,
        ):
            yield Gateway(agent, server)


def session_of(reply: etree._Element) -> dict[str, str | None]:
    (row,) = reply.findall(".//m:session", NS)
    return {
        "user": row.findtext("m:username", namespaces=NS),
        "transport": qualified(row.find("m:transport", NS)).rpartition("}")[2],
        "source": row.findtext("m:source-host", namespaces=NS),
    }


def test_a_user_logs_in_and_the_agent_knows_him(gateway: Gateway) -> None:
    sessions, config = gateway.ask("ann", SESSIONS, GET_CONFIG)
    assert session_of(sessions) == {"user": "ann", "transport": "netconf-unix", "source": None}
    assert config.find("{*}data") is not None
    assert "ann says that he comes from 127.0.0.1: noted here alone" in gateway.log()


def test_of_root_the_address_is_believed_and_he_may_do_everything(gateway: Gateway) -> None:
    sessions, edited, committed = gateway.ask("root", SESSIONS, rpc(edit_candidate(tunnel(1))) + EOM, COMMIT)
    assert session_of(sessions) == {"user": "root", "transport": "netconf-ssh", "source": "127.0.0.1"}
    assert [reply.find("{*}ok") is not None for reply in (edited, committed)] == [True, True]
    assert "root (session" in gateway.log()


def test_who_comes_by_sudo_is_himself_and_his_address_is_believed(gateway: Gateway) -> None:
    sessions, edited = gateway.ask("root", SESSIONS, rpc(edit_candidate(tunnel(2))) + EOM, key="sudo")
    assert session_of(sessions) == {"user": "ann", "transport": "netconf-ssh", "source": "127.0.0.1"}
    assert edited.findtext(".//{*}error-tag") == "access-denied"
    assert "user 'ann'" in edited.findtext(".//{*}error-message", "")


def test_his_groups_are_known_to_access_control(gateway: Gateway) -> None:
    edit = rpc(edit_candidate(tunnel(3))) + EOM
    (denied,) = gateway.ask("ann", edit)
    assert denied.findtext(".//{*}error-tag") == "access-denied"
    rules = (
        f'<nacm xmlns="{NACM}"><enable-external-groups>true</enable-external-groups><rule-list>'
        f"<name>ours</name><group>{GROUP[0]}</group><rule><name>all</name><action>permit</action></rule>"
        "</rule-list></nacm>"
    )
    gateway.ask("root", rpc(edit_candidate(rules)) + EOM, COMMIT)
    for reply in gateway.ask("ann", edit, COMMIT):
        assert reply.find("{*}ok") is not None


def test_who_is_not_in_the_group_does_not_get_in(gateway: Gateway) -> None:
    """sshd drops what the subsystem says on standard error: tests/console/test_subsystem.py looks at it."""
    done = gateway.server.ask("bea", HELLO)
    assert (done.returncode, done.stdout) == (1, b"")


def test_replies_that_are_long_come_whole_after_the_end_of_input(gateway: Gateway) -> None:
    schema = rpc(
        f'<get-schema xmlns="{NS["m"]}"><identifier>yangswan-ipsec</identifier></get-schema>'
    ) + EOM  # fmt: skip
    replies = gateway.ask("ann", *[schema] * 20)
    assert len(replies) == 20
    assert len({len(reply.findtext("{*}data", "")) for reply in replies}) == 1


def test_a_client_that_just_goes_leaves_no_session(gateway: Gateway) -> None:
    done = gateway.server.ask("ann", HELLO)
    assert done.returncode == 0
    sessions, *_ = gateway.ask("root", SESSIONS)
    assert session_of(sessions)["user"] == "root"


def test_without_an_agent_the_session_ends_with_a_status() -> None:
    with folder_for_all() as folder, sshd(folder, folder / "s", on_machine(folder)) as server:
        done = server.ask("ann", HELLO)
    assert (done.returncode, done.stdout) == (1, b"")
