"""script/apparmor: the local file of a made-up AppArmor; tests/machines/test_apparmor.py has a real one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from script import apparmor
from script.apparmor import PROFILE, Block, Places, Refused, allow, allowed, block_of, forget, main
from script.demonstration.interrupts import Interrupts
from script.demonstration.laboratory import Failure, Laboratory, Site
from tests.scripts.agents import ROOT
from translators.strongswan.charon import charon_config, daemon
from translators.strongswan.translator import NAME

OTHERS = "# Site-specific additions.\n/srv/x r,\x0c\n\n"
PARSER = """#!/bin/sh
echo "$@" >>{folder}/told
cat {folder}/etc/local/usr.lib.ipsec.charon >{folder}/seen
"""

Machine = Callable[..., Places]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Make an AppArmor that has charon's profile ``loaded`` and ``parser`` after the lines of PARSER."""

    def make(*, on: bool = True, loaded: str = f"{PROFILE} (enforce)\n", parser: str = "") -> Places:
        places = Places(
            tmp_path / "etc", tmp_path / "enabled", tmp_path / "loaded",
            processes=tmp_path / "proc", parser=str(tmp_path / "parser"),
        )  # fmt: skip
        places.local.parent.mkdir(parents=True)
        places.processes.mkdir()
        places.enabled.write_text("Y\n" if on else "N\n")
        places.loaded.write_text(loaded)
        (tmp_path / "parser").write_text(PARSER.format(folder=tmp_path) + parser)
        (tmp_path / "parser").chmod(0o755)
        return places

    return make


def told(tmp_path: Path) -> list[str]:
    """Return what the parser was told, a line for each time."""
    path = tmp_path / "told"
    return path.read_text().splitlines() if path.exists() else []


def test_the_rules_name_what_a_charon_of_our_own_opens_and_not_the_private_keys() -> None:
    assert {name for name, _how in apparmor.FILES} == {
        charon_config.CONFIG_FILE, charon_config.VICI_SOCKET, charon_config.NOTIFY_SOCKET,
        charon_config.LOG_FILE, daemon.ERROR_FILE,
    }  # fmt: skip
    assert dict(apparmor.FILES)[charon_config.CONFIG_FILE] == "r"
    assert apparmor.CHARON_FOLDER == NAME
    assert PROFILE in daemon.BINARIES


def test_a_data_folder_gets_a_block_beside_what_others_wrote(machine: Machine, tmp_path: Path) -> None:
    places = machine()
    places.local.write_text(OTHERS)
    said = allow(block_of(tmp_path / "my data"), places=places)
    assert places.local.read_text() == OTHERS + (
        f'# yangswan: begin "{tmp_path}/my data"\n'
        f'"{tmp_path}/my data/strongswan/" r,\n'
        f'"{tmp_path}/my data/strongswan/strongswan.conf" r,\n'
        f'"{tmp_path}/my data/strongswan/vici.sock" rw,\n'
        f'"{tmp_path}/my data/strongswan/notify.sock" rw,\n'
        f'"{tmp_path}/my data/strongswan/charon.log" rw,\n'
        f'"{tmp_path}/my data/strongswan/charon.err" w,\n'
        "# yangswan: end\n"
    )
    assert places.local.stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "seen").read_text() == places.local.read_text(), "it was loaded after it was written"
    (command,) = told(tmp_path)
    assert command.split()[0] == "--replace"
    assert command.endswith("/etc/usr.lib.ipsec.charon")
    assert said == (
        f"charon may use its files in {tmp_path}/my data "
        f"({places.local}; the profile {PROFILE} is loaded anew)"
    )


