"""An agent with both doors for HTTP, who is served at them meanwhile, and who attacks."""

from __future__ import annotations

import asyncio
import base64
import itertools
import re
import socket
import ssl
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509

from agent.restconf.passwords import hash_of
from tests.agent.http.door_lab import PATIENCE_S, Authority, all_of
from tests.agent_process import AgentProcess, running_agent
from tests.wire.test_memory import forget_peak, status_octets

HERE = "127.0.0.1"
GOOD, EVIL = "admin", "eve"
GOOD_SOURCE = "127.0.9.9"
WORD = "correct horse"
MIB = 1024 * 1024
SMALL_BUFFER_OCTETS = 4096
LIMIT_S = 60
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Doors:
    """``web`` and ``metrics``: ports. ``waits_s``: how long each good client has waited."""

    agent: AgentProcess
    web: int
    metrics: int
    tls: ssl.SSLContext | None = None
    waits_s: list[float] = field(default_factory=list)

    def port(self, door: str) -> int:
        return self.web if door == "web" else self.metrics

    async def served(self, times: int = 3) -> None:
        """See that somebody else is served at both doors."""
        wanted = (
            (self.web, request("/restconf/yang-library-version", user=GOOD), self.tls),
            (self.metrics, request("/metrics"), None),
        )
        for port, words, tls in wanted * times:
            begin = time.monotonic()
            answer = await said(port, words, source=GOOD_SOURCE, tls=tls)
            self.waits_s.append(time.monotonic() - begin)
            assert answer.startswith(b"HTTP/1.1 200"), answer[:500]

    @contextmanager
    def bounded(self, what: str, octets: int) -> Iterator[None]:
        """See that the agent lives, and takes no more memory meanwhile than ``octets`` more; say how much."""
        before = status_octets(self.agent, "VmRSS")
        forget_peak(self.agent)
        self.waits_s.clear()
        yield
        assert self.agent.process.poll() is None, "".join(self.agent.log[-50:])
        more = status_octets(self.agent, "VmHWM") - before
        longest_ms = max(self.waits_s, default=0.0) * 1e3
        print(f"\n{what}: {more / MIB:.1f} MiB more; others waited {longest_ms:.0f} ms at most", end=" ")
        assert more < octets, f"{what}: {more / MIB:.1f} MiB"


@contextmanager
def open_doors(folder: Path, limits: str = "", authority: Authority | None = None) -> Iterator[Doors]:
    """An agent with both doors. ``limits``: of that table; with ``authority`` the web door speaks TLS."""
    hashed = hash_of(WORD.encode())
    tls, context = "", None
    if authority is not None:
        certificate, key = authority.issue("gw", x509.IPAddress(ip_address(HERE)))
        tls = f'certificate = "{certificate}"\nkey = "{key}"\n'
        context = ssl.create_default_context(cafile=str(authority.file))
    (folder / "agent.toml").write_text(
        f'recovery-users = ["{GOOD}", "{EVIL}"]\n'
        f"[limits]\n{limits}\n"
        f'[metrics]\nlisten = "{HERE}:0"\n[web]\nlisten = "{HERE}:0"\n{tls}'
        f'[web.passwords]\n{GOOD} = "{hashed}"\n{EVIL} = "{hashed}"\n'
    )
    with running_agent(folder / "data", ["--config", str(folder / "agent.toml")], log_level="info") as agent:
        yield Doors(
            agent,
            web=_port(agent, r"RESTCONF on https?://127\.0\.0\.1:(\d+)/"),
            metrics=_port(agent, r"metrics on http://127\.0\.0\.1:(\d+)/"),
            tls=context,
        )


def _port(agent: AgentProcess, pattern: str) -> int:
    for _ in range(LIMIT_S * 20):
        if found := re.search(pattern, "".join(agent.log)):
            return int(found[1])
        agent.readers[0].join(0.05)
    raise AssertionError("".join(agent.log))


def request(
    target: str, *fields: str, user: str = "", password: str = WORD, method: str = "GET", ends: bool = True
) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", f"Host: {HERE}", *fields]
    if user:
        lines.append("Authorization: Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())
    return "\r\n".join([*lines, *(["Connection: close"] if ends else []), "", ""]).encode()


async def come(port: int, source: str = HERE, *, small: bool = False) -> Streams:
    """Open a connection from an address of this machine. ``small``: the system keeps little of an answer."""
    made = socket.socket()
    made.setblocking(False)
    if small:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER_OCTETS)
    made.bind((source, 0))
    try:
        await asyncio.get_running_loop().sock_connect(made, (HERE, port))
        return await asyncio.open_connection(sock=made, limit=SMALL_BUFFER_OCTETS)
    except BaseException:
        made.close()
        raise


async def said(port: int, words: bytes, source: str = HERE, tls: ssl.SSLContext | None = None) -> bytes:
    """Return all that comes back to ``words`` until the other side closes."""
    reader, writer = await asyncio.open_connection(HERE, port, local_addr=(source, 0), ssl=tls)
    try:
        writer.write(words)
        return await asyncio.wait_for(all_of(reader), PATIENCE_S)
    finally:
        writer.transport.abort()


def sources(count: int) -> Iterator[str]:
    """Yield addresses of this machine, ``count`` of them in turn, for ever."""
    return itertools.cycle(f"127.0.{2 + one // 250}.{1 + one % 250}" for one in range(count))


@asynccontextmanager
async def crowd(
    port: int, words: Iterable[bytes], whence: Iterator[str], *, small: bool = True
) -> AsyncIterator[Sequence[Streams]]:
    """Connections that say one of ``words`` each and read nothing; some may have been turned away."""
    found: list[Streams] = []
    try:
        for each in words:
            try:
                streams = await come(port, next(whence), small=small)
            except ConnectionError:
                continue
            found.append(streams)
            streams[1].transport.pause_reading()  # type: ignore[attr-defined]
            streams[1].write(each)
        yield found
    finally:
        for _, writer in found:
            writer.transport.abort()
