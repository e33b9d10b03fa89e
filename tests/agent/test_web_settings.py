"""The table [web] of the settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.restconf.passwords import hash_of
from agent.settings import SettingsError, from_file
from agent.web_settings import Web


def read(folder: Path, text: str) -> Web | None:
    file = folder / "settings.toml"
    file.write_text(text)
    return from_file(file).web


def test_without_it_nothing_is_served(tmp_path: Path) -> None:
    assert read(tmp_path, 'charon = "none"') is None


def test_files_are_relative_to_the_settings(tmp_path: Path) -> None:
    written = hash_of(b"word")
    found = read(
        tmp_path,
        '[web]\nlisten = "[::]:8443"\ncertificate = "a.crt"\nkey = "/b.key"\nclient-authority = "c.pem"\n'
        f'names = ["gw.example"]\n[web.passwords]\nann = "{written}"\n',
    )
    assert found == Web(
        "::", 8443, certificate=tmp_path / "a.crt", key=Path("/b.key"), client_authority=tmp_path / "c.pem",
        names=("gw.example",), passwords={"ann": written},
    )  # fmt: skip
    assert written not in repr(found)


@pytest.mark.parametrize(("text", "served"), [("", True), ("page = true", True), ("page = false", False)])
def test_the_page_is_served_where_nothing_else_is_said(tmp_path: Path, text: str, served: bool) -> None:
    found = read(tmp_path, f'[web]\nlisten = "127.0.0.1:80"\n{text}')
    assert found is not None
    assert found.page is served


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost", "127.9.9.9"])
def test_on_loopback_no_certificate_is_needed(tmp_path: Path, host: str) -> None:
    assert read(tmp_path, f'[web]\nlisten = "{host}:80"') is not None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("web = 1", "'web' must be a table"),
        ("[web]", "'web.listen' must say where"),
        ('[web]\nlisten = "nowhere"', "'web.listen': 'nowhere' is not of the form"),
        ('[web]\nlisten = "0.0.0.0:80"', "passwords would pass in clear"),
        ('[web]\nlisten = "gw.example:80"', "passwords would pass in clear"),
        ('[web]\nlisten = "127.0.0.1:80"\ncolour = 1', "unknown setting 'web.colour'"),
        ('[web]\nlisten = "127.0.0.1:80"\nkey = "x"', "'web.certificate' and 'web.key' go together"),
        ('[web]\nlisten = "127.0.0.1:80"\nclient-authority = "x"', "is for TLS"),
        ('[web]\nlisten = "127.0.0.1:80"\nkey = 1', "'web.key' must be the name of a file"),
        ('[web]\nlisten = "127.0.0.1:80"\nkey = ""', "'web.key' must be the name of a file"),
        ('[web]\nlisten = "127.0.0.1:80"\nnames = "x"', "'web.names' must be a list"),
        ('[web]\nlisten = "127.0.0.1:80"\npage = "no"', "'web.page' must be true or false"),
        ('[web]\nlisten = "127.0.0.1:80"\npage = 0', "'web.page' must be true or false"),
        ('[web]\nlisten = "127.0.0.1:80"\npasswords = "x"', "'web.passwords' must be a table"),
        ('[web]\nlisten = "127.0.0.1:80"\n[web.passwords]\nann = 1', "'web.passwords' must be a table"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, text)
    assert words in str(caught.value)
