"""yangswand --check: all that is wrong with the settings, said without an agent and without a trace."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent.command_line import Task
from agent.data_folder import KEYS
from agent.datastore.store import Store
from agent.from_settings import faults_of
from agent.settings import from_file
from agent.transport.files import write_key_pair
from tests.agent.checked import ROOT, check, start
from tests.agent_process import running_agent


def file_with(folder: Path, text: str) -> str:
    file = folder / "settings.toml"
    file.write_text(text)
    return str(file)


def test_settings_in_order_end_with_0_and_leave_nothing_behind(tmp_path: Path) -> None:
    module = ROOT / "tests/modules/every-construct.yang"
    capture = f'translator.strongswan.capture = "{tmp_path}/said"'
    text = f'data-dir = "data"\nyang-modules = ["{module}"]\n{capture}'
    status, output, said = check("--config", file_with(tmp_path, text))
    # What this machine has not is not the settings' fault.
    assert (status, output, [line for line in said if "install the package" not in line]) == (0, "", [])
    assert os.listdir(tmp_path) == ["settings.toml"]


@pytest.mark.parametrize(("charon", "packages"), [("managed", ["strongswan-charon", "nftables"]),
                                                  ("external", ["nftables"]), ("none", [])])  # fmt: skip
def test_what_is_not_installed_is_named_with_its_package_and_is_no_fault(
    tmp_path: Path, charon: str, packages: list[str]
) -> None:
    source = """
