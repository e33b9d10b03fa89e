"""What orchestrators count on, driven by ncclient: confirmed commit, defaults, events, datastores, access."""

from __future__ import annotations

import queue
import subprocess
from collections.abc import Callable
from pathlib import Path

import asyncssh
import pytest
from lxml import etree
from ncclient import manager
from ncclient.operations.rpc import RPCError
from ncclient.xml_ import to_ele

from tests.agent_process import AgentProcess, running_agent
from tests.clients.test_clients import BASE, LIMIT_S, config, console, ncclient, wanted

NMDA = "urn:ietf:params:xml:ns:yang:ietf-netconf-nmda"
DATASTORES = "urn:ietf:params:xml:ns:yang:ietf-datastores"
NACM = "urn:ietf:params:xml:ns:yang:ietf-netconf-acm"
SECRET = "not-a-real-secret"


def description(client: manager.Manager, number: int) -> str:
    reply = client.get_config("running", filter=("subtree", wanted(number)))
    found: str = etree.fromstring(reply.data_xml.encode()).findtext(".//{*}description") or ""
    return found


def edited(client: manager.Manager, number: int, text: str) -> None:
    client.edit_config(target="candidate", config=config(number, text))


def event(client: manager.Manager, name: str) -> etree._Element:
    """Return the next notification of this name."""
    for _ in range(50):
        notification = client.take_notification(timeout=LIMIT_S)
        if notification is None:
            raise queue.Empty
        found = etree.fromstring(notification.notification_xml.encode()).find(f"{{*}}{name}")
        if found is not None:
            return found
    raise AssertionError(f"no {name} among 50 events")


def test_confirmed_commit(agent: AgentProcess) -> None:
    with ncclient(agent) as client:
        assert ":confirmed-commit" in client.server_capabilities
        edited(client, 41, "kept")
        client.commit()
        edited(client, 41, "tried")
        client.commit(confirmed=True, timeout="600")
        assert description(client, 41) == "tried"
        client.cancel_commit()
        assert description(client, 41) == "kept"
        edited(client, 41, "confirmed")
        client.commit(confirmed=True, timeout="600")
        client.commit()
        assert description(client, 41) == "confirmed"


def test_persistent_confirmed_commit_from_another_session(agent: AgentProcess) -> None:
    with ncclient(agent) as client:
        edited(client, 42, "before")
        client.commit()
        edited(client, 42, "after")
        client.commit(confirmed=True, timeout="600", persist="ticket")
    with ncclient(agent) as client:
        assert description(client, 42) == "after"
        with pytest.raises(RPCError) as refused:
            client.commit(persist_id="no-ticket")
        assert refused.value.tag == "invalid-value"
        client.commit(persist_id="ticket")
        assert description(client, 42) == "after"


def test_a_lost_session_rolls_back(agent: AgentProcess) -> None:
    with ncclient(agent) as watcher:
        edited(watcher, 43, "before")
        watcher.commit()
        watcher.create_subscription()
        client = ncclient(agent)
        edited(client, 43, "after")
        client.commit(confirmed=True, timeout="600")
        client._session.close()
        while event(watcher, "netconf-confirmed-commit").findtext("{*}confirm-event") != "cancel":
            pass
        assert description(watcher, 43) == "before"


def test_notifications_live_and_replayed(agent: AgentProcess) -> None:
    with ncclient(agent) as watcher, ncclient(agent) as client:
        assert ":notification" in watcher.server_capabilities
        assert ":interleave" in watcher.server_capabilities
        watcher.create_subscription(stream_name="NETCONF", start_time="2020-01-01T00:00:00Z")
        edited(client, 44, "told")
        client.commit()
        while True:
            change = event(watcher, "netconf-config-change")
            if "'44'" in (change.findtext("{*}edit/{*}target") or ""):
                break
        assert change.findtext("{*}edit/{*}operation") == "create"
        assert description(watcher, 44) == "told"  # interleave


def test_with_defaults(agent: AgentProcess) -> None:
    with ncclient(agent) as client:
        edited(client, 45, "defaults")
        client.commit()
        filter_ = ("subtree", wanted(45))
        explicit = client.get_config("running", filter=filter_, with_defaults="explicit").data_xml
        everything = client.get_config("running", filter=filter_, with_defaults="report-all").data_xml
        assert "<enabled>" not in explicit
        assert "<enabled>true</enabled>" in everything


def test_get_data_and_edit_data(agent: AgentProcess) -> None:
    with ncclient(agent) as client:
        body = config(46, "nmda").partition(">")[2].rpartition("<")[0]
        client.dispatch(
            to_ele(
                f'<edit-data xmlns="{NMDA}" xmlns:ds="{DATASTORES}"><datastore>ds:candidate</datastore>'
                f"<config>{body}</config></edit-data>"
            )
        )
        client.commit()
        reply = client.dispatch(
            to_ele(
                f'<get-data xmlns="{NMDA}" xmlns:ds="{DATASTORES}"><datastore>ds:operational</datastore>'
                f"<subtree-filter>{wanted(46)}</subtree-filter><with-origin/></get-data>"
            )
        ).xml
        assert "<description>nmda</description>" in reply
        assert 'or:origin="or:intended"' in reply
        assert 'or:origin="or:default"' in reply
        assert "<status>down</status>" in reply


