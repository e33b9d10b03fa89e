"""Lines typed at a real agent: its own modules, what its candidate becomes, and where its errors are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from lxml import etree
from ncclient import manager
from ncclient.operations.rpc import RaiseMode

from console.client.session import Element, ServerError, ServerErrors
from console.grammar import edits
from console.grammar.lines import lines
from console.grammar.placing import place
from console.grammar.reading import Grammar
from console.grammar.values import Changes
from console.model.cache import Cache
from console.model.modules import schema_of
from tests.agent_process import AgentProcess
from tests.console.grammar.configurations import configuration
from tests.console.grammar.lab import COMMANDS, read_all
from tests.console.served import schema

LIMIT_S = 60
NC = "urn:ietf:params:xml:ns:netconf:base:1.0"


class Live:
    """A session, as the grammar and the model use one."""

    def __init__(self, agent: AgentProcess) -> None:
        self._manager = manager.connect(
            host=agent.host,
            port=agent.port,
            username=agent.user,
            key_filename=str(agent.key),
            hostkey_verify=False,
            allow_agent=False,
            look_for_keys=False,
            timeout=LIMIT_S,
        )
        self._manager.huge_tree = True
        self._manager.raise_mode = RaiseMode.NONE
        self.capabilities = frozenset(self._manager.server_capabilities)
        self.user = agent.user
        self.session_id = int(self._manager.session_id)

    def rpc(self, request: Element) -> Element:
        reply = etree.fromstring(self._manager.dispatch(request).xml.encode())
        errors = [
            ServerError(
                *(
                    one.findtext(f"{{{NC}}}error-{name}") or ""
                    for name in ("tag", "message", "app-tag", "path")
                )
            )
            for one in reply.findall(f"{{{NC}}}rpc-error")
        ]
        if errors:
            raise ServerErrors(tuple(errors))
        return reply

    def get(self, subtree: Element | None = None) -> Element:
        return self._data("get", None, subtree)

    def get_config(self, source: str, subtree: Element | None = None) -> Element:
        return self._data("get-config", source, subtree)

    def _data(self, operation: str, source: str | None, subtree: Element | None) -> Element:
        request = etree.Element(f"{{{NC}}}{operation}")
        if source is not None:
            etree.SubElement(etree.SubElement(request, f"{{{NC}}}source"), f"{{{NC}}}{source}")
        if subtree is not None:
            request.append(subtree)
        found = self.rpc(request).find(f"{{{NC}}}data")
        assert found is not None
        return found

    def edit(self, config: Element) -> None:
        request = etree.Element(f"{{{NC}}}edit-config")
        etree.SubElement(etree.SubElement(request, f"{{{NC}}}target"), f"{{{NC}}}candidate")
        request.append(config)
        self.rpc(request)

    def ask(self, operation: str) -> None:
        request = etree.Element(f"{{{NC}}}{operation}")
        if operation == "validate":
            etree.SubElement(etree.SubElement(request, f"{{{NC}}}source"), f"{{{NC}}}candidate")
        self.rpc(request)

    def close(self) -> None:
        self._manager.close_session()

    def type(self, using: Grammar, typed: list[str]) -> None:
        """Type lines at the top of the candidate."""
        changes = read_all(typed, using)
        wanted = edits.asks(changes)
        present = self.get_config("candidate", wanted) if wanted is not None else None
        self.edit(edits.edit_config(changes, using.schema, present))

    def shown(self, using: Grammar) -> list[str]:
        return list(lines(self.get_config("candidate"), using.schema))


@pytest.fixture
def live(agent: AgentProcess) -> Iterator[Live]:
    client = Live(agent)
    client.ask("discard-changes")
    yield client
    client.ask("discard-changes")
    client.close()


def test_the_schema_comes_from_the_server_and_then_from_the_cache(live: Live, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "modules")
    told: list[str] = []
    first = schema_of(live, cache, told.append)
    assert "yangswan-ipsec" in told
    assert first.left_out == {}
    assert {
        "yangswan-ipsec:tunnels",
        "yangswan-pki:certificates",
        "ietf-netconf-acm:nacm",
    } <= first.roots.keys()
    told.clear()
    again = schema_of(live, cache, told.append)
    assert told == []
    assert again.roots.keys() == first.roots.keys()


TUNNEL = [
    *(
        "tunnel",
        "ipsec 1",
        "local-address 192.0.2.1",
        "peer 192.0.2.2",
        "initiator",
        "secret not-a-real-secret",
    ),
    *("local-subnet 10.1.0.0/16", "local-subnet add 10.2.0.0/16", "remote-subnet 10.9.0.0 255.255.0.0"),
    *("ike cipher aes128 auth sha256 dh x25519", "dpd-action restart", "dpd-delay 10", "end", "end"),
]


def inside(found: list[str]) -> list[str]:
    """Return what is said of tunnels, which come first."""
    end = found.index("end") if found[0] == "tunnel" else 0
    return [line.strip() for line in found[:end] if line.startswith("    ")]


def test_what_is_typed_becomes_the_candidate_and_comes_back(live: Live) -> None:
    using = Grammar(schema_of(live, Cache(None)), COMMANDS)
    live.type(using, TUNNEL)
    live.ask("validate")
    assert sorted(inside(live.shown(using))) == sorted([
        *("initiator", "peer 192.0.2.2", "local-address 192.0.2.1", "secret not-a-real-secret"),
        *("local-subnet 10.1.0.0/16 10.2.0.0/16", "remote-subnet 10.9.0.0/16", "dpd-action restart"),
        *("dpd-delay 10", "ike cipher aes128 auth sha256 dh x25519"),
    ])  # fmt: skip
    live.type(
        using,
        ["tunnel", "ipsec 1", "local-subnet 10.3.0.0/16", "no dpd-action", "no ike cipher", "end", "end"],
    )
    assert sorted(inside(live.shown(using))) == sorted([
        *("initiator", "peer 192.0.2.2", "local-address 192.0.2.1", "secret not-a-real-secret"),
        *("local-subnet 10.3.0.0/16", "remote-subnet 10.9.0.0/16", "no dpd-action", "dpd-delay 10"),
    ])  # fmt: skip
    live.type(using, ["tunnel", "no ipsec 1", "ipsec 1", "peer 192.0.2.9", "end", "end"])
    assert [line for line in inside(live.shown(using)) if not line.startswith("#")] == ["peer 192.0.2.9"]
    live.type(using, ["no tunnel ipsec 1", "no tunnel ipsec 1", "no tunnel ipsec 1 peer"])
    live.type(using, ["no tunnel ipsec 9 peer"])
    live.type(using, ["no tunnel ipsec 1 secret", "no tunnel ipsec 1 local-subnet"])
    assert inside(live.shown(using)) == []
    assert "peer 192.0.2.9" not in inside(live.shown(using))


@pytest.mark.parametrize(
    ("line", "piece"),
    [
        ("tunnel ipsec 1 ike cipher aes128gcm16 auth sha256 dh x25519", "sha256"),
        ("tunnel ipsec 1 peer 224.0.0.1", "224.0.0.1"),
        ("tunnel ipsec 1 close-action restart", "restart"),
    ],
)
def test_an_error_of_the_server_is_found_in_the_line(live: Live, line: str, piece: str) -> None:
    using = Grammar(schema(), COMMANDS)
    live.type(using, [*TUNNEL[:5], "no initiator", *TUNNEL[5:9], "end", "end"])
    meaning = using.read(line, ())
    assert isinstance(meaning, Changes)
    live.edit(edits.edit_config(meaning.changes, using.schema))
    with pytest.raises(ServerErrors) as refused:
        live.ask("validate")
    span = place(refused.value.errors[-1].path, meaning.changes)
    assert span is not None
    assert line[span.start : span.end] == piece


@pytest.mark.parametrize("seed", range(12))
def test_any_configuration_is_written_back_as_it_was(live: Live, seed: int) -> None:
    using = Grammar(schema(), COMMANDS)
    before = live.shown(using)
    data = configuration(using.schema, Random(seed))
    for nacm in data.findall("{*}nacm"):  # the rules by which this very session may write
        data.remove(nacm)
    live.type(using, list(lines(data, using.schema)))
    shown = live.shown(using)
    assert len(shown) >= len(before)
    live.ask("discard-changes")
    live.type(using, shown)
    assert live.shown(using) == shown
