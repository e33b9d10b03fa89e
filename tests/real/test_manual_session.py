"""The example session of the router's manual, typed by hand on two gateways, and its tunnel."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.console.shell.lines import CommandLine, Terminal
from tests.console.shell.transcript import play
from tests.lab import carries
from tests.real.test_netconf_to_charon import Pair, pair

__all__ = ["pair"]
pytestmark = pytest.mark.real

SECRET = "Zebra-Crossing-7"
COLUMNS = 120
CTRL_C, TAB = "\x03", "\t"

# As in the manual's figure: Alice is the responder, and the one who is configured first.
ALICE = rf"""
alice:/#> show ipsec
There is no tunnel: .*
alice:/#> config
alice:/config/#> tunnel
alice:/config/tunnel/#> ipsec 1
*alice:/config/tunnel/ipsec-1/#> description ipsec1
*alice:/config/tunnel/ipsec-1/#> no initiator
*alice:/config/tunnel/ipsec-1/#> no peer
*alice:/config/tunnel/ipsec-1/#> local-address 192.168.0.1
*alice:/config/tunnel/ipsec-1/#> local-id dn CN=Alice, OU=IT, O=ACME
*alice:/config/tunnel/ipsec-1/#> remote-id email bob@example.com
*alice:/config/tunnel/ipsec-1/#> local-subnet 10.1.0.0 255.255.0.0
*alice:/config/tunnel/ipsec-1/#> remote-subnet 10.2.0.0/16
*alice:/config/tunnel/ipsec-1/#> ike cipher aes128 auth sha256 dh modp3072
*alice:/config/tunnel/ipsec-1/#> esp cipher aes128 auth sha384 dh modp4096
*alice:/config/tunnel/ipsec-1/#> dpd-action clear
*alice:/config/tunnel/ipsec-1/#> dpd-delay 30
*alice:/config/tunnel/ipsec-1/#> enable
*alice:/config/tunnel/ipsec-1/#> secret {SECRET}
*alice:/config/tunnel/ipsec-1/#> end
*alice:/config/tunnel/#> end
*alice:/config/#> leave
Committed: commit \d+ is in force\.
alice:/#> tunnel
alice:/tunnel/#> show ipsec
ID +DESCRIPTION +STATUS +TIME \(since last rekey\)
1 +ipsec1 +Down
...
alice:/tunnel/#>
"""

# The words shortened as on routers; what is wrong is pointed at and changes nothing.
BOB = r"""
bob:/#> conf
bob:/config/#> tun
bob:/config/tunnel/#> ipsec 1
*bob:/config/tunnel/ipsec-1/#> desc ipsec1
*bob:/config/tunnel/ipsec-1/#> ini
*bob:/config/tunnel/ipsec-1/#> peer 192.168.0.300
 +\^{13}
peer takes an IP address.*
*bob:/config/tunnel/ipsec-1/#> peer 192.168.0.1
*bob:/config/tunnel/ipsec-1/#> local-a 192.168.0.2
*bob:/config/tunnel/ipsec-1/#> local-i email bob@example.com
*bob:/config/tunnel/ipsec-1/#> remote-i dn CN=Alice, OU=IT, O=ACME
*bob:/config/tunnel/ipsec-1/#> local-s 10.2.0.0/16
*bob:/config/tunnel/ipsec-1/#> remote-s 10.1.0.0 255.255.0.0
*bob:/config/tunnel/ipsec-1/#> ike cipher aes128gcm16 auth sha256 dh modp3072
...
a commit would be refused: an AEAD cipher authenticates by itself: remove auth
*bob:/config/tunnel/ipsec-1/#> commit check
...
tunnel ipsec 1 ike proposal 1: .*prf.*
...
*bob:/config/tunnel/ipsec-1/#> ike cip aes128 au sha256 dh modp3072
*bob:/config/tunnel/ipsec-1/#> esp cip aes128 au sha384 dh modp4096
*bob:/config/tunnel/ipsec-1/#> dpd-action restart
*bob:/config/tunnel/ipsec-1/#> commit
not committed: tunnel ipsec 1: .*secret.*
*bob:/config/tunnel/ipsec-1/#>
"""

PAGE = r"""ipsec1: #\d+, ESTABLISHED, IKEv2, [0-9a-f]{16}_i\*? [0-9a-f]{16}_r\*?
 +local +'CN=Alice, OU=IT, O=ACME' @ 192\.168\.0\.1\[4?500\]
 +remote +'bob@example\.com' @ 192\.168\.0\.2\[4?500\]
 +AES_CBC-128/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_3072
 +established \d+s ago, rekeying in \d+s
 +\S+: #\d+, reqid \d+, INSTALLED, TUNNEL(?:-in-UDP)?, ESP:AES_CBC-128/HMAC_SHA2_384_192.*
 +installed \d+s ago, rekeying in \d+s, expires in \d+s
 +in +[0-9a-f]{8}, +\d+ bytes, +\d+ packets.*
 +out +[0-9a-f]{8}, +\d+ bytes, +\d+ packets.*
 +local +10\.1\.0\.0/16
 +remote +10\.2\.0\.0/16
