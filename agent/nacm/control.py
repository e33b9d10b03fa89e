"""The rules in force, and who is asking: what the rest of the agent knows of access control."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from agent.errors import AccessDenied, RpcError, RpcErrors, first_of
from agent.nacm.access import Access
from agent.nacm.rules import CLOSED, Rules, read_rules
from agent.nacm.tries import Tries
from agent.translator import Json
from agent.yang.difference import Difference, Operation
from agent.yang.nodes import to_json
from agent.yang.schema import Schema
from agent.yang.schema_node import NACM_MODULE, SchemaNode
from agent.yang.tree import Tree
from agent.yang.units import Unit

log = logging.getLogger(__name__)

NACM_PATH = f"/{NACM_MODULE}:nacm"
MAX_KNOWN = 1000


def distinct(refusals: Iterable[RpcError]) -> Iterator[RpcError]:
    """Yield those of ``refusals`` that say something else than the ones before: of what may not be read all
    say the same, and how many these are tells nothing of what comes after them."""
    said: set[tuple[str | None, str]] = set()
    for refusal in refusals:
        if (about := (refusal.path, refusal.message)) not in said:
            said.add(about)
            yield refusal


def about_rules(units: Iterable[Unit]) -> bool:
    """True if one of ``units`` is part of access control."""
    return any(unit.path.startswith(f"{NACM_PATH}/") for unit in units)


@dataclass(frozen=True, slots=True)
class _InForce:
    """Rules, and what was made of them alone. Other rules are another one of these: a thread that makes an
    Access while they change keeps it where nobody looks any more."""

    rules: Rules
    known: dict[tuple[str, tuple[str, ...], bool, bool], Access] = field(default_factory=dict)


class AccessControl:
    """Gives every caller its Access, and counts what was denied (RFC 8341 section 3.5).

    Args:
        recovery_users: whose sessions are recovery sessions: no rule applies to them (section 3.2.3).
    """

    def __init__(self, schema: Schema, recovery_users: Collection[str] = ()) -> None:
        self._schema = schema
        self._recovery = frozenset(recovery_users)
        self._in_force = _InForce(Rules())
        self.denied_operations = 0
        self.denied_data_writes = 0
        self.denied_notifications = 0
        self.tries = Tries()

    @property
    def rules(self) -> Rules:
        """Those that are in force: another object once others are."""
        return self._in_force.rules

    @rules.setter
    def rules(self, rules: Rules) -> None:
        self._in_force = _InForce(rules)

    def load(self, running: Tree) -> None:
        """*worker* Take over the rules of ``running``; access is closed if they cannot be read."""
        try:
            node = running.find(NACM_PATH)
            self.rules = read_rules(to_json(node)) if node else Rules()
        except (LookupError, TypeError, ValueError) as problem:
            log.error("nobody may do anything but recovery users: the rules cannot be read: %s", problem)
            self.rules = CLOSED

    def reload(self, running: Tree, units: Sequence[Unit]) -> None:
        """*worker* Take over the rules again if one of the changed ``units`` is about them."""
        if about_rules(units):
            self.load(running)

    def take_over(self, recovery_users: Collection[str]) -> None:
        """Have other recovery users from now on, in sessions that exist, too."""
        self._recovery = frozenset(recovery_users)

    def is_recovery(self, user: str) -> bool:
        """Return whether all sessions of ``user`` are recovery sessions (RFC 8341 section 3.2.3)."""
        return user in self._recovery

    def access(
        self, user: str, external_groups: tuple[str, ...], *, recovers: bool = False, secrets: bool = True
    ) -> Access:
        """Return what ``user`` may do now; ``recovers``: in a session that is a recovery session;
        ``secrets``: as of ``Access``."""
        recovers = recovers or self.is_recovery(user)
        now = self._in_force  # once: the thread that writes may exchange it meanwhile
        known = now.known.get((user, external_groups, recovers, secrets))
        if known is None:
            groups = now.rules.groups_of(user, external_groups)
            free = "" if now.rules.enabled else "access control is disabled (enable-nacm)"
            if recovers:
                free = "it is a recovery session, to which no rule applies"
            rules = now.rules.for_user(user, groups)
            known = Access(user, groups, settings=now.rules, rules=rules, free=free, secrets=secrets)
            if len(now.known) >= MAX_KNOWN:
                now.known.clear()
            now.known[user, external_groups, recovers, secrets] = known
        return known

    def refuse_operation(self, access: Access, node: SchemaNode) -> None:
        """Raise AccessDenied, counted and logged, if the operation is denied."""
        try:
            access.refuse_operation(node)
        except AccessDenied as problem:
            self.count_denied_operation(problem)
            raise

    def count_denied_operation(self, problem: AccessDenied) -> None:
        self.denied_operations += 1
        log.warning("denied: %s", problem.message)

    def refuse_any_change(self, access: Access, path: str | None = None) -> None:
        """Raise RpcErrors, counted and logged, for who may change nothing: before anything is looked at.

        ``path``: of what he names.
        """
        refusal = access.change_refusal(path)
        self.refuse_writes([] if refusal is None else [refusal])

    def refuse_changes(self, access: Access, found: Iterable[Difference]) -> None:
        """*worker* Refuse changes of a datastore.

        Raises:
            RpcErrors: an access-denied for each node that may not be changed so, at most ``MAX_ERRORS``.
        """
        self.refuse_writes(self.refusals(access, found))

    def refuse_writes(self, refusals: Iterable[RpcError]) -> None:
        """Raise RpcErrors with the first of ``refusals``, each once, counted and logged, if any."""
        if errors := first_of(distinct(refusals)):
            self.denied_data_writes += 1
            log.warning("denied: %s (%s)", errors[0].message, errors[0].path)
            raise RpcErrors(errors)

    def count_hidden_conflict(self, access: Access, problem: RpcError) -> None:
        """Count and log that a change conflicts with something that its author may not read."""
        self.tries.count(access.user)
        log.warning(
            "user '%s' was refused %s (%s): it conflicts with what he may not read",
            access.user,
            problem.path,
            problem.app_tag,
        )

    def refusals(self, access: Access, found: Iterable[Difference]) -> Iterator[RpcError]:
        """*worker* Yield an access-denied for each node that may not be changed so; one for all of which the
        same is said, however many they are, where no rule tells instances apart."""
        named = any(step.keys for rule in access.rules for step in rule.path or ())
        known: set[tuple[SchemaNode, Operation]] = set()
        """What is permitted, or refused by a path that no key stands in, of every instance."""
        for difference in found:
            asked = difference.schema_node, difference.operation
            if asked in known:
                continue
            refusal = access.data_refusal(self._schema, difference.node, difference.operation.value)
            if not named and (refusal is None or "[" not in (refusal.path or "")):
                known.add(asked)
            if refusal is not None:
                yield refusal

    def may_be_told(self, access: Access, node: SchemaNode) -> bool:
        """True if a notification may be sent; counted if not."""
        permit = access.notification(node).permit
        self.denied_notifications += not permit
        return permit

    async def state(self) -> Json:
        """Return the counters in ``/nacm``."""
        return {
            "denied-operations": self.denied_operations,
            "denied-data-writes": self.denied_data_writes,
            "denied-notifications": self.denied_notifications,
        }
