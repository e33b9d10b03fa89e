"""Two tunnels that cannot both be enabled, as charon could not tell one from the other: why, in words."""

from __future__ import annotations

from dataclasses import dataclass

from translators.strongswan.translation.credentials import Claim, IdentityKey


@dataclass(frozen=True, slots=True)
class Conflict:
    """``tunnel`` and ``other`` cannot both be enabled; ``app_tag`` and ``message`` say why."""

    tunnel: str
    other: str
    app_tag: str
    message: str


def same_identities(claim: Claim, other: str) -> Conflict:
    """Return that ``other`` has the identities of ``claim``, and nothing else tells them apart."""
    # Where anybody may come, addresses tell tunnels apart.
    apart = "peer, remote-id or local-id" if claim.remote.is_any else "remote-id or local-id"
    return Conflict(
        tunnel=claim.tunnel,
        other=other,
        app_tag="identity-conflict",
        message=f"tunnels {other} and {claim.tunnel} have the same local identity ({claim.local}) and remote "
        f"identity ({claim.remote}); charon could not tell them apart: give one another {apart}, or make "
        "them one tunnel with several subnets",
    )


def other_ppk(claim: Claim, other: str) -> Conflict:
    """Return that they have different postquantum preshared keys (RFC 8784) under one id."""
    return Conflict(
        tunnel=claim.tunnel,
        other=other,
        app_tag="ppk-shadowed",
        message=f"tunnels {other} and {claim.tunnel} have different postquantum preshared keys of one id; "
        "charon could not tell them apart: give the keys different ids",
    )


def shadowed(tunnel: str, other: str, key: IdentityKey) -> Conflict:
    """Return that the secret of one would be tried for the other, as both use the identity ``key``."""
    kind, text = key
    return Conflict(
        tunnel=tunnel,
        other=other,
        app_tag="secret-shadowed",
        message=f"charon would try the secret of tunnel {other} for tunnel {tunnel}, or the reverse, "
        f"because both use the identity {kind.value} {text}: one peer's key would open the other's tunnel. "
        "Give each of the two a remote-id of its own (whoever calls has that of its peer), or another "
        "local-id, or both the same secret",
    )


def shadowed_by_address(tunnel: str, other: str) -> Conflict:
    """Return that the secret of one would be tried for the other, as IKEv1 has the addresses alone."""
    return Conflict(
        tunnel=tunnel,
        other=other,
        app_tag="secret-shadowed",
        message=f"charon finds secrets of IKEv1 by the addresses alone, and would take the one of tunnel "
        f"{other} for tunnel {tunnel}, or the reverse: one peer's key would open the other's tunnel. Give "
        "one another local-address or peer, both the same secret, or IKEv2",
    )


def otherwise_childless(claim: Claim, other: Claim) -> Conflict:
    """Return that one of them is never childless, and only addresses say which it is (RFC 6023)."""
    return Conflict(
        tunnel=claim.tunnel,
        other=other.tunnel,
        app_tag="childless-conflict",
        message=f"tunnels {other.tunnel} and {claim.tunnel} have the same addresses, and one of them has "
        "ike/childless never. charon answers by the addresses whether it can be childless, before it knows "
        "which tunnel the peer wants: a peer that has to be could not reach the other one. Give both never, "
        "or neither, or different local addresses or peers",
    )