..."""
UP = r"1 +ipsec1 +Up\(Installed\) +\d+ Days \d+ Hours \d+ Mins \d+ Secs"


@contextmanager
def gateways(pair: Pair, home: Path) -> Iterator[tuple[Terminal, Terminal]]:
    """The command lines of both gateways."""
    alice, bob = (
        CommandLine(agent, home / name).terminal("--name", name, columns=COLUMNS, rows=60)
        for agent, name in ((pair.alice, "alice"), (pair.bob, "bob"))
    )
    try:
        yield alice, bob
    finally:
        for one in (alice, bob):
            one.child.close(force=True)


def begun(terminal: Terminal, name: str) -> None:
    said = terminal.sees("There are no tunnels yet")
    assert f"on {name}: you are " in said


def until_up(terminal: Terminal) -> None:
    """Watch until the tunnel is up, as somebody would who waits for it."""
    terminal.types("watch").sees(r"Up\(Installed\)")
    terminal.sends(CTRL_C)


@pytest.fixture
def homes(tmp_path: Path) -> Path:
    for name in ("alice", "bob"):
        (tmp_path / "homes" / name).mkdir(parents=True)
    return tmp_path / "homes"


def test_the_session_of_the_manual_on_both_gateways(pair: Pair, homes: Path) -> None:
    with gateways(pair, homes) as (alice, bob):
        begun(alice, "alice")
        play(alice, ALICE)
        begun(bob, "bob")
        play(bob, BOB)
        typed_without_echo(bob)
        helped(bob)
        bob.types("leave")
        assert "Committed: commit " in bob.at("bob:/")

        alice.types("end").at("alice:/")
        until_up(alice)
        play(alice, f"""
alice:/#> tunnel
alice:/tunnel/#> show ipsec
ID +DESCRIPTION +STATUS +TIME \\(since last rekey\\)
{UP}
alice:/tunnel/#> show ipsec 1
{PAGE}
alice:/tunnel/#>
""")  # fmt: skip
        assert carries(pair.lab.bob_ns, "10.2.0.1", pair.lab.alice_ns, "10.1.0.1")
        assert carries(pair.lab.alice_ns, "10.1.0.1", pair.lab.bob_ns, "10.2.0.1")
        restarted_and_monitored(alice, bob)
        until_up(bob)
        dropped_again(bob)
        for one in (alice, bob):
            one.types("quit")
            assert one.ends() == 0
    nothing_kept(homes)
    assert carries(pair.lab.bob_ns, "10.2.0.1", pair.lab.alice_ns, "10.1.0.1")


def typed_without_echo(bob: Terminal) -> None:
    bob.types("secret").sees("secret:")
    bob.types(SECRET).sees("secret, once more:")
    assert SECRET not in bob.types(SECRET).at("*bob:/config/tunnel/ipsec-1/")


def helped(bob: Terminal) -> None:
    """What may stand at a place is listed, and completed."""
    here = "*bob:/config/tunnel/ipsec-1/"
    bob.sends("dpd-action ?")
    for word in ("clear", "trap", "restart"):
        bob.sees(f"{word} +\\S")
    bob.sends(CTRL_C).at(here)
    bob.sends(f"esp cipher aes128ccm{TAB}{TAB}").sees("aes128ccm12")
    bob.sends(CTRL_C).at(here)
    bob.sends(f"remote-su{TAB}").sees("remote-subnet")
    bob.sends(CTRL_C).at(here)
    said = bob.types("help").at(here)
    for word in (
        "enable", "dpd-action", "dpd-delay", "initiator", "ike", "esp", "secret", "peer", "local-address",
        "local-id", "remote-id", "local-subnet", "remote-subnet", "description", "no",
    ):  # fmt: skip
        assert re.search(rf"(?m)^  {word} +\S", said), word


def restarted_and_monitored(alice: Terminal, bob: Terminal) -> None:
    """``ipsec monitor`` shows what the restart of the other side sends, until Ctrl-C."""
    alice.types("ipsec monitor")
    bob.types("tunnel").at("bob:/tunnel/")
    bob.types("ipsec restart").sees(r"\[y/N\]")
    bob.types("y")
    alice.sees("IKE ike-sa-init request")
    alice.sees("IKE ike-auth")
    alice.sends(CTRL_C)
    assert re.search(r"\d+ packets shown", alice.at("alice:/tunnel/"))
    bob.at("bob:/tunnel/")
    bob.types("end").at("bob:/")


def dropped_again(bob: Terminal) -> None:
    """``abort`` and Ctrl-C put nothing in force."""
    play(bob, r"""
bob:/#> config
bob:/config/#> tunnel
bob:/config/tunnel/#> no ipsec 1
*bob:/config/tunnel/#> abort
.*dropped.*
bob:/#> show running-config ipsec 1
tunnel
  ipsec 1
...
bob:/#> config
bob:/config/#>
""")  # fmt: skip
    bob.sends("no tunnels" + CTRL_C).at("bob:/config/")
    bob.types("leave").at("bob:/")


def nothing_kept(homes: Path) -> None:
    """No file of a user has the secret."""
    kept = [path for path in homes.rglob("*") if path.is_file()]
    assert [path.name for path in kept if path.name == "history"] == ["history", "history"]
    assert [path for path in kept if SECRET.encode() in path.read_bytes()] == []
