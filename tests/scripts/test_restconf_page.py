"""Every command of docs/restconf.md is run, by curl, against an agent with the settings of the page."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.restconf.passwords import hash_of
from tests.agent.http.door_lab import Authority
from tests.agent_process import AgentProcess, start_agent

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "restconf.md").read_text(encoding="utf-8")
BLOCKS = {kind: re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL) for kind in ("toml", "text", "sh")}
WORD = "correct-horse"
LIMIT_S = 120

# What each block prints, in their order.
PRINTED = (
    r"201",
    r'\{"yangswan-ipsec:tunnels":\{"ipsec":\[\{"id":1,"description":"to bob"\}\]\}\}',
    r'<description xmlns="urn:yangswan:params:xml:ns:yang:ipsec">to bob</description>.*"id":1',
    r"204",
    r'"yangswan-agent:explain-access".*"yangswan-agent:output"',
    r"data: .*netconf-config-change",
    r"204",
)


@dataclass(frozen=True, slots=True)
class Served:
    process: AgentProcess
    folder: Path
    port: int
    authority: Authority


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("restconf")
    authority = Authority(folder)
    certificate, key = authority.issue_server()
    shutil.copy(certificate, folder / "web.crt")
    shutil.copy(key, folder / "web.key")
    (settings,) = BLOCKS["toml"]
    settings = settings.replace(":8443", ":0").replace(
        "$argon2id$v=19$m=19456,t=2,p=1$...", hash_of(WORD.encode())
    )
    settings = settings.replace('key = "web.key"', f'key = "web.key"\nclient-authority = "{authority.file}"')
    (folder / "settings.toml").write_text(settings)
    process = start_agent(folder / "var", ["--config", str(folder / "settings.toml")])
    try:
        said = process.line_with("RESTCONF on https://")
        found = re.search(r":(\d+)/restconf", said)
        assert found is not None
        yield Served(process, folder, int(found[1]), authority)
    finally:
        assert process.stop() == 0
    assert not [line for line in process.log if "Traceback" in line or "ERROR" in line]


def test_every_block_is_run() -> None:
    assert len(BLOCKS["sh"]) == len(PRINTED)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_commands_of_the_page_do_what_it_says(served: Served) -> None:
    (curlrc,) = BLOCKS["text"]
    curlrc = curlrc.replace("admin:correct-horse", f"admin:{WORD}")
    (served.folder / ".curlrc").write_text(curlrc.replace("web.crt", str(served.authority.file)))
    for text, printed in zip(BLOCKS["sh"], PRINTED, strict=True):
        done = subprocess.run(
            ["bash", "-eu", "-c", text.replace(":8443", f":{served.port}")],
            cwd=served.folder, capture_output=True, text=True, timeout=LIMIT_S, check=False,
            env={"PATH": os.environ["PATH"], "HOME": str(served.folder)},
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, ""), text
        assert re.search(printed, done.stdout, re.DOTALL), (text, done.stdout)


def ask(served: Served, path: str, context: ssl.SSLContext) -> tuple[int, bytes]:
    connection = http.client.HTTPSConnection("localhost", served.port, context=context, timeout=LIMIT_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_a_certificate_is_a_login_and_the_state_says_what_is_served(served: Served) -> None:
    context = served.authority.trusting(served.authority.issue("admin"))
    status, body = ask(served, "/restconf/data/ietf-restconf-monitoring:restconf-state", context)
    assert status == 200
    state = json.loads(body)["ietf-restconf-monitoring:restconf-state"]
    assert "urn:ietf:params:restconf:capability:depth:1.0" in state["capabilities"]["capability"]
    (stream,) = state["streams"]["stream"]
    assert {one["encoding"] for one in stream["access"]} == {"json", "xml"}
    assert stream["access"][0]["location"].endswith(f":{served.port}/restconf/streams/NETCONF/json")
    status, body = ask(
        served, "/restconf/data/ietf-yang-library:yang-library?fields=module-set(module(name))", context
    )
    assert status == 200
    assert b"ietf-restconf-monitoring" in body
    assert ask(served, "/restconf", served.authority.trusting())[0] == 401


def test_a_secret_is_nowhere(served: Served) -> None:
    context = served.authority.trusting(served.authority.issue("admin"))
    ask(served, "/restconf/data", context)
    log = "".join(served.process.log)
    assert WORD not in log
    assert "$argon2id" not in log


@pytest.mark.parametrize(
    ("web", "words"),
    [
        ('listen = "127.0.0.1:0"\ncertificate = "none"\nkey = "none"', "none cannot be read"),
        (
            'listen = "127.0.0.1:0"\n[web.passwords]\nann = "secret"',
            "web.passwords.ann': it is no argon2id hash",
        ),
        ('listen = "0.0.0.0:0"', "passwords would pass in clear"),
    ],
)
def test_check_says_what_cannot_be_used(tmp_path: Path, web: str, words: str) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(f'charon = "none"\n[web]\n{web}\n')
    done = subprocess.run(
        [sys.executable, "-m", "agent", "--check", "--config", str(file)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 78
    assert words in done.stderr
    assert '"secret"' not in done.stderr


def test_who_serves_no_http_has_nothing_of_it_in_memory() -> None:
    looked = "import sys, agent.tasks; print(sorted({'uvicorn', 'h11', 'agent.web'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", looked], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
