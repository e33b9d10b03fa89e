"""What is done to tunnels: asked about where traffic would be interrupted and somebody can answer."""

from __future__ import annotations

import pytest
from lxml import etree

from console.client.session import ServerError, ServerErrors
from console.live.control import YANG, act, restart_daemon
from console.shell.console import Console
from console.show.data import DAEMON, IPSEC
from tests.console.fakes import Printed, Server, console, data

UP = data(
    f'<tunnels xmlns="{IPSEC}"><ipsec><id>1</id><state><status>installed</status></state></ipsec></tunnels>'
)
DOWN = data(
    f'<tunnels xmlns="{IPSEC}"><ipsec><id>1</id><state><status>down</status></state></ipsec></tunnels>'
)
SAS = data(f'<daemon xmlns="{DAEMON}"><ike-sas><total>12</total></ike-sas></daemon>')


def did(server: Server) -> list[str]:
    return [what for what, _asked in server.asked]


def asking(server: Server, out: Printed, answer: bool, questions: list[str]) -> Console:
    """A command line with somebody before it who gives this answer."""

    def confirm(question: str) -> bool:
        questions.append(question)
        return answer

    at = console(server, out, interactive=True)
    at.confirm = confirm
    return at


def test_nothing_is_restarted_without_a_yes() -> None:
    server, out = Server({"get": SAS}), Printed()
    assert restart_daemon(asking(server, out, False, []), {}) == 1
    assert did(server) == ["get"]
    assert out.warnings == ["nothing was done"]


def test_the_question_says_what_is_interrupted() -> None:
    server, questions = Server({"get": SAS}), []  # type: ignore[var-annotated]
    assert restart_daemon(asking(server, Printed(), True, questions), {}) == 0
    assert did(server) == ["get", "restart-daemon"]
    assert questions == ["All tunnels are interrupted (12 IKE SAs). Restart the IKE daemon?"]


def test_a_script_is_not_asked() -> None:
    server = Server({"get": SAS})
    assert restart_daemon(console(server), {}) == 0
    assert did(server) == ["restart-daemon"]


@pytest.mark.parametrize("name", ["restart", "initiate", "terminate"])
def test_an_action_names_its_tunnel(name: str) -> None:
    server = Server()
    assert act(console(server), {"ID": "7", name: name}) == 0
    ((what, request), *asked_later) = server.asked
    assert what == "action"
    assert [one for one, _ in asked_later] == (["get"] if name == "restart" else [])
    assert request is not None
    assert request.tag == f"{{{YANG}}}action"
    assert [(etree.QName(one).localname, one.text) for one in request.iter()] == [
        ("action", None), ("tunnels", None), ("ipsec", None), ("id", "7"), (name, None)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "state", "asks"),
    [
        ("terminate", UP, True), ("restart", UP, True), ("terminate", DOWN, False),
        ("restart", DOWN, False), ("initiate", UP, False),
    ],
)  # fmt: skip
def test_one_is_asked_about_a_tunnel_that_is_up(name: str, state: etree._Element, asks: bool) -> None:
    server = Server({"get": state})
    questions: list[str] = []
    assert act(asking(server, Printed(), False, questions), {"ID": "1", name: name}) == int(asks)
    assert questions == (["Tunnel 1 is up. Interrupt its traffic?"] if asks else [])
    assert ("action" in did(server)) is not asks


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("<id>1</id><initiator>true</initiator>", ", and is negotiated anew"),
        ("<id>1</id><initiator>false</initiator>", "; this gateway is the responder: the peer has to call"),
        ("<id>1</id>", "; this gateway is the responder: the peer has to call"),
        ("", "; an initiator negotiates it anew"),
    ],
)
def test_who_restarts_a_tunnel_is_told_who_calls(entry: str, said: str) -> None:
    inside = f"<ipsec>{entry}</ipsec>" if entry else ""
    there = data(f'<tunnels xmlns="{IPSEC}">{inside}</tunnels>')
    out = Printed()
    assert act(console(Server({"get": there}), out), {"ID": "1", "restart": "restart"}) == 0
    assert out.texts == [f"tunnel 1 was ended{said} ('show ipsec 1' tells what became of it)"]


def test_what_the_server_refuses_is_left_to_the_shell() -> None:
    refused = ServerErrors((ServerError("operation-failed", "tunnel 9 is disabled"),))
    with pytest.raises(ServerErrors):
        act(console(Server({"action": refused})), {"ID": "9", "restart": "restart"})


@pytest.mark.parametrize(
    ("candidate", "said"),
    [
        (data(""), "there is no tunnel 9"),
        (DOWN, "tunnel 9 is not in force yet: 'commit' puts it in force"),
        (ServerErrors((ServerError("access-denied", "no"),)), "there is no tunnel 9"),
    ],
)
def test_a_tunnel_that_is_not_there_is_named(candidate: etree._Element | Exception, said: str) -> None:
    missing = ServerErrors((ServerError("data-missing", "the data node does not exist"),))
    out = Printed()
    at = console(Server({"action": missing, "candidate": candidate}), out)
    assert act(at, {"ID": "9", "initiate": "initiate"}) == 1
    assert (out.texts, out.warnings) == ([], [said])