def test_allowed_twice_it_stands_once_and_forgotten_nothing_is_left(machine: Machine, tmp_path: Path) -> None:
    places = machine()
    places.local.write_text(OTHERS)
    one, other = block_of(tmp_path / "one"), block_of(tmp_path / "other")
    allow(one, other, places=places)
    once = places.local.read_text()
    allow(other, places=places)
    assert places.local.read_text() == once
    assert allowed(places) == [one, other]
    forget(one, places=places)
    assert allowed(places) == [other]
    forget(one, other, places=places)
    assert places.local.read_text() == OTHERS


def test_the_rules_of_an_earlier_version_are_not_there_and_are_replaced(
    machine: Machine, tmp_path: Path
) -> None:
    places = machine()
    places.local.write_text(f'# yangswan: begin "{tmp_path}"\n"{tmp_path}/old" r,\n# yangswan: end\n')
    block = block_of(tmp_path)
    assert allowed(places) == [block]
    assert not apparmor.has(block, places=places)
    allow(block, places=places)
    assert apparmor.has(block, places=places)
    assert "/old" not in places.local.read_text()


def test_a_file_without_an_end_of_line_gets_one(machine: Machine, tmp_path: Path) -> None:
    places = machine()
    places.local.write_text("/srv/x r,")
    allow(block_of(tmp_path), places=places)
    assert places.local.read_text().startswith("/srv/x r,\n# yangswan: begin ")


def test_apparmor_sees_real_paths(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "real/strongswan").symlink_to(tmp_path / "elsewhere")
    block = block_of(tmp_path / "link")
    assert block.about == f"{tmp_path}/real"
    assert f'"{tmp_path}/elsewhere/vici.sock" rw,' in block.lines()


@pytest.mark.parametrize("special", [*'*?[]{}^"\\@', "\n", "\t", "\x7f"])
def test_a_path_that_a_rule_would_read_otherwise_is_refused(tmp_path: Path, special: str) -> None:
    with pytest.raises(Refused, match="means something else in a rule of AppArmor"):
        block_of(f"{tmp_path}/a{special}b")
    (tmp_path / "strongswan").symlink_to(f"{tmp_path}/a{special}b")
    with pytest.raises(Refused, match="means something else"):
        block_of(tmp_path)


def test_blanks_commas_and_other_letters_are_no_trouble(tmp_path: Path) -> None:
    assert block_of(f"{tmp_path}/a b,c#d ü$(e)").about == f"{tmp_path}/a b,c#d ü$(e)"


@pytest.mark.parametrize(("on", "loaded"), [(False, ""), (True, "/usr/lib/ipsec/charon2 (enforce)\n")])
def test_where_it_does_not_confine_charon_the_rule_is_only_written(
    machine: Machine, tmp_path: Path, on: bool, loaded: str
) -> None:
    places = machine(on=on, loaded=loaded)
    allow(block_of(tmp_path), places=places)
    assert allowed(places) == [block_of(tmp_path)]
    assert told(tmp_path) == []


def test_rules_that_apparmor_does_not_take_are_taken_back(machine: Machine, tmp_path: Path) -> None:
    places = machine(parser="echo syntax error >&2; exit 1\n")
    places.local.write_text("nonsense\n")
    with pytest.raises(Refused, match="is as it was: syntax error"):
        allow(block_of(tmp_path), places=places)
    assert places.local.read_text() == "nonsense\n"


def test_a_parser_that_is_missing_is_said(machine: Machine, tmp_path: Path) -> None:
    places = machine()
    (tmp_path / "parser").unlink()
    with pytest.raises(Refused, match="No such file"):
        allow(block_of(tmp_path), places=places)
    assert allowed(places) == []


def test_without_apparmor_there_is_nothing_to_write(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="AppArmor is not installed"):
        allow(block_of(tmp_path), places=Places(tmp_path / "nowhere"))


def test_a_block_without_an_end_is_left_to_its_author(machine: Machine, tmp_path: Path) -> None:
    places = machine()
    text = '# yangswan: begin "/x"\n/srv/x r,\n'
    places.local.write_text(text)
    with pytest.raises(Refused, match="mend the file by hand"):
        allow(block_of(tmp_path), places=places)
    assert places.local.read_text() == text


