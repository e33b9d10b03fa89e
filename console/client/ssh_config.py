"""What ~/.ssh/config says of a host (ssh_config(5)): as much of it as is used here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import paramiko

from console.client.session import Gone

FILE = "~/.ssh/config"
_EXEC = re.compile(r"^\s*match\b.*\bexec\b.*$", re.IGNORECASE | re.MULTILINE)
_NEVER = "Host !*"


@dataclass(frozen=True, slots=True)
class Configured:
    """HostName, Port, User, IdentityFile and UserKnownHostsFile; what is not said is None or ()."""

    host: str
    port: int | None = None
    user: str | None = None
    keys: tuple[Path, ...] = ()
    known_hosts: tuple[Path, ...] = ()


def configured(host: str) -> Configured:
    """Return what is said of ``host``, the name that was typed.

    Raises:
        Gone: the file cannot be read.
    """
    file = Path(FILE).expanduser()
    try:
        # No program is run to read a file: what is below "Match exec" does not count.
        text = _EXEC.sub(_NEVER, file.read_text(encoding="utf-8"))
        found = paramiko.SSHConfig.from_text(text).lookup(host)
        port = int(found["port"]) if "port" in found else None
    except FileNotFoundError:
        return Configured(host)
    except (OSError, ValueError, paramiko.SSHException) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise Gone(f"{file} cannot be used: {reason}") from None
    files = found.get("userknownhostsfile", "").split()
    return Configured(
        host=found.get("hostname", host),
        port=port,
        user=found.get("user"),
        keys=tuple(Path(key).expanduser() for key in found.get("identityfile", ())),
        known_hosts=tuple(Path(one).expanduser() for one in files),
    )
