"""What a refusal may tell: nothing of data that its receiver may neither read nor write (RFC 8341).

An edit that names such data is refused before it is compared with anything, so that no answer depends on
what is there; and an error about such data that others wrote loses its path and its words. Where a whole
configuration is looked at, which others may have written, the right to write alone does not let anybody
learn what is wrong with it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager

from agent.datastore.edit_elements import is_key_of
from agent.datastore.edit_outline import MAX_FORMS
from agent.errors import AccessDenied, RpcError, RpcErrors
from agent.nacm.access import WRITES, Access, located
from agent.nacm.alike import Alike
from agent.nacm.prune import prune
from agent.nacm.rules import Step
from agent.operations.context import Caller, Context
from agent.operations.parameters import canonical_value
from agent.xml import NETCONF_NS, Element, local_name, namespace
from agent.yang.schema import Schema
from agent.yang.schema_node import Kind, QName, SchemaNode
from agent.yang.tree import Tree
from agent.yang.units import units_by_path
from agent.yang.values import split_at_names
from agent.yang.worker import Worker

Steps = tuple[Step, ...]
Nodes = tuple[SchemaNode, ...]
Form = tuple[object, ...]


def named_refusals(schema: Schema, access: Access, config: Element) -> Iterator[RpcError]:
    """*worker* Yield an access-denied for each place of an edit that ``access`` lets its user neither read
    nor write, and for each value that leads to what he may not read."""
    look = _Look(schema, access)
    for child in config:
        yield from _named(look, child, schema.roots, (), ())
    yield from hidden_references(schema, access, config, schema.roots)


def hidden_references(
    schema: Schema, access: Access, above: Element, level: Mapping[QName, SchemaNode]
) -> Iterator[RpcError]:
    """*worker* Yield an access-denied for each value below ``above`` that leads to what its author may not
    read and that must exist: else he would learn whether it does.

    ``level``: what the children of ``above`` may be.
    """
    if access.everything(["read"]):
        return
    for element in above:
        node = level.get((namespace(element), local_name(element)))
        removed = element.get(f"{{{NETCONF_NS}}}operation") in ("delete", "remove")
        if node is None or removed or not node.leads_somewhere:
            continue
        if node.is_leafy:
            place = located(schema, canonical_value(schema, node, element))
            decision = None if place is None else access.reach(*place, "read")
            if decision is not None and not decision.permit:
                message = access.sentence(f"refer to what '{node.name}' names", decision)
                yield AccessDenied(message, path=node.path)
        else:
            yield from hidden_references(schema, access, element, {**node.children, **node.actions})


class _Look:
    """A look at an edit: of entries of a list that hold the same elements, and that no rule tells apart, one
    is looked at."""

    def __init__(self, schema: Schema, access: Access) -> None:
        self.schema = schema
        self.access = access
        self._clear: set[Form] = set()
        self._lists: dict[SchemaNode, Alike] = {}

    def form_of(self, node: SchemaNode, element: Element) -> Form | None:
        """Return what an entry in no other has in common with those that are like it; None if ``element`` is
        no such."""
        if node.kind is not Kind.LIST or not node.is_outermost:
            return None
        alike = self._lists.get(node) or self._lists.setdefault(node, Alike(self.access, node))
        if alike.told_apart_inside:
            return None
        tags = tuple([(found.tag, len(found)) for found in element.iter()])
        instructed = tuple([at for at, found in enumerate(element.iter()) if found.attrib])
        keys = step_of(self.schema, node, element).keys if alike.needs_keys else {}
        return node, alike.kind_of(keys), tags, instructed

    def is_clear(self, form: Form | None) -> bool:
        """True if one like it was looked at, and nothing was found."""
        return form is not None and form in self._clear

    def found_clear(self, form: Form | None) -> None:
        if form is not None and len(self._clear) < MAX_FORMS:
            self._clear.add(form)


def _named(
    look: _Look, element: Element, level: Mapping[QName, SchemaNode], steps: Steps, nodes: Nodes
) -> Iterator[RpcError]:
    node = level.get((namespace(element), local_name(element)))
    if node is None or node.is_key:
        return
    form = look.form_of(node, element)
    if look.is_clear(form):
        return
    clear = True
    for refusal in _named_in(look, node, element, steps, nodes):
        clear = False
        yield refusal
    if clear:
        look.found_clear(form)


def _named_in(
    look: _Look, node: SchemaNode, element: Element, steps: Steps, nodes: Nodes
) -> Iterator[RpcError]:
    access = look.access
    steps, nodes = (*steps, step_of(look.schema, node, element)), (*nodes, node)
    below = [child for child in element if not is_key_of(node, child)]
    if (element.attrib or not below or node.kind is Kind.ANYDATA) and not _touchable(access, steps, nodes):
        refusal = access.write_refusal(steps, nodes)
        if refusal is not None:
            yield refusal
            return
    if node.kind is not Kind.ANYDATA:
        for child in below:
            yield from _named(look, child, node.children, steps, nodes)


def names_hidden(schema: Schema, access: Access, config: Element) -> bool:
    """*worker* True if an edit names something that ``access`` does not let its user read."""
    if access.everything(["read"]):
        return False
    look = _Look(schema, access)
    return any(_hidden(look, child, schema.roots, (), ()) for child in config)


def _hidden(
    look: _Look, element: Element, level: Mapping[QName, SchemaNode], steps: Steps, nodes: Nodes
) -> bool:
    node = level.get((namespace(element), local_name(element)))
    if node is None or node.is_key:
        return False
    form = look.form_of(node, element)
    if look.is_clear(form):
        return False
    steps, nodes = (*steps, step_of(look.schema, node, element)), (*nodes, node)
    if not look.access.data(steps, node, "read").permit:
        return True
    if node.kind is not Kind.ANYDATA and any(
        _hidden(look, child, node.children, steps, nodes) for child in element
    ):
        return True
    look.found_clear(form)
    return False


def hidden_units(access: Access, content: Tree) -> set[str]:
    """*worker* Return the paths of the units of ``content`` that hold something which ``access`` does not let
    its user read."""
    if access.everything(["read"]):
        return set()
    readable = content.duplicate()
    prune(access, readable)
    return {path for path, unit in units_by_path(content).items() if not unit.is_same(readable, content)}


def step_of(schema: Schema, node: SchemaNode, element: Element) -> Step:
    """*worker* Return the step to ``element``, a ``node``, with the keys that it gives."""
    keys: dict[str, str] = {}
    if node.kind is Kind.LEAF_LIST:
        keys = {".": canonical_value(schema, node, element)}
    elif node.kind is Kind.LIST:
        for child in element:
            if is_key_of(node, child):
                key = node.children[node.namespace, local_name(child)]
                keys[key.name] = canonical_value(schema, key, child)
    return Step(node.module, node.name, keys)


def _touchable(access: Access, steps: Steps, nodes: Nodes) -> bool:
    """True if the user may read the node, or write it in some way."""
    if access.reach(steps, nodes, "read").permit:
        return True
    return any(access.data(steps, nodes[-1], write).permit for write in WRITES)


def tells_of_hidden(schema: Schema, access: Access, error: RpcError) -> bool:
    """*worker* True if an error tells of other entries of which its receiver may not read all but secrets."""
    if not error.about or access.everything(["read"]):
        return False
    places = (located(schema, path) for path in error.about)
    return not all(place is not None and all_readable(access, *place) for place in places)


def all_readable(access: Access, steps: Steps, nodes: Nodes) -> bool:
    """Return whether ``access`` lets its user read a node, and all configuration below it but secrets."""
    if not access.reach(steps, nodes, "read").permit:
        return False
    return _all_below(access, steps, nodes, secrets=False)


def wholly_readable(access: Access, steps: Steps, nodes: Nodes) -> bool:
    """As ``all_readable``, and the secrets, too."""
    return access.reach(steps, nodes, "read").permit and _all_below(access, steps, nodes, secrets=True)


def _all_below(access: Access, steps: Steps, nodes: Nodes, *, secrets: bool) -> bool:
    for node in nodes[-1].children.values():
        if not node.config or (node.secret and not secrets):
            continue
        way = (*steps, Step(node.module, node.name, {})), (*nodes, node)
        if not access.data(way[0], node, "read").permit or not _all_below(access, *way, secrets=secrets):
            return False
    return True


@asynccontextmanager
async def tries_counted(context: Context, caller: Caller) -> AsyncIterator[None]:
    """Count a try that ends in conflict with something hidden before ``writing``, which is held, is given up:
    whoever waits for it has been counted when he is asked for his tries."""
    try:
        yield
    except RpcError as problem:
        await count_hidden(context, caller, [problem], thread=context.worker)
        raise
    except RpcErrors as problem:
        await count_hidden(context, caller, problem.errors, thread=context.worker)
        raise


async def count_hidden(
    context: Context, caller: Caller, errors: Iterable[RpcError], *, thread: Worker
) -> None:
    """Count one try if any of the errors about a configuration tells of something hidden, and hide that, and
    what is wrong with anything that the caller may not read. ``thread`` looks at them."""
    access, told = context.access(caller), []
    for error in errors:
        if await thread(_conceal, context.schema, access, error):
            told.append(error)
        await thread(_veil, context.schema, access, error)
    if told:
        context.nacm.count_hidden_conflict(access, told[0])


def _conceal(schema: Schema, access: Access, error: RpcError) -> bool:
    """*worker* Take from an error what it tells of hidden entries; return whether it told of any."""
    if not tells_of_hidden(schema, access, error):
        return False
    error.message = "this is in conflict with something that you may not read"
    error.info = {}
    error.about = ()
    return True


def _veil(schema: Schema, access: Access, error: RpcError) -> None:
    """*worker* Take path and words from an error about what its receiver may not read, even if he may write
    it: who wrote it is not known."""
    named = error.is_named or isinstance(error, AccessDenied)
    if error.path is None or named or access.everything(["read"]):
        return
    found = located(schema, error.path)
    if found is None or (_readable_but_secrets(access, *found) and not error.path_cut):
        error.info = {k: v for k, v in error.info.items() if not _unreadable_path(schema, access, v)}
    else:
        _take_words(access, error, found)


def _readable_but_secrets(access: Access, steps: Steps, nodes: Nodes) -> bool:
    """True if the user may read a node; of a secret that he may write, what it belongs to."""
    open_ = next((at for at, node in enumerate(nodes) if node.secret), len(nodes))
    if 0 < open_ < len(nodes) and _touchable(access, steps, nodes):
        steps, nodes = steps[:open_], nodes[:open_]
    return access.reach(steps, nodes, "read").permit


def _unreadable_path(schema: Schema, access: Access, value: str | tuple[str, ...]) -> bool:
    places = (located(schema, text) for text in _texts(value) if text.startswith("/"))
    return any(place is not None and not _readable_but_secrets(access, *place) for place in places)


def _take_words(access: Access, error: RpcError, place: tuple[Steps, Nodes]) -> None:
    error.path = access.shown_path(*place)
    error.message = "something that you may not read is wrong here"
    error.info = {}
    error.about = ()


def disclosed(schema: Schema, access: Access, error: RpcError) -> RpcError:
    """*worker* Return ``error`` as its receiver may see it, with what it takes to write its paths as XML."""
    _conceal(schema, access, error)
    error = _seen(schema, access, error)
    if not access.everything(["read"]):
        error.left_out = 0  # what is hidden would be counted with the others
    for path in (error.path, *(text for texts in error.info.values() for text in _texts(texts))):
        if path is not None and path.startswith("/"):
            error.spelled.update(_spelled(schema, path))
    return error


def _texts(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value


def _spelled(schema: Schema, path: str) -> Iterator[tuple[tuple[str, str], tuple[str, ...]]]:
    steps, nodes = located(schema, path) or ((), ())
    for step, node in zip(steps, nodes, strict=True):
        for key, value in step.keys.items():
            leaf = node if key == "." else node.children.get((node.namespace, key))
            if leaf is not None and leaf.holds_names:
                yield (key, value), split_at_names(schema, leaf, value)


def _seen(schema: Schema, access: Access, error: RpcError) -> RpcError:
    if error.path is None or isinstance(error, AccessDenied) or access.everything(["read"]):
        return error
    found = located(schema, error.path)
    if found is None or (_touchable(access, *found) and not error.path_cut):
        error.info = {k: v for k, v in error.info.items() if not _hidden_path(schema, access, v)}
        return error
    _take_words(access, error, found)
    return error


def _hidden_path(schema: Schema, access: Access, value: str | tuple[str, ...]) -> bool:
    places = (located(schema, text) for text in _texts(value) if text.startswith("/"))
    return any(place is not None and not _touchable(access, *place) for place in places)
