"""Decisions: what one user may do, by the rules as they are now (RFC 8341 section 3.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.errors import AccessDenied, ErrorType
from agent.nacm.rules import Rule, Rules, Step, parse_path, predicate
from agent.translator import Reader, reads_all
from agent.yang.nodes import Node, downwards, keys_of, value_of
from agent.yang.schema import Schema
from agent.yang.schema_node import Kind, QName, SchemaNode

# Nobody is kept from leaving (RFC 8341 section 3.4.4); the two others do harm to everybody (ibid.).
ALWAYS = ("ietf-netconf", "close-session")
# Of use to whom may change something, and in the way of others: a lock, and what others wrote thrown away.
# Not unlock: who loses his right to write while he holds a lock gives it back.
EDITING = frozenset(
    {
        *(
            ("ietf-netconf", name)
            for name in ("lock", "discard-changes", "commit", "cancel-commit", "validate")
        ),
        ("yangswan-agent", "dry-run"),
    }
)
GUARDED = frozenset({("ietf-netconf", "kill-session"), ("ietf-netconf", "delete-config")})
_READ = "read"
WRITES = ("create", "update", "delete")
_WRITERS_ONLY = "nothing permits any change, no rule is about it, and writers-only is true"


@dataclass(frozen=True, slots=True)
class Decision:
    """Yes or no, why, and by which rule if by any."""

    permit: bool
    reason: str
    rule: Rule | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """What ``user`` may do. ``free``: why no rule is asked at all, "" if they are. ``secrets``: False where
    none are read whatever the rules permit, as on a web page; they can be written there all the same."""

    user: str
    groups: frozenset[str]
    settings: Rules
    rules: tuple[Rule, ...]
    free: str = ""
    secrets: bool = True

    # -- decisions -------------------------------------------------------------------------

    def operation(self, node: SchemaNode) -> Decision:
        """Decide about a protocol operation (RFC 8341 section 3.4.4)."""
        if self.free:
            return Decision(True, self.free)
        if (node.module, node.name) == ALWAYS:
            return Decision(True, "everybody may close his session")
        for rule in self.rules:
            fits = rule.operation in ("*", node.name) or not rule.has_type
            if fits and rule.covers_module(node.module) and rule.covers_access("exec"):
                return _by(rule)
        if node.deny_all or (node.module, node.name) in GUARDED:
            return _protected("default-deny-all")
        if self.settings.writers_only and (node.module, node.name) in EDITING and not self._may_write():
            return Decision(False, _WRITERS_ONLY)
        return _default("exec-default", self.settings.exec_default)

    def notification(self, node: SchemaNode) -> Decision:
        """Decide about being sent a notification (RFC 8341 section 3.4.6)."""
        if self.free:
            return Decision(True, self.free)
        if node.namespace == "urn:ietf:params:xml:ns:netmod:notification":
            return Decision(True, "replayComplete and notificationComplete are sent to everybody")
        for rule in self.rules:
            fits = rule.notification in ("*", node.name) or not rule.has_type
            if fits and rule.covers_module(node.module) and rule.covers_access(_READ):
                return _by(rule)
        if node.deny_all:
            return _protected("default-deny-all")
        return _default("read-default", self.settings.read_default)

    def data(self, steps: Sequence[Step], node: SchemaNode, access: str) -> Decision:
        """Decide about one data node (RFC 8341 section 3.4.5), whatever is decided above it.

        Args:
            steps: from the root to the node, with the keys of list entries.
            access: read, create, update, delete or exec (an action).
        """
        if access == _READ and not self.secrets and node.secret:
            return Decision(False, "it is a secret, and is not sent to a web page")
        if self.free:
            return Decision(True, self.free)
        for rule in self.rules:
            if _covers_data(rule, steps, node.module) and rule.covers_access(access):
                return _by(rule)
        if node.deny_all:
            return _protected("default-deny-all")
        if access == _READ:
            return _default("read-default", self.settings.read_default)
        if access == "exec":
            return _default("exec-default", self.settings.exec_default)
        if node.deny_write:
            return _protected("default-deny-write")
        return _default("write-default", self.settings.write_default)

    def reach(self, steps: Sequence[Step], nodes: Sequence[SchemaNode], access: str) -> Decision:
        """Decide about a node and the way to it: what is read or invoked needs read access above it."""
        if access in (_READ, "exec"):
            for depth in range(1, len(nodes)):
                above = self.data(steps[:depth], nodes[depth - 1], _READ)
                if not above.permit:
                    return Decision(False, f"'{nodes[depth - 1].name}' above it: {above.reason}", above.rule)
        return self.data(steps, nodes[-1], access)

    # -- short cuts ------------------------------------------------------------------------

    def everything(self, accesses: Sequence[str], *, but_secrets: bool = False) -> bool:
        """True if the very first rules permit all these accesses to all data, so nothing needs a look.

        ``but_secrets``: also if no secret may be read.
        """
        if not self.secrets and not but_secrets and _READ in accesses:
            return False
        return bool(self.free) or all(self._all_data(access) for access in accesses)

    def _all_data(self, access: str) -> bool:
        for rule in self.rules:
            if rule.concerns_data(access):
                return rule.permit and rule.all_data
        return False

    def all_but_secrets(self) -> bool:
        """True if no rule denies to read any data; the schema may still protect some."""
        for rule in self.rules if not self.free else ():
            if rule.concerns_data(_READ):
                if not rule.permit:
                    return False
                if rule.all_data:
                    return True
        return bool(self.free) or self.settings.read_default

    def _may_write(self) -> bool:
        """True unless every change of every data node is denied."""
        return any(self._denied_everywhere(access) is None for access in WRITES)

    def _denied_everywhere(self, access: str) -> Decision | None:
        """Return why this is denied for all data, None if it may be permitted for some."""
        for rule in self.rules:
            if rule.concerns_data(access):
                if rule.permit:
                    return None
                if rule.all_data:
                    return _by(rule)
        return None if self.settings.write_default else _default("write-default", False)

    def change_refusal(self, path: str | None = None) -> AccessDenied | None:
        """Return why no change at all is permitted, None if some may be: then the change decides.

        ``path``: of what was to be changed, as its author named it.
        """
        if self.free:
            return None
        denied = [self._denied_everywhere(access) for access in WRITES]
        if None in denied or denied[0] is None:
            return None
        return AccessDenied(self.sentence("change anything", denied[0]), path=path)

    def reader(self, schema: Schema) -> Reader:
        """Return what says if a data node may be read, by its path."""
        if self.everything([_READ]):
            return reads_all

        def may_read(path: str) -> bool:
            place = located(schema, path)
            return place is not None and self.reach(*place, _READ).permit

        return may_read

    # -- refusals --------------------------------------------------------------------------

    def refuse_operation(self, node: SchemaNode) -> None:
        """Raise AccessDenied if the operation is denied."""
        decision = self.operation(node)
        if not decision.permit:
            raise AccessDenied(
                self.sentence(f"carry out <{node.name}>", decision),
                path=f"/{node.module}:{node.name}",
                type=ErrorType.PROTOCOL,
            )

    def data_refusal(self, schema: Schema, node: Node, access: str) -> AccessDenied | None:
        """*worker* Return why a data node may not be created, changed, deleted or invoked, None if it may."""
        steps, nodes = steps_to(schema, node)
        decision = self.reach(steps, nodes, access)
        return None if decision.permit else self._denied(steps, nodes, access, decision)

    def action_refusal(self, steps: Sequence[Step], nodes: Sequence[SchemaNode]) -> AccessDenied | None:
        """Return why the action that the steps lead to may not be invoked, None if it may."""
        decision = self.reach(steps, nodes, "exec")
        return None if decision.permit else self._denied(steps, nodes, "exec", decision)

    def write_refusal(self, steps: Sequence[Step], nodes: Sequence[SchemaNode]) -> AccessDenied | None:
        """Return why a data node may not be changed, whether it is there or not; None if it may."""
        decision = self.data(steps, nodes[-1], "update")
        return None if decision.permit else self._denied(steps, nodes, "update", decision)

    def _denied(
        self, steps: Sequence[Step], nodes: Sequence[SchemaNode], access: str, decision: Decision
    ) -> AccessDenied:
        verb = "invoke" if access == "exec" else access
        first_hidden = nodes[min(self._readable(steps, nodes), len(nodes) - 1)]
        message = self.sentence(f"{verb} '{first_hidden.name}'", decision)
        return AccessDenied(message, path=self.shown_path(steps, nodes))

    def shown_path(self, steps: Sequence[Step], nodes: Sequence[SchemaNode]) -> str:
        """Return the path of a data node, ending where reading is denied, and without what is read there."""
        return written(steps, nodes, keys_until=self._readable(steps, nodes))

    def _readable(self, steps: Sequence[Step], nodes: Sequence[SchemaNode]) -> int:
        """Return how many steps from the root on may be read."""
        for index, node in enumerate(nodes):
            if not self.data(steps[: index + 1], node, _READ).permit:
                return index
        return len(nodes)

    def sentence(self, what: str, decision: Decision) -> str:
        groups = ", ".join(sorted(self.groups)) or "none"
        return f"user '{self.user}' (groups: {groups}) may not {what}: {decision.reason}"


def steps_to(schema: Schema, node: Node) -> tuple[list[Step], list[SchemaNode]]:
    """*worker* Return the steps from the root to ``node``, and the schema nodes of each."""
    steps: list[Step] = []
    nodes: list[SchemaNode] = []
    for step in downwards(node):
        schema_node = schema.node_of(step.schema)
        keys: dict[str, str] = {}
        if schema_node.kind is Kind.LIST and schema_node.keys:
            keys = dict(zip(schema_node.keys, keys_of(step, schema_node), strict=True))
        elif schema_node.kind is Kind.LEAF_LIST:
            keys = {".": value_of(step)}
        steps.append(Step(schema_node.module, schema_node.name, keys))
        nodes.append(schema_node)
    return steps, nodes


def located(schema: Schema, path: str) -> tuple[tuple[Step, ...], tuple[SchemaNode, ...]] | None:
    """Return the steps and nodes of a data path, None if it is none."""
    nodes: list[SchemaNode] = []
    level: Mapping[QName, SchemaNode] = schema.roots
    try:
        steps = parse_path(path)
        for step in steps:
            nodes.append(level[schema.by_name[step.module].namespace, step.name])
            level = nodes[-1].children
    except (ValueError, KeyError):
        return None
    return (steps, tuple(nodes)) if nodes else None


def nameable(schema: Schema, path: str) -> str | None:
    """Return the path of what an instance-identifier can name: in the place of a list as a whole the node
    above it, "" if there is none. None if ``path`` is no data path."""
    place = located(schema, path)
    if place is None:
        return None
    steps, nodes = place
    return path.rpartition("/")[0] if nodes[-1].has_instances and not steps[-1].keys else path


def written(steps: Sequence[Step], nodes: Sequence[SchemaNode], *, keys_until: int | None = None) -> str:
    """Return the path (RFC 7951) of a data node. ``keys_until``: it ends with this step, without its keys;
    the values of secrets never are part of it."""
    text, module = "", ""
    last = len(steps) if keys_until is None else keys_until
    for index, step in enumerate(steps[: last + 1]):
        text += f"/{step.name}" if step.module == module else f"/{step.module}:{step.name}"
        module = step.module
        if index < last and not (nodes[index].is_leafy and nodes[index].secret):
            text += "".join(predicate(key, value) for key, value in step.keys.items())
    return text


def _covers_data(rule: Rule, steps: Sequence[Step], module: str) -> bool:
    """True for the node that the rule's path names and for all below it (RFC 8341 section 3.4.5 step 6)."""
    if not rule.covers_module(module):
        return False
    if rule.path is None:
        return not rule.has_type
    if len(rule.path) > len(steps):
        return False
    return all(wanted.matches(step) for wanted, step in zip(rule.path, steps, strict=False))


def _by(rule: Rule) -> Decision:
    verb = "permits" if rule.permit else "denies"
    return Decision(rule.permit, f"rule '{rule.name}' of rule-list '{rule.rule_list}' {verb} it", rule)


def _protected(extension: str) -> Decision:
    return Decision(False, f"it is protected ({extension}) and no rule permits it")


def _default(leaf: str, permit: bool) -> Decision:
    return Decision(permit, f"no rule is about it, and {leaf} is {'permit' if permit else 'deny'}")
