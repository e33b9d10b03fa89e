"""``yangswand check FILE``: the errors of NETCONF, for people."""

from __future__ import annotations

import errno
import json
import os
import re
from pathlib import Path

import pytest

from agent.errors import MAX_ERRORS
from agent.offline.looking import MORE
from tests.agent.offline.lab import EVERY_LEAF, INSTANCES, Shell, errors

INVALID = [path for path in sorted((INSTANCES / "invalid").glob("*.xml")) if "state-" not in path.name[:6]]
TUNNEL = """<tunnels xmlns="urn:yangswan:params:xml:ns:yang:ipsec">
  <ipsec>
    <id>7</id>
    <secret>{secret}</secret>
    <local-address>192.0.2.1</local-address>
    <peer>{peer}</peer>
  </ipsec>
</tunnels>
"""


def written(folder: Path, text: str, name: str = "site.xml") -> Path:
    file = folder / name
    file.write_text(text)
    return file


def test_a_configuration_that_is_in_order_ends_with_0_and_leaves_nothing(shell: Shell) -> None:
    done = shell("check", EVERY_LEAF)
    assert (done.status, done.said) == (0, "")
    assert done.out.startswith(f"{EVERY_LEAF}: a configuration that can be committed")
    assert not shell.folder.exists()


def test_each_error_has_a_line_with_file_line_path_message_and_tags(shell: Shell, tmp_path: Path) -> None:
    file = written(tmp_path, TUNNEL.format(secret="short", peer="nowhere"))
    done = shell("check", file)
    assert (done.status, done.out) == (1, "")
    first, second = errors(done)
    at = "/ipsec:tunnels/ipsec:ipsec[ipsec:id='7']/ipsec"
    assert re.fullmatch(rf"{re.escape(str(file))}:4: {re.escape(at)}:secret: .+ \(invalid-value, .+\)", first)
    assert re.fullmatch(
        rf"{re.escape(str(file))}:6: {re.escape(at)}:peer: .*'nowhere'.* \(invalid-value\)", second
    )
    assert "short" not in done.said


def test_paths_have_the_prefixes_of_the_file(shell: Shell, tmp_path: Path) -> None:
    text = TUNNEL.format(secret="a-good-secret", peer="nowhere").replace("<", "<t:").replace("<t:/", "</t:")
    done = shell("check", written(tmp_path, text.replace("xmlns=", "xmlns:t=")))
    assert "/t:tunnels/t:ipsec[t:id='7']/t:peer: " in done.said


def test_paths_in_json_are_those_of_rfc_7951(shell: Shell, tmp_path: Path) -> None:
    file = written(
        tmp_path, '{"yangswan-ipsec:tunnels": {"ipsec": [{"id": 7, "peer": "nowhere"}]}}', "site.json"
    )
    done = shell("check", file)
    assert done.status == 1
    assert f"{file}: /yangswan-ipsec:tunnels/ipsec[id='7']/peer: " in done.said


def test_what_translators_refuse_is_said(shell: Shell, tmp_path: Path) -> None:
    text = TUNNEL.format(secret="a-good-secret", peer="192.0.2.2")
    tunnel = text[text.index("  <ipsec>") : text.index("</tunnels>")]
    file = written(tmp_path, text.replace("</tunnels>", tunnel.replace("<id>7", "<id>8") + "</tunnels>"))
    done = shell("check", file)
    assert done.status == 1
    assert "-conflict)" in done.said


SEVERAL = """<tunnels xmlns="urn:yangswan:params:xml:ns:yang:ipsec">
  <ipsec>
    <id>1</id>
    <colour>red</colour>
    <colour>blue</colour>
    <secret>a-good-secret</secret>
    <local-address>192.0.2.1</local-address>
    <peer>nowhere</peer>
  </ipsec>
  <ipsec>
    <id>2</id>
    <peer>192.0.2.3</peer>
  </ipsec>
  <ipsec>
    <id>2</id>
  </ipsec>
</tunnels>
"""


