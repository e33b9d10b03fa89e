"""A thousand random edits, typed into one session of a live agent, against a model that knows no grammar.

The model keeps tunnels as dictionaries, and changes them as the manual says that each line does. After each
batch running must be the model; a line that is wrong leaves everything as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import IPv4Network
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.agent_process import running_agent
from tests.console.agents import connected
from tests.console.grammar.configurations import normal
from tests.console.served import schema
from tests.console.shell.dialogue import Dialogue, dialogue
from tests.console.shell.lines import CommandLine

EDITS, IN_A_BATCH = 1000, 25
TUNNELS = 6
Tunnel = dict[str, Any]
Model = dict[int, Tunnel]

AEAD = ("aes128gcm16", "aes256gcm16", "aes128ccm12", "chacha20poly1305")
CLASSICAL = ("aes128", "aes256", "aes128ctr", "aes256ctr")
AUTHS, PRFS = ("sha256", "sha384", "sha512"), ("prfsha256", "prfsha384", "prfsha512")
GROUPS = ("modp2048", "modp3072", "modp4096", "ecp256", "ecp384", "ecp521", "x25519")
IDENTITIES = {
    "inet": "203.0.113.{}", "name": "gw{}.example.com", "email": "gw{}@example.com", "key": "my_key{}",
    "dn": "CN=John Doe {}, O=Company",
}  # fmt: skip
WORDS = (
    "branch",
    "to Bern",
    "a; b",
    "no enable",
    "end",
    "x  y",
    "é 日本",
    "#1",
    "'q'",
    'say "hi"',
    "back\\slash",
    "leave",
)


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Typist:
    """Thinks of edits: each changes the model, and returns its lines, for the level of the tunnels."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.model: Model = {}

    def edit(self) -> list[str]:
        random = self.random
        if not self.model or random.random() < 0.06:
            return self.create(random.randint(1, TUNNELS))
        number = random.choice(sorted(self.model))
        if len(self.model) > 1 and random.random() < 0.04:
            del self.model[number]
            return [f"no ipsec {number}"]
        kind: Callable[[Tunnel], list[str]] = random.choice(self._kinds())
        lines = kind(self.model[number])
        return [f"{self.word('ipsec')} {number}", *lines, "end"]

    def create(self, number: int) -> list[str]:
        new = number not in self.model
        tunnel = self.model.setdefault(number, {"id": str(number)})
        lines = [f"ipsec {number}"]
        if new:
            tunnel |= {"secret": f"Zebra-Crossing-{number}", "local-address": f"192.0.2.{number}"}
            lines += [f"secret Zebra-Crossing-{number}", f"local-address 192.0.2.{number}"]
        return [*lines, "end"]

    def word(self, word: str, least: int = 0) -> str:
        """Return ``word``, perhaps shortened to at least ``least`` characters."""
        return word[: self.random.randint(least, len(word))] if least else word

    def _kinds(self) -> list[Callable[[Tunnel], list[str]]]:
        return [
            self.description, self.enable, self.role, self.addresses, self.secret, self.identity,
            self.subnets, self.dpd, self.delay, self.proposal, self.leaf,
        ]  # fmt: skip

    def description(self, tunnel: Tunnel) -> list[str]:
        if self.random.random() < 0.3:
            tunnel.pop("description", None)
            return ["no description"]
        tunnel["description"] = self.random.choice(WORDS)
        return [f"{self.word('description', 3)} {quoted(tunnel['description'])}"]

    def enable(self, tunnel: Tunnel) -> list[str]:
        wanted = self.random.random() < 0.5
        tunnel["enabled"] = str(wanted).lower()
        return [self.word("enable") if wanted else "no enable"]

    def role(self, tunnel: Tunnel) -> list[str]:
        if self.random.random() < 0.5:
            tunnel |= {"initiator": "true", "peer": f"198.51.{tunnel['id']}.1"}
            return [f"peer {tunnel['peer']}", self.word("initiator", 2)]
        # Only an initiator traps and restarts.
        tunnel.pop("initiator", None)
        tunnel.pop("dpd", None)
        return ["no dpd", "no initiator"]

    def addresses(self, tunnel: Tunnel) -> list[str]:
        if "initiator" not in tunnel and self.random.random() < 0.4:
            tunnel.pop("peer", None)
            return ["no peer"]
        tunnel["peer"] = f"198.51.{tunnel['id']}.{self.random.randint(1, 200)}"
        return [f"{self.word('peer', 2)} {tunnel['peer']}"]

    def secret(self, tunnel: Tunnel) -> list[str]:
        tunnel["secret"] = "".join(
            self.random.choice('abcXYZ0189!"$%&*()+,-./:<=>?@[]^_{|}~') for _ in range(20)
        )
        return ["no secret", f"{self.word('secret', 2)} {quoted(tunnel['secret'])}"]

    def identity(self, tunnel: Tunnel) -> list[str]:
        side = self.random.choice(("local-id", "remote-id"))
        if self.random.random() < 0.3:
            tunnel.pop(side, None)
            return [f"no {side}"]
        kind = self.random.choice(sorted(IDENTITIES))
        # The agent refuses tunnels whose secrets a peer could not tell apart.
        value = IDENTITIES[kind].format(2 * int(tunnel["id"]) + (side == "local-id"))
        tunnel[side] = {kind: value}
        return [f"{self.word(side, len(side) - 1)} {kind} {value}"]

    def subnets(self, tunnel: Tunnel) -> list[str]:
        side = self.random.choice(("local-subnet", "remote-subnet"))
        block = 10 * int(tunnel["id"]) + (100 if side == "remote-subnet" else 0)
        some = [
            IPv4Network(f"10.{block + self.random.randint(0, 3)}.0.0/16")
            for _ in range(self.random.randint(1, 3))
        ]
        kind = self.random.random()
        there = set(tunnel.get(side, ()))
        names = {str(one) for one in some}
        if kind < 0.2:
            tunnel.pop(side, None)
            return [f"no {side}"]
        # To take away what is not there is a mistake.
        if kind < 0.4 and there - names and there & names:
            tunnel[side] = sorted(there - names)
            return [f"no {side} {' '.join(sorted(there & names))}"]
        if kind < 0.6:
            tunnel[side] = sorted(there | names)
            return [f"{side} add {' '.join(sorted(names))}"]
        tunnel[side] = sorted(names)
        # As an address of some host in it, and its netmask.
        return [
            f"{side} "
            + " ".join(f"{one[self.random.randint(0, 99)]} {one.netmask}" for one in sorted(set(some)))
        ]

    def dpd(self, tunnel: Tunnel) -> list[str]:
        delay = {"delay": tunnel["dpd"]["delay"]} if "delay" in tunnel.get("dpd", {}) else {}
        if self.random.random() < 0.4:
            tunnel["dpd"] = {**delay, "enabled": "false"}
            return ["no dpd-action"]
        actions = ("clear", "trap", "restart") if "initiator" in tunnel else ("clear",)
        action = self.random.choice(actions)
        tunnel["dpd"] = {**delay, "action": action}
        return [f"{self.word('dpd-action', 5)} {self.word(action, 2)}"]

    def delay(self, tunnel: Tunnel) -> list[str]:
        found = {**tunnel.get("dpd", {})}
        found.pop("delay", None)
        if self.random.random() < 0.7:
            found["delay"] = str(self.random.randint(35, 600))
        tunnel["dpd"] = found
        if not found:
            del tunnel["dpd"]
        return [f"dpd-delay {found['delay']}" if "delay" in found else "no dpd-delay"]

    def proposal(self, tunnel: Tunnel) -> list[str]:
        phase = self.random.choice(("ike", "esp"))
        if self.random.random() < 0.2:
            tunnel.pop(phase, None)
            return [f"no {phase} cipher"]
        priority = self.random.choice(("1", "1", "2", "7"))
        entry = {
            "priority": priority,
            "cipher": self.random.choice((*AEAD, *CLASSICAL)),
            "dh": self.random.choice(GROUPS),
        }
        line = (
            [phase, "cipher", entry["cipher"]]
            if priority == "1"
            else [phase, "proposal", priority, "cipher", entry["cipher"]]
        )
        if entry["cipher"] in CLASSICAL:
            entry["auth"] = self.random.choice(AUTHS)
            line += ["auth", entry["auth"]]
        elif phase == "ike":
            entry["prf"] = self.random.choice(PRFS)
            line += ["prf", entry["prf"]]
        others = [one for one in tunnel.get(phase, {}).get("proposal", ()) if one["priority"] != priority]
        tunnel[phase] = {"proposal": [*others, entry]}
        return [" ".join((*line, "dh", entry["dh"]))]

    def leaf(self, tunnel: Tunnel) -> list[str]:
        """Change what the manual does not have, by its YANG name."""
        wanted = self.random.choice(("true", "false", ""))
        tunnel.pop("leak-protection", None)
        if wanted:
            tunnel["leak-protection"] = wanted
        return [f"leak-protection {wanted}" if wanted else "no leak-protection"]


