"""``ipsec monitor``: the IKE and ESP packets that pass the gateway, one line each, until Ctrl-C."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo

from console.client.session import Element
from console.grammar.command import Argument, Command, Where
from console.harmless import harmless
from console.live.following import Source, follow, stop
from console.shell.console import Console
from console.show.data import event_time, text
from console.show.times import instant

PACKETS = Source("monitor", "packet", "packets")


def monitor(console: Console, given: Mapping[str, str]) -> int:
    """Show packets, of all tunnels or of one."""
    asked = [("tunnel", given["ID"])] if "ID" in given else []
    asked += [(leaf, given[name]) for leaf, name in _LIMITS if name in given]
    if "file" in given:
        asked.append(("file", "true"))
    return follow(console, PACKETS, asked, lambda event, packet: line(packet, event_time(event)))


_LIMITS = (("seconds", "SECONDS"), ("packets", "PACKETS"))


def line(packet: Element, time: str, zone: tzinfo | None = None) -> str:
    """Return the line of a packet."""
    at = instant(time)
    clock = time if at is None else at.astimezone(zone).strftime("%H:%M:%S.%f")[:-3]
    tunnel = text(packet, "tunnel")
    route = f"{text(packet, 'source')} > {text(packet, 'destination')}"
    said = _ike(packet) if text(packet, "protocol") == "ike" else _esp(packet)
    length = text(packet, "length")
    parts = (
        clock,
        f"ipsec {tunnel}" if tunnel else "ipsec -",
        route,
        said,
        f"length {length}" if length else "",
    )
    return harmless("  ".join(one for one in parts if one))


def _esp(packet: Element) -> str:
    spi, sequence = text(packet, "spi"), text(packet, "sequence")
    return (
        text(packet, "protocol").upper()
        + (f" spi {spi}" if spi else "")
        + (f" seq {sequence}" if sequence else "")
    )


def _ike(packet: Element) -> str:
    way = "response" if text(packet, "response") == "true" else "request"
    spis = f"{text(packet, 'initiator-spi')}_i {text(packet, 'responder-spi')}_r"
    return f"IKE {text(packet, 'exchange')} {way} {text(packet, 'sequence')} {spis}"


def stop_monitor(console: Console, given: Mapping[str, str]) -> int:
    """Stop a monitor that another command line, or another client, has begun."""
    if "NUMBER" not in given:
        console.out.warn(
            "no monitor runs in this command line: Ctrl-C ends one. That of another by its number"
        )
        return 1
    stop(console.client, PACKETS.name, given["NUMBER"])
    return 0


_EXEC = Where.EXEC | Where.TUNNEL

COMMANDS = (
    Command(
        "ipsec monitor [ID] [seconds SECONDS] [packets PACKETS] [file]",
        "show the IKE and ESP packets that pass, until Ctrl-C",
        monitor,
        where=_EXEC,
        words={
            "monitor": "the packets of IKE and ESP, as they pass",
            "seconds": "end after this time",
            "packets": "end after so many packets",
            "file": "keep them whole in a file on the gateway, too",
        },
        arguments={
            "ID": Argument("only packets of this tunnel", source="tunnel", number=(1, 65535)),
            "SECONDS": Argument("seconds", number=(1, 3600)),
            "PACKETS": Argument("packets", number=(1, 100_000)),
        },
        json=True,
    ),
    Command(
        "no ipsec monitor [NUMBER]",
        "stop a monitor that another client has begun",
        stop_monitor,
        where=_EXEC,
        words={"no": "stop what another client has begun"},
        arguments={"NUMBER": Argument("its number, which start-monitor returned", number=(0, 2**32 - 1))},
    ),
)
