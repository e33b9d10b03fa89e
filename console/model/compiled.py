"""YANG texts to a Schema, by pyang. Pure: texts come in, and nothing is looked for anywhere else.

A module of a foreign server may be wrong in any way: it is left out and named, and the others stay.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from pyang import error, statements
from pyang.context import Context
from pyang.repository import Repository

from console.model.schema import Choice, Kind, Must, Node, Schema
from console.model.types import Identities, Statement, described, inherited, type_of
from console.model.visible import is_visible, visible
from console.model.weight import too_heavy

LONGEST_MODULE = 4 * 2**20
"""Characters. The largest modules in use (of OpenConfig, of vendors) have a fifth of that."""
MOST_MODULES = 4000

_KINDS = {kind.value: kind for kind in Kind} | {"anyxml": Kind.ANYDATA}
_ACM = "ietf-netconf-acm"
_DEEPEST = 100
_STATE_ALONE = frozenset({"ietf-subscribed-notifications"})
"""Modules whose data the agent has as state alone, though they call it configuration: it has no deviation
that says so which both pyang and libyang read."""


def compile_schema(
    modules: Mapping[str, str],
    features: Mapping[str, Collection[str]] | None = None,
    deviations: Collection[str] = (),
    implemented: Collection[str] | None = None,
) -> Schema:
    """Return what the ``modules`` (name to YANG text; submodules, too) have to say.

    ``features``: module to those that the server has; of a module that is not in it, all. ``deviations``:
    modules that only change others. ``implemented``: those whose nodes are served; None is all.
    """
    left_out: dict[str, str] = {}
    context = Context(_Nothing())
    context.lax_quote_checks = context.lax_xpath_checks = True
    context.features = {name: list(some) for name, some in (features or {}).items()}
    _parse(context, modules, left_out)
    for name, why in too_heavy(_loaded(context)).items():
        _leave_out(context, name, why, left_out)
    _validate(context, left_out)
    return _schema(context, implemented, deviations, left_out)


class _Nothing(Repository):  # type: ignore[misc]
    """No module is anywhere but in what was given."""

    def get_modules_and_revisions(self, ctx: Any) -> list[Any]:
        return []


def _parse(context: Any, modules: Mapping[str, str], left_out: dict[str, str]) -> None:
    for count, (name, text) in enumerate(modules.items()):
        why = ""
        if count >= MOST_MODULES:
            why = f"it is one of more than {MOST_MODULES} modules"
        elif len(text) > LONGEST_MODULE:
            why = f"it has more than {LONGEST_MODULE} characters"
        else:
            before = len(context.errors)
            try:
                module = context.add_module(name, text, "yang", name, None, True)
            except Exception as problem:  # pyang was not made for texts that want to harm it
                module, why = None, f"it cannot be read ({type(problem).__name__})"
            if module is None and not why:
                why = _first_error(context.errors[before:]) or "it cannot be read"
        if why:
            left_out[visible(name)] = why
    context.errors.clear()


def _loaded(context: Any) -> list[Statement]:
    return [module for module in context.modules.values() if module is not None]


def _leave_out(context: Any, name: str, why: str, left_out: dict[str, str]) -> None:
    for module in _loaded(context):
        if module.arg == name:
            context.del_module(module)
            context.revs[name] = []
    left_out.setdefault(visible(name), why)


def _validate(context: Any, left_out: dict[str, str]) -> None:
    for module in _loaded(context):
        before = len(context.errors)
        try:
            statements.validate_module(context, module)
        except Exception as problem:
            _leave_out(context, module.arg, f"it makes no sense ({type(problem).__name__})", left_out)
            continue
        own = [entry for entry in context.errors[before:] if entry[0].ref == module.arg]
        if why := _first_error(own, critical=True):
            _leave_out(context, module.arg, why, left_out)
    for module in _loaded(context):
        with suppress(RecursionError):  # whoever is so deep is left out when nodes are made of it
            module.prune()  # of what belongs to features that the server does not have


def _first_error(errors: list[Any], *, critical: bool = False) -> str:
    for position, tag, arguments in errors:
        level = error.err_level(tag)
        if level == 1 or (not critical and error.is_error(level)):
            return visible(f"line {position.line}: {error.err_to_str(tag, arguments)}")[:300]
    return ""


def _schema(
    context: Any, implemented: Collection[str] | None, deviations: Collection[str], left_out: dict[str, str]
) -> Schema:
    main = [module for module in _loaded(context) if module.keyword == "module"]
    identities = _identities(main)
    roots: dict[str, Node] = {}
    rpcs: dict[str, Node] = {}
    notifications: dict[str, Node] = {}
    places = {Kind.RPC: rpcs, Kind.NOTIFICATION: notifications}
    for module in main:
        if (implemented is not None and module.arg not in implemented) or module.arg in deviations:
            continue
        building = _Building(identities)
        try:
            nodes = list(building.children(module, ()))
        except Exception as problem:
            left_out[visible(module.arg)] = f"it makes no sense ({type(problem).__name__})"
            continue
        for made in nodes:
            node = replace(made, config=False) if module.arg in _STATE_ALONE else made
            places.get(node.kind, roots)[f"{node.module}:{node.name}"] = node
    return Schema(
        roots,
        rpcs,
        notifications,
        namespaces={m.arg: _argument(m, "namespace") for m in main},
        prefixes={m.arg: _argument(m, "prefix") for m in main},
        left_out=left_out,
    )


def _identities(modules: list[Statement]) -> Identities:
    """Return what is derived from each identity, directly or not."""
    found: dict[int, list[Choice]] = {}
    for module in modules:
        for identity in getattr(module, "i_identities", {}).values():
            name = f"{identity.i_module.i_modulename}:{identity.arg}"
            choice, bases, seen = Choice(name, described(identity)), [identity], set[int]()
            while bases:
                for base in bases.pop().search("base"):
                    above = getattr(base, "i_identity", None)
                    if above is not None and id(above) not in seen:
                        seen.add(id(above))
                        found.setdefault(id(above), []).append(choice)
                        bases.append(above)
    return found


class _Building:
    """Makes nodes of statements, from the top down.

    A container that NACM denies by default, as /nacm itself, is kept from being read; what is in it is no
    secret therefore. A choice hands it down to its leaves.
    """

    def __init__(self, identities: Identities) -> None:
        self._identities = identities

    def children(
        self, parent: Statement, case: tuple[tuple[str, str], ...], secret: bool = False, depth: int = 0
    ) -> Iterator[Node]:
        for child in getattr(parent, "i_children", ()):
            if depth > _DEEPEST or not is_visible(child.arg):
                continue
            if child.keyword == "choice":
                for alternative in child.i_children:
                    inside = (*case, (child.arg, alternative.arg))
                    hidden = secret or _denied(child) or _denied(alternative)
                    yield from self.children(alternative, inside, hidden, depth + 1)
            elif child.keyword in _KINDS:
                yield self._node(child, case, secret or _denied(child), depth)

    def _node(self, made_of: Statement, case: tuple[tuple[str, str], ...], secret: bool, depth: int) -> Node:
        kind = _KINDS[made_of.keyword]
        node = Node(
            name=made_of.arg,
            module=made_of.i_module.i_modulename,
            namespace=_namespace(made_of),
            kind=kind,
            config=bool(getattr(made_of, "i_config", False)),
            description=described(made_of),
            secret=secret,
            case=case,
            mandatory=_argument(made_of, "mandatory") == "true",
            presence=made_of.search_one("presence") is not None,
            user_ordered=_argument(made_of, "ordered-by") == "user",
            musts=tuple(_musts(made_of)),
        )
        if kind in (Kind.LEAF, Kind.LEAF_LIST):
            own = [str(found.arg) for found in made_of.search("default")]
            one = own or [found for found in [inherited(made_of, "default")] if found and not node.mandatory]
            return replace(
                node,
                type=type_of(made_of, self._identities),
                defaults=tuple(one),
                units=visible(inherited(made_of, "units")),
            )
        children = named(self.children(made_of, (), depth=depth + 1))
        if kind in (Kind.RPC, Kind.ACTION):
            children = self._ends(made_of, depth)
        keys = tuple(key.arg for key in getattr(made_of, "i_key", None) or ()) if kind is Kind.LIST else ()
        return replace(node, keys=keys, children=children)

    def _ends(self, made_of: Statement, depth: int) -> dict[str, Node]:
        """Return the input and the output of an rpc or an action, as containers."""
        ends = {}
        for end in made_of.i_children:
            if end.keyword in ("input", "output"):
                children = named(self.children(end, (), depth=depth + 1))
                ends[end.keyword] = Node(
                    name=end.keyword,
                    module=made_of.i_module.i_modulename,
                    namespace=_namespace(made_of),
                    kind=Kind.CONTAINER,
                    children=children,
                )
        return ends


def _musts(statement: Statement) -> Iterator[Must]:
    for found in statement.search("must"):
        if message := _argument(found, "error-message"):
            yield Must(str(found.arg), message)


def _denied(statement: Statement) -> bool:
    return any(found.keyword == (_ACM, "default-deny-all") for found in statement.substmts)


def named(nodes: Iterator[Node]) -> dict[str, Node]:
    """Return ``nodes`` by name; where two have the same, by "module:name"."""
    found = list(nodes)
    names = [node.name for node in found]
    several = {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else set()
    return {f"{n.module}:{n.name}" if n.name in several else n.name: n for n in found}


def _namespace(statement: Statement) -> str:
    return str(
        statement.i_module.i_ctx.get_module(statement.i_module.i_modulename).search_one("namespace").arg
    )


def _argument(statement: Statement, keyword: str) -> str:
    found = statement.search_one(keyword)
    return visible(str(found.arg)) if found is not None else ""