def _deep(value: Any) -> Any:
    """Return ``value`` with its names in order, so that entries sort alike."""
    if isinstance(value, dict):
        return {name: _deep(value[name]) for name in sorted(value)}
    if isinstance(value, list):
        return sorted(map(_deep, value), key=repr)
    return value


@pytest.fixture
def line(tmp_path: Path) -> Iterator[CommandLine]:
    with running_agent(tmp_path / "data") as agent:
        yield CommandLine(agent, tmp_path)


def running(line: CommandLine) -> Any:
    client = connected(line.agent)
    try:
        data = client.get_config("running")
    finally:
        client.close()
    return _deep(normal(data, schema()).get("tunnels", {}).get("ipsec", []))


def test_a_thousand_edits_are_what_the_model_says(line: CommandLine) -> None:
    typist = Typist(Random(20261127))
    with dialogue(line) as typing:
        for batch in range(EDITS // IN_A_BATCH):
            lines = [one for _ in range(IN_A_BATCH) for one in typist.edit()]
            typing.types("config", "tunnel", *lines, *_end_of_batch(batch))
            assert running(line) == _deep(list(typist.model.values())), lines
        # What is dropped was never there.
        before = running(line)
        typing.types("config", "tunnel", *Typist(Random(1)).edit(), "no ipsec 1", "abort")
        assert running(line) == before
    assert len(typist.model) > 1


def _end_of_batch(batch: int) -> tuple[str, ...]:
    """The ways to put edits in force."""
    return (("leave",), ("end", "commit", "end"), ("commit comment batch", "end", "end"))[batch % 3]


def test_a_wrong_line_among_them_changes_nothing(line: CommandLine) -> None:
    typist = Typist(Random(7))
    with dialogue(line) as typing:
        typing.types("config", "tunnel", *typist.create(1), *typist.create(2), "leave")
    before = running(line)
    random = Random(8)
    for wrong in (
        "frobnicate",
        "ipsec 0",
        "ipsec 1 peer",
        "no ipsec 70000",
        "ipsec 1 secret short",
        'ipsec 1 description "x',
    ):
        lines = [one for _ in range(5) for one in typist.edit()]
        lines.insert(
            random.choice([at for at, one in enumerate(lines) if one.startswith(("ipsec", "no ipsec"))]),
            wrong,
        )
        with Dialogue(line) as typing:
            status, said = typing.fails("config", "tunnel", *lines, "leave")
        assert status == 2, said
        assert running(line) == before
