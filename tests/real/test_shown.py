"""What the command line shows of live tunnels: the manual's examples, packets, the log, watch."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from console.client.session import Element, Gone, ServerErrors
from console.grammar.reading import Grammar
from console.grammar.values import Called
from console.live.commands import COMMANDS as LIVE
from console.live.following import stop
from console.shell.console import Console
from console.show.commands import COMMANDS as SHOW
from tests.agent_process import AgentProcess
from tests.console.agents import Interrupting, command_line
from tests.console.fakes import Printed, schema
from tests.real.test_netconf_to_charon import OTHER_SECRET, SECRET, Pair, pair, tunnel, up

__all__ = ["pair"]
pytestmark = pytest.mark.real

GRAMMAR = Grammar(schema(), (*SHOW, *LIVE))
SPI = "[0-9a-f]{8}"

# The manual's example of `show ipsec`, with what is another on each gateway as a pattern.
TABLE = r"""ID +DESCRIPTION +STATUS +TIME \(since last rekey\)
1 +to alice +Up\(Installed\) +\d+ Days \d+ Hours \d+ Mins \d+ Secs"""
# And that of `show ipsec 1`.
PAGE = rf"""ipsec1: #\d+, ESTABLISHED, IKEv2, [0-9a-f]{{16}}_i\* [0-9a-f]{{16}}_r
  local  'bob-1' @ 192\.168\.0\.2\[(?:4)?500\]
  remote 'alice-1' @ 192\.168\.0\.1\[(?:4)?500\]
  AES_CBC-256/HMAC_SHA2_384_192/PRF_HMAC_SHA2_384/ECP_384
  established \d+s ago, rekeying in \d+s
  .*: #\d+, reqid \d+, INSTALLED, TUNNEL(?:-in-UDP)?, ESP:AES_GCM_16-128.*
    installed \d+s ago, rekeying in \d+s, expires in \d+s
    in  {SPI}, \d+ bytes, \d+ packets.*
    out {SPI}, \d+ bytes, \d+ packets.*
    local  10\.2\.0\.0/16
    remote 10\.1\.0\.0/16
