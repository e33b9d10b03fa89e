"""Which representation is sent, and which one has come (RFC 8040 sections 5.2, 11.3)."""

from __future__ import annotations

import re
from enum import Enum

_XML_NAMES = ("application/yang-data+xml", "application/xml", "text/xml")
_JSON_NAMES = ("application/yang-data+json", "application/json")
_WEIGHT = re.compile(r"[01](?:\.[0-9]{0,3})?")
_RANGES_MAX = 64
"""Of an Accept field; what is behind them is not looked at."""


class Media(Enum):
    """A representation; the value is its media type."""

    JSON = "application/yang-data+json"
    XML = "application/yang-data+xml"


def sent(content_type: str) -> Media | None:
    """Return what a body is written in, None if it is nothing that is taken."""
    name = content_type.partition(";")[0].strip().lower()
    return Media.XML if name in _XML_NAMES else Media.JSON if name in _JSON_NAMES else None


def wanted(accept: str, otherwise: Media = Media.JSON) -> Media | None:
    """Return what a client likes best, ``otherwise`` where it likes both; None if it takes neither."""
    weights = _weights(accept) or {"*/*": 1.0}
    best: tuple[float, Media] | None = None
    for media in (otherwise, *(one for one in Media if one is not otherwise)):
        weight = _weight_of(media, weights)
        if weight > 0 and (best is None or weight > best[0]):
            best = weight, media
    return None if best is None else best[1]


def _weights(accept: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for part in accept.lower().split(",")[:_RANGES_MAX]:
        name, *parameters = (piece.strip() for piece in part.split(";"))
        if not name:
            continue
        weight = next((one[2:].strip() for one in parameters if one.startswith("q=")), "1")
        found[name] = min(1.0, float(weight)) if _WEIGHT.fullmatch(weight) else 0.0
    return found


def _weight_of(media: Media, weights: dict[str, float]) -> float:
    names = _XML_NAMES if media is Media.XML else _JSON_NAMES
    exact = [weights[name] for name in names if name in weights]
    if exact:
        return max(exact)
    return weights.get("application/*", weights.get("*/*", 0.0))
