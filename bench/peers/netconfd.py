"""yuma123's netconfd behind a private sshd on loopback, on a module with the same tunnels.

netconfd is Debian's package of that name. Where it is not installed it is fetched by apt-get and unpacked
into the folder of the run; its libraries have to be there, with yangcli they are.
"""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.messages import Words
from bench.peers.failed import Failed
from bench.peers.keys import make_key
from bench.processes import running
from bench.session import ssh_command
from bench.site import Peer

SUBJECT = "netconfd"
NAMESPACE = "urn:yangswan:bench:tunnels"
MODULE = Path(__file__).with_name("bench-tunnels.yang")
MODULES = Path("/usr/share/yuma/modules")
SYSTEM = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
FETCH_LIMIT_S = 60.0
START_LIMIT_S = 20.0
ANSWER_LIMIT_S = 60.0


@contextmanager
def started(folder: Path) -> Iterator[Peer]:
    """A netconfd with an empty configuration, ended with the block.

    Raises:
        Failed: it cannot be had, or does not start.
    """
    folder = folder / SUBJECT
    (folder / ".yuma").mkdir(parents=True)  # where it writes the id of the last transaction
    programs = _programs(folder)
    key = make_key(folder)
    unix, port = folder / "ncx.sock", _free_port()
    server = (
        str(programs / "netconfd"), f"--module={MODULE}", f"--modpath={MODULES}",
        f"--superuser={getpass.getuser()}", f"--ncxserver-sockname={unix}", "--no-startup",
        "--target=candidate", "--log-level=error", f"--log={folder}/log", "--indent=0", f"--port={port}",
    )  # fmt: skip
    subsystem = f"{programs}/netconf-subsystem --ncxserver-sockname={port}@{unix}"
    with running(server, folder, HOME=str(folder)) as process:
        _wait_for(unix.exists, process, "netconfd did not start")
        with running(_sshd(folder, port, subsystem), folder) as door:
            _wait_for(lambda: _listens(port), door, "sshd did not start")
            yield Peer(
                subject=SUBJECT,
                command=ssh_command(getpass.getuser(), key, port),
                pid=process.pid,
                words=Words(NAMESPACE),
                limit_s=ANSWER_LIMIT_S,
            )


def _programs(folder: Path) -> Path:
    """Return the folder of netconfd and its subsystem."""
    found = shutil.which("netconfd", path=SYSTEM)
    if found is not None:
        return Path(found).parent
    if shutil.which("apt-get") is None or not MODULES.is_dir():
        raise Failed("Debian's package netconfd is not installed")
    try:
        _done(["apt-get", "-qq", "download", "netconfd"], folder)
        (package,) = folder.glob("netconfd_*.deb")
        _done(["dpkg", "-x", str(package), str(folder / "unpacked")], folder)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise Failed(f"netconfd is not installed, and could not be fetched: {error}") from error
    return folder / "unpacked" / "usr" / "sbin"


def _done(command: list[str], folder: Path) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=FETCH_LIMIT_S)


def _sshd(folder: Path, port: int, subsystem: str) -> tuple[str, ...]:
    """Return the command of an sshd of our own; as root it has its folder in a namespace of its own."""
    program = shutil.which("sshd", path=SYSTEM)
    if program is None:
        raise Failed("sshd (package openssh-server) is not installed")
    host_key = folder / "host"
    host_key.mkdir()
    config = folder / "sshd_config"
    config.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {make_key(host_key)}\nPidFile none\n"
        f"AuthorizedKeysFile {folder}/authorized_keys\nStrictModes no\nUsePAM no\nPermitRootLogin yes\n"
        f"PasswordAuthentication no\nMaxStartups 100\nMaxSessions 100\nSubsystem netconf {subsystem}\n"
    )
    command = (program, "-D", "-e", "-f", str(config))
    if os.geteuid() != 0:
        return command
    script = 'mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd && exec "$@"'
    return ("unshare", "--mount", "--propagation", "private", "sh", "-e", "-c", script, "sh", *command)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def _wait_for(condition: Callable[[], bool], process: subprocess.Popen[bytes], sentence: str) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while not condition():
        if process.poll() is not None or time.monotonic() > deadline:
            raise Failed(sentence)
        time.sleep(0.05)