# --- for as long as tests and demonstrations run ---


def test_all_below_a_folder_is_allowed_for_a_while(machine: Machine, tmp_path: Path) -> None:
    places = machine()
    places.local.write_text(OTHERS)
    root = tmp_path / "root"
    root.mkdir(mode=0o700)
    with apparmor.allowed_below(root, places):
        assert allowed(places) == [Block(f"{root}/**", os.getpid())]
        assert f'"{root}/**/strongswan.conf" r,\n' in places.local.read_text()
    assert places.local.read_text() == OTHERS
    assert len(told(tmp_path)) == 2


def test_where_charon_is_not_confined_nothing_is_written_for_a_while(
    machine: Machine, tmp_path: Path
) -> None:
    places = machine(loaded="")
    with apparmor.allowed_below(tmp_path, places):
        assert not places.local.exists()


def test_what_a_killed_process_left_goes_with_the_next_change(machine: Machine, tmp_path: Path) -> None:
    places = machine()
    gone, running = Block("/tmp/gone/**", 1001), Block("/tmp/running/**", 1002)
    (places.processes / "1002").mkdir()
    allow(gone, running, places=places)
    allow(block_of(tmp_path), places=places)
    assert allowed(places) == [running, block_of(tmp_path)]


@pytest.mark.parametrize(("path", "mode"), [("open", 0o777), ("group", 0o770)])
def test_a_folder_in_which_others_can_write_is_not_allowed_as_a_whole(
    tmp_path: Path, path: str, mode: int
) -> None:
    folder = tmp_path / path
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(Refused, match="nobody else can write"):
        block_of(folder, below=True)


@pytest.mark.parametrize("folder", ["/", "/usr"])
def test_the_top_of_the_system_is_not_allowed_as_a_whole(folder: str) -> None:
    with pytest.raises(Refused):
        block_of(folder, below=True)


# --- the command ---


