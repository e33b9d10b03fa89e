"""Where programs are found: sh, nft, systemctl and others, whoever starts the agent, and from where."""

from __future__ import annotations

from collections.abc import MutableMapping

SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")


def complete(environment: MutableMapping[str, str]) -> None:
    """Have PATH end with the folders of the system that it lacks: sbin is missing after ``su``, and all of
    them in an empty environment. An empty one goes, for it is the folder in which somebody stands."""
    given = filter(None, environment.get("PATH", "").split(":"))
    environment["PATH"] = ":".join(dict.fromkeys((*given, *SYSTEM_FOLDERS)))
