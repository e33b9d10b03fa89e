"""The checksum of a row of the history: 64 bits, as SQLite has them (with a sign). Pure."""

from __future__ import annotations

from hashlib import blake2b

_OF_A_CHANGE = b"7:changes,7:integer,%d:%b,7:integer,%d:%b,4:text,%d:%b,4:blob,%d:%b,4:blob,%d:%b,"
_OF_A_UNIT = b"5:units,4:text,%d:%b,7:integer,%d:%b,4:text,%d:%b,"
"""What the checksums are of where a row has the kinds of values that there are many of."""


def row_sum(*parts: str | bytes | None) -> int:
    """Return the checksum of a row, of the name of its table and the kind and the octets of each value."""
    octets = [part.encode() if isinstance(part, str) else part or b"" for part in parts]
    return sum_of_octets(b"".join([b"%d:%b," % (len(each), each) for each in octets]))


def sum_of_octets(octets: bytes) -> int:
    """Return the checksum of what ``row_sum`` makes of a row."""
    return int.from_bytes(blake2b(octets, digest_size=8).digest(), "big", signed=True)


def sum_of_change(commit_id: int, position: int, path: str, before: bytes, after: bytes) -> int:
    """Return what ``row_sum`` does of such a row of ``changes``, in a third of the time."""
    a, b, c = b"%d" % commit_id, b"%d" % position, path.encode()
    return sum_of_octets(
        _OF_A_CHANGE % (len(a), a, len(b), b, len(c), c, len(before), before, len(after), after)
    )


def sum_of_unit(path: str, commit_id: int, time: str) -> int:
    """Return what ``row_sum`` does of such a row of ``units``, in a third of the time."""
    a, b, c = path.encode(), b"%d" % commit_id, time.encode()
    return sum_of_octets(_OF_A_UNIT % (len(a), a, len(b), b, len(c), c))
