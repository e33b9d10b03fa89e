"""What a translator writes to charon's VICI socket, taken from the wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from vici.protocol import Message, Packet

from agent.translator import SECRET
from translators.strongswan.charon.vici import Connection
from translators.strongswan.translation.shown import shown

Sent = tuple[str, dict[str, Any]]
READS = ("list-", "get-", "version", "stats")
"""Commands that only ask."""


class ViciTap:
    """``sent`` are the requests in order, but for those that only ask, as a dry run shows them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent: list[Sent] = []
        send_all = Connection._send_all

        async def tapped(connection: Connection, packets: Sequence[tuple[str, bytes]]) -> None:
            for command, packet in packets:
                parsed = Packet.parse(packet)
                if parsed.response_type == Packet.CMD_REQUEST and not command.startswith(READS):
                    message = _text(Message.deserialize(parsed.payload))
                    self.sent.append((command, shown(command, message, SECRET)))
            await send_all(connection, packets)

        monkeypatch.setattr(Connection, "_send_all", tapped)


def _text(section: Mapping[str, Any]) -> dict[str, Any]:
    return {str(key): _plain(value) for key, value in section.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _text(value)
    if isinstance(value, list):
        return [_plain(one) for one in value]
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value