from translators.strongswan.charon import daemon
from translators.strongswan.protection import nft
daemon.BINARIES, nft.program = ("/nowhere/charon",), lambda: None
from agent.program import main
main()
"""
    words = ["--check", "--config", file_with(tmp_path, f'charon = "{charon}"')]
    done = subprocess.run(
        [sys.executable, "-c", source, *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    said = done.stderr.splitlines()
    assert (done.returncode, [line.rpartition(" ")[2] for line in said]) == (0, packages)
    assert all(line.startswith("yangswand: note: ") and "install the package" in line for line in said)


def test_every_fault_is_said_in_a_line_of_its_own(tmp_path: Path) -> None:
    text = """
        colour = 1
        charon = "sometimes"
        [limits]
        sessions = 0
        [translator.other]
        [translator.strongswan]
        kernel = "solid"
    """
    words = ["colour", "setting 'charon'", "--user and", "limit 'sessions'", "'other'", "kernel: 'solid'"]
    status, output, said = check("--config", file_with(tmp_path, text), "--user", "ann")
    assert (status, output, len(said)) == (os.EX_CONFIG, "", len(words))
    assert all(word in line for word, line in zip(words, said, strict=True))
    assert all(line.startswith("yangswand: ") for line in said)
    assert os.listdir(tmp_path) == ["settings.toml"]


@pytest.mark.parametrize("module", ["missing.yang", "settings.toml"])
def test_a_module_that_cannot_be_served_is_a_fault(tmp_path: Path, module: str) -> None:
    status, _, said = check("--config", file_with(tmp_path, f'yang-modules = ["{module}"]'))
    assert (status, len(said)) == (os.EX_CONFIG, 1)
    assert module in said[0]


def test_an_agent_that_uses_the_data_folder_does_not_matter(tmp_path: Path) -> None:
    with running_agent(tmp_path):
        before = sorted(os.listdir(tmp_path))
        assert check("--data-dir", str(tmp_path)) == (0, "", [])
        assert sorted(os.listdir(tmp_path)) == before


def test_a_second_agent_on_the_data_folder_is_refused_with_another_status(tmp_path: Path) -> None:
    with running_agent(tmp_path):
        done = subprocess.run(
            [sys.executable, "-m", "agent", "--data-dir", str(tmp_path), "--charon", "none"],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert f"another agent uses the data folder {tmp_path}" in done.stderr


def test_a_start_says_the_same_and_ends_with_the_same_status(tmp_path: Path) -> None:
    file = file_with(tmp_path, 'data-dir = "data"\ncolour = 1\n[limits]\nsessions = 0')
    done = subprocess.run(
        [sys.executable, "-m", "agent", "--config", file],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr.splitlines()) == check("--config", file)[::2]
    assert os.listdir(tmp_path) == ["settings.toml"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file"),
        (b"", "holds no public key"),
        (b"\n", "holds no public key"),
        (b"-----BEGIN OPENSSH PRIVATE KEY-----\n", "holds no public key"),
        (b"ssh-ed25519 AAAA\n# x\n", "holds no public key"),
        (b"ssh-ed25519 \xff\n", "not UTF-8"),
    ],
)
def test_a_user_without_a_key_that_can_be_read_is_a_fault_of_a_check_and_of_a_start(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    keys = tmp_path / "keys"
    if content is not None:
        keys.write_bytes(content)
    options = ["--user", "ann", "--authorized-keys", str(keys), "--data-dir", str(tmp_path / "data")]
    status, _, (said,) = check(*options)
    assert status == os.EX_CONFIG
    assert said.startswith(f"yangswand: the user 'ann' cannot log in: {keys}")
    assert reason in said
    assert start(*options) == (status, "", [said])
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("task", ["--protect", "--unprotect"])
def test_what_only_an_agent_uses_keeps_no_protection_from_coming_into_force(
    tmp_path: Path, task: str
) -> None:
    text = '[users]\nbob = "missing"\n[translator.strongswan]\ncharon-binary = "/nope"'
    settings = from_file(Path(file_with(tmp_path, text)))
    assert faults_of(settings, Task(task[2:])) == []
    assert [fault.split(":")[0] for fault in faults_of(settings, Task.RUN)] == [
        "the user 'bob' cannot log in",
        "[translator.strongswan] charon-binary",
    ]


def test_that_the_made_user_goes_with_the_first_that_is_named_is_a_note(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(0o700)
    for key in KEYS:
        write_key_pair(folder / key, "test")
    Store(folder / "history.db").close()
    write_key_pair(tmp_path / "rita", "rita")
    general = 'data-dir = "data"\ncharon = "none"\nlisten = "127.0.0.1:0"\n'
    for users, noted in (
        ("", False),
        ('[users]\nrita = "rita.pub"\n', True),
        ('[users]\nrita = "rita.pub"\nadmin = "data/client_key.pub"\n', False),
    ):
        status, _, said = check("--config", file_with(tmp_path, general + users))
        notes = [line for line in said if line.startswith("yangswand: note: the user 'admin'")]
        assert (status, len(notes)) == (0, int(noted))
        assert all(f'admin = "{folder}/client_key.pub"' in note for note in notes)


def test_a_file_that_is_no_folder_cannot_be_the_data_folder(tmp_path: Path) -> None:
    file = file_with(tmp_path, "")
    status, _, (said,) = check("--data-dir", file)
    assert (status, said) == (
        os.EX_CONFIG,
        f"yangswand: {file} cannot be the data folder: Not a directory",
    )
    assert start("--data-dir", file) == (status, "", [said])


def spoil(folder: Path, what: str) -> Path:
    """Do to a data folder in use what no start mends by itself; returns what is to be named."""
    named = folder if what == "writable" else folder / what.split()[1]
    if what.startswith("exposed"):
        named.chmod(0o640)
    elif what.startswith("damaged"):
        named.write_bytes(b"no key")
    elif what.startswith("missing"):
        named.unlink()
    elif what.startswith("empty"):
        named.write_bytes(b"")
    elif what.startswith("piped"):
        named.unlink()
        os.mkfifo(named, 0o600)
    else:
        folder.chmod(0o770)
    return named


@pytest.mark.parametrize(
    "what",
    [
        "writable",
        "exposed host_key",
        "exposed client_key",
        "damaged host_key",
        "piped host_key",
        "missing history.db",
        "empty history.db",
    ],
)
def test_what_no_start_could_use_is_a_fault_of_a_check_and_of_a_start(tmp_path: Path, what: str) -> None:
    folder = tmp_path / "data"
    folder.mkdir(0o700)
    for key in KEYS:
        write_key_pair(folder / key, "test")
    Store(folder / "history.db").close()
    options = ("--data-dir", str(folder), "--charon", "none", "--listen", "127.0.0.1:0")
    assert check(*options) == (0, "", [])
    named = spoil(folder, what)
    before = sorted(os.listdir(folder))
    status, output, (said,) = check(*options)
    assert (status, output) == (os.EX_CONFIG, "")
    assert str(named) in said
    assert start(*options) == (status, "", [said])
    assert sorted(os.listdir(folder)) == before


@pytest.mark.parametrize(
    ("left", "status"),
    [(None, 0), ((), 0), (("lock",), 0), (("host_key",), 1), (("lock", "client_key"), 1), (("letter",), 1)],
)
def test_at_a_first_boot_there_is_nothing_to_protect(
    tmp_path: Path, left: tuple[str, ...] | None, status: int
) -> None:
    """A folder with keys and no history is damaged, and one with other files is not what was meant."""
    folder = tmp_path / "data"
    if left is not None:
        folder.mkdir(0o700)
        for name in left:
            (folder / name).touch(0o600)
    found, output, (said,) = start("--protect", "--data-dir", str(folder))
    assert (found, output) == (status, "")
    assert ("nothing to protect yet" in said) is (status == 0)
    assert str(folder) in said
    assert folder.exists() is (left is not None)
    assert left is None or {file.name for file in folder.iterdir()} == set(left)


def test_what_may_go_by_itself_has_another_status(tmp_path: Path) -> None:
    """192.0.2.1 is nobody's (RFC 5737): an interface may get it."""
    options = ("--listen", "192.0.2.1:830", "--charon", "none", "--data-dir", str(tmp_path / "data"))
    status, _, (said,) = check(*options)
    assert (status, said) == (
        1,
        "yangswand: NETCONF cannot be served on 192.0.2.1: no interface has this address",
    )
    assert not (tmp_path / "data").exists()
    status, _, said_at_start = start(*options)
    assert status == 1
    assert "192.0.2.1 port 830: no interface has this address" in said_at_start[-1]


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
@pytest.mark.parametrize("option", ["--config", "--yang-module", "--authorized-keys"])
def test_what_has_no_end_is_not_read(tmp_path: Path, kind: str, option: str) -> None:
    named = {"pipe": tmp_path / "pipe", "device": Path("/dev/zero"), "folder": tmp_path}[kind]
    if kind == "pipe":
        os.mkfifo(named)
    user = ("--user", "ann") if option == "--authorized-keys" else ()
    status, _, (said,) = check(option, str(named), *user)
    assert status == os.EX_CONFIG
    assert str(named) in said
    assert said.endswith("it is a folder" if kind == "folder" else "it is no regular file")


