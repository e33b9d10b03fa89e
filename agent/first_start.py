"""What the first start leaves in the data folder, and what it tells the user to type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import asyncssh

from agent.settings import Settings
from agent.transport.files import write_durably

DEFAULT_USER = "admin"


def ensure_keys(data_dir: Path, users: Mapping[str, Path]) -> dict[str, Path]:
    """Return user to authorized keys; without configured users, make one user with a key of its own."""
    if users:
        return dict(users)
    private = data_dir / "client_key"
    public = data_dir / "client_key.pub"
    if not (private.exists() and public.exists()):
        key = asyncssh.generate_private_key("ssh-ed25519", comment=f"{DEFAULT_USER}@yangswan")
        write_durably(private, key.export_private_key("openssh"), 0o600)
        write_durably(public, key.export_public_key("openssh"), 0o644)
    return {DEFAULT_USER: public}


def connect_hints(settings: Settings, port: int, users: Mapping[str, Path]) -> Iterator[str]:
    """Yield the exact commands with which the usual clients connect."""
    user = next(iter(users))
    own_key = settings.data_dir / "client_key"
    key = own_key if own_key.exists() and not settings.users else Path("YOUR_PRIVATE_KEY")
    host = settings.host if settings.host not in ("0.0.0.0", "::") else "127.0.0.1"
    yield "Connect with one of:"
    yield (
        f"  ssh -i {key} -o UserKnownHostsFile={settings.data_dir / 'known_hosts'}"
        f" -o StrictHostKeyChecking=accept-new -p {port} {user}@{host} -s netconf"
    )
    # Without --ssh-config it adds a password of its own, which its SSH library refuses for a plain key.
    yield (
        f"  netconf-console2 --host {host} --port {port} --user {user} --privKeyFile {key}"
        " --ssh-config=/dev/null --hello"
    )
    yield (
        '  python3 -c "from ncclient import manager; print(manager.connect('
        f"host='{host}', port={port}, username='{user}', key_filename='{key}', hostkey_verify=False, "
        "allow_agent=False, look_for_keys=False).get_config('running'))\""
    )