def test_what_is_wrong_hides_nothing_else_in_xml(shell: Shell, tmp_path: Path) -> None:
    done = shell("check", written(tmp_path, SEVERAL))
    found = [line.removeprefix(str(tmp_path)) for line in errors(done)]
    starts = [line.rpartition(" (")[0].removeprefix("/site.xml:") for line in found]
    at = "/ipsec:tunnels/ipsec:ipsec"
    assert [start.partition(": ")[0] for start in starts[:3]] == ["4", "5", "8"]
    assert {start.partition(": ")[0] for start in starts[3:]} <= {"10", "14"}
    for words in (
        f"{at}[ipsec:id='2']: 'ipsec' may stand only once",
        "'authentication' is mandatory",
        "local-address",
    ):
        assert any(words in start for start in starts[3:]), starts
    assert not any("id='1']" in start for start in starts[3:]), "its secret, address and peer are there"
    assert done.lines[-1].endswith(MORE)


def test_what_is_wrong_hides_nothing_else_in_json(shell: Shell, tmp_path: Path) -> None:
    text = (
        '{"yangswan-ipsec:tunnels": {"ipsec": [{"id": "1", "peer": "nowhere", "colour": 1},'
        ' {"id": 2, "peer": 3},{"id": 3, "peer": "nobody", "nope:x": 1}, {"id": 4, "peer": "192.0.2.1"}]}}'
    )
    found = "\n".join(errors(shell("check", written(tmp_path, text, "x.json"))))
    for words in (
        "'id' is written as",
        "'colour'",
        "nope",
        "'peer' is written as",
        "'nobody'",
        "[id='4']/local-address",
    ):
        assert words in found, found


def test_nothing_more_is_to_be_expected_of_what_translators_refuse(shell: Shell, tmp_path: Path) -> None:
    text = TUNNEL.format(secret="a-good-secret", peer="192.0.2.2")
    tunnel = text[text.index("  <ipsec>") : text.index("</tunnels>")]
    file = written(tmp_path, text.replace("</tunnels>", tunnel.replace("<id>7", "<id>8") + "</tunnels>"))
    assert MORE not in shell("check", file).said


def test_no_more_is_told_than_a_client_would_be(shell: Shell, tmp_path: Path) -> None:
    leaf = "<nope/>" * (MAX_ERRORS + 10)
    done = shell(
        "check", written(tmp_path, f'<tunnels xmlns="urn:yangswan:params:xml:ns:yang:ipsec">{leaf}</tunnels>')
    )
    assert len(errors(done)) == MAX_ERRORS


def test_no_number_is_told_where_not_all_was_looked_for(shell: Shell, tmp_path: Path) -> None:
    """Of values without the form of their types 101 are looked for, and of unknown names as many."""
    whole = {"secret": "a-good-secret", "local-address": "192.0.2.1"}
    tunnels = [{"id": 900 + n, "nope": "x", "peer": "192.0.2.2", **whole} for n in range(9)]
    tunnels += [{"id": n, "peer": 5, **whole} for n in range(MAX_ERRORS + 50)]
    file = written(tmp_path, json.dumps({"yangswan-ipsec:tunnels": {"ipsec": tunnels}}), "x.json")
    found = errors(shell("check", file))
    assert len(found) == MAX_ERRORS
    assert [line for line in found if "left out" in line] == found[-1:]
    assert "(more errors are left out)" in found[-1]


def test_a_terminal_obeys_nothing_of_a_file(shell: Shell, tmp_path: Path) -> None:
    done = shell("check", written(tmp_path, '{"\\u001b[2J:tunnels": {}, "a\\nb:c": 1}', "x.json"))
    assert done.status == 1
    assert len(errors(done)) == 2
    assert "\x1b" not in done.said


def test_a_file_of_another_model_says_so(shell: Shell, tmp_path: Path) -> None:
    space = "urn:ietf:params:xml:ns:yang:ietf-yang-instance-data"
    text = (
        f'<instance-data-set xmlns="{space}"><content-schema><module>yangswan-ipsec@2020-01-01</module>'
        '</content-schema><content-data><tunnels xmlns="urn:yangswan:params:xml:ns:yang:ipsec"><old/>'
        "</tunnels></content-data></instance-data-set>"
    )
    done = shell("check", written(tmp_path, text))
    assert "it was made with other revisions: yangswan-ipsec@2020-01-01 (here @20" in errors(done)[-1]


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe", "device"])
def test_what_cannot_be_read_is_said_in_a_sentence(shell: Shell, tmp_path: Path, kind: str) -> None:
    file = {
        "missing": tmp_path / "x",
        "folder": tmp_path,
        "pipe": tmp_path / "p",
        "device": Path("/dev/zero"),
    }[kind]
    if kind == "pipe":
        os.mkfifo(file)
    done = shell("check", file)
    assert (done.status, len(done.lines)) == (1, 1)
    assert done.said.startswith(f"yangswand: {file}: ")