@pytest.mark.parametrize("task", ["--run", "--protect", "--unprotect", "--repair"])
def test_translators_are_made_once_and_warn_once(tmp_path: Path, task: str) -> None:
    """Whoever makes them warns where none is installed."""
    (tmp_path / "data").mkdir(0o700)
    Store(tmp_path / "data" / "history.db").close()
    without = "import agent.from_settings; agent.from_settings.entry_points = lambda **_: []\n"
    # An address that nobody has ends a start.
    words = ["--data-dir", str(tmp_path / "data"), "--listen", "192.0.2.1:830"]
    words += [] if task == "--run" else [task]
    done = subprocess.run(
        [sys.executable, "-c", f"{without}from agent.program import main; main()", *words],
        cwd=ROOT, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    assert done.stderr.count("no translator is installed") == 1


def test_what_the_agent_would_do_without_is_said_and_is_no_fault(tmp_path: Path) -> None:
    """As a service of the unit for the charon of the system would be, had it no capabilities."""
    text = 'charon = "external"\nlisten = "127.0.0.1:830"\ndata-dir = "data"\n'
    for key in ("vici-socket", "error-notify-socket"):
        text += f'translator.strongswan.{key} = "{tmp_path}/none"\n'
    command = [sys.executable, "-m", "agent", "--check", "--config", file_with(tmp_path, text)]
    dropped = ("setpriv", "--bounding-set", "-net_admin,-net_raw,-net_bind_service", "--inh-caps", "-all")
    done = subprocess.run([*dropped, *command], cwd=ROOT, capture_output=True, text=True, check=False)
    port, admin, raw, *rest = done.stderr.splitlines()
    assert done.returncode == 0
    assert "yangswand: note: NETCONF cannot be served on 127.0.0.1 port 830: a port below 1024" in port
    assert "yangswand: note: without CAP_NET_ADMIN" in admin
    assert "yangswand: note: without CAP_NET_RAW" in raw
    assert all("nft" in line for line in rest)


def test_faults_of_the_door_hide_none_of_what_it_names(tmp_path: Path) -> None:
    text = (
        '[web]\nlisten = "nowhere"\ncolour = 1\ncertificate = "none.crt"\nkey = "none.key"\n'
        '[web.passwords]\nann = "word"\n"b b" = "word"\n'
    )
    status, _output, said = check("--config", file_with(tmp_path, text))
    assert status == os.EX_CONFIG
    for words in ("'web.listen'", "'web.colour'", "none.crt", "'web.passwords.ann'", "'web.passwords.b b'"):
        assert [words in line for line in said].count(True) == 1, (words, said)


@pytest.mark.parametrize(
    ("listen", "metrics", "web", "named"),
    [
        ("127.0.0.1:8300", "127.0.0.1:9100", "127.0.0.1:9100", [("metrics.listen", "web.listen")]),
        ("127.0.0.1:8300", "localhost:9100", "[::1]:9100", [("metrics.listen", "web.listen")]),
        ("0.0.0.0:8300", "127.0.0.1:9100", "127.0.0.1:8300", [("listen", "web.listen")]),
        ("127.0.0.1:8300", "localhost:8300", "[::1]:8300",
         [("listen", "metrics.listen"), ("metrics.listen", "web.listen")]),
        ("gw.example:8300", "127.0.0.1:8300", "127.0.0.2:8300", []),
        ("[::]:8300", "127.0.0.1:8300", "127.0.0.2:8300", []),
        ("127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0", []),
    ],
)  # fmt: skip
def test_two_doors_of_one_port_are_named(
    tmp_path: Path, listen: str, metrics: str, web: str, named: list[tuple[str, str]]
) -> None:
    text = f'listen = "{listen}"\n[metrics]\nlisten = "{metrics}"\n[web]\nlisten = "{web}"\n'
    found = faults_of(from_file(Path(file_with(tmp_path, text))), Task.RUN)
    said = [fault for fault in found if "the same port" in fault]
    assert len(said) == len(named)
    for fault, (one, other) in zip(said, named, strict=True):
        assert f"'{one}' and '{other}'" in fault
