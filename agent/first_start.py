"""What the first start leaves in the data folder, and what it tells the user to type."""

from __future__ import annotations

import logging
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from agent.data_folder import CREDENTIAL_TRACE
from agent.datastore.candidate import Candidate
from agent.datastore.configuration import Configuration
from agent.datastore.records import SERVER, CommitInfo
from agent.datastore.store_errors import StoreError, usable
from agent.errors import RpcErrors
from agent.made_user import MADE_USER, private_key, public_key_file
from agent.nacm.control import about_rules
from agent.nacm.factory import factory_rules
from agent.settings import Settings
from agent.transport.files import damaged, public_key, write_durably, write_key_pair

log = logging.getLogger(__name__)

SSH_PORT = 22
RULES_NOTE = "first-rules"
NEW_PAIR = "who has a copy logs in as before; remove it, and start again, to have another pair made"


def ensure_keys(data_dir: Path, users: Mapping[str, Path]) -> dict[str, Path]:
    """Return user to authorized keys; without configured users, make one user with a key of its own."""
    if users:
        return dict(users)
    private, public = private_key(data_dir), public_key_file(data_dir)
    if not (private.exists() and public.exists()):
        write_key_pair(private, f"{MADE_USER}@yangswan")
    for sentence in damaged(private, NEW_PAIR, what=f"key of the user '{MADE_USER}'"):
        log.warning("%s", sentence)
    return {MADE_USER: public}


async def ensure_rules(configuration: Configuration, users: Iterable[str]) -> None:
    """Commit rules of access control if this server never had any: its users may do everything.

    Once only: who removes them later wants them gone. Where nothing can be written, at a later start.

    Raises:
        StoreError: they could not be committed, as on a disk that is full.
    """
    if configuration.store.read_only is not None:
        return
    with usable(configuration.store.path):
        if await configuration.worker(configuration.store.note, RULES_NOTE) is not None:
            return
        if not await configuration.worker(_has_rules, configuration):
            candidate = await configuration.worker(configuration.with_content, factory_rules(users))
            async with configuration.writing:
                author = replace(SERVER, comment="first rules of access control")
                await _commit(configuration, author, candidate)
        await configuration.worker(configuration.store.keep_note, RULES_NOTE, "made")


async def _commit(configuration: Configuration, author: CommitInfo, candidate: Candidate) -> None:
    try:
        await configuration.commit(author, candidate=candidate)
    except RpcErrors as problem:
        raise StoreError(f"the first rules of access control could not be committed: {problem}") from problem


def _has_rules(configuration: Configuration) -> bool:
    return about_rules(configuration.explicit_units())


def keep_known_hosts(settings: Settings, port: int) -> None:
    """Leave a file of known hosts beside the host key, with which a client on this machine can check it.

    A disk that is full is no reason not to serve.
    """
    name = reached_at(settings) if port == SSH_PORT else f"[{reached_at(settings)}]:{port}"
    line = f"{name},* {' '.join(public_key(settings.host_key))}\n".encode()
    file = settings.data_dir / "known_hosts"
    try:
        if not file.exists() or file.read_bytes() != line:
            write_durably(file, line, 0o644)
    except OSError as problem:
        log.warning("%s could not be written: %s", file, problem.strerror)


def keep_trace(settings: Settings) -> None:
    """Leave the public half of a host key that is a credential in the data folder.

    Without any key there a history that is lost would be taken for one that never was (data_folder). A disk
    that is full is no reason not to serve.
    """
    if settings.credential is None:
        return
    file = settings.data_dir / CREDENTIAL_TRACE
    line = f"{' '.join(public_key(settings.credential))}\n".encode()
    try:
        before = file.read_bytes() if file.exists() else line
        if before != line:
            log.warning("the host key is another one than at the last start: who knows that will not connect")
        if not file.exists() or before != line:
            write_durably(file, line, 0o600)
    except OSError as problem:
        log.warning("%s could not be written: %s", file, problem.strerror)


def host_key_hint(host_key: Path) -> str:
    """Return a line with the host key in the file ``host_key``, for who connects from elsewhere."""
    return f"Host key: {' '.join(public_key(host_key))}"


def reached_at(settings: Settings) -> str:
    """Return an address at which a client on this machine reaches the agent."""
    return settings.host if settings.host not in ("0.0.0.0", "::") else "127.0.0.1"


def greeting(settings: Settings, port: int, users: Mapping[str, Path]) -> Iterator[str]:
    """Yield what an agent says when it begins to serve, for who wants to connect to it."""
    keep_known_hosts(settings, port)
    yield host_key_hint(settings.host_key)
    yield from connect_hints(settings, port, users)


def connect_hints(settings: Settings, port: int, users: Mapping[str, Path]) -> Iterator[str]:
    """Yield the exact commands with which the usual clients connect and check the host key: of those that are
    installed here."""
    user = next(iter(users))
    _, host_key = public_key(settings.host_key)
    own_key = private_key(settings.data_dir)
    key = own_key if own_key.exists() and not settings.users else Path("YOUR_PRIVATE_KEY")
    host = reached_at(settings)
    yield "Connect with one of:"
    yield (
        f"  ssh -i {key} -o UserKnownHostsFile={settings.data_dir / 'known_hosts'}"
        f" -o StrictHostKeyChecking=yes -p {port} {user}@{host} -s netconf"
    )
    console, ncclient = _client("netconf-console2"), find_spec("ncclient")
    # Without --ssh-config it adds a password of its own, which its SSH library refuses for a plain key.
    if console is not None:
        yield (
            f"  {console} --host {host} --port {port} --user {user} --privKeyFile {key}"
            " --ssh-config=/dev/null --hello"
        )
    if ncclient is None:
        return
    yield (
        f"  {sys.executable}"
        ' -c "from ncclient import manager; print(manager.connect('
        f"host='{host}', port={port}, username='{user}', key_filename='{key}', "
        f"hostkey_b64='{host_key}', "
        "allow_agent=False, look_for_keys=False).get_config('running'))\""
    )


def _client(name: str) -> str | None:
    """Return how to call a program: from beside the interpreter, in whose environment it may be alone."""
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else shutil.which(name)
