"""``ipsec restart`` and what is done to one tunnel: it is asked first where traffic would be interrupted."""

from __future__ import annotations

from collections.abc import Mapping

from lxml import etree

from console.client.session import ServerErrors
from console.grammar.command import Argument, Command, Where
from console.shell.console import Console
from console.show.data import DAEMON, IPSEC, first, number, subtree, text, top, tree
from console.show.layout import counted
from console.show.status import UP
from console.show.tunnel import missing

YANG = "urn:ietf:params:xml:ns:yang:1"
_DONE = {
    "restart": "tunnel {} was ended; an initiator negotiates it anew",
    "initiate": "tunnel {} is being negotiated",
    "terminate": "tunnel {} was ended; it stays configured and enabled",
}
_CALLS = "tunnel {} was ended, and is negotiated anew"
_WAITS = "tunnel {} was ended; this gateway is the responder: the peer has to call"


def restart_daemon(console: Console, given: Mapping[str, str]) -> int:
    """Restart the IKE daemon, and with it every tunnel."""
    if not confirmed(console, f"All tunnels are interrupted{_how_many(console)}. Restart the IKE daemon?"):
        return 1
    with console.out.progress("restarting the IKE daemon"):
        console.client.rpc(tree(DAEMON, "restart-daemon"))
    console.out.text("the IKE daemon was restarted, and holds the configuration")
    return 0


def _how_many(console: Console) -> str:
    """Return how many SAs would be ended; "" where that is not known, and where nobody is asked."""
    if not console.interactive:
        return ""
    try:
        data = console.client.get(subtree(tree(DAEMON, "daemon", {"ike-sas": {"total": None}})))
    except ServerErrors:
        return ""
    total = number(top(data, DAEMON, "daemon"), "ike-sas/total")
    return "" if total is None else f" ({counted(total, 'IKE SA')})"


def act(console: Console, given: Mapping[str, str]) -> int:
    """Carry out an action on one tunnel."""
    name = next(one for one in _DONE if one in given)
    tunnel = given["ID"]
    interrupts = name != "initiate" and console.interactive and _is_up(console, tunnel)
    if interrupts and not confirmed(console, f"Tunnel {tunnel} is up. Interrupt its traffic?"):
        return 1
    request = etree.Element(f"{{{YANG}}}action")
    request.append(tree(IPSEC, "tunnels", {"ipsec": {"id": tunnel, name: None}}))
    try:
        with console.out.progress(f"tunnel {tunnel}: {name}"):
            console.client.rpc(request)
    except ServerErrors as problem:
        if all(error.tag == "data-missing" for error in problem.errors):
            return missing(console, tunnel)
        raise
    said = _restarted(console, tunnel) if name == "restart" else _DONE[name]
    console.out.text(f"{said.format(tunnel)} ('show ipsec {tunnel}' tells what became of it)")
    return 0


def _is_up(console: Console, tunnel: str) -> bool:
    asked = tree(IPSEC, "tunnels", {"ipsec": {"id": tunnel, "state": {"status": None}}})
    data = console.client.get(subtree(asked))
    return text(first(top(data, IPSEC, "tunnels"), "ipsec"), "state/status") == UP


def _restarted(console: Console, tunnel: str) -> str:
    """Return what becomes of a tunnel after a restart; of one that may not be read, what is true of all."""
    asked = tree(IPSEC, "tunnels", {"ipsec": {"id": tunnel, "initiator": None}})
    found = first(top(console.client.get(subtree(asked)), IPSEC, "tunnels"), "ipsec")
    if found is None:
        return _DONE["restart"]
    return _CALLS if text(found, "initiator") == "true" else _WAITS


def confirmed(console: Console, question: str) -> bool:
    """Return whether to go on; scripts are not asked."""
    if not console.interactive or console.confirm(question):
        return True
    console.out.warn("nothing was done")
    return False


_EXEC = Where.EXEC | Where.TUNNEL

COMMANDS = (
    Command(
        "ipsec restart",
        "restart the IKE daemon, and with it all tunnels",
        restart_daemon,
        where=_EXEC,
        words={"ipsec": "the IPsec tunnels", "restart": "the IKE daemon, and with it all tunnels"},
    ),
    Command(
        "ipsec ID (restart|initiate|terminate)",
        "end a tunnel, begin it, or both",
        act,
        where=_EXEC,
        words={
            "restart": "end its SAs; an initiator then negotiates it anew",
            "initiate": "negotiate it now",
            "terminate": "end its SAs; it stays configured",
        },
        arguments={"ID": Argument("the number of the tunnel", source="tunnel", number=(1, 65535))},
    ),
)
