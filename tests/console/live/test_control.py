"""What is done to tunnels: asked about where traffic would be interrupted and somebody can answer."""

from __future__ import annotations

import io

import pytest
from lxml import etree

from console.client.session import ServerError, ServerErrors
from console.live.control import YANG, act, restart_daemon
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


def answering(answer: str, monkeypatch: pytest.MonkeyPatch) -> Printed:
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    return Printed(80)


@pytest.mark.parametrize("answer", ["", "n\n", "\n", "what\n"])
def test_nothing_is_restarted_without_a_yes(answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server({"get": SAS})
    out = answering(answer, monkeypatch)
    assert restart_daemon(console(server, out, interactive=True), {}) == 1
    assert did(server) == ["get"]
    assert out.warnings == ["nothing was done"]


def test_the_question_says_what_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server({"get": SAS})
    out = answering("y\n", monkeypatch)
    assert restart_daemon(console(server, out, interactive=True), {}) == 0
    assert did(server) == ["get", "restart-daemon"]
    assert "All tunnels are interrupted (12 IKE SAs)" in " ".join(out.file.getvalue().split())


def test_a_script_is_not_asked() -> None:
    server = Server({"get": SAS})
    assert restart_daemon(console(server), {}) == 0
    assert did(server) == ["restart-daemon"]


@pytest.mark.parametrize("name", ["restart", "initiate", "terminate"])
def test_an_action_names_its_tunnel(name: str) -> None:
    server = Server()
    assert act(console(server), {"ID": "7", name: name}) == 0
    ((what, request),) = server.asked
    assert what == "action"
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
def test_one_is_asked_about_a_tunnel_that_is_up(
    name: str, state: etree._Element, asks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server({"get": state})
    out = answering("n\n", monkeypatch)
    assert act(console(server, out, interactive=True), {"ID": "1", name: name}) == int(asks)
    assert ("action" in did(server)) is not asks


def test_what_the_server_refuses_is_left_to_the_shell() -> None:
    refused = ServerErrors((ServerError("data-missing", "there is no tunnel 9"),))
    with pytest.raises(ServerErrors):
        act(console(Server({"action": refused})), {"ID": "9", "restart": "restart"})
