"""A charon of our own: found, started in private surroundings, adopted again, watched and stopped.

charon outlives an agent that dies: its SAs go on carrying traffic, and the next agent with the same data
folder adopts it. It is recognised by two variables in its environment (nobody else can have set them on a
process of the same user): the folder, and a digest of the configuration. A charon of this folder that
cannot be adopted (other settings, other network namespace, or it does not answer) is ended first. An agent
that stops in order ends its charon, unless it is to be left to the next agent.

charon 5.9 writes its pid to a path fixed at compile time, /var/run/charon.pid, and refuses to start if
another charon's is there. So it gets a mount namespace in which /var/run is a folder of ours; where
that is not allowed, it runs without, and then it can be the only one.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from translators.strongswan.charon import apparmor, charon_config, kernel, leftovers, place, ports
from translators.strongswan.charon.processes import environment_of, has_ended, network_of
from translators.strongswan.charon.scope import Scope
from translators.strongswan.charon.vici import Connection, ViciError
from translators.strongswan.options import Kernel, Options
from translators.strongswan.translation.revocation import Revocation

log = logging.getLogger(__name__)

START_LIMIT_S = 20.0
STOP_LIMIT_S = 10.0
POLL_S = 0.05
ERROR_FILE = "charon.err"
LOG_OCTETS_MAX = 10_000_000

BINARIES = ("/usr/lib/ipsec/charon", "/usr/libexec/ipsec/charon", "/usr/libexec/strongswan/charon",
            "/usr/lib/strongswan/charon")  # fmt: skip
_PLUGIN_FOLDERS = ("plugins", "../../lib64/strongswan/plugins", "../../lib/ipsec/plugins",
                   "../../lib/strongswan/plugins")  # fmt: skip
_PLUGIN_FILE = "libstrongswan-{}.so"
_FOLDER_VARIABLE = "YANGSWAN_FOLDER"
_CONFIG_VARIABLE = "YANGSWAN_CONFIG"
# What charon says when it may not read strongswan.conf, or cannot: what we wrote into it is valid.
_NOT_READ = "invalid configuration"
_RUN_FOLDER = "run"
_PID_FILE = f"{_RUN_FOLDER}/charon.pid"
_IN_FOLDER = 'cd "$1" && umask 077 && shift && exec "$@"'
# Where its files lie in memory it still sees them in its folder, by whose path AppArmor knows them.
_PRIVATE_RUN = """
if [ -d "$1" ] && ! [ . -ef "$1" ]; then mount --bind . "$1" && cd "$1"; fi &&
mount --bind "$2" "$(readlink -f /var/run)" && shift 2 && exec "$@"
"""


class DaemonError(Exception):
    """No charon can be had; the text says why and, where known, what to install or change."""


class ManagedCharon:
    """The one charon that belongs to ``folder`` (created with mode 0700), in ``scope`` if systemd runs us.
    ``revocation`` says what it is to do about revoked certificates; ``can_fetch``: a plugin that fetches is
    installed."""

    def __init__(
        self,
        folder: Path,
        options: Options,
        *,
        scope: Scope | None = None,
        revocation: Callable[[], Revocation] = Revocation,
    ) -> None:
        self._folder = self._place = folder
        self._options = options
        self._scope = scope
        self._revocation = revocation
        self._configured = ""
        self.can_fetch = False
        self._turn = asyncio.Lock()  # a restart is a stop, and a start that must not overtake it
        self._pidfd: int | None = None
        self._log_octets_before = 0
        self.pid: int | None = None

    @property
    def vici_socket(self) -> Path:
        return self._place / charon_config.VICI_SOCKET

    @property
    def notify_socket(self) -> Path:
        return self._place / charon_config.NOTIFY_SOCKET

    @property
    def running(self) -> bool:
        return self._pidfd is not None and not has_ended(self._pidfd)

    async def start(self) -> bool:
        """Have a charon that answers; return True if a running one was adopted.

        Raises:
            DaemonError: it is not installed, or it does not start.
        """
        async with self._turn:
            adopted = await self._start()
            if self._scope is not None and self.pid is not None:
                await self._scope.take(self.pid)
            return adopted

    async def _start(self) -> bool:
        self._forget()
        binary = self._binary()
        config = await self._config(binary)
        digest = hashlib.sha256(f"{binary}\n{config}".encode()).hexdigest()
        self._configured = config
        if await self._adopt(digest):
            return True
        self._place = place.choose(self._folder)
        await self._remove_leftovers()
        if refusal := await asyncio.to_thread(ports.refusal):
            raise DaemonError(refusal)
        self.write_config()
        await self._spawn(binary, digest)
        return False

    def write_config(self) -> None:
        """Write strongswan.conf, with what may change while charon runs as it is to be now; a charon that
        runs hears of it by "reload-settings".

        Raises:
            OSError: it cannot be written.
        """
        path = self._place / charon_config.CONFIG_FILE
        wanted = self._configured + charon_config.render_revocation(self._revocation())
        if self._text_of(charon_config.CONFIG_FILE) == wanted:
            return  # a full disk then keeps no charon from being started
        new = path.with_suffix(".new")
        new.write_text(wanted)
        new.replace(path)

    async def ended(self) -> None:
        """Return when the process is gone."""
        if self._pidfd is None:
            return
        loop, gone = asyncio.get_running_loop(), asyncio.Event()
        watched = os.dup(self._pidfd)  # two waiters cannot share one descriptor in a selector
        loop.add_reader(watched, gone.set)
        try:
            await gone.wait()
        finally:
            loop.remove_reader(watched)
            os.close(watched)

    async def stop(self) -> None:
        """End the process: SIGTERM, so that peers hear of it, and SIGKILL after a bound."""
        async with self._turn:
            await self._end()

    async def leave(self) -> None:
        """Let the process go on, for the next agent to adopt."""
        async with self._turn:
            if self.running:
                log.info("charon, process %d, goes on for the next agent", self.pid)
            self._forget()

    async def _end(self) -> None:
        for how in (signal.SIGTERM, signal.SIGKILL):
            if self._pidfd is None:
                break
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, how)
            try:
                async with asyncio.timeout(STOP_LIMIT_S):
                    await self.ended()
                break
            except TimeoutError:
                log.warning("charon did not end within %g s of %s", STOP_LIMIT_S, how.name)
        self._forget()
        await self._remove_leftovers()

    async def _remove_leftovers(self) -> None:
        # charon removes this file when it ends in order, after its SAs. One that runs is left alone.
        if (self._place / _PID_FILE).exists() and not any(self._leftovers()):
            await leftovers.remove()
            (self._place / _PID_FILE).unlink(missing_ok=True)

    def _forget(self) -> None:
        if self._pidfd is not None:
            # An adopted charon is not our child and has been waited for elsewhere.
            with contextlib.suppress(ChildProcessError):
                os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED | os.WNOHANG)
            os.close(self._pidfd)
            self._pidfd = None
        self.pid = None

    # --- what to run ---

    def missing(self) -> list[str]:
        """Return a sentence for each package that a start would not find; nothing is run."""
        try:
            installed = self._installed(self._binary())
        except DaemonError as error:
            return [str(error)]
        # Who does ESP where nobody says so is known at a start alone.
        return [str(plugin) for plugin in charon_config.missing(installed, self._options.kernel)]

    def _binary(self) -> Path:
        candidates = [self._options.charon_binary] if self._options.charon_binary else map(Path, BINARIES)
        for candidate in candidates:
            if os.access(candidate, os.X_OK):
                return candidate
        tried = self._options.charon_binary or ", ".join(BINARIES)
        raise DaemonError(f"charon is not installed ({tried}): install the package strongswan-charon")

    async def _config(self, binary: Path) -> str:
        try:
            data_path = await kernel.choose(self._options.kernel)
            installed = self._installed(binary)
            self.can_fetch = charon_config.FETCHER in installed
            fetches = self._revocation().fetch
            plugins = charon_config.plugins_to_load(installed, data_path, fetches=fetches)
        except (charon_config.MissingPlugin, kernel.NoDataPath) as error:
            raise DaemonError(str(error)) from None
        if data_path is Kernel.LIBIPSEC and not kernel.TUN_DEVICE.exists():
            raise DaemonError(f"user-space ESP needs {kernel.TUN_DEVICE}: load the module tun")
        if "error-notify" not in plugins:
            log.warning("plugin error-notify is not installed (package libcharon-extra-plugins): "
                        "why a tunnel fails will be known less often")  # fmt: skip
        return charon_config.render(plugins, data_path, self._options)

    def _installed(self, binary: Path) -> set[str]:
        folders = [self._options.plugin_dir] if self._options.plugin_dir else [
            binary.parent / folder for folder in _PLUGIN_FOLDERS
        ]  # fmt: skip
        prefix, suffix = _PLUGIN_FILE.split("{}")
        for folder in folders:
            if found := {
                path.name[len(prefix) : -len(suffix)] for path in folder.glob(_PLUGIN_FILE.format("*"))
            }:
                return found
        raise DaemonError(f"no strongSwan plugins in {folders[0]}: install the package libstrongswan")

    # --- adopting and starting ---

    async def _adopt(self, digest: str) -> bool:
        for found, pid in self._leftovers():
            try:
                self._pidfd = os.pidfd_open(pid)
            except ProcessLookupError:
                continue
            # Asked again: the pid may have changed hands before it was open.
            if not self._is_ours(pid):
                self._forget()
                continue
            self.pid, self._place = pid, found
            environ = environment_of(pid)
            same = environ.get(_CONFIG_VARIABLE) == digest and network_of(str(pid)) == network_of(
                "thread-self"
            )
            if same and await self._answers():
                log.info("adopted charon, process %d, which was left running", pid)
                return True
            log.warning("ending charon, process %d, left behind with other settings or not answering", pid)
            await self._end()
        return False

    def _leftovers(self) -> Iterator[tuple[Path, int]]:
        """Yield the place and the process of each charon of this folder."""
        in_memory = place.stand_in(self._folder)
        for found, pid_file in (
            (self._folder, self._folder / _PID_FILE),
            (in_memory, in_memory / _PID_FILE),
            (self._folder, Path("/var/run/charon.pid")),
        ):
            with contextlib.suppress(OSError, ValueError):
                pid = int(pid_file.read_text())
                if self._is_ours(pid):
                    yield found, pid

    def _is_ours(self, pid: int) -> bool:
        return environment_of(pid).get(_FOLDER_VARIABLE) == str(self._folder.resolve())

    async def _answers(self) -> bool:
        try:
            connection = await Connection.open(self.vici_socket, 2.0)
            try:
                await connection.request("version", limit_s=2.0)
            finally:
                await connection.close()
        except ViciError:
            return False
        return True

    async def _spawn(self, binary: Path, digest: str) -> None:
        (self._place / _RUN_FOLDER).mkdir(mode=0o700, exist_ok=True)
        self.set_log_aside()
        self._log_octets_before = self._log_octets()
        environment = {
            "PATH": os.environ.get("PATH", os.defpath), "STRONGSWAN_CONF": charon_config.CONFIG_FILE,
            _FOLDER_VARIABLE: str(self._folder.resolve()), _CONFIG_VARIABLE: digest,
        }  # fmt: skip
        command = [*await self._surroundings(), str(binary)]
        self.pid = self._run(command, environment)
        self._pidfd = os.pidfd_open(self.pid)
        await self._until_it_answers()
        log.info("started charon, process %d", self.pid)

    def _run(self, command: list[str], environment: dict[str, str]) -> int:
        """Start ``command`` in the folder; it is no child object's to end when we do."""
        launch = ["sh", "-c", _IN_FOLDER, "sh", str(self._place), *command]
        errors = str(self._place / ERROR_FILE)
        return os.posix_spawnp(
            "sh",
            launch,
            environment,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            # A Ctrl-C in the agent's terminal is for the agent alone.
            setsid=True,
        )

    async def _surroundings(self) -> list[str]:
        wrapped = ["unshare", "--mount", "sh", "-c", _PRIVATE_RUN, "sh", str(self._folder), _RUN_FOLDER]
        if shutil.which("unshare") is None:
            return []
        probe = await asyncio.to_thread(
            subprocess.run,
            [*wrapped, "true"],
            cwd=self._place,
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )
        if probe.returncode == 0:
            return wrapped
        log.warning("no private mount namespace for charon; it must be the only charon on this machine")
        return []

    async def _until_it_answers(self) -> None:
        try:
            async with asyncio.timeout(START_LIMIT_S):
                while self.running:
                    if await self._answers():
                        return
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            reason = await self._reason()
            await self._end()
            raise DaemonError(f"charon did not answer within {START_LIMIT_S:g} s{reason}") from None
        reason = await self._reason()
        self._forget()
        raise DaemonError(f"charon ended at once{reason}")

    async def _reason(self) -> str:
        """Say why the process does not answer. Until we have waited for it, the kernel knows its profile."""
        assert self.pid is not None
        said = self._text_of(ERROR_FILE).strip()
        silent = self._log_octets() <= self._log_octets_before and (not said or said.endswith(_NOT_READ))
        # Read in a thread: the kernel's log can be long.
        refused = await asyncio.to_thread(apparmor.refusal, self.pid, self._folder, silent=silent)
        return f": {refused}" if refused else self._last_words()

    def _log_octets(self) -> int:
        try:
            return (self._place / charon_config.LOG_FILE).stat().st_size
        except OSError:
            return 0

    def _text_of(self, name: str) -> str:
        try:
            return (self._place / name).read_text(errors="replace")
        except OSError:
            return ""

    def _last_words(self) -> str:
        words: list[str] = []
        for name in (ERROR_FILE, charon_config.LOG_FILE):
            words.extend(self._text_of(name).splitlines()[-3:])
        return ": " + " / ".join(words) if words else ""

    def set_log_aside(self) -> bool:
        """Rename a log that has become large; return whether it was. A charon that runs goes on writing to
        it until it is told to open its log anew ("reload-settings").

        Raises:
            OSError: it cannot be renamed.
        """
        path = self._place / charon_config.LOG_FILE
        if not path.exists() or path.stat().st_size <= LOG_OCTETS_MAX:
            return False
        path.replace(path.with_suffix(".log.1"))
        return True


def leftover_pids(folders: Iterable[Path]) -> list[int]:
    """Return the processes of charons that belong to ``folders``, for whoever has to clean up."""
    return [pid for folder in folders for _, pid in ManagedCharon(folder, Options())._leftovers()]