@pytest.mark.parametrize("text", ["<a", "{", "\x00", "<a>\x00</a>"])
def test_what_is_no_configuration_is_said_in_a_sentence(shell: Shell, tmp_path: Path, text: str) -> None:
    done = shell("check", written(tmp_path, text))
    assert (done.status, len(done.lines)) == (1, 1)
    assert "site.xml: " in done.said


@pytest.mark.parametrize("words", [(), ("a", "b"), ("--nope", "a"), ("",)])
def test_a_mistake_on_the_command_line_has_another_status(shell: Shell, words: tuple[str, ...]) -> None:
    done = shell("check", *words)
    assert done.status == 2
    assert done.said.startswith("usage: yangswand check ")


def test_settings_are_looked_at_as_by_the_agent(shell: Shell, tmp_path: Path) -> None:
    good = written(tmp_path, 'log-level = "debug"\n', "settings.toml")
    assert shell.good("check", good) == f"{good}: settings with which an agent can start\n"
    bad = written(tmp_path, "colour = 1\n[limits]\nsessions = 0\nnope = 1\n", "bad.toml")
    done = shell("check", bad)
    assert (done.status, len(done.lines)) == (1, 3)
    assert all(str(bad) in line for line in done.lines)


def test_settings_do_not_say_where_settings_are(shell: Shell, tmp_path: Path) -> None:
    file = written(tmp_path, "", "settings.toml")
    done = shell("check", file, "--config", file)
    assert (done.status, "holds settings" in done.said) == (1, True)


def test_a_configuration_is_looked_at_with_the_modules_of_the_settings(shell: Shell, tmp_path: Path) -> None:
    module = Path(__file__).parents[2] / "modules" / "every-construct.yang"
    settings = written(tmp_path, f'yang-modules = ["{module}"]', "settings.toml")
    file = written(tmp_path, '{"every-construct:top": {"flag": true}}', "x.json")
    assert shell("check", file).status == 1
    shell.good("check", file, "--config", settings)
    shell.good("check", file, "--yang-module", module)


def test_settings_that_cannot_be_used_are_said_before_a_configuration_is_looked_at(
    shell: Shell, tmp_path: Path
) -> None:
    settings = written(tmp_path, "colour = 1", "settings.toml")
    done = shell("check", EVERY_LEAF, "--config", settings)
    assert (done.status, len(done.lines)) == (1, 1)
    assert "colour" in done.said


@pytest.mark.parametrize("document", INVALID, ids=lambda path: path.stem)
def test_every_invalid_document_is_refused_with_its_line(shell: Shell, document: Path) -> None:
    done = shell("check", document)
    assert (done.status, done.out) == (1, "")
    assert all(re.match(rf"{re.escape(str(document))}:\d+: /", line) for line in errors(done))


def test_a_name_in_settings_does_nothing_to_the_terminal(shell: Shell, tmp_path: Path) -> None:
    file = written(tmp_path, '"a\\u001b]0;b\\u0007\\u202e" = 1\n', "x\x1b[2J.toml")
    done = shell("check", file)
    assert done.status == 1
    assert "\\x1b" in done.said
    for character in "\x1b\x07\u202e":
        assert character not in done.out + done.said


def test_who_may_not_read_the_data_folder_can_check_all_the_same(
    shell: Shell, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a user of the machine, for whom the settings of the package name the folder of its agent."""

    def refused(*_: object, **_options: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "private-keys")

    monkeypatch.setattr("translators.strongswan.pki.key_store.KeyStore.load", refused)
    assert shell("check", EVERY_LEAF).status == 0
    assert "looked at without what is in the data folder: private-keys: Permission denied" in caplog.text
