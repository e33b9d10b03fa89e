"""list-sas replies and facts -> status. Pure: replies and the clock come in.

All IKE_SAs with the tunnel's name count, because there may be several for a while: after a rekeying, or
while an old one is still being deleted towards a dead peer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import Enum

from translators.strongswan.status.facts import Facts
from translators.strongswan.translation.fields import close_action, dpd_action
from translators.strongswan.translation.proposals import ADDITIONAL_MAX

Section = Mapping[str, object]


class Status(Enum):
    """The execution statuses of the router's manual; INSTALLED is the only one that is up."""

    DOWN = "down"
    CONNECTING = "connecting"
    IKE_ESTABLISHED = "ike-established"
    INSTALLED = "installed"
    RETRANSMISSION = "retransmission"


IKE_UP = frozenset({"ESTABLISHED", "REKEYING"})
_IKE_BEGINNING = frozenset({"CREATED", "CONNECTING"})
_CREATING = frozenset({"CHILD_CREATE", "QUICK_MODE"})
"""Tasks that negotiate a CHILD_SA, in IKEv2 and IKEv1."""
_REPLACING = "CHILD_REKEY"
"""The task that negotiates another CHILD_SA in the place of one, with what that was configured with."""
_CHILD_UP = frozenset({"INSTALLED", "UPDATING", "REKEYING", "REKEYED"})


def sections(section: Section, key: str) -> dict[str, Section]:
    """Return the sections in that of ``key``, by name."""
    found = section.get(key)
    if not isinstance(found, Mapping):
        return {}
    return {str(name): value for name, value in found.items() if isinstance(value, Mapping)}


def children(sa: Section) -> Iterable[Section]:
    """Return the CHILD_SAs of an IKE_SA."""
    return sections(sa, "child-sas").values()


def children_up(sas: Iterable[Section]) -> list[Section]:
    """Return the CHILD_SAs that carry traffic."""
    return [
        child
        for sa in sas if sa.get("state") in IKE_UP
        for child in children(sa) if child.get("state") in _CHILD_UP
    ]  # fmt: skip


def installed_child(sas: Iterable[Section]) -> Section | None:
    """Return the newest CHILD_SA that carries traffic, None if there is none."""
    up = children_up(sas)
    # REKEYED is the old one of a pair: it counts only while the new one is not listed yet.
    return max(
        up, key=lambda child: (child.get("state") != "REKEYED", number(child.get("uniqueid"))), default=None
    )


def missing_children(sas: Iterable[Section], names: Collection[str]) -> list[str]:
    """Return those of the children ``names`` of which no CHILD_SA carries traffic."""
    up = {child.get("name") for child in children_up(sas)}
    return [name for name in names if name not in up]


def carries_all(sas: Iterable[Section], names: Collection[str]) -> bool:
    """Return whether each of the children ``names`` carries traffic; of a single one, any of the tunnel."""
    if len(names) < 2:
        return bool(children_up(sas))
    return not missing_children(sas, names)


def status(
    sas: Sequence[Section], facts: Facts, retrying: bool = False, names: Collection[str] = ()
) -> Status:
    """Return the status of a tunnel from its IKE_SAs.

    ``retrying``: the supervisor has it on its list, so that a pause between two attempts of an
    initiator still is connecting. ``names`` are those of its children: it is up when all of them are.
    """
    states = {sa.get("state") for sa in sas}
    if states & IKE_UP:
        if facts.retransmitting and _asks_in_vain(sas, names, facts.exchange.missed):
            return Status.RETRANSMISSION
        return Status.INSTALLED if carries_all(sas, names) else Status.IKE_ESTABLISHED
    if facts.renewing is not None and states & _IKE_BEGINNING and not facts.tries:
        return Status.INSTALLED  # for a moment there is no IKE_SA but the new one
    return Status.CONNECTING if retrying or states & _IKE_BEGINNING else Status.DOWN


def believed(facts: Facts, retrying: bool) -> Status:
    """Return the status by what charon told last, while it does not answer what SAs there are."""
    if facts.up or facts.renewing is not None:
        return Status.RETRANSMISSION if facts.retransmitting else Status.INSTALLED
    return Status.CONNECTING if retrying else Status.DOWN


