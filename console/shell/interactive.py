"""The command line on a terminal."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from importlib.metadata import version

from prompt_toolkit import PromptSession
from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, ThreadedCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import DummyHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout.processors import Processor, Transformation, TransformationInput
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.shortcuts import CompleteStyle

from console.client.session import Gone, ServerErrors
from console.grammar.reading import Grammar
from console.grammar.values import Called, Mistake, Suggestion
from console.grammar.words import begins_block, split
from console.harmless import harmless
from console.shell import saying, waiting
from console.shell.asking import answered
from console.shell.commands.around import listing
from console.shell.commands.committing import pending_of
from console.shell.commands.contexts import leave_or_up, leave_program
from console.shell.commands.requests import has_tunnels
from console.shell.gathering import whole
from console.shell.lookup import Lookup
from console.shell.output import DEFAULT_COLUMNS
from console.shell.recall import Recall, file_of, keeping
from console.shell.shell import Leave, Shell, Status
from console.show.layout import folded

MOST_SUGGESTIONS = 200
_CONTINUED = "... "
MOST_PASTED_LINES = 100_000
_FIRST_STEPS = """There are no tunnels yet. To make one, type: config, tunnel, ipsec 1, and then, with values:

  local-address   the address of this gateway, towards the peer
  peer            the address of the other one
  secret          the same on both
  local-subnet    the network on this side
  remote-subnet   the network on the other side
  initiator       on one of the two only: it is the one that calls

