"""SIGHUP at the program as it runs: users, keys, limits and the log change, and sessions go on."""

from __future__ import annotations

import asyncio
import getpass
import json
import signal
import subprocess
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path

import asyncssh
import pytest
from lxml import etree

from agent.command_line import Task
from agent.from_settings import look
from agent.settings import from_file
from agent.transport.files import write_key_pair
from tests.agent_process import AgentProcess, running_agent
from tests.requests import edit_candidate, tunnel
from tests.wire.local_client import connected, folder_for_all
from tests.wire.raw_client import RawClient, raw_client
from tests.wire.test_notifications import subscribe
from tests.wire.test_sessions import logged

AGENT = "urn:yangswan:params:xml:ns:yang:agent"
LIMITS = f'<get><filter><agent xmlns="{AGENT}"><limits/></agent></filter></get>'
IN_FORCE = "are in force now"
REFUSED = "cannot be used; all stay as they were"


@dataclass
class Login:
    """A user of an agent; what ``raw_client`` connects as."""

    agent: AgentProcess
    user: str
    key: Path

    @property
    def host(self) -> str:
        return self.agent.host

    @property
    def port(self) -> int:
        return self.agent.port


@dataclass
class Site:
    """A settings file, and the keys of users."""

    folder: Path
    agent: AgentProcess | None = None

    @property
    def file(self) -> Path:
        return self.folder / "agent.toml"

    def key(self, user: str) -> Path:
        private = self.folder / user
        if not private.exists():
            write_key_pair(private, user)
        return private

    def write(self, text: str = "", *, users: tuple[str, ...] = ("ann", "bob")) -> None:
        named = "\n".join(f'{user} = "{self.key(user)}.pub"' for user in users)
        draft = self.folder / "draft"
        draft.write_text(f"{text}\n[users]\n{named}\n")
        draft.replace(self.file)  # whole whenever it is read

    def give(self, user: str, other: str) -> None:
        """Let ``user`` log in with the key of ``other``, and no more with his own."""
        Path(f"{self.key(user)}.pub").write_bytes(Path(f"{self.key(other)}.pub").read_bytes())

    def give_no_keys(self, user: str) -> None:
        """Leave nothing in the file of the keys of ``user``."""
        Path(f"{self.key(user)}.pub").write_bytes(b"")

    def login(self, agent: AgentProcess, user: str) -> Login:
        return Login(agent, user, self.key(user))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.write()
    return made


def running(site: Site, *options: str, log_level: str = "debug") -> AbstractContextManager[AgentProcess]:
    return running_agent(site.folder / "data", ["--config", str(site.file), *options], log_level=log_level)


async def reread(agent: AgentProcess, told: str) -> list[str]:
    """Have the settings read again; return what was logged until ``told`` was."""
    before = len(agent.log)
    agent.process.send_signal(signal.SIGHUP)
    async with asyncio.timeout(30):
        while not any(told in line for line in agent.log[before:]):
            await asyncio.to_thread(agent.readers[0].join, 0.05)
    return agent.log[before:]


async def limits(client: RawClient) -> dict[str, int]:
    found = etree.fromstring(await client.ask(LIMITS)).find(".//{*}limits")
    assert found is not None
    return {etree.QName(leaf).localname: int(leaf.text or 0) for leaf in found}


async def test_users_come_and_sessions_of_the_others_go_on(site: Site) -> None:
    with running(site) as agent:
        async with raw_client(site.login(agent, "ann"), greet="1.1") as ann:
            with pytest.raises(asyncssh.PermissionDenied):
                async with raw_client(site.login(agent, "eve")):
                    pass
            site.write(users=("ann", "bob", "eve"))
            assert "users.eve" in "".join(await reread(agent, IN_FORCE))
            async with raw_client(site.login(agent, "eve"), greet="1.1") as eve:
                assert b"<data" in await eve.ask("<get/>")
            assert b"<data" in await ann.ask("<get/>")


async def test_a_user_who_is_taken_out_is_out(site: Site) -> None:
    with running(site) as agent:
        async with (
            raw_client(site.login(agent, "ann"), greet="1.1") as ann,
            raw_client(site.login(agent, "bob"), greet="1.1") as bob,
        ):
            connection = bob.process.channel.get_connection()
            ann.send(subscribe())
            assert b"<ok/>" in await ann.chunked_message()
            site.write(users=("ann",))
            await reread(agent, "users.bob")
            await bob.closed()
            end = await ann.until_message(b"netconf-session-end")
            assert b"<username>bob</username>" in end
            assert b"<termination-reason>other</termination-reason>" in end
            assert await logged(agent, "the user 'bob' was taken out of the settings")
            # Nor does the connection that he has logged in with let him in again.
            await connection.wait_closed()
        with pytest.raises(asyncssh.PermissionDenied):
            async with raw_client(site.login(agent, "bob")):
                pass


