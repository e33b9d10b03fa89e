"""Text as roff for the macros man(7), which groff and mandoc read alike."""

from __future__ import annotations

import re
import textwrap

WIDTH = 78
"""Columns of a line of source: mandoc complains beyond 80."""

# groff prints the ASCII character only for these names, and a typographic one for itself (groff_char(7)).
_NAMED = {"\\": "\\e", "'": "\\(aq", "`": "\\(ga", "^": "\\(ha", "~": "\\(ti", "-": "\\-", '"': "\\(dq"}
_OPTION = re.compile(r"(?<![\w-])(--?[a-z][a-z-]*[a-z]|-[a-zA-Z](?!\w))")
_BREAK = re.compile(r"(?<=[.:?!]) +(?=[A-Z\\])")


def literal(text: str) -> str:
    """Return what is typed or printed as it stands, every hyphen a minus."""
    return "".join(_character(character) for character in text)


def prose(text: str) -> str:
    """Return words of a sentence, with the options among them in bold; other hyphens are hyphens."""
    return "".join(
        bold(part) if _OPTION.fullmatch(part) else literal(part).replace("\\-", "-")
        for part in _OPTION.split(text)
    )


def _character(character: str) -> str:
    if character in _NAMED:
        return _NAMED[character]
    return character if character.isascii() else f"\\[u{ord(character):04X}]"


def bold(text: str) -> str:
    return f"\\fB{literal(text)}\\fR"


def italic(text: str) -> str:
    return f"\\fI{literal(text)}\\fR"


_GOES_ON = " \\\n"
_TOKEN = re.compile(r"[^\s\[\]()|.]+|\.\.\.|.", re.DOTALL)


def syntax(text: str) -> str:
    """Return the syntax of a command: what is typed in bold, PLACEHOLDERS in italics, signs as they are."""
    return "".join(_token(token) for token in _TOKEN.findall(text))


def _token(token: str) -> str:
    if not token[0].isalnum():
        return literal(token)
    return italic(token) if token.isupper() else bold(token)


def filled(text: str) -> str:
    """Return lines of source for a paragraph of escaped text, none of which begins a request."""
    lines: list[str] = []
    for sentence in _BREAK.split(" ".join(text.split())):
        lines += textwrap.wrap(sentence, WIDTH, break_long_words=False, break_on_hyphens=False)
    return "\n".join(_safe(line) for line in lines)


def verbatim(text: str) -> str:
    """Return lines that stay as they are: a program, an answer."""
    lines = (_safe(literal(line)) for line in text.rstrip("\n").split("\n"))
    return "\n".join((".PP", ".RS 4", ".EX", *lines, ".EE", ".RE"))


def _safe(line: str) -> str:
    return f"\\&{line}" if line.startswith((".", "'")) else line


def title(name: str, section: int, *, date: str, source: str) -> str:
    return f'.TH {literal(name.upper())} {section} {date} "{literal(source)}"'


def section(heading: str) -> str:
    return f".SH {literal(heading.upper())}"


def subsection(heading: str) -> str:
    return f".SS {literal(heading)}"


def paragraph(text: str) -> str:
    return f".PP\n{filled(text)}"


def usage(words: str, rest: str) -> str:
    """Return a line of a synopsis: ``words`` as they are typed, and escaped text behind them."""
    typed = literal(words).replace(" ", "\\~")
    return "\n".join((f".SY {typed}", *([filled(rest)] if rest else []), ".YS"))


def entry(tag: str, body: str) -> str:
    """Return a tagged paragraph; tag and body are escaped text. A tag is one line, however long."""
    lines = textwrap.wrap(tag, WIDTH, break_long_words=False, break_on_hyphens=False)
    return f".TP\n{_safe(_GOES_ON.join(lines))}\n{filled(body)}"