('?' shows what else there is). 'leave' puts it in force, and 'show ipsec' tells whether it is up."""


def converse(shell: Shell) -> int:
    """Read lines and carry them out until the end; returns the exit status."""
    shell.interactive = True
    return _Conversation(shell).run()


class _Conversation:
    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._lookup = Lookup(shell.client)
        self._pasted: list[str] = []
        self._rest = ""
        # A serial console does not say where its cursor is, and nothing here has to know.
        os.environ.setdefault("PROMPT_TOOLKIT_NO_CPR", "1")
        colours = None if not os.environ.get("NO_COLOR") else ColorDepth.DEPTH_1_BIT
        self._session: PromptSession[str] = PromptSession(
            history=Recall(file_of(os.environ), self._keepable),
            completer=ThreadedCompleter(_Completer(self._suggest)),
            complete_style=CompleteStyle.READLINE_LIKE,
            complete_while_typing=False,
            enable_history_search=False,
            key_bindings=_with_harmless_reports(self._keys()),
            color_depth=colours,
        )
        # Answers are remembered nowhere: a secret is one, and what a line goes on with may be another.
        self._plain = self._forgetful(colours)
        self._continued = self._forgetful(colours)
        self._unseen: PromptSession[str] = PromptSession(
            color_depth=colours,
            history=DummyHistory(),
            input_processors=[_Unseen()],
            is_password=True,
            key_bindings=_with_harmless_reports(KeyBindings()),
        )

    @staticmethod
    def _forgetful(colours: ColorDepth | None) -> PromptSession[str]:
        return PromptSession(
            color_depth=colours, history=DummyHistory(), key_bindings=_with_harmless_reports(KeyBindings())
        )

    def run(self) -> int:
        shell = self._shell
        shell.confirm = self._confirm
        shell.ways.secret = self._secret
        try:
            self._greet()
            shell.read("")  # the modules: while a line is typed nothing could end the wait for them
        except (Gone, ServerErrors) as problem:
            shell.out.warn(str(problem))
        except KeyboardInterrupt:
            shell.out.warn("^C")
        # Whoever started this may ignore it for all that runs behind; on a terminal it is how commands end.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        while True:
            try:
                line = self._next_line()
            except KeyboardInterrupt:
                self._pasted, self._rest = [], ""
                continue
            except EOFError:
                if self._may_leave():
                    return Status.OK
                continue
            try:
                self._run(line)
            except Leave:
                if self._may_leave():
                    return Status.OK
                self._pasted = []

    def _run(self, line: str) -> None:
        shell = self._shell
        if not line.strip():
            return
        inside = shell.context is not None
        try:
            if not shell.again() and not self._needs_no_session(line):
                self._pasted = []
                return
            if inside and shell.context is None:
                # It was meant for where one was, and may mean something else here: "exit" would end all.
                shell.out.warn("nothing was carried out: this was typed in the configuration, which is left")
                self._pasted, self._rest = [*self._pasted, self._rest], ""
                self._drop_pasted()
                return
            if shell.run(line) != Status.OK:
                self._drop_pasted()
        except KeyboardInterrupt:
            self._pasted = []
            shell.out.warn("^C")
            with suppress(KeyboardInterrupt):  # what is not known then is asked before the next line
                self._look()
        except EOFError:
            shell.out.warn("nothing was answered, so nothing was done")

    def _needs_no_session(self, line: str) -> bool:
        try:
            meaning = self._shell.read(line)
        except (Mistake, Gone, ServerErrors):
            return False
        return isinstance(meaning, Called) and meaning.command.run in (leave_program, leave_or_up)

    def _drop_pasted(self) -> None:
        """After a mistake the lines behind it may mean something else."""
        if count := sum(1 for one in self._pasted if one.strip()):
            behind = "the line behind it that was" if count == 1 else f"the {count} lines behind it that were"
            self._shell.out.warn(f"{behind} pasted {'is' if count == 1 else 'are'} left out")
        self._pasted = []

    def _notice(self) -> None:
        """Say what has ended meanwhile by itself: a confirmed commit that waited, or a session with edits."""
        if self._shell.client.gone is not None:
            self._shell.say_lost()
            return
        try:
            if told := waiting.look(self._shell.editing):
                self._shell.out.warn(told)
                self._shell.editing.refresh()
        except (Gone, ServerErrors) as problem:
            self._shell.out.warn(str(problem))

    def _look(self) -> None:
        """Find out how the candidate is, after something was broken off."""
        try:
            if self._shell.client.gone is None:
                self._shell.editing.find_out()
                self._shell.editing.refresh()
        except (Gone, ServerErrors) as problem:
            self._shell.out.warn(str(problem))

    def _next_line(self) -> str:
        pasted = bool(self._pasted)
        if not pasted:
            self._pasted = self._typed()
        line = self._pasted.pop(0)
        while not line.strip() and self._pasted:
            line = self._pasted.pop(0)
        if self._shell.waits(line):
            following = self._pasted.pop(0) if self._pasted else self._more()
            if begins_block(following):
                line = f"{line} {following.lstrip()}"
            elif following.strip():
                self._pasted.insert(0, following)
        line = whole(line, self._further())
        if pasted:
            shown, several, _ = line.partition("\n")
            shown = f"{self._keepable(shown)}{' ...' if several else ''}"
            self._shell.out.rich.print(f"{self._shell.prompt}{shown}", soft_wrap=True)
        return line

    def _typed(self) -> list[str]:
        """Return what is typed at the prompt: a line, or those that were pasted."""
        self._notice()
        if self._shell.context is not None and not self._shell.editing.locked:
            self._look()  # others may have edited
        rest, self._rest = self._rest, ""
        text = self._session.prompt(self._prompt(), default=rest)
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        if len(lines) > MOST_PASTED_LINES:
            # What is behind a part of it may be what takes back something in it.
            self._shell.out.warn(
                f"{len(lines)} lines are more than can be pasted ({MOST_PASTED_LINES}): none of them is "
                "carried out ('yangswan -f FILE' takes more)"
            )
            return [""]
        return lines

    def _further(self) -> Iterator[str]:
        """Yield the lines behind one that is not closed: those that were pasted with it, then typed ones."""
        while True:
            yield self._pasted.pop(0) if self._pasted else self._more()

    def _more(self) -> str:
        """Ask for what a line goes on with; it is kept nowhere."""
        rest, self._rest = self._rest, ""
        text = self._continued.prompt(_CONTINUED, default=rest)
        return text.replace("\r\n", "\n").replace("\r", "\n")

    def _prompt(self) -> FormattedText:
        return FormattedText([("", self._shell.prompt)])

    def _greet(self) -> None:
        shell = self._shell
        greeting = (
            f"yangswan {version('yangswan')} on {shell.gateway}: you are {shell.client.user}, in session "
            f"{shell.client.session_id}. 'help' tells what there is to type, '?' what may come next."
        )
        shell.out.text("\n".join(folded(greeting, shell.out.columns)))
        if not has_tunnels(shell.client):
            shell.out.text(_FIRST_STEPS)

    def _may_leave(self) -> bool:
        shell = self._shell
        if shell.client.gone is not None:
            return True
        try:
            if shell.editing.edited:
                shell.editing.refresh()
            self._notice()
            lost = pending_of(shell.editing)
            if not lost:
                return True
            return self._confirm(f"{lost} Leave?")
        except (KeyboardInterrupt, Gone, ServerErrors):
            return False
        except EOFError:
            # Ctrl-D at a question is no answer, and that is no; of a terminal that is gone there is no other.
            return not os.isatty(0)

    def _confirm(self, question: str) -> bool:
        return answered(lambda: self._plain.prompt(f"{harmless(question)} [y/N] "))

    def _secret(self, name: str) -> str:
        """Ask for a secret without echo, twice."""
        while True:
            first = self._unseen.prompt(f"{name}: ")
            if not first:
                raise KeyboardInterrupt
            if self._unseen.prompt(f"{name}, once more: ") == first:
                return first
            self._shell.out.warn("these are not the same; once more (Ctrl-C: not at all)")

    def _suggest(self, text: str) -> Iterable[Suggestion]:
        shell = self._shell
        if not shell.has_grammar:
            return ()
        return shell.grammar.suggest(text, shell.context, shell.tunnel, self._lookup)

    def _keepable(self, line: str) -> str:
        shell = self._shell
        if not shell.has_grammar:  # so it cannot be known whether a secret is in it
            return ""
        return keeping(shell.grammar, shell.context, shell.tunnel)(line)

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()

        @keys.add("?")
        def _(event: KeyPressEvent) -> None:
            before = event.current_buffer.document.text_before_cursor
            if self._is_text(before):
                event.current_buffer.insert_text("?")
            else:
                self._show_expected(before)

        @keys.add(Keys.BracketedPaste)
        def _(event: KeyPressEvent) -> None:
            pasted = event.data.replace("\r\n", "\n").replace("\r", "\n")
            buffer = event.current_buffer
            if "\n" not in pasted:
                buffer.insert_text(pasted)
                return
            # Each line is read as if it had been typed; what has no end yet waits for it.
            whole, _, self._rest = pasted.rpartition("\n")
            buffer.insert_text(whole)
            buffer.cursor_position = len(buffer.text)
            buffer.validate_and_handle()

        return keys

    def _show_expected(self, before: str) -> None:
        shell = self._shell
        found = self._grammar.expected(before, shell.context, shell.tunnel, self._lookup)
        columns = shell.out.columns or DEFAULT_COLUMNS
        shown = listing(found[:MOST_SUGGESTIONS], columns) if found else f"  {self._why_nothing(before)}"
        print_above: Callable[[], None] = lambda: print(shown)  # noqa: E731
        run_in_terminal(print_above)

    def _is_text(self, before: str) -> bool:
        """Return whether a ``?`` behind ``before`` is a character of a value, and asks nothing."""
        shell = self._shell
        if _in_quotes(before):
            return True
        if not self._grammar.within_text(before, shell.context, shell.tunnel):
            return False
        found = self._grammar.expected(before, shell.context, shell.tunnel, self._lookup)
        return all(one.placeholder for one in found)

    def _why_nothing(self, before: str) -> str:
        shell = self._shell
        try:
            self._grammar.read(before, shell.context, shell.tunnel)
        except Mistake as problem:
            return harmless(saying.mistake(problem, saying.ASK))
        return "nothing may stand here"

    @property
    def _grammar(self) -> Grammar:
        return self._shell.grammar if self._shell.has_grammar else self._shell.ways.exec_grammar


class _Unseen(Processor):
    """Show nothing of what is typed, not even how much it is."""

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        return Transformation([], source_to_display=lambda place: 0, display_to_source=lambda place: 0)


class _Completer(Completer):
    def __init__(self, suggest: Callable[[str], Iterable[Suggestion]]) -> None:
        self._suggest = suggest

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        before = document.text_before_cursor
        try:
            words = split(before, partial=True)
        except Mistake:
            return
        typed = before[words[-1].span.start :] if words and words[-1].span.end == len(before) else ""
        try:
            for one in self._suggest(before):
                if not one.placeholder:
                    shown = harmless(one.text)
                    yield Completion(
                        f"{one.text} ", -len(typed), display=shown, display_meta=harmless(one.description)
                    )
        except (Gone, ServerErrors):
            return  # what cannot be looked up can still be typed


def _with_harmless_reports(keys: KeyBindings) -> KeyBindings:
    """Add that reports of a mouse and a cursor do nothing: none was asked for, and any text may look so."""

    @keys.add(Keys.Vt100MouseEvent)
    @keys.add(Keys.CPRResponse)
    def _(event: KeyPressEvent) -> None:
        pass

    return keys


def _in_quotes(text: str) -> bool:
    try:
        split(text)
    except Mistake:
        return True
    return False
