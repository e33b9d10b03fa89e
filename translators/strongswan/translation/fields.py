"""One table: what every leaf of a tunnel means to charon. A leaf without a row is refused. Pure.

What strongSwan gives a default that differs between versions, or that we rely on, is written out here and in
``FIXED_CHILD``. Times and limits that are not configured equal those of the router's
manual: an IKE SA is rekeyed after 4 hours, a child after 1 hour.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from translators.strongswan.model import Json
from translators.strongswan.translation import proposals
from translators.strongswan.translation.around import Around, Value, value_at
from translators.strongswan.translation.certified import (
    authorities,
    has_certificate,
    own_certificate,
    own_identity,
    revocation,
)
from translators.strongswan.translation.identities import address, remote_identity
from translators.strongswan.translation.prefixes import canonical_prefix, prefix
from translators.strongswan.translation.proposals import Available, Phase
from translators.strongswan.translation.refusals import Refused

ANY_PEER = ["%any"]
DPD_DELAY_DEFAULT_S = 30
IKE_REKEY_DEFAULT_S = 14400
CHILD_REKEY_DEFAULT_S = 3600


class Part(Enum):
    """The section of the message that a field belongs to; NOTHING is not for charon."""

    NOTHING = "nothing"
    SECRET = "secret"
    IKE = "ike"
    LOCAL = "local"
    REMOTE = "remote"
    CHILD = "child"


Render = Callable[[Json, Around], "Value | None"]


@dataclass(frozen=True, slots=True)
class Field:
    """``leaf`` (a path below the entry) decides ``key`` of ``part``; no key: another row reads it, or it
    decides how many children there are. ``render`` returns None where charon is not to be told."""

    leaf: str
    part: Part
    key: str = ""
    render: Render | None = None


def _whole(entry: Json, leaf: str, default: int) -> int:
    return int(str(value_at(entry, leaf, default)))


def _seconds(leaf: str, default: int) -> Render:
    return lambda entry, _around: f"{_whole(entry, leaf, default)}s"


def _flag(leaf: str, default: bool) -> Render:
    return lambda entry, _around: "yes" if value_at(entry, leaf, default) else "no"


def _word(leaf: str, default: str, **renamed: str) -> Render:
    def render(entry: Json, _around: Around) -> Value:
        word = str(value_at(entry, leaf, default))
        return renamed.get(word, word)

    return render


def _as_it_is(leaf: str) -> Render:
    def render(entry: Json, _around: Around) -> Value | None:
        value = value_at(entry, leaf)
        return None if value is None else str(value)

    return render


# --- addresses and selectors ---


def _local_addrs(entry: Json, _around: Around) -> Value:
    if "local-address" not in entry:
        raise Refused("local-address", "the tunnel needs a local address", "local-address-missing")
    return [address("local-address", str(entry["local-address"]))]


def _remote_addrs(entry: Json, _around: Around) -> Value:
    return [address("peer", str(entry["peer"]))] if "peer" in entry else ANY_PEER


def _keyingtries(entry: Json, _around: Around) -> Value:
    # 0: an initiator goes on for as long as the peer is silent.
    return "0" if entry.get("initiator") else "1"


def _selectors(leaf: str, default_from: str) -> Callable[[Json, Around], list[str]]:
    def render(entry: Json, _around: Around) -> list[str]:
        subnets = entry.get(leaf)
        if isinstance(subnets, Sequence) and subnets and not isinstance(subnets, str):
            # In one order: which of them stands first means nothing, and is to change nothing.
            if len(subnets) == 1:
                return [_canonical(leaf, str(subnets[0]))]
            networks = {_canonical(leaf, str(subnet)) for subnet in subnets}
            return sorted(networks, key=prefix)
        if default_from in entry:
            return [_canonical(default_from, str(entry[default_from]))]
        return ["dynamic"]  # the address that the peer turns out to have

    return render


def _canonical(leaf: str, text: str) -> str:
    try:
        return canonical_prefix(text)
    except ValueError:
        raise Refused(leaf, f"'{text}' is not an IP prefix", "bad-prefix") from None


# --- what is done when the peer is dead, or closes ---


def _dpd_delay(entry: Json, _around: Around) -> Value:
    if not value_at(entry, "dpd/enabled", True):
        return "0s"
    return f"{_whole(entry, 'dpd/delay', DPD_DELAY_DEFAULT_S)}s"


def _after(leaf: str, app_tag: str) -> Callable[[Json], str]:
    def action(entry: Json) -> str:
        chosen = str(value_at(entry, leaf, "restart" if entry.get("initiator") else "clear"))
        if not entry.get("initiator") and chosen != "clear":
            raise Refused(leaf, "a responder can only clear", app_tag)
        return chosen

    return action


dpd_action = _after("dpd/action", "dpd-action-responder")
"""Return clear, trap or restart; absent means restart on an initiator, clear on a responder."""
close_action = _after("close-action", "close-action-responder")
"""Return clear, trap or restart; absent means restart on an initiator, clear on a responder."""


def _charons_dpd_action(entry: Json, _around: Around) -> Value:
    # Who restarts is the supervisor: charon would restart all tunnels to a dead peer at once, and when that
    # is back it refuses most of them (block_threshold), which are then asked for again only after long.
    action = dpd_action(entry)
    return "clear" if action == "restart" else action


def _charons_close_action(entry: Json, _around: Around) -> Value:
    return "trap" if close_action(entry) == "trap" else "none"


# --- IKE, and the proposals of both phases ---


def is_ikev1(entry: Json) -> bool:
    """Return whether the tunnel is one of IKEv1."""
    return value_at(entry, "ike/version") == "ikev1"


def configured_proposals(entry: Json, phase: Phase) -> Sequence[Json]:
    """Return the proposals of ``phase``; with none of them the automatic ones are used."""
    configured = value_at(entry, _PROPOSALS[phase], ())
    return configured if type(configured) is list or isinstance(configured, Sequence) else ()


_PROPOSALS = {phase: f"{phase.value}/proposal" for phase in Phase}


def not_loaded(entry: Json, available: Available) -> Iterator[Refused]:
    """Yield a refusal for each configured algorithm that no plugin of charon provides.

    Raises:
        Refused: there is nothing for automatic proposals.
    """
    for phase in Phase:
        configured = configured_proposals(entry, phase)
        for proposal in configured:
            yield from proposals.missing(phase, proposal, available)
        if not configured:
            proposals.auto(phase, available)


def _proposals(phase: Phase) -> Callable[[Json, Around], list[str]]:
    def render(entry: Json, around: Around) -> list[str]:
        if configured := configured_proposals(entry, phase):
            return [proposals.render(phase, one) for one in proposals.by_priority(configured)]
        if is_ikev1(entry):
            return proposals.auto_ikev1(phase, around.available)
        return proposals.auto(phase, around.available)

    return render


def _esp_proposals(entry: Json, around: Around) -> Value:
    suites = _proposals(Phase.ESP)(entry, around)
    if not value_at(entry, "esp/extended-sequence-numbers", False):
        return suites
    if not _whole(entry, "esp/anti-replay-window-size", 32):
        # charon would agree on 64 bits with the peer, and have the kernel use 32.
        raise Refused("esp/extended-sequence-numbers", "they need an anti-replay window", "esn-needs-window")
    return [f"{suite}-esn" for suite in suites]


def _ike_tenth_s(entry: Json) -> int:
    due_s = [_whole(entry, "ike/rekey-time", IKE_REKEY_DEFAULT_S), _whole(entry, "ike/reauth-time", 0)]
    return min((one for one in due_s if one), default=0) // 10


def _over_time(entry: Json, _around: Around) -> Value | None:
    over_s = _whole(entry, "ike/over-time", max(_ike_tenth_s(entry), 1))
    return f"{over_s}s"


def _dscp(entry: Json, _around: Around) -> Value:
    return format(_whole(entry, "ike/dscp", 0), "06b")


def ppk_id(entry: Json) -> str | None:
    """Return the id of the postquantum preshared key as charon is told, None if there is none."""
    # As plain text: charon parses what a peer sends as it parses this, and compares the two.
    name = value_at(entry, "ike/ppk/id")
    return None if name is None else str(name)


# --- ESP ---


def _child_rekey_s(entry: Json) -> int:
    return _whole(entry, "esp/lifetime-soft/time", CHILD_REKEY_DEFAULT_S)


def _life_time(entry: Json, _around: Around) -> Value:
    soft_s = _child_rekey_s(entry)
    return f"{_whole(entry, 'esp/lifetime-hard/time', soft_s + soft_s // 10)}s"


def _child_rand_time(entry: Json, _around: Around) -> Value:
    return f"{_child_rekey_s(entry) // 10}s"


def _hard_volume(unit: str) -> Render:
    def render(entry: Json, _around: Around) -> Value | None:
        soft = value_at(entry, f"esp/lifetime-soft/{unit}")
        if soft is None:
            return None
        return str(value_at(entry, f"esp/lifetime-hard/{unit}", int(str(soft)) * 11 // 10))

    return render


def _rand_volume(unit: str) -> Render:
    # By itself charon takes off as much as lies between soft and hard lifetime: if that is more than the
    # soft one, what is left is below zero, which it takes for without end.
    def render(entry: Json, _around: Around) -> Value | None:
        soft = value_at(entry, f"esp/lifetime-soft/{unit}")
        return None if soft is None else str(int(str(soft)) // 10)

    return render


FIELDS = (
    Field("id", Part.NOTHING),
    Field("enabled", Part.NOTHING),
    Field("description", Part.NOTHING),
    Field("secret", Part.SECRET),
    Field("certificate/own", Part.LOCAL, "certs", own_certificate),
    Field(
        "certificate/own", Part.IKE, "send_certreq", lambda e, _around: "yes" if has_certificate(e) else "no"
    ),
    Field(
        "certificate/own", Part.IKE, "send_cert", lambda e, _around: "always" if has_certificate(e) else None
    ),
    Field("certificate/trusted-ca", Part.REMOTE, "cacerts", authorities),
    Field("certificate/trusted-ca", Part.REMOTE, "revocation", revocation),
    Field("initiator", Part.IKE, "keyingtries", _keyingtries),
    Field("local-address", Part.IKE, "local_addrs", _local_addrs),
    Field("peer", Part.IKE, "remote_addrs", _remote_addrs),
    Field("local-id", Part.LOCAL, "id", lambda entry, around: own_identity(entry, around).vici or None),
    Field("remote-id", Part.REMOTE, "id", lambda entry, _around: remote_identity(entry).vici),
    Field("local-subnet", Part.CHILD, "local_ts", _selectors("local-subnet", "local-address")),
    Field("remote-subnet", Part.CHILD, "remote_ts", _selectors("remote-subnet", "peer")),
    # Not by the connection: see translation/guards.
    Field("leak-protection", Part.NOTHING),
    Field("bypass/network", Part.NOTHING),
    Field("bypass/connected-networks", Part.NOTHING),
    Field("dpd/enabled", Part.IKE),
    Field("dpd/delay", Part.IKE, "dpd_delay", _dpd_delay),
    Field("dpd/action", Part.CHILD, "dpd_action", _charons_dpd_action),
    Field("close-action", Part.CHILD, "close_action", _charons_close_action),
    Field("ike/version", Part.IKE, "version", _word("ike/version", "ikev2", ikev1="1", ikev2="2")),
    Field("ike/proposal", Part.IKE, "proposals", _proposals(Phase.IKE)),
    Field("ike/rekey-time", Part.IKE, "rekey_time", _seconds("ike/rekey-time", IKE_REKEY_DEFAULT_S)),
    Field("ike/rekey-time", Part.IKE, "rand_time", lambda entry, _around: f"{_ike_tenth_s(entry)}s"),
    Field("ike/reauth-time", Part.IKE, "reauth_time", _seconds("ike/reauth-time", 0)),
    Field("ike/over-time", Part.IKE, "over_time", _over_time),
    Field("ike/fragmentation/enabled", Part.IKE, "fragmentation", _flag("ike/fragmentation/enabled", True)),
    # Both ends are configured addresses; MOBIKE would move the tunnel to others.
    Field("ike/mobike", Part.IKE, "mobike", _flag("ike/mobike", False)),
    Field("ike/force-encapsulation", Part.IKE, "encap", _flag("ike/force-encapsulation", False)),
    Field("ike/childless", Part.IKE, "childless", _word("ike/childless", "allow")),
    # With "no" INITIAL_CONTACT is honoured, so that a restarted peer's old SAs do not linger.
    Field("ike/unique", Part.IKE, "unique", _word("ike/unique", "no")),
    Field("ike/dscp", Part.IKE, "dscp", _dscp),
    Field("ike/ppk/id", Part.IKE, "ppk_id", lambda entry, _around: ppk_id(entry)),
    Field("ike/ppk/required", Part.IKE, "ppk_required", _flag("ike/ppk/required", False)),
    Field("ike/ppk/key", Part.SECRET),
    Field("esp/proposal", Part.CHILD, "esp_proposals", _esp_proposals),
    Field("esp/extended-sequence-numbers", Part.CHILD),
    Field("esp/sa-per-subnet-pair", Part.CHILD),
    Field(
        "esp/lifetime-soft/time",
        Part.CHILD,
        "rekey_time",
        _seconds("esp/lifetime-soft/time", CHILD_REKEY_DEFAULT_S),
    ),
    Field("esp/lifetime-soft/time", Part.CHILD, "rand_time", _child_rand_time),
    Field("esp/lifetime-hard/time", Part.CHILD, "life_time", _life_time),
    Field("esp/lifetime-soft/bytes", Part.CHILD, "rekey_bytes", _as_it_is("esp/lifetime-soft/bytes")),
    Field("esp/lifetime-soft/bytes", Part.CHILD, "rand_bytes", _rand_volume("bytes")),
    Field("esp/lifetime-hard/bytes", Part.CHILD, "life_bytes", _hard_volume("bytes")),
    Field("esp/lifetime-soft/packets", Part.CHILD, "rekey_packets", _as_it_is("esp/lifetime-soft/packets")),
    Field("esp/lifetime-soft/packets", Part.CHILD, "rand_packets", _rand_volume("packets")),
    Field("esp/lifetime-hard/packets", Part.CHILD, "life_packets", _hard_volume("packets")),
    Field("esp/lifetime-soft/idle", Part.CHILD, "inactivity", _seconds("esp/lifetime-soft/idle", 0)),
    Field(
        "esp/anti-replay-window-size",
        Part.CHILD,
        "replay_window",
        lambda entry, _around: str(_whole(entry, "esp/anti-replay-window-size", 32)),
    ),
    Field("esp/copy-dscp", Part.CHILD, "copy_dscp", _word("esp/copy-dscp", "out", none="no", both="yes")),
    Field("esp/df-bit", Part.CHILD, "copy_df", _word("esp/df-bit", "copy", copy="yes", clear="no")),
    Field("esp/mark-in", Part.CHILD, "mark_in", _as_it_is("esp/mark-in")),
    Field("esp/mark-out", Part.CHILD, "mark_out", _as_it_is("esp/mark-out")),
    Field("esp/if-id-in", Part.CHILD, "if_id_in", _as_it_is("esp/if-id-in")),
    Field("esp/if-id-out", Part.CHILD, "if_id_out", _as_it_is("esp/if-id-out")),
)
LEAVES = frozenset(row.leaf for row in FIELDS)

FIXED_CHILD: Mapping[str, Value] = {
    "mode": "tunnel",
    # Who initiates and who repairs is the agent's supervisor alone, and so replacing or unloading a
    # connection never touches SAs behind the agent's back.
    "start_action": "none",
    "ipcomp": "no",
    "policies": "yes",
}