# -- several users -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], manager.Manager]:
    """An agent with the users ann (who was there first), olaf, rita and rescue; connects as one of them."""
    folder = tmp_path_factory.mktemp("crowd")
    lines = ['recovery-users = ["rescue"]', "[users]"]
    for user in ("ann", "olaf", "rita", "rescue"):
        key = asyncssh.generate_private_key("ssh-ed25519")
        key.write_private_key(str(folder / user))
        key.write_public_key(str(folder / f"{user}.pub"))
        lines.append(f'{user} = "{user}.pub"')
    (folder / "agent.toml").write_text("\n".join(lines))
    running = running_agent(folder / "data", ["--config", str(folder / "agent.toml")])
    agent = running.__enter__()

    def connect(user: str) -> manager.Manager:
        return ncclient(agent, user, folder / user)

    connect.agent = agent  # type: ignore[attr-defined]
    yield connect  # type: ignore[misc]
    running.__exit__(None, None, None)


def member(group: str, user: str) -> str:
    return (
        f'<config xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><nacm xmlns="{NACM}"><groups><group>'
        f"<name>{group}</name><user-name>{user}</user-name></group></groups></nacm></config>"
    )


def test_the_first_contact_is_no_denial_and_roles_are_there(crowd: Callable[[str], manager.Manager]) -> None:
    with crowd("ann") as ann:
        # Everybody in the settings at the first start is an administrator: ann makes two of them less.
        nacm = ann.get_config("running", filter=("subtree", f'<nacm xmlns="{NACM}"/>')).data_xml
        for role in ("admin", "operator", "reader"):
            assert f"<name>{role}</name>" in nacm
        for user in ("olaf", "rita"):
            removal = member("admin", user).replace(
                "<user-name>",
                '<user-name xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" nc:operation="delete">',
            )
            ann.edit_config(target="candidate", config=removal)
        ann.edit_config(target="candidate", config=member("operator", "olaf"))
        ann.edit_config(target="candidate", config=member("reader", "rita"))
        edited(ann, 1, "by ann")
        ann.commit()
    with crowd("olaf") as olaf:
        edited(olaf, 2, "by olaf")
        olaf.commit()
        assert "<nacm" not in olaf.get_config("running").data_xml
        with pytest.raises(RPCError) as refused:
            olaf.edit_config(target="candidate", config=member("admin", "olaf"))
        assert refused.value.tag == "access-denied"
        assert "not-the-rules" in refused.value.message
    with crowd("rita") as rita:
        for reply in (rita.get_config("running"), rita.get_config("candidate"), rita.get()):
            assert "by olaf" in reply.data_xml
            assert SECRET not in reply.data_xml
        with pytest.raises(RPCError) as refused:
            edited(rita, 3, "by rita")
        assert refused.value.tag == "access-denied"
        assert "edit-config" in refused.value.message
        with pytest.raises(RPCError, match="no-other-operation"):
            rita.lock("candidate")


def test_who_locked_himself_out_comes_back_as_recovery_user(crowd: Callable[[str], manager.Manager]) -> None:
    with crowd("ann") as ann:
        nothing = (
            '<config xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" '
            'xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0">'
            f'<nacm xmlns="{NACM}" nc:operation="delete"/></config>'
        )
        ann.edit_config(target="candidate", config=nothing)
        ann.commit()
        with pytest.raises(RPCError) as refused:
            edited(ann, 9, "too late")
        assert "no rule permits it" in refused.value.message
    with crowd("rescue") as rescue:
        rescue.edit_config(target="candidate", config=member("admin", "ann"))
        rescue.commit()
        assert "<user-name>ann</user-name>" in rescue.get_config("running").data_xml
    agent: AgentProcess = crowd.agent  # type: ignore[attr-defined]
    assert not any(SECRET in line for line in agent.log)


def test_netconf_console2_commits_with_confirmation(agent: AgentProcess, tmp_path: Path) -> None:
    rpc = tmp_path / "rpc.xml"

    def run(body: str) -> str:
        rpc.write_text(body.replace("<commit", f'<commit xmlns="{BASE}"', 1))
        return console(agent, "--rpc", str(rpc))

    assert "ok" in run("<commit><confirmed/><persist>console</persist></commit>")
    with pytest.raises(subprocess.CalledProcessError) as refused:
        run("<commit/>")
    assert "in-use" in refused.value.stdout
    assert "ok" in run("<commit><persist-id>console</persist-id></commit>")
