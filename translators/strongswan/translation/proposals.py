"""Algorithms: our keywords, strongSwan's proposal tokens, and the names that list-sas shows.

Three spellings of one thing: ``curve448`` in the model, ``x448`` in a proposal, ``CURVE_448`` in
list-sas and get-algorithms. The tables below are the only place where they meet.

charon accepts an ESP proposal that encrypts without integrity. The model's rules stand before this
room; it refuses such a proposal all the same, because nothing behind it would.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from translators.strongswan.model import Json
from translators.strongswan.translation.refusals import Refused, UnsupportedLeaf


class Phase(Enum):
    """The two protocols that proposals are for; the value is the container in the model."""

    IKE = "ike"
    ESP = "esp"


@dataclass(frozen=True, slots=True)
class Algorithm:
    """``name`` is charon's; ``key_bits`` tells apart what shares a name; ``token`` is for proposals."""

    keyword: str
    token: str
    name: str
    key_bits: int | None = None
    aead: bool = False


def _table(*algorithms: Algorithm) -> dict[str, Algorithm]:
    return {algorithm.keyword: algorithm for algorithm in algorithms}


def _aes(suffix: str, name: str, aead: bool = False) -> list[Algorithm]:
    return [
        Algorithm(f"aes{bits}{suffix}", f"aes{bits}{suffix}", name, key_bits=bits, aead=aead)
        for bits in (128, 192, 256)
    ]


CIPHERS = _table(
    *_aes("", "AES_CBC"),
    *_aes("ctr", "AES_CTR"),
    *_aes("ccm12", "AES_CCM_12", aead=True),
    *_aes("ccm16", "AES_CCM_16", aead=True),
    *_aes("gcm12", "AES_GCM_12", aead=True),
    *_aes("gcm16", "AES_GCM_16", aead=True),
    Algorithm("chacha20poly1305", "chacha20poly1305", "CHACHA20_POLY1305", aead=True),
)
INTEGRITY = _table(
    Algorithm("sha1", "sha1", "HMAC_SHA1_96"),
    Algorithm("sha256", "sha256", "HMAC_SHA2_256_128"),
    Algorithm("sha384", "sha384", "HMAC_SHA2_384_192"),
    Algorithm("sha512", "sha512", "HMAC_SHA2_512_256"),
)
PRFS = _table(
    # Not in the model: derived from auth sha1, and shown by list-sas.
    Algorithm("prfsha1", "prfsha1", "PRF_HMAC_SHA1"),
    Algorithm("prfsha256", "prfsha256", "PRF_HMAC_SHA2_256"),
    Algorithm("prfsha384", "prfsha384", "PRF_HMAC_SHA2_384"),
    Algorithm("prfsha512", "prfsha512", "PRF_HMAC_SHA2_512"),
)
GROUPS = _table(
    Algorithm("modp2048", "modp2048", "MODP_2048"),
    Algorithm("modp3072", "modp3072", "MODP_3072"),
    Algorithm("modp4096", "modp4096", "MODP_4096"),
    Algorithm("ecp256", "ecp256", "ECP_256"),
    Algorithm("ecp384", "ecp384", "ECP_384"),
    Algorithm("ecp521", "ecp521", "ECP_521"),
    Algorithm("x25519", "x25519", "CURVE_25519"),
    Algorithm("curve448", "x448", "CURVE_448"),
)
KEY_EXCHANGES = GROUPS | _table(
    Algorithm("mlkem512", "mlkem512", "ML_KEM_512"),
    Algorithm("mlkem768", "mlkem768", "ML_KEM_768"),
    Algorithm("mlkem1024", "mlkem1024", "ML_KEM_1024"),
)
"""What may follow the first one, as ``ke1`` to ``ke7``."""

