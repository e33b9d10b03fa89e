"""Every command of docs/web.md is run, by curl, against an agent with the settings of the page."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.page.app import TRAFFIC_S_MAX, TRAFFIC_S_MIN
from agent.page.sessions import IDLE_S, LONGEST_S, OF_ALL, OF_USER
from agent.restconf.passwords import hash_of
from tests.agent.http.door_lab import Authority
from tests.agent_process import start_agent

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "web.md").read_text(encoding="utf-8")
BLOCKS = {kind: re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL) for kind in ("toml", "sh")}
WORD = "correct-horse"
LIMIT_S = 120
# What each block prints, in their order.
PRINTED = (
    r'^\{"user": "admin", "csrf-token": "[\w-]{43}", "expires": "[-0-9T:.]+Z", "by": "password"\}$',
    r'^event: hello\ndata: \{"user": "admin".*\n\nevent: push\ndata: ',
    r'"yangswan-agent:output": \{"action": "permit".*\}200\n204\n$',
)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Path, int, Path]]:
    """Yield the folder of an agent, the port of the page, and the file of who has signed its certificate."""
    authority = Authority(tmp_path)
    for file, name in zip(authority.issue_server(), ("web.crt", "web.key"), strict=True):
        shutil.copy(file, tmp_path / name)
    (settings,) = BLOCKS["toml"]
    assert settings.count("$argon2id$v=19$m=19456,t=2,p=1$...") == 1
    settings = settings.replace("$argon2id$v=19$m=19456,t=2,p=1$...", hash_of(WORD.encode()))
    (tmp_path / "settings.toml").write_text(settings.replace(":8443", ":0"))
    process = start_agent(tmp_path / "var", ["--config", str(tmp_path / "settings.toml")])
    try:
        said = process.line_with("the web page on https://")
        found = re.search(r":(\d+)/$", said.strip())
        assert found is not None
        yield tmp_path, int(found[1]), authority.file
    finally:
        assert process.stop() == 0
    assert not [line for line in process.log if "Traceback" in line or "ERROR" in line or WORD in line]


def test_every_block_is_run() -> None:
    assert len(BLOCKS["sh"]) == len(PRINTED)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_commands_of_the_page_do_what_it_says(site: tuple[Path, int, Path]) -> None:
    folder, port, trusted = site
    (folder / ".curlrc").write_text(f'cacert = "{trusted}"\nsilent\nshow-error\n')
    script, marks = "", [f"---{number}---\n" for number in range(len(PRINTED))]
    for text, mark in zip(BLOCKS["sh"], marks, strict=True):
        script += f"{text}printf -- '{mark.strip()}\\n'\n"
    done = subprocess.run(
        ["bash", "-eu", "-c", script.replace(":8443", f":{port}")],
        cwd=folder, capture_output=True, text=True, timeout=LIMIT_S, check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    printed = re.split("|".join(marks), done.stdout)[:-1]
    for text, told, expected in zip(BLOCKS["sh"], printed, PRINTED, strict=True):
        assert re.search(expected, told, re.DOTALL), (text, told)


def test_the_bounds_that_it_names_are_those_that_there_are() -> None:
    assert f"A login lasts {LONGEST_S / 3600:.0f} hours at most, and one hour without" in PAGE
    assert IDLE_S == 3600
    assert f"a user has {OF_USER} at once, all users {OF_ALL}" in PAGE
    assert f"`traffic-s`, {TRAFFIC_S_MIN} to {TRAFFIC_S_MAX}" in PAGE
