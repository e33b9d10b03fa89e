r"""A line to its words, and values to words.

Blanks are between words, of whatever width. Quotes count where a word begins: "..." knows \" \\ \n \r \t
\uNNNN \UNNNNNNNN, '...' knows \' and \\; a backslash before anything else, or outside of quotes, is one.
``#`` where a word begins is a comment up to the end of the line. Quotes go on over several lines, and so does
a block: one that begins with -----BEGIN X----- where a word does goes up to its -----END X----- (RFC 7468),
and is one word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from console.grammar.values import Mistake, Span
from console.harmless import is_unseen

LONGEST_LINE = 400_000
"""Characters: a CRL of 90,000 characters in one line, each of them escaped, and then some."""

MOST_WORDS = 1024

_ASCII_BLANKS = " \t\r\n\v\f"
_AS_BLANK = str.maketrans(dict.fromkeys(_ASCII_BLANKS.replace("\n", ""), " "))
# Blanks that do not break, or have another width, are in what is pasted from pages and documents.
_BLANKS = _ASCII_BLANKS + "\u00a0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_ESCAPES = {'"': '"', "\\": "\\", "n": "\n", "r": "\r", "t": "\t"}
_CODE = re.compile(r"u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})")
_BEGIN = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,64})-----")
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z0-9 ]{0,64}PRIVATE KEY")
_PLAIN = re.compile(r"""[^\s"'#;][^\s;]*""")


@dataclass(frozen=True, slots=True)
class Word:
    """``text``: without its quotes; ``quoted``: it had them, so it is a value and no word of a command.

    ``closed``: False for the last word of a line that ends in the middle of quotes.
    """

    text: str
    span: Span
    quoted: bool = False
    closed: bool = True


def split(line: str, *, partial: bool = False) -> tuple[Word, ...]:
    """Return the words of ``line``; with ``partial``, it may end in the middle of quotes.

    Raises:
        Mistake: it is too long, has too many words, a quote is not closed, or something follows one at once.
    """
    if len(line) > LONGEST_LINE:
        raise Mistake(f"a line has at most {LONGEST_LINE} characters", Span(LONGEST_LINE, len(line)))
    found: list[Word] = []
    at = 0
    while (at := _next(line, at)) < len(line):
        if (label := _BEGIN.match(line, at)) is not None:
            word = _block(line, label, partial)
        else:
            word = _quoted(line, at, partial) if line[at] in "\"'" else _plain(line, at)
        found.append(word)
        at = word.span.end
        if len(found) > MOST_WORDS:
            raise Mistake(f"a line has at most {MOST_WORDS} words", word.span)
    return tuple(found)


def open_part(text: str) -> str:
    """Return the quotes or the block that ``text`` ends in the middle of, "" where it ends in neither."""
    if len(text) > LONGEST_LINE or not any(mark in text for mark in ("-----BEGIN", '"', "'")):
        return ""
    try:
        words = split(text, partial=True)
    except Mistake:
        return ""
    return text[words[-1].span.start :] if words and not words[-1].closed else ""


def still_open(part: str, more: str) -> str:
    """Return the same after the line ``more``, which goes on with ``part``: enough of it to ask again."""
    if (label := _BEGIN.match(part)) is None:
        return open_part(part[0] + more)
    _, found, behind = more.partition(f"-----END {label[1]}-----")
    return open_part(behind) if found else label[0]


def begins_block(line: str) -> bool:
    """Return whether ``line`` begins with a block, which is the value of the line before it."""
    return _BEGIN.match(line.lstrip(_BLANKS)) is not None


def has_private_key(text: str) -> bool:
    """Return whether a private key is in ``text``, or the beginning of one."""
    return _PRIVATE_KEY.search(text) is not None


def in_comment(text: str) -> bool:
    """Return whether ``text``, the beginning of a line, ends in a comment."""
    try:
        words = split(text, partial=True)
    except Mistake:
        return False
    end = words[-1].span.end if words else 0
    return "#" in text[end:] and (not words or words[-1].closed)