_LEAVES: dict[str, tuple[Mapping[str, Algorithm], tuple[str, ...]]] = {
    # leaf of a proposal: its table, and the kinds of get-algorithms that may list it
    "cipher": (CIPHERS, ("encryption", "aead")),
    "auth": (INTEGRITY, ("integrity",)),
    "prf": (PRFS, ("prf",)),
    "dh": (GROUPS, ("dh", "ke")),
    # A leaf-list. Before strongSwan 6.0, whose kind is "dh", none of them could be used.
    "ke": (KEY_EXCHANGES, ("ke",)),
}

_SINGLE = tuple(leaf for leaf in _LEAVES if leaf != "ke")
ADDITIONAL_MAX = 7
"""Transform types 6 to 12 (RFC 9370 section 2.2.1)."""

_ONE_KEY_EXCHANGE = (
    "this charon has one key exchange and no more (RFC 9370): remove ke, or use strongSwan 6.0 or later"
)

# RFC 8247 and RFC 8221: AEAD first, CBC with SHA-2 after it, no 3DES, no SHA-1; the groups that
# RFC 8247 section 2.4 asks for, with those of RFC 8031. Within a kind the preferred one is first.
_AUTO_AEAD = ("aes256gcm16", "aes128gcm16", "chacha20poly1305")
_AUTO_CBC = ("aes256", "aes192", "aes128")
_AUTO_INTEGRITY = ("sha512", "sha384", "sha256")
_AUTO_PRF = ("prfsha512", "prfsha384", "prfsha256")
_AUTO_GROUPS = ("x25519", "ecp256", "ecp384", "ecp521", "modp3072", "modp4096", "modp2048")
# Forward secrecy whenever the peer has it; strongSwan before 6.0.2 proposes ESP without any group by
# default, and such a peer could otherwise never rekey.
_AUTO_ESP_LAST_GROUP = "none"


def render(phase: Phase, proposal: Json) -> str:
    """Return one configured proposal as strongSwan writes it, e.g. ``aes128-sha256-x25519``.

    Raises:
        Refused: the combination is unsafe or makes no sense; charon would accept some of these.
    """
    where = _leaf_of(phase, proposal)
    if unknown := proposal.keys() - {"priority", *_LEAVES}:
        raise UnsupportedLeaf(f"{where}/{min(unknown)}")
    chosen = {leaf: _look_up(where, leaf, str(proposal[leaf])) for leaf in _SINGLE if leaf in proposal}
    further = [_look_up(where, "ke", keyword) for keyword in _words(proposal, "ke")]
    _demand_sound(phase, where, chosen)
    _demand_sequence(where, chosen.get("dh"), further)
    tokens = [chosen[leaf].token for leaf in _SINGLE if leaf in chosen]
    return "-".join([*tokens, *(_further(n, one.token) for n, one in enumerate(further, 1))])


def _further(number: int, token: str | None) -> str:
    return f"ke{number}_{token}"


def further_token(number: int, name: str) -> str:
    """Return the proposal token of what list-sas shows as key exchange ``number`` after the first."""
    return _further(number, token("ke", name))


def is_further(token: str) -> bool:
    """Return whether a proposal token is of a key exchange after the first."""
    return token.startswith("ke")


def _words(proposal: Json, leaf: str) -> list[str]:
    found = proposal.get(leaf, ())
    return [str(word) for word in found] if isinstance(found, (list, tuple)) else [str(found)]


def _leaf_of(phase: Phase, proposal: Json) -> str:
    return f"{phase.value}/proposal[priority='{proposal.get('priority')}']"


def _look_up(where: str, leaf: str, keyword: str) -> Algorithm:
    try:
        return _LEAVES[leaf][0][keyword]
    except KeyError:
        raise Refused(
            f"{where}/{leaf}", f"'{keyword}' is not a known algorithm", "unknown-algorithm"
        ) from None


