"""A command line that is being used: its state, and what becomes of each line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import cast

from console import interrupts
from console.client.connection import Connection
from console.client.session import Gone, ServerError, ServerErrors
from console.grammar.parts import is_there, wanted
from console.grammar.reading import Grammar
from console.grammar.ruled import broken
from console.grammar.typed import Refused, read
from console.grammar.values import Called, Change, Changes, Meaning, Mistake, SecretMissing, Span, sweeping
from console.model.schema import Schema
from console.shell import saying, waiting
from console.shell.console import Console
from console.shell.counting import entries_below
from console.shell.editing import Editing, Occupied
from console.shell.gathering import may_have_lines, waits_for_a_block
from console.shell.output import DEFAULT_COLUMNS, Terminal
from console.show.layout import counted

MOST_HELD = 500
"""Lines of a script whose edits are sent together."""
_UP = frozenset({"end", "exit"})


class Status(IntEnum):
    """Exit statuses of ``yangswan``."""

    OK = 0
    REFUSED = 1
    MISTAKE = 2
    NO_SESSION = 3
    INTERRUPTED = 130


class Leave(Exception):
    """The command line is to end."""


@dataclass(slots=True)
class Ways:
    """How a shell asks, and what it reads lines with; ``grammar`` is made when a line needs the schema."""

    secret: Callable[[str], str]
    exec_grammar: Grammar
    grammar: Callable[[Connection], Grammar]


class Shell(Console):
    """What commands of this room get as their console."""

    client: Connection
    out: Terminal

    def __init__(self, client: Connection, out: Terminal, ways: Ways, *, gateway: str) -> None:
        self.client = client
        self.out = out
        self.gateway = gateway
        self.context = None
        self.tunnel = False
        self.interactive = False
        self.confirm = lambda question: False
        self.editing = Editing(client)
        self.ways = ways
        self.in_batches = False
        self._held: list[tuple[str, int | None, Changes]] = []
        self._calling: tuple[str, int | None, Called] | None = None
        self._grammar: Grammar | None = None
        self._block_names: frozenset[str] | None = None

    @property
    def grammar(self) -> Grammar:
        """The grammar with all that the server serves."""
        if self._grammar is None:
            # Much is imported here, and until something is edited nothing is lost.
            editing = self.editing
            held = editing.locked or editing.unsure or self._held
            idle = not (editing.edited or editing.pending is not None or held)
            reading = "reading the YANG modules of the server"
            with interrupts.ending_at_once(idle and not self.interactive), self.out.progress(reading):
                self._grammar = self.ways.grammar(self.client)
        return self._grammar

    @property
    def has_grammar(self) -> bool:
        """Whether ``grammar`` is there without a question to the server."""
        return self._grammar is not None

    @property
    def schema(self) -> Schema:
        """What the server serves."""
        # To many commands it is handed on and never looked at; reading it takes half of their time.
        return cast(Schema, _Later(lambda: self.grammar.schema))

    @schema.setter
    def schema(self, _: Schema) -> None:
        raise AttributeError("it is the server's")

    @property
    def prompt(self) -> str:
        """As the router's manual has it, with an asterisk in front while something is not committed."""
        # Where one is outside of the configuration takes no schema.
        grammar = self.grammar if self.context is not None else self.ways.exec_grammar
        where = grammar.prompt(self.context, self.tunnel)
        changed = "*" if self.editing.differs else ""
        return f"{changed}{self.gateway}:{where.rstrip('/')}/#> "

    def read(self, line: str) -> Meaning:
        """Return what ``line`` means here.

        Raises:
            Mistake: it means nothing.
        """
        if self.context is None and not self.interactive:
            return self.ways.exec_grammar.read(line, None, self.tunnel)
        return self.grammar.read(line, self.context, self.tunnel)

    def waits(self, line: str) -> bool:
        """Return whether ``line`` lacks a block (RFC 7468) that may come behind it."""
        last = line.lower().split()[-1:]
        if self.context is None or not last or not any(name.startswith(last[0]) for name in self._blocks):
            return False
        return waits_for_a_block(self.grammar, line, self.context, self.tunnel)

    @property
    def _blocks(self) -> frozenset[str]:
        """Names of leafs, most of them of none, that may have several lines; read once for each schema."""
        if self._block_names is None:
            nodes = (one for root in self.grammar.schema.roots.values() for one in root.walk())
            self._block_names = frozenset(one.name for one in nodes if may_have_lines(one))
        return self._block_names

    def run(self, line: str, number: int | None = None) -> int:
        """Carry out ``line``; ``number``: that of a line of a script. Returns the exit status.

        Raises:
            Leave: it ends the command line.
            KeyboardInterrupt: Ctrl-C.
        """
        try:
            meaning = self.read(line)
            interrupts.raise_again()
            self.editing.find_out()
            if isinstance(meaning, SecretMissing):
                meaning = self._with_secret(meaning)
            if isinstance(meaning, Called):
                # One level up within the configuration concerns no server.
                moves = meaning.command.syntax in _UP and bool(self.context)
                return (Status.OK if moves else self.flush()) or self._called(line, number, meaning)
            if self.in_batches:
                return self._hold(line, number, meaning)
            return self._edit(line, number, meaning)
        except Mistake as problem:
            # What is wrong in the lines before it was wrong first.
            if status := self.flush():
                return status
            more = saying.ASK if self.interactive else " ('help' shows what is)"
            self._say(line, number, problem.span, saying.mistake(problem, more))
            return Status.MISTAKE
        except (Gone, Occupied, ServerErrors) as problem:
            return self._failed(line, number, problem)

    def flush(self) -> int:
        """Send what lines of a script have edited since it was sent last; returns the exit status."""
        held, self._held = self._held, []
        changes = [change for _, _, meaning in held for change in meaning.changes]
        if not changes:
            return Status.OK
        try:
            with self.out.progress(f"sending edits, up to line {held[-1][1]}"):
                self.editing.send(changes, self.grammar.schema)
            return Status.OK
        except (Gone, Mistake, Occupied, ServerErrors):
            pass  # nothing of it was taken; one by one the line is found that is to blame
        for line, number, meaning in held:
            if status := self._sent(line, number, meaning.changes):
                return status
        return Status.OK

    def _sent(self, line: str, number: int | None, changes: Sequence[Change]) -> int:
        """Send the edits of one line, and say what is wrong with it."""
        try:
            if changes:
                self.editing.send(changes, self.grammar.schema)
            return Status.OK
        except Mistake as problem:  # a value is expected that is not set
            self._say(line, number, problem.span, problem.message)
            return Status.REFUSED
        except (Gone, Occupied, ServerErrors) as problem:
            return self._failed(line, number, problem, changes)

    def _failed(
        self,
        line: str,
        number: int | None,
        problem: Gone | Occupied | ServerErrors,
        changes: Sequence[Change] = (),
    ) -> int:
        """Say why nothing came of a line; ``changes``: what of it the server was sent."""
        if isinstance(problem, ServerErrors):
            for span, text in saying.refused(problem, changes):
                self._say(line, number, span, text)
            return Status.REFUSED
        self._say(line, number, None, str(problem))
        return Status.NO_SESSION if isinstance(problem, Gone) else Status.REFUSED

    def _hold(self, line: str, number: int | None, meaning: Changes) -> int:
        self._held.append((line, number, meaning))
        if meaning.enters is not None:
            self.context = meaning.enters
        return self.flush() if len(self._held) >= MOST_HELD else Status.OK

    def mending(self, error: ServerError) -> str:
        """Return what to type so that the server takes the configuration, "" if nothing is known."""
        try:
            return self.grammar.mending((error.path, error.message, error.info), self.context)
        except (Gone, ServerErrors):  # the modules of the server cannot be had now
            return ""

    def again(self) -> bool:
        """Begin a session anew if it is over, and say what that means; False if there is none to be had."""
        if (ended := self.client.gone) is None:
            return True
        editing, session_id = self.editing, self.client.session_id
        try:
            self.client.reconnect()
        except Gone as problem:
            self.out.warn(f"{ended}; {problem}")
            self.say_lost()
            return False
        self.out.warn(f"{ended}; connected again, as session {self.client.session_id}")
        pending, shared = editing.pending, editing.edited and not editing.locked
        self.say_lost()
        editing.lost()
        self._tell_left(pending, session_id, shared)
        self._grammar = self._block_names = None  # another agent may serve other modules
        self.context = None
        return True

    def say_lost(self) -> None:
        """Say once that the lock has ended with the session, and with it what was edited."""
        if not self.editing.locked:
            return
        if self.editing.edited:
            self.out.warn("what you had edited and not committed is lost with that session")
        self.editing.edited = self.editing.differs = False

    def _tell_left(self, pending: int | None, session_id: int, shared: bool) -> None:
        """Say what became of the confirmed commit of the session before, and of edits without a lock."""
        try:
            if pending is not None:
                told = waiting.ended(self.client, pending, session_id)
                self.out.warn(told or "the confirmed commit is taken back, for that session has ended")
            if self.editing.refresh() or shared:
                left = "are still in the candidate" if self.editing.differs else "are lost"
                self.out.warn(f"edits that nobody has committed {left}")
        except (Gone, ServerErrors) as problem:
            self.out.warn(str(problem))

    def missing(self, argument: str, text: str) -> int:
        """Say under the value of ``argument`` that what it names is not there; returns the exit status."""
        if self._calling is None:
            return super().missing(argument, text)
        line, number, called = self._calling
        self._say(line, number, called.spans.get(argument), text)
        return Status.REFUSED

    def _called(self, line: str, number: int | None, called: Called) -> int:
        """Carry out a command; what the server refuses is said under the value that it names."""
        self._calling = line, number, called
        try:
            return int(self._call(called) or 0)
        except ServerErrors as problem:
            for span, text in saying.refused(problem):
                self._say(line, number, span or called.named(text), text)
            return Status.REFUSED
        finally:
            self._calling = None

    def _call(self, called: Called) -> int | None:
        if self.out.as_json and not called.command.json:
            raise Mistake("this command has no JSON", Span(0, 0))
        given = {**called.given, "no": "no"} if called.negated else called.given
        try:
            status: int | None = called.command.run(self, given)
        except Mistake as problem:
            raise called.placed(problem) from None
        return status

    def _edit(self, line: str, number: int | None, meaning: Changes) -> int:
        if self.interactive and not all(self._may_sweep(change) for change in sweeping(meaning)):
            return Status.REFUSED
        if self.interactive:
            for span, text in broken(meaning):
                self._say(line, number, span, f"a commit would be refused: {text}")
        there = meaning.enters is not None and bool(meaning.changes) and self._is_there(meaning)
        if not there and (status := self._sent(line, number, meaning.changes)):
            return status
        if meaning.enters is not None:
            self.context = meaning.enters
        return Status.OK

    def _may_sweep(self, change: Change) -> bool:
        """Ask whether all of it is to go, if entries go with it."""
        count = entries_below(self.client, change.path)
        name = change.path[-1].node.name
        entries = counted(count, "entry", "entries")
        return not count or self.confirm(f"All of {name} goes away: {entries}. Remove it?")

    def _is_there(self, meaning: Changes) -> bool:
        """Return whether a line that enters an entry creates nothing: who only looks edits nothing."""
        return len(meaning.changes) == 1 and entry_exists(self.client, meaning.changes[0])

    def _with_secret(self, missing: SecretMissing) -> Changes:
        change, leaf = missing.change, missing.change.path[-1].node
        secret = self.ways.secret(leaf.name)
        try:
            value = secret if leaf.type is None else read(leaf.type, secret)
        except Refused as problem:
            said = problem.said if problem.whole else f"{leaf.name} {problem.said}"
            raise Mistake(said, change.span) from None
        return Changes((replace(change, value=value),))

    def _say(self, line: str, number: int | None, span: Span | None, text: str) -> None:
        """Say what is wrong under the place in the line that it is about."""
        if number is not None:
            self.out.warn(f"line {number}: {text}")
            return
        if span is not None and self.interactive:
            shift = " " * len(self.prompt)
            if len(shift) + len(line) < (self.out.columns or DEFAULT_COLUMNS):
                self.out.warn(shift + saying.caret(span, line))
        self.out.warn(text)


class _Later:
    """A schema that is read when something of it is asked for."""

    def __init__(self, schema: Callable[[], Schema]) -> None:
        self._schema = schema

    def __getattr__(self, name: str) -> object:
        return getattr(self._schema(), name)


def entry_exists(client: Connection, change: Change) -> bool:
    """Return whether the candidate has the node of ``change``; it is a list's entry or a container."""
    path, last = change.path, change.path[-1].node
    if not last.keys:
        return not last.presence
    return is_there(path, client.get_config("candidate", wanted(path)))
