"""Completion as bash and zsh have it: a line in a terminal, and what stands there after the tabulator."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pexpect
import pytest

from agent.settings import CHARON_MODES, LOG_LEVELS
from script.manual import __main__ as manual
from tests.agent_process import running_agent

LIMIT_S = 60
OFFER = """
source {file}
compopt() {{ echo "$1 $2"; }}
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_yangswan "$1" "${{@: -1}}" "${{@: -2:1}}"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("completion")
    manual.write(folder)
    return folder


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with files to complete."""
    for name in ("gateway one.xml", "settings.toml"):
        (tmp_path / name).touch()
    (tmp_path / "keys").mkdir()
    return tmp_path


def offered(files: Path, here: Path, *words: str, environ: Mapping[str, str] | None = None) -> set[str]:
    """Return what bash offers for the last of ``words``."""
    done = subprocess.run(
        ["bash", "--norc", "-u", "-c", OFFER.format(file=files / "yangswan.bash"), "bash", *words],
        cwd=here, env=environ, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    return set(done.stdout.split("\n")) - {""}


COMMANDS = {"check", "export", "import", "history"}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (["yangswan", "export", "--format", ""], {"instance-xml", "instance-json", "xml", "json"}),
        (["yangswan", "export", "--format", "=", "inst"], {"instance-xml", "instance-json"}),
        (["yangswan", "export", "--format", "="], {"instance-xml", "instance-json", "xml", "json"}),
        (["yangswan", "export", "--format", "json", "--w"], {"--with-secrets"}),
        (["yangswan", "export", "-o", "x", "--o"], set()),
        (["yangswan", "help", "exp"], {"export"}),
        (["yangswan", "check", ""], {"-o default"}),
        (["yangswan", "check", "settings.toml", ""], set()),
        (["yangswan", "history", ""], set()),
        (["yangswan", "check", "--data-dir", ""], {"-o dirnames"}),
        (["yangswand", ""], COMMANDS),
        (["yangswand", "--charon", ""], set(CHARON_MODES)),
        (["yangswand", "--log-level", ""], set(LOG_LEVELS)),
        (["yangswand", "--config", "=", "se"], {"-o default"}),
        (["yangswand", "--check", "--pr"], set()),
        (["yangswand", "--yang-module", "x", "--yang"], {"--yang-module"}),
        (["yangswand", "--listen", ""], set()),
        (["/opt/yangswan/.venv/bin/yangswand", "import", "--keep"], {"--keep-secrets"}),
    ],
)
def test_bash_offers_what_may_follow(files: Path, here: Path, line: list[str], expected: set[str]) -> None:
    assert offered(files, here, *line) == expected


def test_bash_offers_every_command(files: Path, here: Path) -> None:
    assert offered(files, here, "yangswan", "") >= {*COMMANDS, "help"}


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """An agent with the tunnels 7 and 70; returns the environment of who speaks with it."""
    home = tmp_path_factory.mktemp("agent")
    with running_agent(home / "data") as process:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        socket = str(process.data_dir / "netconf.sock")
        environ = {"PATH": path, "HOME": str(home), "YANGSWAN_SOCKET": socket}
        rest = "local-address 192.0.2.2; secret s3cr3t-of-them; description of {0}; local-id name {0}"
        lines = [f"config; tunnel; ipsec {n}; {rest.format(f'a{n}')}; end; end; end" for n in (7, 70)]
        for line in lines:
            subprocess.run(["yangswan", "-c", line, "--commit"], env=environ, check=True, capture_output=True)
        yield environ


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (["yangswan", "sh"], {"show"}),
        (["yangswan", "show", "ipsec", ""], {"up", "down", "7", "70"}),
        (["yangswan", "--json", "show", "ipsec", "7"], {"7", "70"}),
        (["yangswan", "--socket", "nowhere", "show", "ipsec", ""], {"up", "down"}),
        (["yangswan", "ipsec", "70", "res"], {"restart"}),
        (["yangswan", "show", "running-config", ""], {"commands", "xml", "json", "ipsec"}),
        (["yangswan", "--commit", "sho"], {"show"}),
        (["yangswan", "his"], {"history"}),
    ],
)
def test_bash_offers_what_the_program_knows(
    files: Path, here: Path, agent: Mapping[str, str], line: list[str], expected: set[str]
) -> None:
    assert offered(files, here, *line, environ=agent) == expected


class Terminal:
    """A shell that was just started, its prompt ``READY>``. ``keys``: what completes a line, and what then
    appears behind it."""

    def __init__(
        self, command: str, words: list[str], *, env: dict[str, str], folder: Path, keys: tuple[str, str]
    ) -> None:
        self._keys = keys
        self._shell = pexpect.spawn(
            command, words, env={"TERM": "dumb", **env}, cwd=folder, encoding="utf-8",
            timeout=LIMIT_S, dimensions=(50, 200),
        )  # fmt: skip
        self._shell.expect_exact("READY>")

    def after_tab(self, line: str, expected: str) -> None:
        """Type ``line``, have it completed, and see it end with ``expected``."""
        pressed, shown = self._keys
        self._shell.send(f"{line}{pressed}")
        self._shell.expect_exact(f"{expected}{shown}")
        self._shell.send("\x03")
        self._shell.expect_exact("READY>")

    def close(self) -> None:
        self._shell.close(force=True)


@pytest.fixture
def bash(files: Path, here: Path, agent: Mapping[str, str]) -> Iterator[Terminal]:
    start = files / "bashrc"
    start.write_text(f"PS1='READY>'\nbind 'set enable-bracketed-paste off'\nsource {files}/yangswan.bash\n")
    terminal = Terminal(
        "bash",
        ["--rcfile", str(start), "-i"],
        env={**agent, "HOME": str(files)},
        folder=here,
        keys=("\t@@", "@@"),
    )
    yield terminal
    terminal.close()


@pytest.fixture
def zsh(files: Path, here: Path, agent: Mapping[str, str]) -> Iterator[Terminal]:
    if shutil.which("zsh") is None:
        pytest.skip("zsh is not installed (script/setup --tests installs it)")
    (files / ".zshrc").write_text(
        f"PS1='READY>'\nfpath=({files} $fpath)\nautoload -U compinit\ncompinit -u -D\n"
        # What is typed ahead would keep it from completing.
        'complete-and-show() { zle complete-word; zle -I; print -r -- "$BUFFER<" }\n'
        "zle -N complete-and-show\nbindkey '^P' complete-and-show\n"
    )
    terminal = Terminal(
        "zsh",
        ["-d", "-i"],
        env={**agent, "ZDOTDIR": str(files), "HOME": str(files)},
        folder=here,
        keys=("\x10", "<"),
    )
    yield terminal
    terminal.close()


@pytest.mark.parametrize("name", ["bash", "zsh"])
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("yangswan exp", "yangswan export "),
        ("yangswan export --format instance-j", "instance-json "),
        ("yangswan export --format=instance-j", "instance-json "),
        ("yangswan check ga", "gateway\\ one.xml "),
        ("yangswan check 'gateway o", "gateway one.xml' "),
        ("yangswand --config=sett", "settings.toml "),
        ("yangswan export --with", "--with-secrets "),
        ("yangswand --charon ext", "external "),
        ("yangswand --data-dir ke", "keys/"),
        ("yangswand imp", "import "),
        ("yangswan history --js", "--json "),
        ("yangswan ipsec 70 res", "restart "),
        ("yangswan --json show ipsec 70", "ipsec 70 "),
        ("yangswan sho", "yangswan show "),
    ],
)
def test_a_line_is_completed(request: pytest.FixtureRequest, name: str, line: str, expected: str) -> None:
    request.getfixturevalue(name).after_tab(line, expected)
