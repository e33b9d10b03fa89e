"""The manual pages, put together of the parsers and of what is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from script.manual import markdown, roff
from script.manual.markdown import Section
from script.manual.parsers import Command, Group, Operand, Option

ORDER = (
    "NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "OPTIONS", "EXIT STATUS", "FILES", "ENVIRONMENT",
    "SIGNALS", "EXAMPLES", "SEE ALSO",
)  # fmt: skip

_STATUS = "Exit status: "
_MORE = "\\~.\\|.\\|.\\&"


class Misplaced(Exception):
    """Something is written for a page that has no such section, or a page is not written at all."""


@dataclass(frozen=True, slots=True)
class Edition:
    """What stands at the edge of each page. ``date``: YYYY-MM-DD."""

    source: str
    date: str


class Written:
    """packaging/man/pages.md: a section for each page, its first paragraph what NAME says."""

    def __init__(self, text: str) -> None:
        self._pages = {page.heading: page for page in markdown.parse(text)}

    def of(self, page: str) -> Section:
        """Return what is written for ``page``, as ``yangswan(1)``.

        Raises:
            Misplaced: nothing is.
        """
        try:
            return self._pages[page]
        except KeyError:
            raise Misplaced(f"nothing is written for {page}") from None


def program(
    command: Command,
    section: int,
    *,
    written: Written,
    edition: Edition,
    in_full: bool = True,
    typed: Sequence[str] = (),
) -> str:
    """Return the page of a program; ``in_full``: with the options of its commands. ``typed``: roff for the
    commands that it reads by itself."""
    given = written.of(f"{command.name}({section})")
    about, _, status = command.epilog.partition(_STATUS)
    made = {
        "NAME": [_name(command.name, given)],
        "SYNOPSIS": list(_synopsis(command, reads=bool(typed))),
        "DESCRIPTION": [*_paragraphs(command.about), *_paragraphs(about)],
        "COMMANDS": list(_commands(command, in_full=in_full)),
        "OPTIONS": list(_options(command, in_full=in_full)),
        "EXIT STATUS": list(_paragraphs(status)),
    }
    after = {"COMMANDS": typed}
    return _page(command.name, section, _sections(made, given, after), edition)


def settings(text: str, *, written: Written, edition: Edition) -> str:
    """Return yangswan-settings(5), made of docs/settings.md."""
    name = "yangswan-settings"
    given = written.of(f"{name}(5)")
    (page,) = markdown.parse(text)
    before = [
        ("NAME", [_name(name, given)]),
        ("DESCRIPTION", [*_parts(given).get("DESCRIPTION", ()), *page.blocks]),
        *((part.heading.upper(), list(part.blocks)) for part in page.parts),
    ]
    after = [(heading, blocks) for heading, blocks in _parts(given).items() if heading != "DESCRIPTION"]
    return _page(name, 5, [*before, *after], edition)


def _page(name: str, section: int, parts: Iterable[tuple[str, Sequence[str]]], edition: Edition) -> str:
    head = roff.title(name, section, date=edition.date, source=edition.source)
    lines = ['.\\" Made by script/build-man.', head]
    for heading, blocks in parts:
        if blocks:
            lines += [roff.section(heading), *_opened(blocks)]
    return "\n".join(lines) + "\n"


def _opened(blocks: Sequence[str]) -> list[str]:
    """The first paragraph of a section needs no request of its own, and mandoc complains about one."""
    first, *rest = blocks
    opened = [first.removeprefix(".PP\n"), *rest]
    for at, block in enumerate(opened[:-1]):
        if block.startswith(".SS "):
            opened[at + 1] = opened[at + 1].removeprefix(".PP\n")
    return opened


def _name(name: str, given: Section) -> str:
    (line,) = given.blocks
    return f"{roff.literal(name)} \\- {line.removeprefix('.PP' + chr(10))}"


def _parts(given: Section) -> dict[str, list[str]]:
    return {part.heading.upper(): list(part.blocks) for part in given.parts}


def _sections(
    made: Mapping[str, Sequence[str]], given: Section, after: Mapping[str, Sequence[str]]
) -> list[tuple[str, list[str]]]:
    """Return all sections in the order that readers know: in each what is made, what is written, what is
    ``after`` it.

    Raises:
        Misplaced: something is written for a section that is not in it.
    """
    parts = _parts(given)
    if strays := parts.keys() - set(ORDER):
        raise Misplaced(f"{given.heading} has no section {min(strays)}")
    return [
        (heading, [*made.get(heading, ()), *parts.get(heading, ()), *after.get(heading, ())])
        for heading in ORDER
    ]


def _paragraphs(text: str) -> Iterator[str]:
    if text:
        yield roff.paragraph(roff.prose(text))


def _synopsis(command: Command, *, reads: bool) -> Iterator[str]:
    """Yield how a program is typed; ``reads``: with commands that it reads by itself."""
    shared = {group for known in command.commands for group in known.groups if group.title}
    more = [f"[{roff.italic('COMMAND')}{_MORE}]"] if reads else []
    yield _usage(command, (command.name,), shared, more)
    for known in command.commands:
        yield _usage(known, (command.name, known.name), shared)


def _usage(command: Command, words: Sequence[str], shared: Set[Group], more: Sequence[str] = ()) -> str:
    """Return how a command is typed; the options of groups that several commands share are named together."""
    parts: list[str] = []
    for group in command.groups:
        if group in shared:
            parts.append(f"[{roff.italic(group.title.upper())}]{_MORE}")
        else:
            parts += _alternatives(group)
    parts += [*map(_operand, command.operands), *more]
    return roff.usage(" ".join(words), " ".join(parts))


def _alternatives(group: Group) -> Iterator[str]:
    seen = {"-h"}
    for option in group.options:
        if seen.isdisjoint(option.names):
            beside = [other for other in group.options if other.names[0] in option.excludes]
            seen.update(name for other in beside for name in other.names)
            yield f"[{' | '.join(map(_short, (option, *beside)))}]{_MORE * option.repeatable}"


def _short(option: Option) -> str:
    name = roff.bold(option.names[-1])
    return name if option.value is None else f"{name}\\~{_value(option)}"


def _value(option: Option) -> str:
    if option.choices:
        return "|".join(map(roff.bold, option.choices))
    return roff.italic(option.value or "")


def _operand(operand: Operand) -> str:
    name = roff.italic(operand.name) + _MORE * (operand.most is None)
    return f"[{name}]" if operand.optional else name


def _commands(command: Command, *, in_full: bool) -> Iterator[str]:
    for known in command.commands:
        usage = " ".join([roff.bold(known.name), *map(_operand, known.operands)])
        yield roff.entry(usage, roff.prose(known.about or _sentence(known.summary)))
        if in_full:
            inner = [roff.entry(roff.italic(o.name), roff.prose(_sentence(o.help))) for o in known.operands]
            inner += [_entry(option) for option in _own(known) if "--help" not in option.names]
            if inner:
                yield "\n".join((".RS", *inner, ".RE"))


def _options(command: Command, *, in_full: bool) -> Iterator[str]:
    yield from map(_entry, _own(command))
    for group in command.groups:
        if group.title:
            yield from _titled(group, group.title)
    shared: dict[Group, list[str]] = {}
    for known in command.commands if in_full else ():
        for group in known.groups:
            if group.title:
                shared.setdefault(group, []).append(known.name)
    for group, names in shared.items():
        yield from _titled(group, f"{group.title.upper()} of {', '.join(names)}")


def _titled(group: Group, title: str) -> Iterator[str]:
    yield roff.subsection(title[:1].upper() + title[1:])
    if group.about:
        yield roff.paragraph(roff.prose(group.about))
    yield from map(_entry, group.options)


def _own(command: Command) -> Iterator[Option]:
    return (option for group in command.groups if not group.title for option in group.options)


def _entry(option: Option) -> str:
    tag = ", ".join(map(roff.bold, option.names))
    if option.value is not None:
        tag += f" {_value(option)}"
    return roff.entry(tag, roff.prose(_sentence(option.help, keep=option.choices)))


def _sentence(text: str, keep: Sequence[str] = ()) -> str:
    """Return what argparse shows as the rest of a line, as a sentence; words of ``keep`` stay as they are."""
    word = text.partition(" ")[0].rstrip(",:")
    begun = text if word in keep else text[:1].upper() + text[1:]
    return begun if begun.endswith(".") else f"{begun}."