async def test_a_connection_without_a_session_is_closed_too(site: Site) -> None:
    with running(site) as agent:
        options = {"known_hosts": None, "client_keys": [str(site.key("bob"))], "agent_path": None}
        async with asyncssh.connect(
            agent.host, agent.port, config=None, username="bob", **options
        ) as connection:
            site.write(users=("ann",))
            await reread(agent, "users.bob")
            await connection.wait_closed()


async def test_limits_change_also_for_sessions_that_exist(site: Site) -> None:
    with running(site) as agent:
        async with raw_client(site.login(agent, "bob"), greet="1.1") as silent:
            assert (await limits(silent))["idle-timeout-s"] == 3600
            site.write("[limits]\nidle-timeout-s = 1\nsessions-per-user = 1")
            said = await reread(agent, IN_FORCE)
            assert "limits.idle-timeout-s, limits.sessions-per-user" in "".join(said)
            await silent.closed()
        assert await logged(agent, "ended: idle")
        async with raw_client(site.login(agent, "ann"), greet="1.1") as ann:
            found = await limits(ann)
            assert (found["idle-timeout-s"], found["sessions-per-user"]) == (1, 1)
            with pytest.raises(asyncssh.ChannelOpenError):
                await ann.process.channel.get_connection().create_process(subsystem="netconf")
            # A limit that is not in the file any more has its default again.
            site.write()
            await reread(agent, IN_FORCE)
            assert (await limits(ann))["idle-timeout-s"] == 3600


async def test_recovery_users_change_in_sessions_that_exist(site: Site) -> None:
    with running(site) as agent:
        site.write(users=("ann", "bob", "eve"))
        await reread(agent, IN_FORCE)
        async with raw_client(site.login(agent, "eve"), greet="1.1") as eve:
            assert b"access-denied" in await eve.ask(edit_candidate(tunnel(1)))
            site.write('recovery-users = ["eve"]', users=("ann", "bob", "eve"))
            assert "recovery-users" in "".join(await reread(agent, IN_FORCE))
            assert b"<ok/>" in await eve.ask(edit_candidate(tunnel(1)))
            site.write(users=("ann", "bob", "eve"))
            await reread(agent, IN_FORCE)
            assert b"access-denied" in await eve.ask(edit_candidate(tunnel(2)))


async def test_a_broken_file_keeps_all_as_it_was_and_each_fault_is_told_as_by_check(site: Site) -> None:
    with running(site) as agent:
        async with raw_client(site.login(agent, "bob"), greet="1.1") as bob:
            site.file.write_text(
                'colour = 1\nlog-level = "loud"\n[limits]\nsessions = 0\n'
                f'[users]\nann = "{site.key("ann")}.pub"\neve = "nowhere.pub"\n'
            )
            said = await reread(agent, "'eve' cannot log in")
            faults = [line.split("agent: ")[1] for line in said if " ERROR " in line]
            assert REFUSED in faults[0]
            assert [fault.split(":")[0].strip() for fault in faults[1:]] == [
                str(site.file),
                "the setting 'log-level' must be one of debug, info, warning, error",
                "the limit 'sessions' must be a positive number, 2147483647 at most",
                "the user 'eve' cannot log in",
            ]
            assert b"<data" in await bob.ask("<get/>")
            assert (await limits(bob))["sessions"] == 64


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[users\n", "Expected"),
        (b"\xff", "is UTF-8"),
        (b"x = " + b"[" * 5000, "too deep"),
        (b"#" * 1_000_001, "cannot be read"),
        (None, "cannot be read"),
        (b"", "does not say [users]"),
        (b'log-level = "debug"\n', "does not say [users]"),
    ],
    ids=["no toml", "no utf-8", "nested", "too large", "gone", "empty", "its first line only"],
)
async def test_a_file_that_is_none_keeps_all_as_it_was(site: Site, content: bytes | None, said: str) -> None:
    with running(site) as agent:
        if content is None:
            site.file.unlink()
        else:
            site.file.write_bytes(content)
        told = said if "[users]" in said else str(site.file)
        assert said in "".join(await reread(agent, told))
        async with raw_client(site.login(agent, "bob"), greet="1.1") as bob:
            assert b"<data" in await bob.ask("<get/>")


async def test_what_needs_a_restart_is_named_and_not_applied(site: Site) -> None:
    with running(site) as agent:
        site.write('data-dir = "elsewhere"\nlisten = "[::1]:1"\non-stop = "keep"\nhistory-commits = 7')
        said = await reread(agent, "'on-stop' has changed")
        named = [line.split("'")[1] for line in said if "needs a restart" in line]
        # The command line says where to listen and which folder it is.
        assert named == ["history-commits", "on-stop"]
        assert not (site.folder / "elsewhere").exists()


async def test_without_users_there_is_one_with_a_key_in_the_folder_that_is_in_use(site: Site) -> None:
    with running(site) as agent:
        site.file.write_text('data-dir = "elsewhere"\n[users]\n')
        await reread(agent, IN_FORCE)
        async with raw_client(agent, greet="1.1") as admin:
            assert b"<data" in await admin.ask("<get/>")
    assert not (site.folder / "elsewhere").exists()