def _demand_sound(phase: Phase, where: str, chosen: Mapping[str, Algorithm]) -> None:
    cipher = chosen.get("cipher")
    if cipher is None:
        raise Refused(where, "a proposal needs a cipher", "proposal-incomplete")
    if phase is Phase.ESP and "prf" in chosen:
        raise Refused(f"{where}/prf", "an ESP proposal has no prf", "esp-prf")
    if cipher.aead and "auth" in chosen:
        raise Refused(
            f"{where}/auth", f"{cipher.keyword} authenticates by itself: remove auth", "aead-with-auth"
        )
    if not cipher.aead and "auth" not in chosen:
        raise Refused(where, f"{cipher.keyword} does not protect integrity: add auth", "integrity-missing")
    if phase is Phase.IKE:
        if cipher.aead and "prf" not in chosen:
            raise Refused(where, f"{cipher.keyword} needs a prf for IKE", "prf-missing")
        if not cipher.aead and "prf" in chosen:
            raise Refused(f"{where}/prf", "the prf follows from auth: remove prf", "prf-with-auth")
        if "dh" not in chosen:
            raise Refused(where, "an IKE proposal needs a Diffie-Hellman group (dh)", "dh-missing")


def _demand_sequence(where: str, first: Algorithm | None, further: Sequence[Algorithm]) -> None:
    if further and first is None:
        raise Refused(f"{where}/ke", "additional key exchanges need a first one: set dh", "esp-ke-without-dh")
    if len(further) > ADDITIONAL_MAX:
        raise Refused(
            f"{where}/ke", f"at most {ADDITIONAL_MAX} key exchanges may follow", "too-many-elements"
        )
    used = [one.keyword for one in (*([first] if first else []), *further)]
    if twice := [word for word in used if used.count(word) > 1]:
        raise Refused(f"{where}/ke", f"{twice[0]} is there twice: each key exchange must differ", "ke-twice")


def by_priority(proposals: Sequence[Json]) -> list[Json]:
    """Return ``proposals`` with the most preferred (lowest priority number) first."""
    return sorted(proposals, key=lambda proposal: int(str(proposal.get("priority", 0))))


Available = Mapping[str, Collection[str]]
"""What charon can do: get-algorithms kind (``encryption``, ``aead``, ``dh``...) to algorithm names."""


def missing(phase: Phase, proposal: Json, available: Available) -> list[Refused]:
    """Return a refusal for every algorithm of ``proposal`` that no plugin of charon provides."""
    where = _leaf_of(phase, proposal)
    if proposal.get("ke") and "ke" not in available:
        return [Refused(f"{where}/ke", _ONE_KEY_EXCHANGE, "ke-not-supported")]
    return [
        Refused(f"{where}/{_node(leaf, word)}", _not_loaded(algorithm), "algorithm-not-loaded")
        for leaf, (table, _kinds) in _LEAVES.items()
        for word in _words(proposal, leaf)
        if (algorithm := table.get(word)) is not None and not _provided(leaf, algorithm, available)
    ]


def _node(leaf: str, word: str) -> str:
    return leaf if leaf in _SINGLE else f"{leaf}[.='{word}']"


def _not_loaded(algorithm: Algorithm) -> str:
    return (
        f"no plugin loaded in charon provides {algorithm.keyword} ({algorithm.name}): choose another "
        f"algorithm, or have charon load a plugin that does, {_plugin_for(algorithm)}, and restart it"
    )


def _plugin_for(algorithm: Algorithm) -> str:
    if algorithm.name.startswith("ML_KEM"):
        return "such as ml, or openssl since strongSwan 6.0.2 with OpenSSL 3.5 (Debian 13 has neither)"
    return "such as openssl (in Debian's package libstrongswan-standard-plugins, since 13 in libstrongswan)"


def _provided(leaf: str, algorithm: Algorithm, available: Available) -> bool:
    return any(algorithm.name in available.get(kind, ()) for kind in _LEAVES[leaf][1])