def test_the_command_says_what_it_did_and_what_is_there(
    machine: Machine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = machine(on=False)
    one, other = str(tmp_path / "one"), str(tmp_path / "other")
    assert main(["has", one], places) == 1
    assert main(["allow", one, other], places) == 0
    assert main(["has", one, other], places) == 0
    assert main(["forget", one], places) == 0
    assert main(["has", one, other], places) == 1
    assert main(["list"], places) == 0
    output, messages = capsys.readouterr()
    assert output == f"{other}\n"
    assert messages == (
        f"apparmor: charon may use its files in {one}, {other} ({places.local})\n"
        f"apparmor: nothing is said of {one} any more ({places.local})\n"
    )


def test_the_command_says_what_it_refuses(
    machine: Machine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["allow", f"{tmp_path}/*"], machine()) == 2
    assert "means something else" in capsys.readouterr().err


def test_without_root_and_sudo_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "id").write_text("#!/bin/sh\necho 1000\n")
    (tmp_path / "id").chmod(0o755)
    for program in ("bash", "dirname"):
        (tmp_path / program).symlink_to(f"/usr/bin/{program}")
    done = subprocess.run(
        [ROOT / "script/apparmor", "allow", "x"], env={"PATH": str(tmp_path)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "not root, and no sudo: run as root: " in done.stderr


def test_its_options_are_explained() -> None:
    done = subprocess.run([ROOT / "script/apparmor", "--help"], capture_output=True, text=True, check=True)
    for word in ("allow", "forget", "has", "list"):
        assert word in done.stdout


# --- who uses it ---


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), "{default}"),
        (("--data-dir", "x"), "{here}/x"),
        (("--config", "settings.toml"), "{here}/etc/data"),
        (("--config", "settings.toml", "--charon", "external"), ""),
        (("--charon", "none"), ""),
        (("--config", "nowhere"), ""),
        (("--nonsense",), ""),
        (("--help",), ""),
    ],
)
def test_the_folder_of_script_run_is_that_of_its_options_and_settings(
    tmp_path: Path, options: tuple[str, ...], expected: str
) -> None:
    (tmp_path / "settings.toml").write_text('data-dir = "etc/data"\n')
    # The program is from a checkout if it runs in the .venv of one, as script/run has it.
    default = ROOT / "var" if Path(sys.prefix) == ROOT / ".venv" else tmp_path / "var"
    done = subprocess.run(
        [sys.executable, ROOT / "script/charon_folder.py", *options], cwd=tmp_path, capture_output=True,
        text=True, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (done.stdout.strip(), done.stderr) == (expected.format(here=tmp_path, default=default), "")


@pytest.mark.parametrize("at_the_end", [None, "no longer"])
def test_the_demonstration_is_allowed_its_folder_until_it_is_removed(
    monkeypatch: pytest.MonkeyPatch, at_the_end: str | None
) -> None:
    seen: list[tuple[str, bool]] = []

    @contextmanager
    def allowed_below(folder: Path) -> Iterator[None]:
        seen.append(("allowed", folder.is_dir()))
        yield
        seen.append(("forgotten", folder.is_dir()))
        if at_the_end:
            raise Refused(at_the_end)

    monkeypatch.setattr(apparmor, "allowed_below", allowed_below)
    laboratory = Laboratory(Interrupts())
    folders = [laboratory._data_folder(Site(name, "192.0.2.1", "10.0.0.1")) for name in ("alice", "bob")]
    assert laboratory.remove() == ([f"the rules of AppArmor: {at_the_end}"] if at_the_end else [])
    assert seen == [("allowed", True), ("forgotten", True)]
    assert not any(folder.exists() for folder in folders)


def test_a_demonstration_that_apparmor_refuses_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def allowed_below(folder: Path) -> None:
        raise Refused("syntax error")

    monkeypatch.setattr(apparmor, "allowed_below", allowed_below)
    laboratory = Laboratory(Interrupts())
    with pytest.raises(Failure, match="AppArmor confines charon: syntax error"):
        laboratory._data_folder(Site("alice", "192.0.2.1", "10.0.0.1"))
    assert laboratory.remove() == []


def ensure_confinement(folder: Path, tool: str, before: str = ":") -> tuple[int, str, list[str]]:
    """Run script/setup's part with a made-up tool; return (status, messages, what the tool was told)."""
    part = f'source script/setup; {before}; root=$1; ensure_confinement "$1"'
    (folder / "script").mkdir()
    (folder / "script/apparmor").write_text(f'#!/bin/sh\necho "$@" >>{folder}/told\n{tool}\n')
    (folder / "script/apparmor").chmod(0o755)
    done = subprocess.run(
        ["bash", "-eu", "-c", part, "setup", folder],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stderr, told(folder)


def test_setup_allows_the_folders_of_a_gateway_and_of_the_checkout_once(tmp_path: Path) -> None:
    folders = f"/var/lib/yangswan {tmp_path}/var"
    status, messages, asked = ensure_confinement(tmp_path, '[ "$1" = allow ]')
    assert (status, messages, asked) == (0, "", [f"has {folders}", f"allow {folders}"])


def test_setup_does_nothing_where_the_rules_are_there(tmp_path: Path) -> None:
    assert ensure_confinement(tmp_path, "exit 0")[2] == [f"has /var/lib/yangswan {tmp_path}/var"]


def test_a_start_of_the_agent_asks_no_user_for_a_password(tmp_path: Path) -> None:
    assert ensure_confinement(tmp_path, "exit 1", "quiet=yes; id() { echo 1000; }") == (0, "", [])


def test_setup_goes_on_where_apparmor_refuses(tmp_path: Path) -> None:
    status, messages, _ = ensure_confinement(tmp_path, "exit 2")
    assert status == 0
    assert "setup: a charon that AppArmor confines will not start there" in messages