async def test_the_user_who_was_made_without_others_goes_with_the_first_and_it_is_said(site: Site) -> None:
    site.file.write_text("")
    key = site.folder / "data/client_key.pub"
    with running(site) as agent:
        async with raw_client(agent, greet="1.1") as admin:
            site.write(users=("rita",))
            said = "".join(await reread(agent, "To keep him"))
            assert "in force now: users.admin, users.rita" in said
            assert f'admin = "{key}" below [users]' in said
            await admin.closed()
        assert await logged(agent, "'admin' was there while the settings named no users, and now they do")
        assert not any("taken out of the settings" in line for line in agent.log)
        # He comes back as the log says; then he is one like the others.
        with site.file.open("a") as file:
            file.write(f'admin = "{key}"\n')
        await reread(agent, "in force now: users.admin")
        async with raw_client(agent, greet="1.1") as admin:
            assert b"<data" in await admin.ask("<get/>")
            site.write(users=("rita",))
            await reread(agent, "in force now: users.admin")
            await admin.closed()
        assert await logged(agent, "the user 'admin' was taken out of the settings")


async def test_the_log_changes_its_level_and_its_form(site: Site) -> None:
    with running(site, log_level="") as agent:
        site.write('log-format = "json"\nlog-level = "warning"')
        await reread(agent, IN_FORCE)
        agent.process.send_signal(signal.SIGHUP)  # nothing of it is worth a warning
        site.write('log-format = "json"\nlog-level = "warning"\non-stop = "keep"')
        await reread(agent, "'on-stop'")
    found = json.loads(agent.log[-1])
    assert (found["level"], found["logger"]) == ("warning", "agent")
    assert "needs a restart" in found["message"]


async def test_the_command_line_goes_before_the_file(site: Site) -> None:
    keys = f"{site.key('eve')}.pub"
    with running(site, "--log-format", "text", "--user", "ann", "--authorized-keys", keys) as agent:
        site.write('log-format = "json"\nlog-level = "error"')
        assert "nothing has changed" in "".join(await reread(agent, "read again"))
        async with raw_client(Login(agent, "ann", site.key("eve")), greet="1.1") as ann:
            assert b"<data" in await ann.ask("<get/>")


async def test_keys_that_a_file_holds_count_from_the_next_login_without_a_hangup(site: Site) -> None:
    with running(site) as agent:
        async with raw_client(site.login(agent, "bob"), greet="1.1") as bob:
            site.give("bob", "eve")
            async with raw_client(Login(agent, "bob", site.key("eve")), greet="1.1") as again:
                assert b"<data" in await again.ask("<get/>")
            assert b"<data" in await bob.ask("<get/>")


def test_hangups_at_start_and_stop_end_nothing(site: Site) -> None:
    with running(site) as agent:
        for _ in range(20):
            agent.process.send_signal(signal.SIGHUP)
        agent.process.send_signal(signal.SIGTERM)
        while agent.process.poll() is None:
            agent.process.send_signal(signal.SIGHUP)
            # More at once than the loop takes, and Python's own handler may wait for itself.
            with suppress(subprocess.TimeoutExpired):
                agent.process.wait(0.002)
        assert agent._end() == 0


async def test_the_keys_of_one_user_keep_no_agent_from_starting_if_another_can_log_in(site: Site) -> None:
    site.write()
    site.give_no_keys("ann")
    with running(site) as agent:
        (said,) = [line for line in agent.log if "cannot log in" in line]
        assert " ERROR " in said
        async with raw_client(site.login(agent, "bob"), greet="1.1") as bob:
            assert b"<data" in await bob.ask("<get/>")
        # A check, and so a reload, goes by all that the file says.
        assert REFUSED in "".join(await reread(agent, "'ann' cannot log in"))
        (fault,) = look(from_file(site.file), Task.CHECK).faults
        assert fault.startswith("the user 'ann' cannot log in")


def test_an_agent_to_which_nobody_could_log_in_does_not_start(site: Site) -> None:
    for user in ("ann", "bob"):
        site.give_no_keys(user)
    settings = from_file(site.file)
    assert len(look(settings, Task.RUN, starting=True).faults) == 2


async def test_a_session_at_the_socket_ends_with_no_user_of_the_settings() -> None:
    """Its user is one of the system, whom the settings need not name."""
    user = getpass.getuser()
    with folder_for_all() as folder:  # the name of a socket has a bound
        site = Site(folder)
        site.write(users=("ann", user))
        with running(site) as agent, connected(agent.data_dir / "netconf.sock") as local:
            async with raw_client(site.login(agent, user), greet="1.1") as over_ssh:
                site.write(users=("ann",))
                await reread(agent, IN_FORCE)
                await over_ssh.closed()
            reply = await asyncio.to_thread(local.get_config, "running")
            assert "data" in reply.data_xml