def commands(text: str) -> tuple[str, ...]:
    """Return the lines that stand in ``text``, parted by their ends and by ``;`` outside of quotes."""
    found, start, at = [], 0, 0
    while at < len(text):
        begins = at == start or text[at - 1] in _BLANKS
        if begins and text[at] in "\"'":
            at = _end_of_quotes(text, at)[0]
            continue
        if begins and (label := _BEGIN.match(text, at)):
            at = (text.find(f"-----END {label[1]}-----", at) + 1 or len(text) + 1) - 1
            continue
        if begins and text[at] == "#":  # a comment, up to the end of its line
            at = (text.find("\n", at) + 1 or len(text) + 1) - 1
            continue
        if text[at] in ";\n":
            found.append(text[start:at])
            start = at + 1
        at += 1
    return (*found, text[start:])


def quoted(value: str) -> str:
    """Return ``value`` as it is typed: in quotes where it has to be, and visible."""
    if _PLAIN.fullmatch(value) and not any(map(is_unseen, value)):
        return value
    return f'"{"".join(_escaped(one) for one in value)}"'


def one_blank_each(text: str) -> str:
    """Return ``text``, in which what parts words as a blank does is one: a tabulator, as often in scripts."""
    return text.translate(_AS_BLANK)


def _escaped(one: str) -> str:
    if one in '"\\':
        return f"\\{one}"
    if one in "\n\r\t":
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[one]
    if is_unseen(one):
        return f"\\u{ord(one):04x}" if ord(one) < 0x10000 else f"\\U{ord(one):08x}"
    return one


def _next(line: str, at: int) -> int:
    """Return where the next word begins, or the end of the line."""
    while at < len(line) and line[at] in _BLANKS:
        at += 1
    return len(line) if at < len(line) and line[at] == "#" else at


def _block(line: str, begin: re.Match[str], partial: bool) -> Word:
    """Return a block; blanks before its lines are what they were indented with."""
    last = f"-----END {begin[1]}-----"
    found = line.find(last, begin.end())
    end = found + len(last) if found >= 0 else len(line)
    if found < 0 and not partial:
        raise Mistake(f"the block is not closed: {last} is missing", Span(begin.start(), end))
    text = "\n".join(one.strip(_BLANKS) for one in line[begin.start() : end].splitlines())
    return Word(f"{text}\n", Span(begin.start(), end), quoted=True, closed=found >= 0)


def _plain(line: str, start: int) -> Word:
    at = start
    while at < len(line) and line[at] not in _BLANKS:
        at += 1
    return Word(line[start:at], Span(start, at))


def _quoted(line: str, start: int, partial: bool) -> Word:
    end, closed = _end_of_quotes(line, start)
    if not closed and not partial:
        raise Mistake("the quote is not closed", Span(start, len(line)))
    if closed and end < len(line) and line[end] not in _BLANKS:
        raise Mistake("a blank is missing behind the quote", Span(end, end + 1))
    inside = line[start + 1 : end - 1 if closed else end]
    return Word(text=_unescaped(inside, line[start]), span=Span(start, end), quoted=True, closed=closed)


def _end_of_quotes(text: str, start: int) -> tuple[int, bool]:
    """Return where the quotes that begin at ``start`` end, exclusive, and whether they do."""
    at = start + 1
    while at < len(text):
        if text[at] == "\\":
            at += 2
            continue
        if text[at] == text[start]:
            return at + 1, True
        at += 1
    return len(text), False


def _unescaped(inside: str, quote: str) -> str:
    if "\\" not in inside:
        return inside
    found: list[str] = []
    at = 0
    while at < len(inside):
        if inside[at] == "\\":
            text, at = _escape(inside, at + 1, quote)
            found.append(text)
        else:
            found.append(inside[at])
            at += 1
    return "".join(found)


def _escape(inside: str, at: int, quote: str) -> tuple[str, int]:
    """Return what the escape means whose backslash is before ``at``, and where it ends."""
    one = inside[at : at + 1]
    known = _ESCAPES if quote == '"' else {"'": "'", "\\": "\\"}
    if one in known and one:
        return known[one], at + 1
    if quote == '"' and (code := _CODE.match(inside, at)):
        number = int(code[1] or code[2], 16)
        # Halves of a pair are no characters, and cannot be sent.
        if number < 0x110000 and not 0xD800 <= number < 0xE000:
            return chr(number), code.end()
    return f"\\{one}", at + len(one)
