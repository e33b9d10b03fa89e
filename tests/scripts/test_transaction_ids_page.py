"""docs/safety-net.md, "Transaction ids": its command says what has changed since the last time."""

from __future__ import annotations

from tests.clients.test_clients import config
from tests.scripts.agents import ROOT, Agent
from tests.scripts.test_readme import blocks

PAGE = (ROOT / "docs" / "safety-net.md").read_text(encoding="utf-8")
(COMMAND,) = (block for block in blocks(PAGE) if block.proof == "changed")
EDIT = """
import sys
sys.path.insert(0, "examples/netconf")
from gateway import connect, parser
with connect(parser("").parse_args([])) as session:
    session.edit_config(CONFIG, target="candidate")
    session.commit()
"""


def test_the_command_prints_what_has_changed(agent: Agent) -> None:
    def changed() -> list[str]:
        done = agent.run_as_written(COMMAND.language, COMMAND.text)
        assert done.returncode == 0, done.stderr
        return sorted(done.stdout.splitlines())

    def commit(document: str) -> None:
        program = EDIT.replace("CONFIG", repr(document)).replace(
            "parse_args([])", "parse_args(['--port', '8300'])"
        )
        done = agent.run_as_written("python", program)
        assert done.returncode == 0, done.stderr

    changed()
    assert changed() == ["nothing has changed"]
    commit(config(41, "to Bern"))
    commit(config(42, "to Basel"))
    assert changed() == ["tunnel 41 is new", "tunnel 42 is new"]
    commit(config(41, "to Biel"))
    nacm = "urn:ietf:params:xml:ns:yang:ietf-netconf-acm"
    gone = config(42, "").replace(
        "<ipsec>", '<ipsec xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" nc:operation="delete">'
    )
    commit(gone)
    assert changed() == ["tunnel 41 has changed", "tunnel 42 is gone"]
    commit(
        '<config xmlns="urn:ietf:params:xml:ns:netconf:base:1.0">'
        f'<nacm xmlns="{nacm}"><groups><group><name>new</name></group></groups></nacm></config>'
    )
    assert changed() == ["something has changed, but no tunnel"]
    assert changed() == ["nothing has changed"]
