"""The same conversation with every usual client: edit the candidate, commit, read it back with its state."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from ncclient import manager
from ncclient.operations.rpc import RPCError
from ncclient.xml_ import to_ele
from netconf_client.connect import connect_ssh
from netconf_client.ncclient import Manager
from scrapli_netconf.driver import AsyncNetconfDriver

from tests.agent_process import AgentProcess
from tests.requests import IPSEC, edit_candidate, tunnel

BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
BASE_EVENTS = "urn:ietf:params:xml:ns:yang:ietf-netconf-notifications"
SUBSCRIBED = "urn:ietf:params:xml:ns:yang:ietf-subscribed-notifications"
LIMIT_S = 60


def config(number: int, description: str) -> str:
    return f'<config xmlns="{BASE}">{tunnel(number, description)}</config>'


def wanted(number: int) -> str:
    return f'<tunnels xmlns="{IPSEC}"><ipsec><id>{number}</id></ipsec></tunnels>'


def check(reply: str, number: int, description: str) -> None:
    assert f"<description>{description}</description>" in reply
    assert f"<id>{number}</id>" in reply
    assert "<status>down</status>" in reply


def ncclient(agent: AgentProcess, user: str = "", key: Path | None = None) -> manager.Manager:
    return manager.connect(
        host=agent.host,
        port=agent.port,
        username=user or agent.user,
        key_filename=str(key or agent.key),
        hostkey_verify=False,
        allow_agent=False,
        look_for_keys=False,
        timeout=LIMIT_S,
    )


def test_ncclient(agent: AgentProcess) -> None:
    with ncclient(agent) as client:
        assert ":candidate" in client.server_capabilities
        with client.locked("candidate"):
            client.edit_config(config(1, "by ncclient"), target="candidate", default_operation="merge")
            client.validate("candidate")
            client.commit()
        check(client.get(("subtree", wanted(1))).data_xml, 1, "by ncclient")
        check(
            client.get(("xpath", ({"i": IPSEC}, "/i:tunnels/i:ipsec[i:id='1']"))).data_xml, 1, "by ncclient"
        )
        explicit = client.get_config("running", ("subtree", wanted(1))).data_xml
        everything = client.get_config("running", ("subtree", wanted(1)), with_defaults="report-all").data_xml
        assert "<delay>30</delay>" in everything
        assert "<delay>30</delay>" not in explicit
        with pytest.raises(RPCError) as caught:
            client.edit_config(
                config(1, "x").replace("<secret>not-a-real-secret", "<secret>short"), target="candidate"
            )
        assert caught.value.tag == "invalid-value"
        assert "short" not in str(caught.value)
        assert "module yangswan-ipsec" in client.get_schema("yangswan-ipsec").data


def test_ncclient_stop_on_error_is_accepted(agent: AgentProcess) -> None:
    with ncclient(agent) as client:
        client.edit_config(config(6, "with options"), target="candidate", error_option="stop-on-error")
        client.discard_changes()


def test_netconf_client(agent: AgentProcess) -> None:
    session = connect_ssh(
        host=agent.host,
        port=agent.port,
        username=agent.user,
        key_filename=str(agent.key),
        initial_timeout=LIMIT_S,
        general_timeout=LIMIT_S,
    )
    with Manager(session, timeout=LIMIT_S) as client:
        client.edit_config(config(2, "by netconf-client"), target="candidate")
        client.commit()
        reply = client.get(filter=f'<filter xmlns="{BASE}" type="subtree">{wanted(2)}</filter>')
        check(reply.data_xml.decode(), 2, "by netconf-client")


async def test_scrapli_netconf(agent: AgentProcess) -> None:
    # Its paramiko transport reads RSA keys only, so the asyncssh one is taken.
    driver = AsyncNetconfDriver(
        host=agent.host,
        port=agent.port,
        auth_username=agent.user,
        auth_private_key=str(agent.key),
        auth_strict_key=False,
        transport="asyncssh",
        timeout_ops=LIMIT_S,
        timeout_socket=LIMIT_S,
        timeout_transport=LIMIT_S,
        ssh_config_file=False,
    )
    await driver.open()
    try:
        assert not (await driver.edit_config(config(3, "by scrapli"), target="candidate")).failed
        assert not (await driver.commit()).failed
        check((await driver.get(wanted(3))).result, 3, "by scrapli")
    finally:
        await driver.close()


def console(agent: AgentProcess, *options: str) -> str:
    program = Path(sys.executable).with_name("netconf-console2")
    done = subprocess.run(
        [
            str(program),
            "--host",
            agent.host,
            "--port",
            str(agent.port),
            "--user",
            agent.user,
            "--privKeyFile",
            str(agent.key),
            "--ssh-config=/dev/null",
            *options,
        ],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=True,
    )
    return done.stdout


def test_netconf_console2(agent: AgentProcess, tmp_path: Path) -> None:
    file = tmp_path / "edit.xml"
    file.write_text(tunnel(4, "by netconf-console2"))
    console(agent, "--db", "candidate", f"--edit-config={file}", "--commit")
    check(console(agent, "--get", "--xpath", "/tunnels/ipsec[id='4']"), 4, "by netconf-console2")


HELLO = (
    f'<hello xmlns="{BASE}"><capabilities><capability>urn:ietf:params:netconf:base:1.0</capability>'
    "</capabilities></hello>]]>]]>\n"
)


def rpc(number: int, body: str) -> str:
    return f'<rpc message-id="{number}" xmlns="{BASE}">{body}</rpc>]]>]]>\n'


def test_plain_ssh(agent: AgentProcess, tmp_path: Path) -> None:
    """A human types: base:1.0, and a new line after each message."""
    talk = (
        HELLO
        + rpc(
            1,
            edit_candidate(tunnel(5, "by ssh")),
        )
        + rpc(2, "<commit/>")
        + rpc(3, f'<get><filter type="subtree">{wanted(5)}</filter></get>')
        + rpc(4, "<close-session/>")
    )
    done = subprocess.run(
        [
            "ssh",
            "-F",
            "none",
            "-i",
            str(agent.key),
            "-o",
            f"UserKnownHostsFile={tmp_path / 'known_hosts'}",
            "-o",
            "StrictHostKeyChecking=accept-new",
            "-o",
            "IdentitiesOnly=yes",
            "-p",
            str(agent.port),
            f"{agent.user}@{agent.host}",
            "-s",
            "netconf",
        ],
        input=talk,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=True,
    )
    replies = done.stdout.split("]]>]]>")
    assert [reply.count("<ok/>") for reply in replies[:6]] == [0, 1, 1, 0, 1, 0]
    check(replies[3], 5, "by ssh")


def test_ncclient_subscribes(agent: AgentProcess) -> None:
    """establish-subscription by what ncclient has for operations that it does not know (RFC 8639)."""
    with ncclient(agent) as subscriber, ncclient(agent) as worker:
        establish = to_ele(
            f'<establish-subscription xmlns="{SUBSCRIBED}"><stream>NETCONF</stream><stream-xpath-filter '
            f'xmlns:n="{BASE_EVENTS}">/n:netconf-config-change</stream-xpath-filter></establish-subscription>'
        )
        reply = to_ele(subscriber.dispatch(establish).xml)
        (id,) = (element.text for element in reply.iter(f"{{{SUBSCRIBED}}}id"))
        worker.edit_config(config(2, "told"), target="candidate", default_operation="merge")
        worker.commit()
        told = subscriber.take_notification(timeout=LIMIT_S)
        assert told is not None
        assert "<netconf-config-change" in told.notification_xml
        subscriber.dispatch(
            to_ele(f'<delete-subscription xmlns="{SUBSCRIBED}"><id>{id}</id></delete-subscription>')
        )
        with pytest.raises(RPCError, match="no subscription") as refused:
            subscriber.dispatch(
                to_ele(f'<delete-subscription xmlns="{SUBSCRIBED}"><id>{id}</id></delete-subscription>')
            )
        assert refused.value.app_tag == "ietf-subscribed-notifications:no-such-subscription"
