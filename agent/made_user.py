"""The user whom the agent makes while the settings name none, and who goes when they name some."""

from __future__ import annotations

from pathlib import Path

from agent.settings import Settings

MADE_USER = "admin"


def private_key(data_dir: Path) -> Path:
    """Return the file with the key that is made for him."""
    return data_dir / "client_key"


def public_key_file(data_dir: Path) -> Path:
    """Return the file with the public half, which is what [users] can name."""
    return data_dir / "client_key.pub"


def goes(before: Settings, now: Settings) -> bool:
    """Return whether he is there with the settings ``before``, and with ``now`` nobody of his name is."""
    return not before.users and bool(now.users) and MADE_USER not in now.users


def how_to_keep(data_dir: Path) -> str:
    """Return a sentence on how to have him beside other users."""
    key = str(public_key_file(data_dir.absolute())).replace("\\", "\\\\").replace('"', '\\"')
    return f'To keep him: {MADE_USER} = "{key}" below [users]'


def notes(settings: Settings) -> list[str]:
    """Return a sentence if an earlier start has made him and the settings have no place for him any more."""
    key = public_key_file(settings.data_dir)
    if not settings.users or MADE_USER in settings.users or not key.exists():
        return []
    return [
        f"the user '{MADE_USER}', whom the agent made while the settings named no users, cannot log in over "
        f"SSH beside those of [users]. {how_to_keep(settings.data_dir)}; if he is not wanted, remove {key}"
    ]
