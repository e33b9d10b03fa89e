"""OpenSSH's sshd on loopback, on a machine whose users are the test's.

One process for each connection (``sshd -i``), so that no port has to be free. What follows runs in a mount
namespace of its own, in which the files of users and groups are ours; the machine's own stay as they are.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.agent.transport.ssh_server import make_key

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
LIMIT_S = 60
USERS = {"ann": 64_001, "bea": 64_002}
GROUP = "yangswan", 64_100
MEMBERS = ("ann",)
ROOT = Path(__file__).parents[2]


def on_machine(folder: Path) -> list[str]:
    """Return what to put before a command, so that it knows ``USERS`` and ``GROUP``."""
    users = [f"{user}:*:{uid}:{uid}::{folder}:/bin/sh" for user, uid in USERS.items()]
    groups = [f"{user}:x:{uid}:" for user, uid in USERS.items()]
    groups.append(f"{GROUP[0]}:x:{GROUP[1]}:{','.join(MEMBERS)}")
    try:
        pwd.getpwnam("sshd")
    except KeyError:
        users.append("sshd:*:64003:65534::/run/sshd:/usr/sbin/nologin")
    for name, lines in (("passwd", users), ("group", groups)):
        text = Path("/etc", name).read_text(encoding="utf-8").rstrip("\n")
        (folder / name).write_text("\n".join([text, *lines, ""]), encoding="utf-8")
        (folder / name).chmod(0o644)
    script = [
        f"mount --bind {folder}/passwd /etc/passwd",
        f"mount --bind {folder}/group /etc/group",
        "mount -t tmpfs tmpfs /run",
        "mkdir -m 755 /run/sshd",
        *_opened(),
        'exec "$@"',
    ]
    return ["unshare", "--mount", "--propagation", "private", "sh", "-e", "-c", "\n".join(script), "sh"]


def _opened() -> Iterator[str]:
    """Yield what lets every user reach the interpreter and this tree where root's folders are in the way."""
    needed = (ROOT, Path(sys.prefix), Path(sys.base_prefix))
    closed = {folder for path in needed for folder in path.parents if not folder.stat().st_mode & 0o001}
    for number, folder in enumerate(sorted(closed)):
        within = [path for path in needed if folder in path.parents]
        inside = {f"/run/open/{number}/{at}": path for at, path in enumerate(within)}
        for place, path in inside.items():
            yield f"mkdir -p {place}; mount --rbind {path} {place}"
        yield f"mount -t tmpfs -o mode=755 tmpfs {folder}"
        for place, path in inside.items():
            yield f"mkdir -p {path}; mount --rbind {place} {path}"


@dataclass
class Sshd:
    """A server that can be connected to; ``processes`` serve one connection each."""

    folder: Path
    port: int
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def ask(self, user: str, *messages: bytes, key: str = "ann") -> subprocess.CompletedProcess[bytes]:
        """Log in, send ``messages`` and the end of input, and return what came."""
        command = [
            "ssh", "-F", "none", "-i", str(self.folder / key), "-o", "IdentitiesOnly=yes",
            "-o", "UserKnownHostsFile=/dev/null", "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR",
            "-o", "BatchMode=yes", "-p", str(self.port), f"{user}@127.0.0.1", "-s", "netconf",
        ]  # fmt: skip
        return subprocess.run(
            command, input=b"".join(messages), capture_output=True, timeout=LIMIT_S, check=False
        )


@contextmanager
def sshd(folder: Path, agent_socket: Path, before: Sequence[str]) -> Iterator[Sshd]:
    """Serve ``USERS`` and root, with the key ``ann``; with the key ``sudo`` root comes for ann as by sudo."""
    assert SSHD is not None
    for name in ("ann", "sudo", "host"):
        make_key(folder / name)
    public = {name: (folder / f"{name}.pub").read_text(encoding="utf-8") for name in ("ann", "sudo")}
    (folder / "authorized_keys").write_text(f'{public["ann"]}environment="SUDO_USER=ann" {public["sudo"]}')
    (folder / "authorized_keys").chmod(0o644)
    (folder / "sshd_config").write_text(
        f"HostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized_keys\nStrictModes no\nUsePAM no\n"
        "PermitRootLogin yes\nPasswordAuthentication no\nPermitUserEnvironment yes\n"
        f"Subsystem netconf {sys.executable} -m console netconf-subsystem --socket {agent_socket}\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as listening, (folder / "sshd.log").open("wb") as errors:
        server = Sshd(folder, listening.getsockname()[1])

        def serve() -> None:
            with suppress(OSError):  # the end
                while True:
                    connection, _ = listening.accept()
                    with connection:
                        command = [*before, SSHD, "-i", "-e", "-f", str(folder / "sshd_config")]
                        server.processes.append(
                            subprocess.Popen(command, stdin=connection, stdout=connection, stderr=errors)
                        )

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown(socket.SHUT_RDWR)  # wakes who accepts
            thread.join()
            for process in server.processes:
                process.wait(LIMIT_S)
