"""Puts the translator together, from the ground up; nothing runs yet."""

from __future__ import annotations

from functools import partial

from agent.translator import Settings, TranslatorFactory
from translators.strongswan.actions import Actions
from translators.strongswan.changes import Changes
from translators.strongswan.charon import named, rights
from translators.strongswan.charon.daemon import ManagedCharon
from translators.strongswan.charon.keeper import Keeper
from translators.strongswan.charon.scope import Scope, own_service
from translators.strongswan.charon.shared import Shared
from translators.strongswan.cut_off import CutOffs
from translators.strongswan.diagnosis.logs import TunnelLogs
from translators.strongswan.diagnosis.monitor import Monitors
from translators.strongswan.diagnosis.packet_owners import PacketOwners
from translators.strongswan.foresight import Foreseeing
from translators.strongswan.options import Options
from translators.strongswan.pki.charon_keys import CharonKeys
from translators.strongswan.pki.key_rpcs import KeyRpcs
from translators.strongswan.pki.key_store import KeyStore
from translators.strongswan.pki.pki import Pki
from translators.strongswan.planning import Planning
from translators.strongswan.protection import nft
from translators.strongswan.protection.keeping import Protection
from translators.strongswan.state_data import StateData
from translators.strongswan.status.unnamed import between
from translators.strongswan.translation.desired import Desired
from translators.strongswan.translator import NAME, NOT_DONE, Parts, StrongSwanTranslator
from translators.strongswan.upkeep.audit import Audit
from translators.strongswan.upkeep.follower import Follower
from translators.strongswan.upkeep.reconcile import reconcile
from translators.strongswan.upkeep.trust import CharonTrust
from translators.strongswan.upkeep.tunnels import LiveTunnels


def make(settings: Settings) -> StrongSwanTranslator:
    """Return the translator (the entry point of the group ``yangswan.translators``).

    Raises:
        ValueError: ``settings.charon`` is none of the words for who runs charon.
        OptionError: one of ``settings.options`` cannot be used.
    """
    if settings.charon not in NOT_DONE:
        raise ValueError(f"charon is managed, external or none, not '{settings.charon}'")
    options = Options.parse(settings.options)
    managed, without = settings.charon == "managed", settings.charon == "none"
    folder = settings.data_dir / NAME
    store = KeyStore(folder / "private-keys")
    shared = Shared(Desired(store.digests, alone=managed))
    notify, state_changed = settings.notify, settings.state_changed
    protection = Protection(
        shared,
        interval_s=options.audit_interval,
        clients=settings.clients,
        is_used=not without,
        state_changed=state_changed,
    )
    live = LiveTunnels(
        options,
        shared,
        notify=notify,
        state_changed=state_changed,
        networks_changed=protection.on_networks,
        ours=managed,
    )
    pki, keys = Pki(settings, shared, store), CharonKeys(store, shared)
    service = own_service() if managed else None
    scope = Scope(service, ends_with_service=not settings.keep_on_stop) if service else None
    daemon = (
        ManagedCharon(folder, options, scope=scope, revocation=lambda: shared.desired.revocation)
        if managed
        else None
    )
    trust = CharonTrust(shared, keys, daemon)
    readmit = partial(reconcile, desired=shared.desired, live=live, trust=trust)
    logs = TunnelLogs(
        notify, lambda ends: between(shared.desired.entries, ends), lambda: shared.desired.version
    )
    packet_owners = PacketOwners(shared)
    keeper = None
    if not without:
        follower = Follower(
            shared,
            live=live,
            keys=keys,
            trust=trust,
            logs=logs,
            packet_owners=packet_owners,
            protection=protection,
        )
        keeper = Keeper(options, shared, daemon=daemon, follower=follower)
    planning = Planning(options, shared, pki=pki, protection=protection, trust=trust)
    parts = Parts(
        shared=shared,
        live=live,
        pki=pki,
        trust=trust,
        key_rpcs=KeyRpcs(settings, shared, store=store, keys=keys, readmit=readmit),
        audit=Audit(
            shared,
            interval_s=options.audit_interval,
            repaired=live.repaired,
            give_keys=keys.give_missing,
            mend=trust.mend,
        ),
        keeper=keeper,
        planning=planning,
        foreseeing=Foreseeing(
            shared,
            planning=planning,
            live=live,
            protection=protection,
            trust=trust,
            has_charon=not without,
        ),
        changes=Changes(
            shared,
            live=live,
            pki=pki,
            trust=trust,
            protection=protection,
            has_charon=not without,
        ),
        cut_offs=CutOffs(shared, live=live, protection=protection, is_used=not without),
        protection=protection,
        state_data=StateData(
            options,
            shared,
            live=live,
            pki=pki,
            trust=trust,
            protection=protection,
            backend=settings.charon,
        ),
        actions=Actions(
            options,
            shared,
            live=live,
            keeper=keeper,
            packet_owners=packet_owners,
            monitors=Monitors(folder / "captures", notify, packet_owners.of),
            logs=logs,
        ),
    )
    return StrongSwanTranslator(
        settings.charon,
        parts,
        unusable=partial(named.faults, options, settings.charon),
        lacking=partial(_lacking, options, settings.charon, daemon=daemon),
    )


def _lacking(options: Options, charon: str, *, daemon: ManagedCharon | None) -> list[str]:
    """Of a charon of our own an agent that may not have it says so at its start, and ends."""
    if charon == "none":
        return []
    if daemon is not None:
        found = daemon.missing()
    else:
        found = rights.lacking([options.vici_socket, options.error_notify_socket])
    if nft.program() is None:
        found.append(f"leak protection cannot be put in force: {nft.NOT_FOUND}")
    return found


# Seen by the type checker: what is made fulfils the Protocol.
_factory: TranslatorFactory = make
