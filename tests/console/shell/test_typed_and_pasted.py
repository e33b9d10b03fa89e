"""Each command's round trip: typed, committed, shown, pasted into an empty gateway: nothing differs.

Two agents: what is shown of the first is typed into the second, which has nothing; and into the first, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from typing import Any

import pytest

from console.grammar.manual import ROWS
from console.grammar.words import quoted
from tests.agent_process import AgentProcess, running_agent
from tests.console.agents import connected, within
from tests.console.grammar.configurations import normal
from tests.console.served import schema
from tests.console.shell.dialogue import Dialogue, dialogue
from tests.console.shell.lines import CommandLine
from tests.translators.authority import Authority

SECRET = "Zebra-Crossing-7"
# How show says that a secret is there, and what it was.
HIDDEN = {"# secret is not shown": f"secret {SECRET}"}
WHOLE = (f"secret {SECRET}", "local-address 192.0.2.1")
RUNNING = "<get-config><source><running/></source></get-config>"
NOTHING = ("config", "no tunnels", "no certificates")


@dataclass
class Gateway:
    """An agent, and a command line that goes on."""

    agent: AgentProcess
    types: Dialogue

    def running(self) -> Any:
        """Return what is in force, apart from who may do what; a default that was typed is there, too."""
        client = connected(self.agent)
        try:
            (data,) = client.rpc(within(RUNNING))
        finally:
            client.close()
        return {name: found for name, found in normal(data, schema()).items() if name != "nacm"}


@pytest.fixture(scope="module")
def gateways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, Gateway]]:
    with ExitStack() as stack:
        made = []
        for name in ("alice", "bob"):
            folder = tmp_path_factory.mktemp(name)
            agent = stack.enter_context(running_agent(folder / "data"))
            made.append(Gateway(agent, stack.enter_context(dialogue(CommandLine(agent, folder)))))
        yield made[0], made[1]


def shown_again(gateways: tuple[Gateway, Gateway], lines: tuple[str, ...], what: str = "") -> list[str]:
    """Type ``lines``, commit, and paste what is shown; returns that without its indentation."""
    first, second = gateways
    for one in gateways:
        one.types.types(*NOTHING, "leave")
    assert "Committed" in first.types.types("config", *lines, "leave")
    shown = [one.strip() for one in first.types.types(f"show running-config {what}").splitlines()]
    for one in gateways:
        one.types.types("config", *(HIDDEN.get(line, line) for line in shown))
    assert first.types.types("diff", "abort") == "There is no difference.\n"
    assert "Committed" in second.types.types("leave")
    assert second.running() == first.running()
    return shown


# What is typed in a tunnel, and the lines by which that is shown.
TYPED = {
    ("enable",): ("enable",),
    ("dpd-delay 30", "no dpd-delay"): (),
    ("dpd-delay 30",): ("dpd-delay 30",),
    ("ike version ikev2", "dpd enabled true"): ("dpd enabled true", "ike version ikev2"),
    ("no enable",): ("no enable",),
    ("no enable", "enable"): ("enable",),
    ("description to the branch in Bern",): ("description to the branch in Bern",),
    ('description "two  blanks; # no comment"',): ('description "two  blanks; # no comment"',),
    ("description x", "no description"): (),
    ("initiator", "peer 192.0.2.2"): ("initiator", "peer 192.0.2.2"),
    ("initiator", "peer 192.0.2.2", "no initiator"): ("peer 192.0.2.2",),
    ("peer 2001:db8::2", "local-address 2001:db8::1"): ("local-address 2001:db8::1", "peer 2001:db8::2"),
    ("peer 192.0.2.2", "no peer"): (),
    ("no local-address", "local-address 192.0.2.9"): ("local-address 192.0.2.9",),
    ("no secret", "secret Another-One-8", f"secret {SECRET}"): ("# secret is not shown",),
    ("local-id inet 192.0.2.7",): ("local-id inet 192.0.2.7",),
    ("local-id name alice",): ("local-id name alice",),
    ("local-id email alice@example.com",): ("local-id email alice@example.com",),
    ("local-id key my_vpn_key",): ("local-id key my_vpn_key",),
    ("local-id dn CN=John Doe, OU=IT, O=Company",): ("local-id dn CN=John Doe, OU=IT, O=Company",),
    ("local-id name alice", "local-id key k"): ("local-id key k",),
    ("local-id name alice", "no local-id"): (),
    ("remote-id inet 192.0.2.7",): ("remote-id inet 192.0.2.7",),
    ("remote-id name bob",): ("remote-id name bob",),
    ("remote-id email bob@example.com",): ("remote-id email bob@example.com",),
    ("remote-id key my_vpn_key",): ("remote-id key my_vpn_key",),
    ("remote-id dn CN=John Doe, OU=IT, O=Company",): ("remote-id dn CN=John Doe, OU=IT, O=Company",),
    ("remote-id name bob", "no remote-id"): (),
    ("local-subnet 10.1.0.0/16",): ("local-subnet 10.1.0.0/16",),
    ("local-subnet 10.1.0.0 255.255.0.0",): ("local-subnet 10.1.0.0/16",),
    ("local-subnet 10.1.0.1",): ("local-subnet 10.1.0.1/32",),
    ("local-subnet 10.1.0.0/16 10.3.0.0/16",): ("local-subnet 10.1.0.0/16 10.3.0.0/16",),
    ("local-subnet 10.1.0.0/16", "local-subnet add 10.3.0.0/16", "no local-subnet 10.1.0.0/16"): (
        "local-subnet 10.3.0.0/16",
    ),
    ("local-subnet 10.1.0.0/16", "no local-subnet"): (),
    ("remote-subnet 10.2.0.0/16",): ("remote-subnet 10.2.0.0/16",),
    ("remote-subnet 10.2.3.4 255.255.0.0",): ("remote-subnet 10.2.0.0/16",),
    ("remote-subnet add 10.2.0.0/16", "remote-subnet add 10.4.0.0 255.254.0.0"): (
        "remote-subnet 10.2.0.0/16 10.4.0.0/15",
    ),
    ("remote-subnet 10.2.0.0/16", "no remote-subnet"): (),
    ("dpd-action clear",): ("dpd-action clear",),
    ("initiator", "peer 192.0.2.2", "dpd-action trap"): ("dpd-action trap",),
    ("initiator", "peer 192.0.2.2", "dpd-action restart"): ("dpd-action restart",),
    ("no dpd-action",): ("no dpd-action",),
    ("no dpd-action", "dpd-action clear"): ("dpd-action clear",),
    ("no dpd-action", "no dpd"): (),
    ("dpd-delay 45",): ("dpd-delay 45",),
    ("dpd-delay 45", "no dpd-delay"): (),
    ("ike cipher aes128 auth sha256 dh x25519",): ("ike cipher aes128 auth sha256 dh x25519",),
    ("ike cipher aes128gcm16 prf prfsha256 dh x25519",): ("ike cipher aes128gcm16 prf prfsha256 dh x25519",),
    ("ike proposal 2 cipher aes256ctr auth sha512 dh ecp521", "ike cipher aes256 auth sha1 dh modp2048"): (
        "ike cipher aes256 auth sha1 dh modp2048",
        "ike proposal 2 cipher aes256ctr auth sha512 dh ecp521",
    ),
    ("ike cipher aes128 auth sha256 dh x25519", "no ike cipher"): (),
    ("esp cipher aes128 auth sha384 dh modp4096",): ("esp cipher aes128 auth sha384 dh modp4096",),
    ("esp cipher aes128ccm12 dh ecp256",): ("esp cipher aes128ccm12 dh ecp256",),
    ("esp cipher aes128gcm16",): ("esp cipher aes128gcm16",),
    ("esp proposal 7 cipher aes256 auth sha256",): ("esp proposal 7 cipher aes256 auth sha256",),
    ("esp cipher aes128gcm16", "no esp cipher"): (),
    # What the manual does not have goes by the names of YANG nodes.
    ("leak-protection false",): ("leak-protection false",),
    ("leak-protection false", "no leak-protection"): (),
    ("close-action clear",): ("close-action clear",),
}


@pytest.mark.parametrize(("typed", "wanted"), list(TYPED.items()), ids="; ".join)
def test_a_command_comes_back(
    gateways: tuple[Gateway, Gateway], typed: tuple[str, ...], wanted: tuple[str, ...]
) -> None:
    shown = shown_again(gateways, ("tunnel", "ipsec 1", *WHOLE, *typed), "ipsec 1")
    assert shown[:2] == ["tunnel", "ipsec 1"]
    assert shown[-2:] == ["end", "end"]
    always = {"# secret is not shown"} | (
        {WHOLE[1]} if not any("-address" in one for one in typed) else set()
    )
    also = {one for one in typed if one in ("initiator", "peer 192.0.2.2")} & set(shown)
    assert set(shown[2:-2]) == always | also | set(wanted)


def test_every_command_of_the_manual_is_among_them_with_its_no() -> None:
    typed = [line for lines in TYPED for line in lines]
    for row in ROWS:
        words = row.syntax.removeprefix("[no] ").split()
        fixed = [word for word in words[:2] if word.islower()]
        # With [no] removed there is only the first word that counts, but for ike and esp cipher.
        said = " ".join(fixed[: 2 if fixed[0] in ("ike", "esp") or "add" in fixed else 1])
        assert any(one.startswith(said) for one in typed), said
        if row.syntax.startswith("[no] "):
            assert any(one.startswith(f"no {said}") for one in typed), f"no {said}"


def test_tunnels_that_are_removed_are_gone(gateways: tuple[Gateway, Gateway]) -> None:
    typed = [
        (f"ipsec {one}", f"secret {SECRET}", f"local-address 192.0.2.{one % 9 + 1}", "end")
        for one in (1, 2, 65535)
    ]
    assert shown_again(gateways, ("tunnel", *chain.from_iterable(typed))).count("# secret is not shown") == 3
    first, _ = gateways
    first.types.types("config", "tunnel", "no ipsec 2", "leave")
    shown = first.types.types("show running-config")
    assert "ipsec 1\n" in shown
    assert "ipsec 65535\n" in shown
    assert "ipsec 2\n" not in shown


def test_certificates_and_access_rules_come_back(gateways: tuple[Gateway, Gateway]) -> None:
    pem = Authority("CN=Root,O=ACME").pem
    typed = (
        "certificates", "certificate root", f"pem {quoted(pem)}", "end", "end",
        "nacm", "rule-list branch", "group operator", "rule no-kill", "rpc-name kill-session", "action deny",
        'comment "not in Bern"',
    )  # fmt: skip
    shown = shown_again(gateways, (*typed, "end", "end", "end"))
    for line in (
        "certificate root",
        f"pem {quoted(pem)}",
        "rule no-kill",
        "rpc-name kill-session",
        'comment "not in Bern"',
    ):
        assert line in shown
    for one in gateways:
        one.types.types("config", "nacm", "no rule-list branch", "leave")
        assert "no-kill" not in one.types.types("show running-config")
