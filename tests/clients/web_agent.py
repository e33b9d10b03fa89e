"""An agent with RESTCONF over TLS, whose users come with a password."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.restconf.passwords import hash_of
from tests.agent.http.door_lab import Authority
from tests.agent_process import AgentProcess, running_agent

WORD = "correct-horse"
TUNNELS = "yangswan-ipsec:tunnels"
SECRET = "not-a-real-secret"
IPSEC = "yangswan-ipsec:ipsec"
PAGE = (Path(__file__).resolve().parents[2] / "docs" / "restconf.md").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class WebAgent:
    """``authority``: the file of the certificate that has signed the agent's; ``folder``: beside its data."""

    process: AgentProcess
    folder: Path
    port: int
    authority: Path

    user = "admin"


@contextmanager
def running_web_agent(folder: Path) -> Iterator[WebAgent]:
    authority = Authority(folder)
    certificate, key = authority.issue_server()
    shutil.copy(certificate, folder / "web.crt")
    shutil.copy(key, folder / "web.key")
    (folder / "settings.toml").write_text(
        '[web]\nlisten = "127.0.0.1:0"\ncertificate = "web.crt"\nkey = "web.key"\n'
        f'[web.passwords]\nadmin = "{hash_of(WORD.encode())}"\n'
    )
    with running_agent(folder / "var", ["--config", str(folder / "settings.toml")]) as process:
        said = process.line_with("RESTCONF on https://")
        found = re.search(r":(\d+)/restconf", said)
        assert found is not None
        yield WebAgent(process, folder, int(found[1]), authority.file)


def blocks(agent: WebAgent, kind: str) -> list[str]:
    """Return the blocks of docs/restconf.md of one kind, for this agent."""
    found = re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)
    return [text.replace("8443", str(agent.port)).replace("web.crt", str(agent.authority)) for text in found]


def tunnel(number: int, description: str, **leafs: object) -> dict[str, object]:
    """Return the entry of a tunnel, as JSON has it."""
    return {
        IPSEC: [
            {
                "id": number, "description": description, "local-address": "192.0.2.1",
                "peer": f"198.51.100.{number}", "secret": SECRET, **leafs,
            }
        ]
    }  # fmt: skip