def _asks_in_vain(sas: Sequence[Section], names: Collection[str], missed: Collection[str]) -> bool:
    """Return whether what is sent again, or as IKEv1 does asked again (``missed``), leaves the tunnel without
    an IKE_SA that works.

    An old one may still be sending its DELETE to a peer that has since come back with a new one, and a
    tunnel for any peer may have several, of which one is silent: only a request shows who is asking.
    """
    up = [sa for sa in sas if sa.get("state") in IKE_UP]
    asking = [sa for sa in up if strings(sa.get("tasks-active")) or str(sa.get("uniqueid")) in missed]
    if not asking:
        return not missed and len(up) == len(sas)  # of what is gone nothing is missed
    return not carries_all([sa for sa in up if sa not in asking], names)


def asking(sas: Iterable[Section]) -> list[str]:
    """Return the unique ids of the IKE_SAs that wait for an answer of their peer."""
    return [str(sa.get("uniqueid")) for sa in sas if strings(sa.get("tasks-active"))]


def creating_child(sas: Iterable[Section]) -> bool:
    """Return whether a CHILD_SA is being negotiated."""
    return any(_CREATING & {*strings(sa.get("tasks-active")), *strings(sa.get("tasks-queued"))} for sa in sas)


def replacing_child(sa: Section) -> bool:
    """Return whether a CHILD_SA of the IKE_SA is being replaced, or about to be, by one that may not be
    listed yet: we asked for that, or the peer did and its key exchange takes several messages (RFC 9370)."""
    tasks = (strings(sa.get(f"tasks-{queue}")) for queue in ("active", "queued", "passive"))
    return any(_REPLACING in queue for queue in tasks) or any(
        child.get("state") == "REKEYING" for child in children(sa)
    )


_FURTHER = tuple(f"ake{number}" for number in range(1, ADDITIONAL_MAX + 1))


def further_key_exchanges(sa: Section) -> list[str]:
    """Return charon's names of the key exchanges that followed the first one, in order (RFC 9370).

    Of an IKE_SA, or of a CHILD_SA that was rekeyed; strongSwan has them since 6.0.
    """
    return [str(sa[key]) for key in _FURTHER if key in sa]


def strings(value: object) -> Sequence[str]:
    """Return a list of what charon says, empty where there is none."""
    return value if isinstance(value, list) else ()


def number(value: object) -> int:
    """Return a number that charon wrote in decimal, 0 where there is none."""
    return int(value) if isinstance(value, str) and value.isdecimal() else 0


def is_under_way(sas: Sequence[Section]) -> bool:
    """Return whether charon is working on bringing the tunnel up by itself."""
    return creating_child(sas) or any(sa.get("state") in _IKE_BEGINNING for sa in sas)


def half_open(sas: Iterable[Section]) -> list[str]:
    """Return the unique ids of the IKE_SAs of ours that are only being negotiated."""
    return [
        str(sa.get("uniqueid"))
        for sa in sas
        if sa.get("state") in _IKE_BEGINNING and sa.get("initiator") == "yes"
    ]


def surplus(sas: Iterable[Section]) -> list[str]:
    """Return the unique ids of the IKE_SAs of ours that are one too many.

    Two ends that initiate at the same time get two. Each end sees both, and both keep the one with the
    smallest SPI of its initiator; only who began the other ends it, so that never both are ended.
    """
    up = [
        sa
        for sa in sas
        if sa.get("state") == "ESTABLISHED" and any(c.get("state") == "INSTALLED" for c in children(sa))
    ]
    ours = [sa for sa in up if sa.get("initiator") == "yes"]
    if not ours or len(ours) == len(up):
        return []  # several of one end are a matter of that end: it may be replacing one by another
    kept = min(up, key=lambda sa: str(sa.get("initiator-spi")))
    return [str(sa.get("uniqueid")) for sa in ours if sa is not kept]


def is_left_down(entry: Section, facts: Facts) -> bool:
    """Return whether a tunnel that is configured so is to stay down after its peer died or closed it."""
    return (facts.gave_up and dpd_action(entry) != "restart") or (
        facts.closed and close_action(entry) != "restart"
    )


def is_revived(entry: Section, facts: Facts) -> bool:
    """Return whether a tunnel that is down for such a reason is to be brought up once it is configured so."""
    was_left = bool(entry.get("initiator")) and (facts.gave_up or facts.closed)
    return was_left and not is_left_down(entry, facts)
