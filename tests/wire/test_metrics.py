"""Metrics of an agent that runs: what a client does shows in them, and who may not read them does not."""

from __future__ import annotations

import asyncio
import signal
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from tests.agent_process import running_agent
from tests.requests import IPSEC, edit_candidate, tunnel
from tests.scrapes import asked, metrics_port, names, samples, scrape, serving_metrics, value
from tests.translators.authority import Authority
from tests.wire.raw_client import raw_client
from tests.wire.test_certificates import certificates
from tests.wire.test_sessions import logged

PLAIN: dict[str, Any] = {"config": None, "known_hosts": None, "agent_path": None}
HOSTILE = 'to "Bob" \\ {id="9"} 東京'


async def test_what_clients_do_is_counted(tmp_path: Path) -> None:
    stranger = asyncssh.generate_private_key("ssh-ed25519")
    with running_agent(tmp_path / "data", serving_metrics(tmp_path)) as agent:
        port = metrics_port(agent)
        before = await asyncio.to_thread(scrape, port)
        with pytest.raises(asyncssh.PermissionDenied):
            await asyncssh.connect(
                agent.host, agent.port, username=agent.user, client_keys=[stranger], **PLAIN
            )
        async with raw_client(agent, greet="1.1") as client:
            assert b"<ok/>" in await client.ask(edit_candidate(tunnel(1)))
            assert b"<ok/>" in await client.ask("<commit/>")
            assert b"<ok/>" in await client.ask("<commit/>")
            # A peer that is no address of one host is refused at the commit.
            assert b"<ok/>" in await client.ask(
                edit_candidate(tunnel(2).replace("198.51.100.2", "224.0.0.1"))
            )
            assert b"<rpc-error>" in await client.ask("<commit/>")
            assert b"<error-tag>unknown-namespace" in await client.ask('<x xmlns="urn:nobody"/>')
            assert b"<error-tag>" in await client.ask("<no-such-thing/>")
            text = await asyncio.to_thread(scrape, port)
        assert await logged(agent, "ended:")
        after = await asyncio.to_thread(scrape, port)
    assert value(text, "yangswan_sessions") == 1
    assert value(after, "yangswan_sessions") == 0
    assert value(after, "yangswan_sessions_begun_total") == 1
    assert value(after, "yangswan_sessions_dropped_total") == 1
    assert value(text, "yangswan_logins_rejected_total") == 1
    for operation, count in (("edit-config", 2), ("commit", 3), ("other", 2)):
        assert value(text, "yangswan_rpcs_total", operation=operation) == count
        assert value(after, "yangswan_rpcs_total", operation=operation) == count
    assert value(text, "yangswan_rpc_errors_total", tag="unknown-namespace") == 1
    errors = {key: n for key, n in samples(text).items() if key[0] == "yangswan_rpc_errors_total"}
    assert errors == {key: n for key, n in samples(after).items() if key[0] == "yangswan_rpc_errors_total"}
    assert sum(errors.values()) >= 3
    commits = "yangswan_commit_duration_seconds_count"
    for outcome in ("committed", "unchanged", "failed"):
        assert value(text, commits, outcome=outcome) - value(before, commits, outcome=outcome) == 1
    assert value(text, "yangswan_commit_duration_seconds_sum", outcome="committed") > 0


async def test_every_configured_tunnel_is_there_and_no_secret(tmp_path: Path) -> None:
    authority = Authority()
    with running_agent(tmp_path / "data", serving_metrics(tmp_path)) as agent:
        port = metrics_port(agent)
        async with raw_client(agent, greet="1.1") as client:
            enabled = f"<tunnels xmlns='{IPSEC}'><ipsec><id>3</id><enabled>false</enabled></ipsec></tunnels>"
            for body in (
                tunnel(1, "to Bob"),
                tunnel(2, HOSTILE),
                tunnel(3),
                enabled,
                certificates(root=authority.pem).partition("<config>")[2].partition("</config>")[0],
            ):
                assert b"<ok/>" in await client.ask(edit_candidate(body))
            assert b"<ok/>" in await client.ask("<commit/>")
            text = await asyncio.to_thread(scrape, port)
            delete = (
                f'<tunnels xmlns="{IPSEC}" xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0">'
                '<ipsec nc:operation="delete"><id>2</id></ipsec></tunnels>'
            )
            assert b"<ok/>" in await client.ask(edit_candidate(delete))
            assert b"<ok/>" in await client.ask("<commit/>")
            without = await asyncio.to_thread(scrape, port)
    for number, description in (("1", "to Bob"), ("2", HOSTILE), ("3", "x")):
        named = {"id": number, "description": description, "peer": f"198.51.100.{number}"}
        assert value(text, "yangswan_tunnel_up", **named) == 0
        assert value(text, "yangswan_tunnel_info", **named) == 1
        assert value(text, "yangswan_tunnel_enabled", id=number) == (number != "3")
        assert value(text, "yangswan_tunnel_status", id=number, yangswan_tunnel_status="down") == 1
        assert value(text, "yangswan_tunnel_status", id=number, yangswan_tunnel_status="installed") == 0
        assert value(text, "yangswan_tunnel_receive_bytes_total", id=number) == 0
    assert 'id="2"' not in without
    assert value(text, "yangswan_daemon_up") == 0
    assert value(text, "yangswan_daemon_info", backend="none", version="") == 1
    assert value(text, "yangswan_certificate_expiry_timestamp_seconds", name="root") > 0
    assert "not-a-real-secret" not in text
    assert "secret" not in text
    assert names(text) == names(without)


