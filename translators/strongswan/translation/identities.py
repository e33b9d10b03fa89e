"""IKE identities: typed in the model, typed and safe on the way to charon.

charon parses an identity given without a type by guessing, takes the text after a type prefix as raw
octets (``ipv4:10.0.0.1`` is eleven octets, not an address), refuses text that is not printable ASCII and
turns a distinguished name with an attribute it does not know into a key id. So everything goes out in
the hexadecimal form, where nothing is guessed; a distinguished name is encoded here.

The hexadecimal form does not protect from wildcards: strongSwan looks at the octets, and a name or
email that begins with ``*`` matches any peer whose identity has the same ending; so does the value
``*`` in a distinguished name, and from 6.0.2 on ``^...$`` is a regular expression. These are refused.

Names, emails and distinguished names compare without regard to case, key ids exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache

from translators.strongswan.model import Json
from translators.strongswan.translation import distinguished_name
from translators.strongswan.translation.prefixes import canonical_address
from translators.strongswan.translation.refusals import Refused, UnsupportedLeaf

OWNER_OCTETS_MAX = 255
"""charon copies the owner of a secret into a buffer of 256 octets and refuses a longer one."""


class IdentityKind(Enum):
    """The value is the case's name in the model."""

    INET = "inet"
    NAME = "name"
    EMAIL = "email"
    KEY = "key"
    DN = "dn"
    ANY = "any"

    __hash__ = object.__hash__  # that of Enum is written in Python, and these are in many indexes


KNOWN_MAX = 1024
"""So many identities are kept as they were parsed last; one tunnel asks for its own several times."""


@dataclass(frozen=True, slots=True)
class Identity:
    """One identity; ``text`` is canonical: equal identities of a kind that ignores case are equal.

    ``vici`` is how charon is told.
    """

    kind: IdentityKind
    text: str
    vici: str
    key: tuple[IdentityKind, str] = field(init=False, repr=False, compare=False)
    """What makes two identities the same to charon."""

    def __post_init__(self) -> None:
        exact = self.kind in (IdentityKind.INET, IdentityKind.KEY)
        folded = self.text if exact else self.text.casefold()
        object.__setattr__(self, "key", (self.kind, self.text if folded == self.text else folded))

    @property
    def is_any(self) -> bool:
        return self.kind is IdentityKind.ANY

    def __str__(self) -> str:
        return "any identity" if self.is_any else f"{self.kind.value} {self.text}"


ANY = Identity(IdentityKind.ANY, "%any", "%any")


def address(leaf: str, text: str) -> str:
    """Return the one spelling of an IP address that is used everywhere.

    Raises:
        Refused: it is not an IP address.
    """
    try:
        return canonical_address(text)
    except ValueError:
        raise Refused(leaf, f"'{text}' is not an IP address", "bad-address") from None


@lru_cache(KNOWN_MAX)
def _inet(leaf: str, text: str) -> Identity:
    canonical = address(leaf, text)
    return Identity(IdentityKind.INET, canonical, canonical)


def _refuse_wildcard(leaf: str, text: str) -> None:
    if text.startswith("*") or (text.startswith("^") and text.endswith("$")):
        raise Refused(
            leaf, "strongSwan would take this as a pattern that other peers match", "identity-wildcard"
        )


def _pattern_free(kind: IdentityKind, prefix: str) -> Callable[[str, str], Identity]:
    def make(leaf: str, text: str) -> Identity:
        if kind is not IdentityKind.KEY:
            _refuse_wildcard(leaf, text)
        return Identity(kind, text, _typed(leaf, prefix, text))

    return make


def _typed(leaf: str, prefix: str, text: str) -> str:
    octets = text.encode()
    if not octets:
        raise Refused(leaf, "an identity cannot be empty", "identity-empty")
    as_hex = f"{prefix}:#{octets.hex()}"
    if len(as_hex) <= OWNER_OCTETS_MAX:
        return as_hex
    # Half as long; safe where no octet needs the hexadecimal form and '#' does not announce it.
    as_text = f"{prefix}:{text}"
    if (
        len(as_text) <= OWNER_OCTETS_MAX
        and text.isascii()
        and text.isprintable()
        and not text.startswith("#")
    ):
        return as_text
    raise Refused(leaf, f"the identity is too long for charon ({len(octets)} octets)", "identity-too-long")


def _distinguished(leaf: str, text: str) -> Identity:
    try:
        name = distinguished_name.parse(text)
    except ValueError as error:
        raise Refused(leaf, str(error), "bad-dn") from None
    for part in name:
        _refuse_wildcard(leaf, part.value)
    as_hex = f"asn1dn:#{distinguished_name.encode(name).hex()}"
    if len(as_hex) <= OWNER_OCTETS_MAX:
        return Identity(IdentityKind.DN, distinguished_name.render(name), as_hex)
    as_text = distinguished_name.render_for_charon(name)
    if as_text is None or len(as_text) > OWNER_OCTETS_MAX:
        raise Refused(leaf, "the distinguished name is too long for charon", "identity-too-long")
    return Identity(IdentityKind.DN, distinguished_name.render(name), as_text)


_MAKERS: dict[str, Callable[[str, str], Identity]] = {
    "inet": _inet,
    "name": _pattern_free(IdentityKind.NAME, "fqdn"),
    "email": _pattern_free(IdentityKind.EMAIL, "email"),
    "key": _pattern_free(IdentityKind.KEY, "keyid"),
    "dn": _distinguished,
}


def _configured(entry: Json, container: str) -> Identity | None:
    node = entry.get(container)
    if not node or not isinstance(node, Mapping):
        return None
    case, *more = node
    if case not in _MAKERS or more:
        raise UnsupportedLeaf(f"{container}/{min(more) if more else case}")
    return _made(container, case, str(node[case]))


@lru_cache(KNOWN_MAX)
def _made(container: str, case: str, text: str) -> Identity:
    return _MAKERS[case](f"{container}/{case}", text)


def forget_texts() -> None:
    """Forget the identities that are kept, as ``prefixes.forget_texts``."""
    for kept in (_inet, _made):
        kept.cache_clear()


def local_identity(entry: Json) -> Identity:
    """Return who we are: ``local-id``, or the local address (auto).

    Raises:
        Refused: it cannot be sent safely.
    """
    return _configured(entry, "local-id") or _inet("local-address", str(entry["local-address"]))


def remote_identity(entry: Json) -> Identity:
    """Return whom we expect: ``remote-id``, or (auto) the peer's address on an initiator and anybody
    on a responder.

    Raises:
        Refused: it cannot be sent safely, or an initiator has no peer.
    """
    configured = _configured(entry, "remote-id")
    if configured is not None:
        return configured
    if not entry.get("initiator"):
        return ANY
    if "peer" not in entry:
        raise Refused("peer", "an initiator needs the address of its peer", "initiator-without-peer")
    return _inet("peer", str(entry["peer"]))
