"""Runs the steps of a plan on a charon, undoing what was done when one fails.

Ending SAs never waits for the peer: terminate runs without waiting, then list-sas is watched; what is
still there after a second, or more where there are many (a dead peer makes charon retransmit its DELETE for
up to 165 s), is destroyed locally, and at once where a silent peer is being asked in vain. charon can destroy
an IKE_SA only: a CHILD_SA that does not go takes its IKE_SA with it.

The SAs to end are collected after the new configuration was loaded, so that none negotiated with the old one
can slip in between. What the peer has negotiated with the new one meanwhile, because its own configuration
changed or because strongSwan 6 ends an IKE_SA without children when others are loaded, stays where list-sas
proves it: a change interrupts once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from agent.errors import BackendError, BackendInconsistent
from translators.strongswan.charon.session import CharonSession, try_request
from translators.strongswan.charon.vici import Section, ViciError, ViciUnavailable
from translators.strongswan.status import drift, state
from translators.strongswan.translation.connections import Messages
from translators.strongswan.translation.plan import FENCING, Phase, Replacement, Step
from translators.strongswan.translation.strangers import Barrier
from translators.strongswan.upkeep.listing import listed

log = logging.getLogger(__name__)

END_LIMIT_S = 1.0
FORCED_END_LIMIT_S = 5.0
"""Within this charon does what needs no peer; only one that hangs does not."""
EACH_S = 0.01
"""Each SA adds so much to the limits: charon ends them one after the other."""
POLL_S = 0.05
ONE_BY_ONE_MAX = 8
AT_A_TIME = 256
"""Of more steps so many are on their way to charon at once, which does them one after the other."""
_MAY_BE_GONE = frozenset({Phase.UNINSTALL, Phase.WITHDRAW_SECRET} | FENCING)
"""The phases that may find nothing: usually there is no trap, and others may have unloaded the rest."""


async def execute(
    steps: Sequence[Step],
    session: CharonSession,
    initiate: Callable[[str], None],
    silent: Callable[[str], bool],
) -> None:
    """Run ``steps`` in order; leave charon as it was if one does not succeed.

    ``initiate`` is called with the name of each tunnel that has to be brought up; ``silent`` says
    whether the peer of a tunnel is known not to answer, so that waiting for it is pointless.

    Raises:
        BackendError: charon refused a step or was lost; what had been done is undone, or will be by
            the reconciliation that follows a loss.
        BackendInconsistent: an undo was refused; charon must be reconciled.
    """
    started: list[Step] = []
    try:
        for phase, group in groupby(steps, key=lambda step: step.phase):
            if phase is Phase.END:
                await end_sas(list(group), session, silent)
            elif phase is Phase.INITIATE:
                for number, step in enumerate(group, 1):
                    initiate(step.name)
                    if not number % AT_A_TIME:
                        await asyncio.sleep(0)
            else:
                await _run_requests(list(group), started, session)
    except ViciError as error:
        await asyncio.shield(_undo(started, session))
        raise BackendError(str(error)) from error
    except BaseException:  # cancellation must not leave half a plan either
        await asyncio.shield(_undo(started, session))
        raise


async def load(messages: Messages, session: CharonSession) -> None:
    """Have charon hold ``messages``: the secrets before the connection that needs them.

    Raises:
        ViciError: charon refused one, or is lost.
    """
    for secret in messages.secrets:
        await session.request("load-shared", secret)
    await session.request("load-conn", messages.load_conn)


async def renew(barrier: Barrier, session: CharonSession) -> None:
    """Have charon hold ``barrier`` after all other connections; at no moment does it hold none.

    Raises:
        ViciError: charon refused it, or is lost.
    """
    (name,) = barrier.load_conn
    twin, section = barrier.twin
    await session.request("load-conn", {twin: section})
    await try_request(session, "unload-conn", {"name": name})
    await session.request("load-conn", barrier.load_conn)
    await try_request(session, "unload-conn", {"name": twin})


async def _run_requests(group: Sequence[Step], started: list[Step], session: CharonSession) -> None:
    if len(group) <= ONE_BY_ONE_MAX:
        await _run_one_by_one(group, started, session)
        return
    for begin in range(0, len(group), AT_A_TIME):
        await _run_together(group[begin : begin + AT_A_TIME], started, session)


async def _run_together(piece: Sequence[Step], started: list[Step], session: CharonSession) -> None:
    """Run steps of one phase, whose order does not matter, without waiting for each reply."""
    requests = [(step.do.command, step.do.message) for step in piece if step.do is not None]
    if len(requests) < len(piece):
        raise ValueError("a step without a request")
    started.extend(piece)
    refused = await session.each(requests)
    del started[-len(piece) :]
    started.extend(step for step, error in zip(piece, refused, strict=True) if error is None)
    for step, error in zip(piece, refused, strict=True):
        if error is not None and not _may_be_refused(step):
            raise ViciError(str(step), error.reason) from error


def _may_be_refused(step: Step) -> bool:
    is_load = step.do is not None and step.do.command.startswith("load-")
    return step.phase in _MAY_BE_GONE and not is_load


async def _run_one_by_one(group: Iterable[Step], started: list[Step], session: CharonSession) -> None:
    for step in group:
        if step.do is None:
            raise ValueError(f"step without a request: {step}")
        started.append(step)  # before the await: a lost reply may have been applied
        try:
            await session.request(step.do.command, step.do.message)
        except ViciUnavailable:
            raise
        except ViciError as error:
            started.pop()  # what charon refuses it has not done
            if not _may_be_refused(step):
                raise ViciError(str(step), error.reason) from error


async def _undo(started: Iterable[Step], session: CharonSession) -> None:
    """Undo in reverse, to the end, whatever fails on the way."""
    failed: list[str] = []
    for step in reversed(list(started)):
        if step.undo is None:
            continue
        try:
            await session.request(step.undo.command, step.undo.message)
        except ViciUnavailable:
            return  # charon is lost; everything will be reconciled once there is one again
        except ViciError as error:
            if step.undo.command.startswith("unload-"):
                continue  # it is not there: as it was before
            log.error("undo of '%s' was refused: %s", step, error.reason)
            failed.append(str(step))
    if failed:
        raise BackendInconsistent(f"a step was refused, and so was undoing '{failed[0]}'")


@dataclass(frozen=True, slots=True)
class SaIds:
    """Unique ids of SAs, as list-sas shows them; ``ike_of`` says of each CHILD_SA which IKE_SA has it."""

    ike: frozenset[str] = frozenset()
    child: frozenset[str] = frozenset()
    ike_of: Mapping[str, str] = field(default_factory=dict, compare=False)

    def __and__(self, other: SaIds) -> SaIds:
        return SaIds(self.ike & other.ike, self.child & other.child, self.ike_of)

    def __len__(self) -> int:
        return len(self.ike) + len(self.child)

    def divided(self, ike: Collection[str]) -> tuple[SaIds, SaIds]:
        """Return the IKE_SAs ``ike`` as far as they or their CHILD_SAs are among these, and the rest."""
        whole = self.whole.ike.intersection(ike)
        others = frozenset(child for child in self.child if self.ike_of[child] not in whole)
        return SaIds(whole), SaIds(self.ike - whole, others, self.ike_of)

    @property
    def whole(self) -> SaIds:
        """The IKE_SAs, those that have the CHILD_SAs too."""
        return SaIds(self.ike | {self.ike_of[child] for child in self.child})


def to_end(sas: Iterable[Section], child_only: bool, replacement: Replacement | None = None) -> SaIds:
    """Return what has to go: all IKE_SAs, or (``child_only``) the children of those that are up.

    What proves to be new by ``replacement`` stays. An IKE_SA that is still being negotiated, or has a child
    under way, holds the child's old configuration in its queue; so does one that is about to rekey a child,
    whose replacement would stay. It goes as a whole.
    """
    ike: set[str] = set()
    child: dict[str, str] = {}
    for sa in sas:
        settled = not (state.creating_child([sa]) or state.replacing_child(sa))
        if not (child_only and sa.get("state") in state.IKE_UP and settled):
            if child_only or not drift.negotiated_anew(replacement, sa):
                ike.add(str(sa.get("uniqueid")))
            continue
        for each in _lasting(sa):
            if not drift.child_negotiated_anew(replacement, each):
                child[str(each.get("uniqueid"))] = str(sa.get("uniqueid"))
    return SaIds(frozenset(ike), frozenset(child), child)


def _lasting(sa: Section) -> list[state.Section]:
    """Return the CHILD_SAs but those that were rekeyed: they linger for some seconds and go by themselves."""
    return [child for child in state.children(sa) if child.get("state") != "DELETED"]


def _present(sas: Iterable[Section]) -> SaIds:
    found = list(sas)
    up = [sa for sa in found if sa.get("state") in state.IKE_UP]
    child = {str(each.get("uniqueid")): str(sa.get("uniqueid")) for sa in up for each in _lasting(sa)}
    return SaIds(to_end(found, child_only=False).ike, frozenset(child), child)


@dataclass(frozen=True, slots=True)
class Ending:
    """The SAs of one tunnel that have to go: those whose peer is known not to answer, and the others."""

    in_vain: SaIds
    others: SaIds

    @property
    def ids(self) -> SaIds:
        return SaIds(self.in_vain.ike | self.others.ike, self.others.child, self.others.ike_of)

    @property
    def requests(self) -> list[Mapping[str, str]]:
        """What ``terminate`` is told first, in order; what does not go is ended with force after it."""
        return [*_terminations(self.in_vain, force=True), *_terminations(self.others, force=False)]


def ending_of(step: Step, sas: Sequence[Section], silent: Callable[[str], bool]) -> Ending:
    """Return what ``step``, which ends SAs, means for those that there are."""
    ids = to_end(sas, step.child_only, step.replacement)
    # A tunnel for any peer has SAs of several, of which one may be silent.
    return Ending(*ids.divided(state.asking(sas) if silent(step.name) else ()))


async def end_sas(steps: Sequence[Step], session: CharonSession, silent: Callable[[str], bool]) -> None:
    """End the SAs that ``steps`` name and return once they are gone.

    Raises:
        ViciError: charon is lost, or does not even let go of them when forced.
    """
    going: dict[str, SaIds] = {}
    found = await listed(session, [step.name for step in steps])
    for step in steps:
        ending = ending_of(step, found.get(step.name, []), silent)
        await _send(ending.requests, session)
        if ids := ending.ids:
            going[step.name] = ids
    await _see_them_go(going, session)


async def _see_them_go(going: Mapping[str, SaIds], session: CharonSession) -> None:
    if left := await _wait_until_gone(going, session, END_LIMIT_S):
        left = {name: ids.whole for name, ids in left.items()}
        for ids in left.values():
            await _terminate(ids, session, force=True)
        if left := await _wait_until_gone(left, session, FORCED_END_LIMIT_S):
            raise ViciError("terminate", f"SAs of {', '.join(left)} did not end")


async def end_all(
    names: Iterable[str], session: CharonSession, silent: Callable[[str], bool] = lambda _name: False
) -> None:
    """End every SA of the connections ``names``. Raises: as ``end_sas``."""
    await end_sas([Step(Phase.END, name) for name in names], session, silent)


async def end_found(found: Mapping[str, Sequence[Section]], session: CharonSession) -> None:
    """End these IKE_SAs, by the name of their connection, and no others of it. Raises: as ``end_sas``."""
    going = {name: to_end(sas, child_only=False) for name, sas in found.items() if sas}
    for ids in going.values():
        await _terminate(ids, session, force=False)
    await _see_them_go(going, session)


def termination(key: str, unique_id: str, force: bool) -> dict[str, str]:
    """Return what ``terminate`` is told to end one SA; ``key`` is ike-id or child-id.

    Without waiting (-1): waiting would hold one of charon's few workers, and deadlocks in 5.9.8.
    """
    return {key: unique_id, "timeout": "-1", "force": "yes" if force else "no"}


async def terminate(session: CharonSession, unique_id: str, *, force: bool) -> None:
    """End one IKE_SA; it may have gone by itself."""
    try:
        await session.request("terminate", termination("ike-id", unique_id, force))
    except ViciError as error:
        log.info("%s", error)


def _terminations(ids: SaIds, force: bool) -> list[Mapping[str, str]]:
    both = (("ike-id", ids.ike), ("child-id", ids.child))
    return [termination(key, sa, force) for key, sas in both for sa in sorted(sas, key=state.number)]


async def _terminate(ids: SaIds, session: CharonSession, force: bool) -> None:
    await _send(_terminations(ids, force), session)


async def _send(terminations: Iterable[Mapping[str, str]], session: CharonSession) -> None:
    for message in terminations:
        try:
            await session.request("terminate", message)
        except ViciUnavailable:
            raise
        except ViciError as error:
            log.debug("%s %s", message, error)  # it went by itself meanwhile


async def _wait_until_gone(
    going: Mapping[str, SaIds], session: CharonSession, limit_s: float
) -> Mapping[str, SaIds]:
    """Return what is still there after ``limit_s`` seconds, and more for many: all of it was looked at after
    that."""
    loop, left = asyncio.get_running_loop(), going
    deadline = loop.time() + limit_s + EACH_S * sum(map(len, going.values()))
    while left:
        began = loop.time()
        found = await listed(session, list(left))
        there = {name: _present(found.get(name, ())) & ids for name, ids in left.items()}
        left = {name: ids for name, ids in there.items() if ids}
        if began >= deadline:
            break
        # A long list costs charon as much as the ending does.
        await asyncio.sleep(max(POLL_S, loop.time() - began) if left else 0)
    return left
