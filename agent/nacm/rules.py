"""The rules of ``/ietf-netconf-acm:nacm`` as plain values, in their order (RFC 8341 section 3.5)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from agent.yang.paths import STEP, key_names, keys_in, literal

USER = "$USER"
"""What stands for the variable of RFC 8341 section 3.5 in a path: libyang takes it as a string only."""


@dataclass(frozen=True, slots=True)
class Step:
    """One node of a data path. ``keys``: by name; of a rule only those that it gives."""

    module: str
    name: str
    keys: Mapping[str, str]

    def for_user(self, user: str) -> Step:
        return replace(self, keys={k: user if v == USER else v for k, v in self.keys.items()})

    def matches(self, other: Step) -> bool:
        """True if ``other``, a node that exists, is what this step of a rule means."""
        if (self.module, self.name) != (other.module, other.name):
            return False
        return all(other.keys.get(key) == value for key, value in self.keys.items())


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. At most one of ``operation``, ``notification`` and ``path`` is given; ``path`` () is "/".

    ``access``: the accesses it is about, None is all of them.
    """

    rule_list: str
    name: str
    permit: bool
    module: str = "*"
    operation: str | None = None
    notification: str | None = None
    path: tuple[Step, ...] | None = None
    access: frozenset[str] | None = None

    def for_user(self, user: str) -> Rule:
        """Return the rule with the user's name where its path has the variable USER."""
        if not any(USER in step.keys.values() for step in self.path or ()):
            return self
        return replace(self, path=tuple(step.for_user(user) for step in self.path or ()))

    @property
    def has_type(self) -> bool:
        return not (self.operation is None and self.notification is None and self.path is None)

    @property
    def all_data(self) -> bool:
        """True if, being about data, it is about the data of every module."""
        return self.module == "*" and not self.path

    def concerns_data(self, access: str) -> bool:
        """True if it may be about ``access`` to some data, and not only to operations or notifications."""
        return self.covers_access(access) and (self.path is not None or not self.has_type)

    def covers_module(self, module: str) -> bool:
        return self.module in ("*", module)

    def covers_access(self, access: str) -> bool:
        return self.access is None or access in self.access


@dataclass(frozen=True, slots=True)
class RuleList:
    name: str
    groups: frozenset[str]
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """The whole of ``/nacm``; the defaults are those of its YANG modules. True permits.

    ``writers_only``: who may change nothing needs a rule for what is of use to changes alone.
    """

    enabled: bool = True
    read_default: bool = True
    write_default: bool = False
    exec_default: bool = True
    external_groups: bool = True
    writers_only: bool = False
    members: Mapping[str, frozenset[str]] | None = None
    lists: tuple[RuleList, ...] = ()

    def groups_of(self, user: str, external: tuple[str, ...]) -> frozenset[str]:
        """Return the groups of a user; ``external`` are those that the transport knows."""
        own = {name for name, users in (self.members or {}).items() if user in users}
        return frozenset(own | set(external if self.external_groups else ()))

    def for_user(self, user: str, groups: frozenset[str]) -> tuple[Rule, ...]:
        """Return the rules for ``user`` in ``groups``, in order; none for who is in no group."""
        if not groups:
            return ()
        lists = (found for found in self.lists if found.groups & (groups | {"*"}))
        return tuple(rule.for_user(user) for found in lists for rule in found.rules)


CLOSED = Rules(read_default=False, exec_default=False, external_groups=False)
"""Permits nothing to anybody: for rules of which nobody knows what they say."""


def read_rules(nacm: Mapping[str, Any]) -> Rules:
    """Return the rules of an RFC 7951 object with the content of ``/nacm``, defaults filled in."""
    groups = nacm.get("groups", {}).get("group", [])
    return Rules(
        enabled=nacm.get("enable-nacm", True),
        read_default=nacm.get("read-default", "permit") == "permit",
        write_default=nacm.get("write-default", "deny") == "permit",
        exec_default=nacm.get("exec-default", "permit") == "permit",
        external_groups=nacm.get("enable-external-groups", True),
        writers_only=nacm.get("yangswan-agent:writers-only", False),
        members={group["name"]: frozenset(group.get("user-name", [])) for group in groups},
        lists=tuple(_rule_list(entry) for entry in nacm.get("rule-list", [])),
    )


def _rule_list(entry: Mapping[str, Any]) -> RuleList:
    rules = (_rule(entry["name"], rule) for rule in entry.get("rule", []))
    return RuleList(entry["name"], frozenset(entry.get("group", [])), tuple(rules))


def _rule(rule_list: str, entry: Mapping[str, Any]) -> Rule:
    access = entry.get("access-operations", "*")
    return Rule(
        rule_list,
        entry["name"],
        permit=entry["action"] == "permit",
        module=entry.get("module-name", "*"),
        operation=entry.get("rpc-name"),
        notification=entry.get("notification-name"),
        path=parse_path(entry["path"]) if "path" in entry else None,
        access=None if access == "*" else frozenset(access.split()),
    )


def parse_path(text: str, module_of: Callable[[str], str] | None = None) -> tuple[Step, ...]:
    """Return the steps of a node-instance-identifier with module names as prefixes; () for "/".

    Args:
        module_of: returns the module that a prefix stands for, or raises ValueError. Then each predicate must
            give keys, which have the module of their step.

    Raises:
        ValueError: it is none.
    """
    if text.strip() == "/":
        return ()
    steps = tuple(_steps(text.strip(), module_of))
    if not steps:
        raise ValueError("an instance-identifier begins with /MODULE:NAME")
    return steps


def _steps(text: str, module_of: Callable[[str], str] | None) -> Iterator[Step]:
    position, module = 0, ""
    while position < len(text):
        match = STEP.match(text, position)
        if match is None or not (match[1] or module):
            raise ValueError("an instance-identifier has the form /MODULE:NAME[KEY='VALUE']/NAME")
        if match[1]:
            module = match[1] if module_of is None else module_of(match[1])
        if module_of is not None:
            _check_keys(match[3], module, module_of)
        yield Step(module, match[2], keys_in(match[3]))
        position = match.end()


def _check_keys(predicates: str, module: str, module_of: Callable[[str], str]) -> None:
    """Raise ValueError for what gives no keys, or keys of another module than ``module``."""
    found = key_names(predicates)
    if found is None:
        raise ValueError(f"{predicates} does not give keys: these are written [KEY='VALUE']")
    for prefix, name in found:
        if prefix and module_of(prefix) != module:
            raise ValueError(f"the key '{name}' has another module than its list")


def xpath_of(path: tuple[Step, ...]) -> str:
    """Return an XPath (module names as prefixes) for the instances that a rule's path means."""
    return "".join(f"/{s.module}:{s.name}{''.join(_predicate(s, k) for k in s.keys)}" for s in path)


def _predicate(step: Step, key: str) -> str:
    return predicate(key if key == "." else f"{step.module}:{key}", step.keys[key])


def predicate(key: str, value: str) -> str:
    return f"[{key}={literal(value)}]"


def quote_variable(path: str) -> str:
    """Return ``path`` with the variable USER as a string, which libyang takes where it refuses a variable."""
    return _VARIABLE.sub(lambda match: match[0] if match[0] != USER else f"'{USER}'", path)


_VARIABLE = re.compile(r"'[^']*'|\"[^\"]*\"|\$USER(?![\w.-])")