async def test_whoever_does_not_ask_for_metrics_of_this_machine_gets_none(tmp_path: Path) -> None:
    with running_agent(tmp_path / "data", serving_metrics(tmp_path)) as agent:
        port = metrics_port(agent)
        for method, path, host, status in (
            ("GET", "/metrics", f"127.0.0.1:{port}", 200),
            ("GET", "/metrics", "localhost", 200),
            ("GET", "/metrics?name[]=up", "127.0.0.1", 200),
            ("HEAD", "/metrics", "127.0.0.1", 200),
            ("GET", "/metrics", "evil.example", 421),
            ("GET", "/metrics", "", 400),
            ("POST", "/metrics", "127.0.0.1", 405),
            ("DELETE", "/metrics", "127.0.0.1", 405),
            ("GET", "/", "127.0.0.1", 404),
            ("GET", "/metrics/", "127.0.0.1", 404),
            ("GET", "/metrics/../etc/passwd", "127.0.0.1", 400),
        ):
            found, body = await asyncio.to_thread(asked, port, method, path, host)
            assert found == status, (method, path, host, body)
            assert ("yangswan_" in body) == (status == 200 and method == "GET")


async def test_scrapes_at_the_same_time_all_get_an_answer(tmp_path: Path) -> None:
    with running_agent(tmp_path / "data", serving_metrics(tmp_path)) as agent:
        port = metrics_port(agent)
        texts = await asyncio.gather(*(asyncio.to_thread(scrape, port) for _ in range(6)))
    assert all(value(text, "yangswan_daemon_up") == 0 for text in texts)


async def test_who_says_nothing_or_reads_nothing_keeps_nobody_out(tmp_path: Path) -> None:
    with running_agent(tmp_path / "data", serving_metrics(tmp_path)) as agent:
        port = metrics_port(agent)
        silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(40)]
        try:
            for number, one in enumerate(silent):
                with suppress(OSError):  # it may have given way already
                    one.sendall(
                        (b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET /metr")[number % 2]
                    )
            for _ in range(3):
                assert value(await asyncio.to_thread(scrape, port), "yangswan_daemon_up") == 0
        finally:
            for one in silent:
                one.close()


def test_without_a_word_nothing_is_served(tmp_path: Path) -> None:
    with running_agent(tmp_path / "data") as agent:
        pass
    assert not any("metrics on" in line for line in agent.log)


def test_another_address_for_metrics_takes_a_restart(tmp_path: Path) -> None:
    with running_agent(tmp_path / "data", serving_metrics(tmp_path)) as agent:
        port = metrics_port(agent)
        file = tmp_path / "agent.toml"
        file.write_text(file.read_text() + 'hosts = ["gw.example.net"]\n')
        agent.process.send_signal(signal.SIGHUP)
        assert asyncio.run(logged(agent, "the setting 'metrics' has changed and needs a restart"))
        assert asked(port, "GET", "/metrics", "gw.example.net")[0] == 421
    with running_agent(tmp_path / "data", ["--config", str(file)]) as agent:
        port = metrics_port(agent)
        assert asked(port, "GET", "/metrics", "GW.example.net:9830")[0] == 200
        assert asked(port, "GET", "/metrics", "another.example.net")[0] == 421


def test_a_port_in_use_keeps_the_agent_from_starting(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        options = serving_metrics(tmp_path)
        file = tmp_path / "agent.toml"
        file.write_text(file.read_text().replace(":0", f":{taken.getsockname()[1]}"))
        with (
            pytest.raises(AssertionError, match=r"metrics cannot be served on 127\.0\.0\.1 port"),
            running_agent(tmp_path / "data", options),
        ):
            pass
