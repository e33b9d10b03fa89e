"""Restarting a charon that the system runs: ``systemctl restart`` on its unit, a child with a time limit."""

from __future__ import annotations

import logging
import shutil

from translators.strongswan.charon import command

log = logging.getLogger(__name__)

WORDS_MAX = 300
"""How many characters of what systemctl says are passed on."""


class ServiceError(Exception):
    """The unit was not restarted; the text says why, ``app_tag`` in one word."""

    def __init__(self, message: str, app_tag: str) -> None:
        super().__init__(message)
        self.app_tag = app_tag


async def restart_unit(unit: str, limit_s: float) -> None:
    """Have systemd restart ``unit``; return once systemctl says that it has.

    Raises:
        ServiceError: there is no systemctl, it refuses, or it is not done within ``limit_s`` seconds.
    """
    program = shutil.which("systemctl")
    if program is None:
        raise ServiceError(
            f"{unit} is restarted with systemctl, which is not installed here: restart charon where it runs",
            "systemctl-missing",
        )
    try:
        code, words = await command.run((program, "--no-ask-password", "restart", "--", unit), limit_s)
    except TimeoutError:
        # Only who waits is ended: the job is systemd's, and goes on.
        raise ServiceError(
            f"systemctl restart {unit} was not done within {limit_s:g} s; systemd may still be at it: see "
            f"systemctl status {unit}",
            "systemctl-timeout",
        ) from None
    except OSError as problem:
        raise ServiceError(f"{program} cannot be started: {problem.strerror}", "systemctl-missing") from None
    if code != 0:
        raise ServiceError(_refused(unit, code, words), "systemctl-failed")
    log.info("systemd has restarted %s", unit)


def _refused(unit: str, code: int | None, words: bytes) -> str:
    said = " ".join(words.decode("utf-8", "replace").split())[:WORDS_MAX]
    return (
        f"systemctl restart {unit} failed with exit code {code}: {said or 'without a word'} "
        "(the setting charon-unit names the unit)"
    )
