"""What a type takes, in words, for whoever gave it something else.

libyang says that a value is out of the range or no word of an enumeration, but not which ones would do; the
binding does not declare ranges either. They are read from the compiled schema as libyang prints it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from agent.yang.native import NULL, cast_extra, extra, ffi, lib, text
from agent.yang.schema_node import SchemaNode

WORDS_MAX = 60
SHOWN_MAX = 64
"""Characters that are shown of a value that is refused."""
_STATEMENT = re.compile(
    r'(?P<keyword>type|range|length|enum|bit|base|fraction-digits) "?(?P<argument>[^"{;]+?)"?(?: \{|;)$'
)
_LENGTH = re.compile(r'^ +length "([^"]+)"', re.MULTILINE)
_LENGTH_MAX = str(2**64 - 1)
_WHOLE = {
    **{f"uint{bits}": f"0..{2**bits - 1}" for bits in (8, 16, 32, 64)},
    **{f"int{bits}": f"{-(2 ** (bits - 1))}..{2 ** (bits - 1) - 1}" for bits in (8, 16, 32, 64)},
}


def expected(node: SchemaNode) -> str:
    """Return what a leaf takes, such as "a whole number from 1 to 65535"; empty where words fail."""
    lines = iter(_printed(node).splitlines())
    for line in lines:
        if line.startswith("  type "):
            members = list(dict.fromkeys(_members(line, lines)))
            return "" if "" in members else " or ".join(members)
    return ""


def expected_length(node: SchemaNode) -> str:
    """Return how long a leaf's text may be, whatever else it must be; empty where words fail."""
    found = set(_LENGTH.findall(_printed(node)))
    return _in_words("string", found.pop(), []) if len(found) == 1 else ""


def _printed(node: SchemaNode) -> str:
    out, printed = ffi.new("struct ly_out **"), ffi.new("char **")
    if lib.ly_out_new_memory(printed, 0, out) != lib.LY_SUCCESS:
        return ""
    try:
        room, schema_node = cast_extra(out[0]), cast_extra(node.pointer)
        extra.lys_print_node(room, schema_node, lib.LYS_OUT_YANG_COMPILED, 0, 0)
        return text(printed[0])
    finally:
        lib.ly_out_free(out[0], NULL, 0)
        lib.free(printed[0])


def _members(line: str, following: Iterator[str]) -> Iterator[str]:
    """Yield what the type that begins with ``line`` takes, for a union each of its members."""
    indent = len(line) - len(line.lstrip())
    statement = _STATEMENT.match(line.strip())
    kind = statement["argument"] if statement else ""
    limits, words, has_pattern, refers = _WHOLE.get(kind, ""), list[str](), False, False
    for inner in following if line.endswith("{") else ():
        if inner == " " * indent + "}":
            break
        if len(inner) - len(inner.lstrip()) != indent + 2:
            continue
        has_pattern = has_pattern or inner.lstrip().startswith("pattern ")
        below = _STATEMENT.match(inner.strip())
        if below is None:
            continue
        if below["keyword"] == "type":
            refers = True
            yield from _members(inner, following)
        elif below["keyword"] in ("range", "length"):
            limits = below["argument"]
        else:
            words.append(below["argument"])
    if not refers:
        yield "" if has_pattern else _in_words(kind, limits, words)


def _in_words(kind: str, limits: str, words: list[str]) -> str:
    if kind in _WHOLE or (kind == "decimal64" and limits):
        number = "a whole number" if kind in _WHOLE else "a number"
        return f"{number} from " + " or ".join(_parts(limits))
    if kind == "string" and limits:
        return f"a text of {' or '.join(_parts(limits)).replace(f' to {_LENGTH_MAX}', ' or more')} characters"
    if kind in ("enumeration", "bits"):
        more = ", ..." if len(words) > WORDS_MAX else ""
        return f"{'one' if kind == 'enumeration' else 'some'} of " + ", ".join(words[:WORDS_MAX]) + more
    if kind == "identityref":
        return f"an identity derived from {' and '.join(words)}"
    return {
        "boolean": "true or false",
        "decimal64": f"a number with at most {''.join(words)} digits behind the point",
        "binary": "octets in base64",
        "empty": "empty",
    }.get(kind, "")


def _parts(limits: str) -> Iterator[str]:
    return (part.strip().replace("..", " to ") for part in limits.split("|"))
