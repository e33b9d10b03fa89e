"""Everything that shows something, asked of a live agent without a daemon."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lxml import etree

from console.client.session import Gone, ServerErrors
from console.grammar.reading import Grammar
from console.grammar.values import Called, Changes
from console.grammar.values import Path as Place
from console.live.commands import COMMANDS as LIVE
from console.shell.console import Console
from console.show.commands import COMMANDS as SHOW
from console.show.data import IPSEC, PKI
from tests.agent_process import AgentProcess, running_agent
from tests.console.agents import command_line, commit
from tests.console.fakes import Printed, schema
from tests.translators.authority import Authority, key_pem, new_key

GRAMMAR = Grammar(schema(), (*SHOW, *LIVE))
SECRET = "Zebra-Crossing-7"
TUNNELS = f"""<tunnels xmlns="{IPSEC}">
  <ipsec><id>1</id><description>to bob</description><secret>{SECRET}</secret>
    <local-address>192.168.0.1</local-address><peer>192.168.0.2</peer><initiator>true</initiator></ipsec>
  <ipsec><id>2</id><enabled>false</enabled><secret>{SECRET}2</secret><local-address>192.168.0.1</local-address></ipsec>
</tunnels>"""
LINES = (
    "show ipsec", "show ipsec up", "show ipsec down", "show ipsec 1", "show ipsec 1 log", "show daemon",
    "show certificates", "show sessions", "show running-config", "show running-config xml",
    "show running-config json ipsec 1", "show candidate-config", "show history", "show history last 1",
    "show history 2", "show history 1 2", "show history beginning candidate", "show version",
    "show access operation kill-session", "show access path /yangswan-ipsec:tunnels update user nobody",
    "show access notification yangswan-agent:verify-ended",
)  # fmt: skip


@pytest.fixture(scope="module")
def configured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    with running_agent(tmp_path_factory.mktemp("agent") / "data") as agent:
        with command_line(agent, Printed()) as at:
            commit(at, TUNNELS)
        yield agent


def run(at: Console, line: str) -> int:
    meaning = GRAMMAR.read(line, None, tunnel=False)
    assert isinstance(meaning, Called)
    return meaning.command.run(at, meaning.given) or 0


def printed(agent: AgentProcess, line: str, **kind: object) -> tuple[int, Printed]:
    out = Printed(**kind)  # type: ignore[arg-type]
    with command_line(agent, out) as at:
        return run(at, line), out


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("kind", [{}, {"width": 60}, {"as_json": True}], ids=["pipe", "terminal", "json"])
def test_it_is_shown_without_a_secret(configured: AgentProcess, line: str, kind: dict[str, object]) -> None:
    status, out = printed(configured, line, **kind)
    assert status == (1 if "nobody" in line else 0)
    everything = "\n".join([*out.texts, *map(str, out.documents)])
    assert len(everything) > 1
    assert SECRET not in everything
    assert bool(out.documents) == (out.as_json or " json" in line)


def test_the_table_says_that_a_tunnel_is_disabled_and_that_there_is_no_daemon(
    configured: AgentProcess,
) -> None:
    _status, out = printed(configured, "show ipsec")
    lines = out.texts[0].splitlines()
    assert [re.split(" {2,}", line) for line in lines[1:3]] == [["1", "to bob", "Down"], ["2", "Down"]]
    assert lines[4:] == ["Not in force: the agent runs without a daemon: 1", "Disabled: 2"]


def test_commands_that_are_shown_are_read_again_by_the_grammar(configured: AgentProcess) -> None:
    _status, out = printed(configured, "show running-config ipsec 1")
    context: Place = ()
    for line in out.texts[0].splitlines():
        if line.strip() == "end":
            context = context[:-1]
            continue
        meaning = GRAMMAR.read(line, context, tunnel=False)
        assert isinstance(meaning, Changes)
        context = meaning.enters if meaning.enters is not None else context
    assert context == ()
    assert "    description to bob\n" in out.texts[0]


def test_one_s_own_session_is_marked(configured: AgentProcess) -> None:
    out = Printed()
    with command_line(configured, out) as at:
        run(at, "show sessions")
        assert re.search(rf"(?m)^{at.client.session_id}\* +admin ", out.texts[0])


def test_differences_between_commits_name_what_was_changed(configured: AgentProcess) -> None:
    _status, out = printed(configured, "show history 1 2")
    assert re.search(r"(?m)^\+ .*ipsec\[id='1'\].*description = to bob$", out.texts[0])
    _status, out = printed(configured, "show history 2")
    assert "create /yangswan-ipsec:tunnels/ipsec[id='2']" in out.texts[0]


@pytest.mark.parametrize(
    "line",
    [
        "ipsec 9 restart",
        "show history 9",
        "show ipsec 9",
        "show ipsec 9 log",
        "show running-config ipsec 9",
        "show certificates x",
    ],
)
def test_what_is_not_there_is_an_exit_status(configured: AgentProcess, line: str) -> None:
    status, out = printed(configured, line)
    assert status == 1
    assert len(out.warnings) == 1
    assert out.texts == []


@pytest.mark.parametrize(
    "line",
    [
        "ipsec monitor",
        "ipsec log",
        "ipsec restart",
        "ipsec 1 restart",
        "no ipsec monitor 7",
        "show history 1 9",
    ],
)
def test_what_the_agent_refuses_is_left_to_the_shell(configured: AgentProcess, line: str) -> None:
    with pytest.raises(ServerErrors):
        printed(configured, line)


def test_an_agent_that_goes_away_ends_a_watch(tmp_path: Path) -> None:
    with running_agent(tmp_path / "data") as agent:
        out = Killing(agent.kill)
        with command_line(agent, out) as at, pytest.raises(Gone):
            run(at, "watch")
    assert out.texts


class Killing(Printed):
    """Ends the agent once something is shown."""

    def __init__(self, kill: Callable[[], None]) -> None:
        super().__init__()
        self._kill: Callable[[], None] | None = kill

    def text(self, text: str) -> None:
        super().text(text)
        if self._kill is not None:
            kill, self._kill = self._kill, None
            kill()


def test_certificates_of_a_live_agent_are_shown_with_what_is_wrong_and_no_key(tmp_path: Path) -> None:
    authority, key = Authority(), new_key()
    pems = {"gw": authority.certify(key, "CN=gw", "gw.example.com", days=9.5), "root": authority.pem}
    entry = "<certificate><name>{}</name><pem>{}</pem></certificate>"
    entries = "".join(entry.format(name, pem) for name, pem in pems.items())
    tunnel = (
        "<ipsec><id>3</id><certificate><own>gw</own><trusted-ca>root</trusted-ca></certificate>"
        "<local-address>192.0.2.1</local-address></ipsec>"
    )
    with running_agent(tmp_path / "data") as agent:
        out = Printed()
        with command_line(agent, out) as at:
            given = f"<name>gw</name><pem>{key_pem(key)}</pem>"
            at.client.rpc(etree.fromstring(f'<import-private-key xmlns="{PKI}">{given}</import-private-key>'))
            commit(at, f'<certificates xmlns="{PKI}">{entries}</certificates>')
            commit(at, f'<tunnels xmlns="{IPSEC}">{tunnel}</tunnels>')
            run(at, "show certificates")
            run(at, "show certificates gw")
            run(at, "show running-config")
    table, details, running = out.texts
    assert re.search(r"(?m)^gw +CN=gw +in 9 days +own key, tunnel 3$", table)
    assert re.search(r"(?m)^root +.* +in \d+ days +authority, tunnel 3$", table)
    assert re.search(r"(?m)^gw +ECDSA 256 bits +gw$", table)
    assert "Certificate gw expires in 9 days; used by tunnel 3" in table
    assert re.search(r"(?m)^Also +gw\.example\.com$", details)
    secret = key_pem(key).splitlines()[1]
    assert secret not in table + details + running
