"""What is shown can be read again, as XML, JSON and commands; blocks of lines are taken as they are."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.console.shell.lines import CommandLine
from tests.translators.authority import Authority

ROOT = Path(__file__).parents[3]
RULES = (
    "config",
    "nacm rule-list team group admins",
    "nacm rule-list team rule a path /ietf-netconf-acm:nacm",
    "nacm rule-list team rule a action deny",
    "nacm rule-list team rule b path "
    "/yangswan-ipsec:tunnels/yangswan-ipsec:ipsec[yangswan-ipsec:id='1']/yangswan-ipsec:secret",
    "nacm rule-list team rule b action permit",
    "nacm rule-list team rule c path /nacm:nacm/nacm:rule-list[nacm:name='a:b:c']/nacm:rule",
    "nacm rule-list team rule c action permit",
    "tunnel bypass 10.9.0.0/16 description urn:nacm:x",
    "leave",
)


def offline(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "console", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=ROOT,
    )


@pytest.mark.parametrize("form", ["xml", "json"])
def test_what_is_shown_is_checked_and_imported(line: CommandLine, tmp_path: Path, form: str) -> None:
    done = line.lines(*RULES)
    assert done.returncode == 0, done
    shown = line.run("show", "running-config", form).stdout
    if form == "json":
        rules = json.loads(shown)["ietf-netconf-acm:nacm"]["rule-list"][-1]["rule"]
        assert [one["path"] for one in rules] == [
            "/ietf-netconf-acm:nacm",
            "/yangswan-ipsec:tunnels/ipsec[id='1']/secret",
            "/ietf-netconf-acm:nacm/rule-list[name='a:b:c']/rule",
        ]
    file = tmp_path / f"shown.{form}"
    file.write_text(shown)
    checked = offline("check", str(file))
    assert checked.returncode == 0, checked
    imported = offline("import", str(file), "--yes", "--data-dir", str(tmp_path / "empty"))
    assert imported.returncode == 0, imported
    line.lines("config", "no nacm rule-list team", "leave")


@pytest.fixture(scope="module")
def pem() -> str:
    return Authority("CN=shown again").pem


def contexts(*lines: str) -> list[str]:
    return ["config", "certificates", "certificate ca1", *lines, "leave"]


WAYS = {
    "quotes": 'pem "\n{}"',
    "one line and quotes": 'pem "{}"',
    "a block": "pem {}",
    "a block below": "pem\n{}",
    "from the level above": "end\ncertificate ca1 pem {}\ncertificate ca1",
    "indented": "pem {indented}",
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("how", ["-c", "-f"])
def test_a_certificate_is_pasted(line: CommandLine, pem: str, way: str, how: str) -> None:
    text = WAYS[way].format(pem, indented=pem.replace("\n", "\n    ").strip())
    lines = "\n".join(contexts(text))
    done = line.run("-c", lines) if how == "-c" else line.run("-f", "-", typed=lines)
    assert done.returncode == 0, done
    shown = line.run("show", "running-config").stdout
    assert line.lines("config", "no certificates", "leave").returncode == 0
    again = line.run("-f", "-", typed=f"config\n{shown}\ncommit\n")
    assert again.returncode == 0, again
    assert line.run("show", "running-config").stdout == shown
    assert line.lines("config", "no certificates", "leave").returncode == 0


def test_what_is_not_closed_is_said_with_the_line_that_it_begins_in(line: CommandLine) -> None:
    done = line.run("-f", "-", typed="config\ncertificates\ncertificate a\npem\nend\n")
    assert "line 4: PEM is missing" in done.stderr
    done = line.run("-f", "-", typed='config\ntunnel\nipsec 1\ndescription "a\n\nb\n')
    assert "line 4: the quote is not closed" in done.stderr
    done = line.run("-f", "-", typed="config\npem -----BEGIN CERTIFICATE-----\nMII\n")
    assert "line 2: the block is not closed: -----END CERTIFICATE----- is missing" in done.stderr
    assert line.lines("show running-config").stdout.count("certificate") == 0


KEY = "-----BEGIN {}PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj\n-----END {}PRIVATE KEY-----\n"


@pytest.mark.parametrize("kind", ["", "EC ", "ENCRYPTED "])
@pytest.mark.parametrize("way", ["pem {}", "pem\n{}", 'pem "{}"', "{}", "end\nend\n{}"])
def test_a_private_key_is_refused_and_shown_nowhere(line: CommandLine, kind: str, way: str) -> None:
    done = line.run("-f", "-", typed="\n".join(contexts(way.format(KEY.format(kind, kind)))))
    assert done.returncode == 2
    assert "a private key does not belong here" in done.stderr
    assert "MIIE" not in done.stdout + done.stderr


def pasted(text: str) -> str:
    return f"\x1b[200~{text}\x1b[201~"


@pytest.mark.parametrize("way", ["pasted", "pasted behind", "typed", "pasted below", "quoted"])
def test_a_certificate_is_pasted_at_the_prompt(line: CommandLine, pem: str, way: str) -> None:
    terminal = line.terminal()
    terminal.at("alice:/")
    terminal.types("config").at("alice:/config/")
    terminal.types("certificates certificate ca1").sees("certificate-ca1/#>")
    if way == "pasted":
        terminal.sends(pasted(f"pem {pem}"))
    elif way == "pasted behind":
        terminal.sends("pem ").sends(pasted(pem.strip())).sends("\r")
    elif way == "pasted below":
        terminal.types("pem").sees(r"\.\.\.")
        terminal.sends(pasted(pem.strip())).sends("\r")
    elif way == "quoted":
        terminal.types('pem "').sees(r"\.\.\.")
        terminal.sends(pasted(pem)).types('"')
    else:
        for one in f"pem {pem}".splitlines():
            terminal.types(one)
    terminal.sees(re.escape("*alice:/config/certificates/certificate-ca1/"))
    terminal.types("commit").sees("Committed: commit")
    terminal.types("quit").ends()
    assert json.dumps(pem)[1:-1].rstrip("\\n") in line.run("show", "running-config").stdout
    assert "BEGIN" not in line.history.read_text()
    assert line.lines("config", "no certificates", "leave").returncode == 0


@pytest.mark.parametrize("way", ["pasted", "typed", "typed below", "at the top", "cut short"])
def test_a_private_key_at_the_prompt_is_remembered_nowhere(line: CommandLine, way: str) -> None:
    key = KEY.format("", "")
    terminal = line.terminal()
    terminal.at("alice:/")
    if way != "at the top":
        terminal.types("config").at("alice:/config/")
        terminal.types("certificates certificate ca1").sees("certificate-ca1/#>")
    if way == "pasted":
        terminal.sends(pasted(f"pem {key}"))
    elif way == "typed below":
        terminal.types("pem").sees(r"\.\.\.")
        terminal.sends(pasted(key)).sends("\r")
    elif way == "cut short":
        terminal.sends(pasted(f"pem {key[:80]}")).sees(r"\.\.\.")
        terminal.types("").types(key.splitlines()[-1])
    else:
        for one in f"{'' if way == 'at the top' else 'pem '}{key}".splitlines():
            terminal.types(one)
    terminal.sees("a private key does not belong here")
    terminal.types("abort").types("quit").ends()
    kept = line.history.read_text() if line.history.exists() else ""
    assert "MIIE" not in kept
    assert "BEGIN" not in kept
