"""A monitor or a log of the server, begun, shown line by line, and ended with the command that shows it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from lxml import etree

from console.client.session import Client, Element, Gone, ServerErrors
from console.live.ending import Ended, ends_in_order, put_off, undisturbed
from console.shell.console import Console
from console.show.data import AGENT, DAEMON, contents, event_time, missed, subtree, text, tree
from console.show.layout import counted
from console.show.rfc7951 import as_json

LEASE_S = 600
"""How long the server is asked to go on by itself, so that it does not for long when this program is killed.

What runs longer is begun again.
"""
LEASE_COUNT = 100_000
LONGEST_S = 3600
"""What the server takes at most."""
START_LIMIT_S = 10
_MISSED = "notifications-missed"

Leaf = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Source:
    """What is followed, by the names that yangswan-daemon gives its rpcs, leafs and notifications."""

    name: str
    """"monitor" or "log": start-NAME, stop-NAME, NAME-id, NAME-ended."""
    event: str
    count: str
    """The leaf that bounds how many events are shown, and counts them at the end."""


def follow(
    console: Console, source: Source, asked: Sequence[Leaf], line: Callable[[Element, Element], str]
) -> int:
    """Show what ``source`` tells until Ctrl-C, or until a limit that is among ``asked`` is met.

    ``line``: a notification and its content to what is printed.

    Returns:
        0; of a signal other than Ctrl-C, its status; 1 if the server ended it for another reason.
    """
    limited = any(name in ("seconds", source.count) for name, _value in asked)
    wanted = subtree(tree(DAEMON, source.event), tree(DAEMON, f"{source.name}-ended"), tree(AGENT, _MISSED))
    with ends_in_order(), console.client.events(wanted) as events:
        running = _Running(console, source, asked, limited=limited)
        try:
            running.begin()
            for event in events:
                status = running.take(event, line)
                if status is not None:
                    return status
        except Ended as end:
            return end.status
        except KeyboardInterrupt:
            return 0
        finally:
            running.end()
        raise Gone(f"the server ended the subscription: the {source.name} is not shown any more")


class _Running:
    """One source as the server runs it; ``number`` is None while it does not."""

    def __init__(self, console: Console, source: Source, asked: Sequence[Leaf], *, limited: bool) -> None:
        self._console = console
        self._source = source
        self._asked = list(asked)
        self._limited = limited
        self._shown = 0
        self.number: str | None = None
        named = dict(asked)
        if "seconds" not in named:
            self._asked.append(("seconds", str(LONGEST_S if limited else LEASE_S)))
        if source.count not in named:
            self._asked.append((source.count, str(LEASE_COUNT)))

    def begin(self) -> None:
        """Start it; who interrupts that waits a moment for its number, by which it is stopped then."""
        replies: list[Element | Exception] = []
        asking = threading.Thread(target=self._ask, args=(replies,), daemon=True)
        try:
            # Otherwise what is being begun would not be waited for.
            with put_off():
                asking.start()
            asking.join()
        except KeyboardInterrupt:
            if asking.ident is not None:
                asking.join(START_LIMIT_S)
            raise
        finally:
            self._learn(replies)

    def _ask(self, replies: list[Element | Exception]) -> None:
        try:
            replies.append(self._console.client.rpc(_request(f"start-{self._source.name}", self._asked)))
        except Exception as problem:
            replies.append(problem)

    def _learn(self, replies: list[Element | Exception]) -> None:
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
            self.number = _output(reply, f"{self._source.name}-id")
            if file := _output(reply, "file"):
                self._console.out.warn(f"packets are kept on the gateway in {file}")

    def take(self, notification: Element, line: Callable[[Element, Element], str]) -> int | None:
        """Show a notification; returns the exit status if it was the last one."""
        source, out = self._source, self._console.out
        for content in contents(notification):
            name = etree.QName(content)
            if name.namespace == AGENT and name.localname == _MISSED:
                out.warn(f"{missed(content)}: this terminal is too slow")
            if name.namespace != DAEMON or text(content, f"{source.name}-id") != self.number:
                continue
            if name.localname == source.event:
                self._shown += 1
                say(self._console, notification, line(notification, content))
            elif name.localname == f"{source.name}-ended":
                return self._ended(content)
        return None

    def _ended(self, content: Element) -> int | None:
        reason = text(content, "reason")
        self.number = None
        if not self._limited and reason in ("time", self._source.count):
            self.begin()
            return None
        self._console.out.warn(f"the {self._source.name} ended: {_WHY.get(reason, reason)}")
        return 0 if reason in ("time", self._source.count) else 1

    def end(self) -> None:
        """Stop it; what cannot be stopped ends by itself."""
        if self.number is None:
            return
        with undisturbed(), suppress(ServerErrors, Gone):
            stop(self._console.client, self._source.name, self.number)
        self.number = None
        self._console.out.warn(f"{counted(self._shown, self._source.count.removesuffix('s'))} shown")


_WHY = {
    "stopped": "somebody stopped it, or the server ends",
    "time": "its time is up",
    "packets": "it has shown as many packets as were asked for",
    "lines": "it has shown as many lines as were asked for",
    "octets": "its file is full",
    "failed": "the capture failed; the log of the agent says why",
}


def stop(client: Client, name: str, number: str) -> None:
    """Stop the monitor or the log ``number``."""
    client.rpc(_request(f"stop-{name}", [(f"{name}-id", number)]))


def say(console: Console, notification: Element, line: str) -> None:
    """Print one line at once, as JSON where that is asked for."""
    if console.out.as_json:
        line = json.dumps(event_json(notification, console))
    console.out.text(line)
    # Who reads a pipe wants to know it now.
    console.out.rich.file.flush()


def event_json(notification: Element, console: Console) -> dict[str, object]:
    """Return a notification as JSON: "eventTime", and its content under its name (RFC 7951)."""
    return {"eventTime": event_time(notification), **as_json(contents(notification), console.schema)}


def _request(name: str, leafs: Sequence[Leaf]) -> Element:
    request = tree(DAEMON, name)
    for leaf, value in leafs:
        etree.SubElement(request, f"{{{DAEMON}}}{leaf}").text = value
    return request


def _output(reply: Element, leaf: str) -> str | None:
    found = next(reply.iterfind(f"{{{DAEMON}}}{leaf}"), None)
    return None if found is None else found.text