def auto(phase: Phase, available: Available | None = None, *, aead: bool = True) -> list[str]:
    """Return the proposals for "none configured": ours, limited to what charon has.

    AEAD and classical ciphers cannot share a proposal, so there are up to two; without ``aead`` (IKEv1 has
    none for IKE) one. None ``available`` means unknown: the full list.
    """
    groups = _tokens("dh", _AUTO_GROUPS, available)
    if phase is Phase.ESP:
        groups.append(_AUTO_ESP_LAST_GROUP)
    ciphers = _tokens("cipher", _AUTO_AEAD, available) if aead else []
    classical = _tokens("cipher", _AUTO_CBC, available)
    integrity = _tokens("auth", _AUTO_INTEGRITY, available)
    prfs = _tokens("prf", _AUTO_PRF, available) if phase is Phase.IKE else []
    proposals = []
    if ciphers and (prfs or phase is Phase.ESP):
        proposals.append("-".join([*ciphers, *prfs, *groups]))
    if classical and integrity:
        proposals.append("-".join([*classical, *integrity, *groups]))
    if not proposals or not groups:
        raise Refused(
            phase.value, "charon has no plugins for any proposal that is safe", "algorithm-not-loaded"
        )
    return proposals


# What an initiator of IKEv1 offers is one algorithm of a kind in each proposal; so many of them fit into the
# first message without its being fragmented.
_IKEV1_CIPHERS = ("aes256", "aes128")
_IKEV1_INTEGRITY = ("sha512", "sha256")
_IKEV1_GROUPS = ("ecp384", "ecp256", "modp4096", "modp3072", "modp2048", "x25519")


def auto_ikev1(phase: Phase, available: Available | None = None) -> list[str]:
    """Return the proposals of IKEv1 for "none configured": suites of one algorithm of each kind, and after
    them, for what a peer offers, all that ``auto`` has. The groups of ESP are those of IKE: charon offers the
    one that both have agreed on there.

    Raises:
        Refused: charon has nothing for them.
    """
    all_of_them = auto(phase, available, aead=phase is Phase.ESP)
    auths = _tokens("auth", _IKEV1_INTEGRITY, available)
    suites = [f"{c}-{a}" for c in _tokens("cipher", _IKEV1_CIPHERS, available) for a in auths]
    if phase is Phase.ESP:
        suites = [*_tokens("cipher", _AUTO_AEAD[:2], available), *suites]
    groups = _tokens("dh", _IKEV1_GROUPS, available)
    return [*(f"{suite}-{group}" for group in groups for suite in suites), *all_of_them]


def without_groups(written: Sequence[str]) -> list[str]:
    """Return proposals of ESP without their groups, each once."""
    groups = {_AUTO_ESP_LAST_GROUP, *(group.token for group in GROUPS.values())}
    left = ("-".join(part for part in one.split("-") if part not in groups) for one in written)
    return list(dict.fromkeys(left))


def _tokens(leaf: str, keywords: Sequence[str], available: Available | None) -> list[str]:
    table = _LEAVES[leaf][0]
    return [
        table[keyword].token
        for keyword in keywords
        if available is None or _provided(leaf, table[keyword], available)
    ]


def _by_name(table: Mapping[str, Algorithm]) -> dict[tuple[str, int | None], str]:
    return {(algorithm.name, algorithm.key_bits): algorithm.keyword for algorithm in table.values()}


_KEYWORDS = {leaf: _by_name(table) for leaf, (table, _kinds) in _LEAVES.items()}


def keyword(leaf: str, name: str, key_bits: int | None = None) -> str | None:
    """Return our keyword for what list-sas shows as ``name`` (and key size), None if it is not ours.

    ``leaf`` is cipher, auth, prf, dh or ke.
    """
    names = _KEYWORDS[leaf]
    return names.get((name, key_bits)) or names.get((name, None))


def token(leaf: str, name: str, key_bits: int | None = None) -> str | None:
    """Return the proposal token of what list-sas shows as ``name``, None if it is not ours."""
    ours = keyword(leaf, name, key_bits)
    return None if ours is None else _LEAVES[leaf][0][ours].token
