"""A channel asks whether it may be a session, and gives itself to whoever said so; no transport is needed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from agent.transport.limits import Limits, Refused
from agent.transport.ssh_channel import NetconfChannel
from agent.transport.stream import ByteStream, Peer

PEER = Peer("ann", source_host="192.0.2.1", source_port=4711, transport="netconf-ssh")


@dataclass
class Door:
    room: bool = True
    limits: Limits = field(default_factory=Limits)
    refused: Refused = field(default_factory=Refused)
    served: list[tuple[ByteStream, Peer]] = field(default_factory=list)

    def may_open(self, peer: Peer) -> bool:
        assert peer is PEER
        return self.room

    def opened(self, channel: ByteStream, peer: Peer) -> None:
        self.served.append((channel, peer))


@dataclass
class Ssh:
    """The library's side of a channel."""

    errors: bytes = b""
    status: int | None = None

    def write_stderr(self, data: bytes) -> None:
        self.errors += data

    def exit(self, status: int) -> None:
        self.status = status


def channel_at(door: Door) -> NetconfChannel:
    return NetconfChannel(PEER, admission=door, drained=asyncio.Event(), ended=lambda: None)


def test_a_granted_channel_is_served_once_it_has_started() -> None:
    door = Door()
    channel = channel_at(door)
    assert channel.subsystem_requested("netconf")
    assert door.served == []
    channel.session_started()
    assert door.served == [(channel, PEER)]
    assert door.refused.connections == 0


def test_where_there_is_no_room_the_channel_is_refused_and_counted() -> None:
    door = Door(room=False)
    assert not channel_at(door).subsystem_requested("netconf")
    assert door.refused.connections == 1


def test_another_subsystem_is_refused_without_asking() -> None:
    door = Door()
    channel = channel_at(door)
    assert not channel.subsystem_requested("sftp")
    assert door.served == []


@pytest.mark.parametrize("ask", [NetconfChannel.shell_requested, lambda one: one.exec_requested("true")])
def test_who_wants_a_shell_or_a_command_gets_a_sentence_and_no_session(
    ask: Callable[[NetconfChannel], bool],
) -> None:
    door, ssh = Door(room=False), Ssh()
    channel = channel_at(door)
    channel.connection_made(ssh)  # type: ignore[arg-type]
    assert ask(channel)
    channel.session_started()
    channel.data_received(b"id\n", None)
    assert b"-s netconf" in ssh.errors
    assert ssh.status == 1
    assert door.served == []
    assert channel._arrived == b""
