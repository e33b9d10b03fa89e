"""What beside an entry decides its messages, and how a leaf of it is found. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from translators.strongswan.model import Json
from translators.strongswan.translation.alike import KnownSettings
from translators.strongswan.translation.certificates import Certificate
from translators.strongswan.translation.proposals import Available
from translators.strongswan.translation.revocation import Mode

Value = str | list[str]


@dataclass(frozen=True, slots=True)
class Around:
    """What beside the entry itself decides its messages.

    ``available`` limits the automatic proposals, None while unknown. ``keys`` are the digests of the public
    keys of which this gateway has the private half, None to leave that out of account. ``plugins`` are those
    of charon, None while unknown.
    """

    available: Available | None = None
    certificates: Mapping[str, Certificate] = field(default_factory=dict)
    keys: Collection[bytes] | None = None
    revocation: Mode = Mode.OFF
    plugins: Collection[str] | None = None
    settings: KnownSettings = field(default_factory=KnownSettings, init=False, compare=False, repr=False)
    """What was made with all of this, and so with nothing else."""


def value_at(entry: Json, leaf: str, default: object = None) -> object:
    """Return the value of a leaf, given by its path below the entry."""
    node: object = entry
    for name in leaf.split("/"):
        # Nearly all are dicts, and to ask an abstract class takes longer than all else here.
        if (type(node) is not dict and not isinstance(node, Mapping)) or name not in node:
            return default
        node = node[name]
    return node