"""

PACKET = r"[\d:.]{12}  ipsec [1-]  192\.168\.0\.[12] > 192\.168\.0\.[12]  "


def run(at: Console, line: str) -> int:
    meaning = GRAMMAR.read(line, None, tunnel=False)
    assert isinstance(meaning, Called)
    return meaning.command.run(at, meaning.given) or 0


@contextmanager
def on_bob(pair: Pair, out: Printed) -> Iterator[Console]:
    with command_line(pair.bob, out, pair.lab.bob_ns) as at:
        yield at


def shown(pair: Pair, line: str, *, width: int | None = None) -> str:
    out = Printed(width)
    with on_bob(pair, out) as at:
        assert run(at, line) == 0
    return "\n".join(out.texts)


def test_the_examples_of_the_manual_are_shown_of_a_live_tunnel(pair: Pair) -> None:
    up(pair, 1)
    assert re.fullmatch(TABLE, shown(pair, "show ipsec", width=80))
    page = shown(pair, "show ipsec 1", width=100)
    assert re.match(PAGE, page), page
    daemon = shown(pair, "show daemon")
    assert re.search(r"(?m)^Connected +yes$", daemon)
    assert re.search(r"(?m)^IKE SAs +1, of which 0 being negotiated$", daemon)


def test_each_word_for_a_tunnel_that_is_down_is_that_of_the_manual_and_it_is_said_why(pair: Pair) -> None:
    pair.on_alice(tunnel(1, "alice", "bob", initiator=False, secret=OTHER_SECRET))
    pair.on_bob(tunnel(1, "bob", "alice", initiator=True), tunnel(2, "bob", "alice", initiator=False))
    pair.bob_until(1, "connecting")
    table = shown(pair, "show ipsec down")
    assert re.search(r"(?m)^1 +to alice +Down\(Connecting\)$", table)
    assert re.search(r"(?m)^2 +to alice +Down$", table)
    page = until(pair, "show ipsec 1", "Last error")
    assert "A secret or an identity was not accepted" in page
    assert "failed" in shown(pair, "show ipsec 1 log")
    assert SECRET not in page


def until(pair: Pair, line: str, text: str) -> str:
    """Return what ``line`` shows once ``text`` is in it."""
    for _ in range(300):
        if text in (page := shown(pair, line)):
            return page
    raise AssertionError(page)


def test_a_monitor_shows_the_packets_of_a_tunnel_until_ctrl_c_and_none_is_left(pair: Pair) -> None:
    up(pair, 1, 2)
    out = Interrupting(until=("IKE informational request", "IKE informational response", "IKE ike-sa-init"))
    with on_bob(pair, out) as at, acting(pair, at, "restart"):
        assert run(at, "ipsec monitor 1") == 0
        assert out.pressed
        assert [one for one in out.texts if not re.match(PACKET, one)] == []
        assert out.warnings == [f"{len(out.texts)} packets shown"]
        nothing_is_left(at, "monitor")


def test_a_monitor_ends_by_itself_after_its_packets(pair: Pair) -> None:
    up(pair, 1)
    out = Printed()
    with on_bob(pair, out) as at, acting(pair, at, "restart"):
        assert run(at, "ipsec monitor packets 3") == 0
        nothing_is_left(at, "monitor")
    assert len(out.texts) == 3


def test_the_log_of_a_tunnel_is_shown_until_ctrl_c_and_holds_no_secret(pair: Pair) -> None:
    up(pair, 1, 2)
    out = Interrupting(until=("initiating IKE_SA ipsec-1[", "CHILD_SA ipsec-1{"))
    with on_bob(pair, out) as at, acting(pair, at, "restart"):
        assert run(at, "ipsec log 1") == 0
        nothing_is_left(at, "log")
    text = "\n".join(out.texts)
    assert out.pressed
    assert "ipsec-2" not in text
    assert SECRET not in text
    assert SECRET.encode().hex() not in text.lower()


def test_a_watch_tells_of_what_happens_until_ctrl_c(pair: Pair) -> None:
    up(pair, 1)
    out = Interrupting(until=("Up(Installed) -> ", "-> Up(Installed)"))
    with on_bob(pair, out) as at, acting(pair, at, "restart"):
        assert run(at, "watch") == 0
    assert out.pressed
    assert re.search(r"(?m)^\d\d:\d\d:\d\d  ipsec 1  Up\(Installed\) -> Down", "\n".join(out.texts))


def test_the_daemon_is_restarted_with_its_tunnels(pair: Pair) -> None:
    up(pair, 1)
    out = Printed()
    with on_bob(pair, out) as at:
        assert run(at, "ipsec restart") == 0
    pair.bob_until(1, "installed")
    with on_bob(pair, out) as at:
        assert run(at, "ipsec 1 terminate") == 0
        assert run(at, "ipsec 1 initiate") == 0
    pair.bob_until(1, "installed")


def test_an_agent_that_is_killed_ends_a_monitor(pair: Pair) -> None:
    up(pair, 1)
    out = Ending(pair.bob)
    with pytest.raises(Gone), on_bob(pair, out) as at, acting(pair, at, "restart"):
        run(at, "ipsec monitor")


class Ending(Printed):
    """Kills the agent once a packet is shown."""

    def __init__(self, agent: AgentProcess) -> None:
        super().__init__()
        self._agent: AgentProcess | None = agent

    def text(self, text: str) -> None:
        super().text(text)
        if self._agent is not None:
            agent, self._agent = self._agent, None
            agent.kill()


@contextmanager
def acting(pair: Pair, at: Console, action: str) -> Iterator[None]:
    """Do something to tunnel 1 of bob once something was asked of the server: by then events are told."""
    threads: list[threading.Thread] = []

    def then(ask: Callable[..., Element]) -> Callable[..., Element]:
        def asked(*arguments: object) -> Element:
            reply = ask(*arguments)
            if not threads:
                threads.append(threading.Thread(target=pair.act_on_bob, args=(1, action)))
                threads[0].start()
            return reply

        return asked

    client = at.client
    client.rpc, client.get = then(client.rpc), then(client.get)  # type: ignore[method-assign]
    yield
    for thread in threads:
        thread.join()


def nothing_is_left(at: Console, name: str) -> None:
    """Assert that the server runs no monitor or log."""
    for number in range(20):
        with pytest.raises(ServerErrors, match=f"there is no {name} {number}"):
            stop(at.client, name, str(number))
