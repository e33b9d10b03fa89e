"""A charon of our own: its settings, its plugins, and what is said when it cannot be had."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from translators.strongswan.charon import apparmor, charon_config, kernel
from translators.strongswan.charon.charon_config import (
    MissingPlugin,
    missing,
    plugins_to_load,
    render,
    render_revocation,
)
from translators.strongswan.charon.daemon import DaemonError, ManagedCharon, leftover_pids
from translators.strongswan.options import Kernel, OptionError, Options
from translators.strongswan.translation.revocation import Mode, Revocation

# In the order in which charon is to load them.
WANTED = [
    "random",
    "nonce",
    "aes",
    "sha1",
    "sha2",
    "hmac",
    "kdf",
    "gmp",
    "curve25519",
    "openssl",
    "gcm",
    "ccm",
    "ctr",
    "chapoly",
    "kernel-libipsec",
    "kernel-netlink",
    "socket-default",
    "vici",
    "error-notify",
    "counters",
]
ALL = {*WANTED, "stroke"}
PLUGINS = Path("/usr/lib/ipsec/plugins")


def test_the_load_line_golden() -> None:
    assert plugins_to_load(ALL, Kernel.LIBIPSEC) == WANTED
    assert "kernel-libipsec" not in plugins_to_load(ALL, Kernel.NETLINK)


@pytest.mark.parametrize(
    ("plugin", "package"),
    [
        ("vici", "strongswan-swanctl"),
        ("socket-default", "strongswan-libcharon"),
        ("kernel-libipsec", "libcharon-extra-plugins"),
        ("random", "libstrongswan"),
        ("hmac", "libstrongswan, since Debian 13 libstrongswan-extra-plugins"),
        ("aes", "libstrongswan, since Debian 13 libstrongswan-extra-plugins"),
    ],
)
def test_a_plugin_that_is_needed_and_missing_is_named_with_its_package(plugin: str, package: str) -> None:
    with pytest.raises(MissingPlugin, match=f"'{plugin}' is not installed: install the package {package}$"):
        plugins_to_load(ALL - {plugin}, Kernel.LIBIPSEC)


def test_all_plugins_that_are_missing_are_named_at_once() -> None:
    texts = [str(plugin) for plugin in missing(ALL - {"vici", "random", "curl"}, Kernel.AUTO)]
    assert [text.rpartition(" ")[2] for text in texts] == ["libstrongswan", "strongswan-swanctl"]
    assert missing(ALL, Kernel.LIBIPSEC) == []


def test_a_charon_that_is_missing_is_named_without_a_start(tmp_path: Path) -> None:
    binary = tmp_path / "charon"
    daemon = ManagedCharon(tmp_path, Options(charon_binary=binary))
    (sentence,) = daemon.missing()
    assert sentence.endswith("install the package strongswan-charon")
    binary.touch(mode=0o755)
    (sentence,) = daemon.missing()
    assert sentence.endswith("install the package libstrongswan")
    (tmp_path / "plugins").mkdir()
    for plugin in ALL - {"vici"}:
        (tmp_path / "plugins" / f"libstrongswan-{plugin}.so").touch()
    (sentence,) = daemon.missing()
    assert sentence.endswith("install the package strongswan-swanctl")
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["charon"]


NEEDED = (
    "random",
    "nonce",
    "aes",
    "sha2",
    "hmac",
    "kernel-libipsec",
    "kernel-netlink",
    "socket-default",
    "vici",
)


@pytest.mark.parametrize("plugin", NEEDED)
def test_a_plugin_is_in_the_package_that_is_named_for_it(plugin: str) -> None:
    """As it is here: on Debian 12 the tests see one half, on Debian 13 the other."""
    file = PLUGINS / f"libstrongswan-{plugin}.so"
    if not file.exists() or shutil.which("dpkg") is None:
        pytest.skip("strongSwan is not from Debian's packages")
    found = subprocess.run(["dpkg", "-S", file], capture_output=True, text=True, check=True)
    assert found.stdout.partition(":")[0] in str(MissingPlugin(plugin)).replace(",", "").split()


def test_what_only_adds_algorithms_may_be_missing() -> None:
    assert "openssl" not in plugins_to_load(ALL - {"openssl", "error-notify"}, Kernel.NETLINK)


def test_what_fetches_is_loaded_only_where_that_is_permitted() -> None:
    assert {"curl", "revocation"} <= {*plugins_to_load(ALL | {"curl", "revocation"}, Kernel.NETLINK)}
    loaded = plugins_to_load(ALL | {"curl", "revocation"}, Kernel.NETLINK, fetches=False)
    assert "curl" not in loaded
    assert "revocation" in loaded


@pytest.mark.parametrize("mode", list(Mode))
def test_with_off_charon_looks_nowhere(mode: Mode) -> None:
    text = render_revocation(Revocation(mode, timeout_s=7))
    word = "no" if mode is Mode.OFF else "yes"
    assert f"enable_crl = {word}\n" in text
    assert f"enable_ocsp = {word}\n" in text
    assert "timeout = 7\n" in text


def test_what_may_change_while_charon_runs_does_not_keep_it_from_being_adopted(tmp_path: Path) -> None:
    now = [Revocation()]
    managed = ManagedCharon(tmp_path, Options(), revocation=lambda: now[0])
    managed.write_config()
    first = (tmp_path / charon_config.CONFIG_FILE).read_text()
    now[0] = Revocation(Mode.STRICT)
    managed.write_config()
    assert (tmp_path / charon_config.CONFIG_FILE).read_text() != first
    assert "enable_crl" not in render(["vici"], Kernel.NETLINK, Options())


def test_settings_of_charon_that_stay_are_not_written_again(tmp_path: Path) -> None:
    managed = ManagedCharon(tmp_path, Options())
    managed.write_config()
    file = tmp_path / charon_config.CONFIG_FILE
    before = file.stat().st_ino
    managed.write_config()
    assert file.stat().st_ino == before


def test_the_log_stays_below_the_levels_that_show_secrets() -> None:
    config = render(["vici"], Kernel.NETLINK, Options())
    assert "default = 1" in config
    assert not any(f"= {level}" in config.replace("ikesa_table_size = 1024", "") for level in (2, 3, 4))


def test_the_settings_that_are_not_given_are_left_to_strongswan() -> None:
    assert "retransmit" not in render(["vici"], Kernel.NETLINK, Options())
    given = render(["vici"], Kernel.NETLINK, Options(retransmit_timeout=2.5, retransmit_tries=3))
    assert "retransmit_timeout = 2.5\n" in given
    assert "retransmit_tries = 3\n" in given


def test_marks_keep_ike_out_of_the_tunnel_where_charon_routes_by_itself() -> None:
    assert "fwmark = !0x42" in render(["vici"], Kernel.LIBIPSEC, Options())
    assert "fwmark" not in render(["vici"], Kernel.NETLINK, Options())


def options(tmp_path: Path, *plugins: str) -> Options:
    binary = tmp_path / "charon"
    binary.write_text("#!/bin/sh\necho no tunnels today >&2\nexit 3\n")
    binary.chmod(0o755)
    folder = tmp_path / "plugins"
    folder.mkdir()
    for plugin in plugins:
        (folder / f"libstrongswan-{plugin}.so").touch()
    return Options(charon_binary=binary, kernel=Kernel.NETLINK)


async def test_a_missing_binary_is_named_with_its_package(tmp_path: Path) -> None:
    daemon = ManagedCharon(tmp_path / "run", Options(charon_binary=tmp_path / "nowhere"))
    with pytest.raises(DaemonError, match="strongswan-charon"):
        await daemon.start()


async def test_a_missing_plugin_is_named_with_its_package(tmp_path: Path) -> None:
    daemon = ManagedCharon(tmp_path / "run", options(tmp_path, *(ALL - {"vici"})))
    with pytest.raises(DaemonError, match="strongswan-swanctl"):
        await daemon.start()


async def test_no_plugins_at_all_are_named_with_their_package(tmp_path: Path) -> None:
    with pytest.raises(DaemonError, match="libstrongswan"):
        await ManagedCharon(tmp_path / "run", options(tmp_path)).start()


async def test_a_charon_that_ends_at_once_is_quoted(tmp_path: Path) -> None:
    daemon = ManagedCharon(tmp_path / "run", options(tmp_path, *ALL))
    with pytest.raises(DaemonError, match="ended at once: no tunnels today"):
        await daemon.start()
    assert not daemon.running


@pytest.mark.parametrize(
    ("does", "silent"),
    [
        ("exit 3", True),
        ("echo 00[LIB] abort initialization due to invalid configuration >&2; exit 64", True),
        ("echo 00[DMN] no tunnels today >>charon.log; exit 3", False),
        ("echo error while loading shared libraries >&2; exit 127", False),
    ],
)
async def test_apparmor_is_asked_whether_it_refused_a_charon_that_ends(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, does: str, silent: bool
) -> None:
    asked: list[tuple[bool, Path, bool]] = []

    def refusal(pid: int, folder: Path, *, silent: bool) -> str:
        asked.append((Path(f"/proc/{pid}/attr").exists(), folder, silent))
        return "AppArmor did it"

    monkeypatch.setattr(apparmor, "refusal", refusal)
    given = options(tmp_path, *ALL)
    (tmp_path / "charon").write_text(f"#!/bin/sh\n{does}\n")
    daemon = ManagedCharon(tmp_path / "run", given)
    for _ in range(2):  # what an earlier one has written is not its own
        with pytest.raises(DaemonError) as failed:
            await daemon.start()
        assert str(failed.value) == "charon ended at once: AppArmor did it"
    assert asked == [(True, tmp_path / "run", silent)] * 2, "while the kernel still knows the process"


async def test_its_folder_and_settings_are_private(tmp_path: Path) -> None:
    daemon = ManagedCharon(tmp_path / "run", options(tmp_path, *ALL))
    with pytest.raises(DaemonError):
        await daemon.start()
    assert (tmp_path / "run").stat().st_mode & 0o777 == 0o700
    await daemon.stop()
    await daemon.stop()


def test_a_process_that_is_not_ours_is_never_taken_for_ours(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "charon.pid").write_text(f"{os.getpid()}\n")
    assert leftover_pids([tmp_path]) == []
    (tmp_path / "run" / "charon.pid").write_text("not a number\n")
    assert leftover_pids([tmp_path]) == []


async def test_what_the_settings_ask_for_is_not_probed() -> None:
    assert await kernel.choose(Kernel.NETLINK) is Kernel.NETLINK
    assert await kernel.choose(Kernel.LIBIPSEC) is Kernel.LIBIPSEC


@pytest.mark.parametrize(
    ("has_esp", "has_tun", "expected"),
    [(True, True, Kernel.NETLINK), (True, False, Kernel.NETLINK), (False, True, Kernel.LIBIPSEC)],
)
async def test_the_kernel_is_preferred_where_it_can(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, has_esp: bool, has_tun: bool, expected: Kernel
) -> None:
    pretend(monkeypatch, tmp_path, has_esp, has_tun)
    assert await kernel.choose(Kernel.AUTO) is expected


async def test_without_any_data_path_the_modules_to_load_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pretend(monkeypatch, tmp_path, has_esp=False, has_tun=False)
    with pytest.raises(kernel.NoDataPath, match="esp4"):
        await kernel.choose(Kernel.AUTO)


def pretend(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, has_esp: bool, has_tun: bool) -> None:
    async def probe() -> bool:
        return has_esp

    (tmp_path / "tun").touch()
    monkeypatch.setattr(kernel, "kernel_has_esp", probe)
    monkeypatch.setattr(kernel, "TUN_DEVICE", tmp_path / ("tun" if has_tun else "nothing"))


@pytest.mark.parametrize(
    "table",
    [
        {"no-such-key": 1},
        {"kernel": "magic"},
        {"vici-socket": ""},
        {"vici-socket": 3},
        {"retransmit-timeout": 0},
        {"retransmit-timeout": True},
        {"retransmit-tries": 2.5},
        {"retransmit-tries": 0},
        {"retry-max": "long"},
        {"retry-max": float("nan")},
        {"retry-max": float("inf")},
        {"retry-max": 0.5},
    ],
)
def test_a_setting_that_is_not_known_or_not_sensible_is_refused(table: Any) -> None:
    with pytest.raises(OptionError, match=next(iter(table))):
        Options.parse(table)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"kernel": "magic"}, "'magic' is not one of auto, netlink, libipsec"),
        ({"capture": "here.json"}, "'here.json' is not an absolute path"),
        ({"attempts-at-once": 101}, "101 is not a whole number from 1 to 100"),
        ({"audit-interval": 0}, "0 is not a number above 0 and up to 1000000"),
        ({"charon-unit": "-x"}, "'-x' is not the name of a systemd unit"),
        ({"retry-first": 90}, "retry-max: 60 is less than retry-first, which is 90"),
    ],
)
def test_what_would_be_accepted_is_said(table: Any, words: str) -> None:
    with pytest.raises(OptionError, match=words):
        Options.parse(table)


def test_settings_are_read_by_their_names_in_the_file() -> None:
    parsed = Options.parse(
        {"kernel": "libipsec", "retransmit-tries": 3, "vici-socket": "/run/x", "retry-max": 5}
    )
    assert (parsed.kernel, parsed.retransmit_tries, parsed.retry_max) == (Kernel.LIBIPSEC, 3, 5.0)
    assert parsed.vici_socket == Path("/run/x")
    assert Options.parse(None) == Options()


def test_every_option_can_be_set() -> None:
    from translators.strongswan.options import _CONVERT

    assert {key.replace("-", "_") for key in _CONVERT} == set(Options.__slots__)
    assert charon_config.LOG_FILE == "charon.log"
