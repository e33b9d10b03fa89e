"""What a machine takes over from this one, so that apt and pip work in it as they do here."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from script.machines.progress import Trouble, run_quietly

SUITES = {"12": "bookworm", "13": "trixie"}
# A file of its own: installing ca-certificates in the machine writes Debian's anew.
CA_FILE = "/etc/ssl/machine-ca.crt"
CA_VARIABLES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
PIP_FILES = ("/etc/pip.conf", "/etc/xdg/pip", "~/.config/pip", "~/.pip")
PASSED_ON = re.compile(r"CI|TERM|LANG|REWRITE|PIP_\w+|YANGSWAN_(?!MACHINES)\w+|\w+_proxy")
LOCAL_PLACE = re.compile(r"(?:file://)?(/[^\s'\",;:]+)")


@dataclass(frozen=True, slots=True)
class Source:
    """A place of packages and the name that it has there; of it, machines use the component main."""

    uri: str
    suite: str


def sources(suite: str) -> list[Source]:
    """Return the sources that this machine has for its own Debian, for the Debian named ``suite``.

    Raises:
        Trouble: apt here has no source of a Debian known by name.
    """
    # It only says what it would fetch, in every form of sources, and also before the first real update.
    listed = run_quietly(["apt-get", "update", "--print-uris"])
    names = "|".join(SUITES.values())
    # bookworm, bookworm-updates, bookworm-security: the plain one first, for debootstrap.
    wanted = re.compile(rf"^'(\S+)/dists/((?:{names})(?:-updates|-security)?)/InRelease'", re.MULTILINE)
    found = [Source(uri, re.sub(names, suite, release)) for uri, release in wanted.findall(listed)]
    found.sort(key=lambda source: source.suite != suite)
    if not found or found[0].suite != suite:
        raise Trouble(f"apt here has no source of {' or '.join(SUITES.values())} to find a mirror by")
    return found


def fetching_environment() -> dict[str, str]:
    """Return this process's variables, with apt's proxy for programs that do not ask apt for it."""
    proxy = run_quietly(["apt-config", "dump", "--format", "%v", "Acquire::http::Proxy"]).strip()
    return dict(os.environ) | ({"http_proxy": proxy} if proxy else {})


def write_sources(root: Path, suite: str) -> None:
    """Give apt below ``root`` this machine's mirror."""
    lines = [f"deb {source.uri} {source.suite} main\n" for source in sources(suite)]
    (root / "etc/apt/sources.list").write_text("".join(lines), encoding="utf-8")


def write_all(root: Path) -> None:
    """Give the system below ``root`` what this machine has to reach others by, as it is now."""
    _write_apt_settings(root)
    _write_network(root)


def _write_apt_settings(root: Path) -> None:
    settings = run_quietly(["apt-config", "dump", "Acquire"]).splitlines()
    kept = [f"{line}\n" for line in settings if "::IndexTargets" not in line and "::Changelogs" not in line]
    (root / "etc/apt/apt.conf.d/90machine").write_text("".join(kept), encoding="utf-8")


def _write_network(root: Path) -> None:
    for name in ("/etc/resolv.conf", "/etc/hosts"):
        target = root / name[1:]
        target.unlink(missing_ok=True)
        shutil.copy(name, target)
    if (found := _ca_file()) is not None:
        target = root / CA_FILE[1:]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(found, target)
    for path in _pip_files():
        target = root / ("root" / path.relative_to(Path.home()) if _is_home(path) else path.relative_to("/"))
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.copytree(path, target, dirs_exist_ok=True)
        else:
            shutil.copy(path, target)


def environment(*, network: bool = True) -> dict[str, str]:
    """Return the variables of COMMAND: a login's, and those of this process that say how to install."""
    passed = {name: value for name, value in os.environ.items() if PASSED_ON.fullmatch(name)}
    if network and _ca_file() is not None:
        passed |= dict.fromkeys(CA_VARIABLES, CA_FILE)
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return {"TERM": "dumb", "LANG": "C.UTF-8"} | passed | {"HOME": "/root", "USER": "root", "PATH": path}


def local_places() -> list[Path]:
    """Return the folders of this machine that pip's configuration names: packages that lie on its disk."""
    texts = [value for name, value in os.environ.items() if name.startswith("PIP_")]
    for path in _pip_files():
        inside = [path] if path.is_file() else path.rglob("*.conf")
        texts += [file.read_text(encoding="utf-8", errors="replace") for file in inside]
    named = {Path(place) for text in texts for place in LOCAL_PLACE.findall(text)}
    # The pages of an index of files point beside it (PEP 503).
    folders = {place.parent if place.name == "simple" else place for place in named if place.is_dir()}
    return sorted(folder for folder in folders if len(folder.parts) > 2)


def _is_home(path: Path) -> bool:
    return path.is_relative_to(Path.home())


def _pip_files() -> list[Path]:
    return [path for name in PIP_FILES if (path := Path(name).expanduser()).exists()]


def _ca_file() -> Path | None:
    named = [os.environ[name] for name in CA_VARIABLES if name in os.environ]
    candidates = [Path(name) for name in (*named, "/etc/ssl/certs/ca-certificates.crt")]
    return next((path for path in candidates if path.is_file()), None)
