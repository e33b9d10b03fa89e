"""The candidate: a whole configuration, and the units in which it may differ from running."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from agent.datastore.conditions import MAX_CONDITIONS, Condition
from agent.datastore.differing import Differing
from agent.datastore.published import Published
from agent.datastore.txids import Mechanism
from agent.errors import ResourceDenied
from agent.yang.difference import Difference, Operation
from agent.yang.implicit import add_all_defaults, renew_defaults, renew_defaults_of
from agent.yang.locality import moving_defaults
from agent.yang.many import are_many, locate_all, move_entries
from agent.yang.nodes import CONTAINER, LIST, NO_NODE, Node, children
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from agent.yang.units import Unit, unit_differences, unit_node, units_below, units_by_path

CREATED = Operation.CREATE.value
CHANGES = tuple(operation.value for operation in Operation)


WhenTouched = Callable[[Sequence[str] | None], None]


class Candidate:
    """A configuration being edited (RFC 6241 section 8.3).

    ``changed`` holds every unit that was touched since candidate and running last agreed; some of them
    may have been changed back. ``blind``: paths of those in which somebody wrote what he may not read; they
    count as different, for whether they are would tell him if he has guessed right. ``conditions``: what has
    to be so of running when this is committed, by what they are about.

    ``when_touched`` is called on the thread that writes with the paths of units that may have become others;
    None: any may have.

    It has the defaults in use of each unit. Those that depend on another unit are brought up to date by
    ``settle``, before somebody reads them.

    Args:
        running: what it is a copy of; if that is Published, the copy is made with the first change: until
            then, and when all was changed or nothing for long, it is running.
    """

    def __init__(self, running: Tree | Published) -> None:
        self._published = running if isinstance(running, Published) else None
        self._own = running.duplicate() if isinstance(running, Tree) else None
        self.changed: dict[str, Unit] = {}
        self.blind: set[str] = set()
        self._settled = True
        self._differing = Differing()
        self.conditions: dict[tuple[str | None, Mechanism], Condition] = {}
        self.when_touched: list[WhenTouched] = []

    @property
    def tree(self) -> Tree:
        """*worker* Its own tree, for who may change it. To make it takes as long as to copy running."""
        if self._own is None:
            self._own = self.content.duplicate()
        return self._own

    @tree.setter
    def tree(self, tree: Tree) -> None:
        self._own = tree

    @property
    def content(self) -> Tree:
        """*worker* What it holds, to be read: it may be running itself."""
        if self._own is not None:
            return self._own
        assert self._published is not None, "who is no copy of a tree has a tree"
        return self._published.tree

    @property
    def is_running(self) -> bool:
        """Whether it has no tree of its own."""
        return self._own is None

    @property
    def schema(self) -> Schema:
        return self.content.schema

    def rest(self) -> bool:
        """*worker* Be running itself until the next change, unless something differs; returns whether its
        tree is free now."""
        if self._published is None or self._own is None or self.changed or self.blind:
            return False
        self._own, self._settled = None, True
        return True

    def settle(self) -> None:
        """*worker* Bring the defaults in use up to date that depend on several units."""
        if not self._settled:
            if not self.is_running:  # which has those that are in use
                renew_defaults(self.tree, moving_defaults(self.schema))
            self._settled = True
            self._differing.touch(self.changed)

    def unsettle(self, units: Iterable[Unit]) -> None:
        """Note that ``units`` have changed, here or in running: defaults of others may depend on them."""
        touched = list(units)
        self._differing.touch(unit.path for unit in touched)
        self._tell([unit.path for unit in touched] if self.when_touched else None)
        if self._settled:
            moving = moving_defaults(self.schema)
            modules = {node.root.module for node in {unit.schema_node for unit in touched}}
            self._settled = modules.isdisjoint(moving)

    def _tell(self, paths: Sequence[str] | None) -> None:
        for tell in self.when_touched:
            tell(paths)

    def known_to_differ(self, running: Tree) -> Differing:
        """*worker* Return which units differ, or have to be taken for.

        It costs what was touched since the last time.
        """

        def differs(path: str) -> bool:
            unit = self.changed.get(path)
            return unit is not None and self.differs(unit, running)

        self._differing.look(differs)
        return self._differing

    def differing(self, running: Tree) -> list[Unit]:
        """Return the changed units whose content differs from ``running``, or has to be taken for."""
        return [unit for unit, _own, _other in self.differing_nodes(running)]

    def differing_nodes(self, running: Tree) -> list[tuple[Unit, list[Node], list[Node]]]:
        """Return what ``differing`` does, each with its nodes in ``content`` and in ``running``."""
        units = list(self.changed.values())
        ours, theirs = locate_all(units, self.content), locate_all(units, running)
        found = zip(units, ours, theirs, strict=True)
        return [one for one in found if self._are_different(*one)]

    def differs(self, unit: Unit, running: Tree) -> bool:
        """Return whether the content of ``unit`` differs from ``running``, or has to be taken for."""
        return self._are_different(unit, unit.locate(self.content), unit.locate(running))

    def _are_different(self, unit: Unit, own: list[Node], other: list[Node]) -> bool:
        if unit.path in self.blind and (own or other):
            return True
        return not unit.same_nodes(own, other)

    def discard(self, running: Tree) -> None:
        """Make the candidate equal to running again (RFC 6241 section 8.3.4.2)."""
        self.agree(running)
        self.blind.clear()
        self.conditions.clear()

    def agree(self, running: Tree) -> None:
        """Hold what ``running`` does; what has to be so of that, if this is committed, stays."""
        if self.is_running or are_many(len(self.changed), running):
            self._differing.agree()  # nobody may ever look at what was touched
            self.changed.clear()
            self._own, self._settled = None, True  # first, for a large commit needs the most memory here
            if self._published is None:
                self._own = running.duplicate()
            self._tell(None)
            return
        self.follow(running, self.changed.values())
        self.changed.clear()

    def follow(self, running: Tree, units: Iterable[Unit], but: Collection[str] = ()) -> None:
        """Hold ``units`` as ``running`` does, except those of the paths ``but``."""
        touched = list(units)
        for unit in touched if not self.is_running else ():
            if unit.path not in but:
                unit.replace_in(self.tree, unit.locate(running))
        self.unsettle(touched)

    def demand(self, conditions: Iterable[Condition]) -> None:
        """Add what has to be so at the commit.

        Raises:
            ResourceDenied: that is too much.
        """
        for condition in conditions:
            self.conditions[condition.about] = condition
            if len(self.conditions) > MAX_CONDITIONS:
                raise ResourceDenied(
                    f"more than {MAX_CONDITIONS} transaction ids are to be compared at the commit: put them "
                    "on the nodes that matter, or on the containers that these lie in"
                )

    def become(self, other: Candidate) -> None:
        """Hold what ``other`` holds, which is given up."""
        self.tree, self._settled, self._differing = other.tree, other._settled, other._differing
        self.changed, self.blind, self.conditions = other.changed, other.blind, other.conditions
        self._tell(None)

    def replace_all(self, content: Tree, running: Tree, blind: Collection[str] = ()) -> None:
        """Make the candidate hold exactly ``content`` (copy-config), with these ``blind`` units."""
        units = units_by_path(content, self.content, running)
        self._differing.touch(units)
        fresh = content.duplicate()
        add_all_defaults(fresh)
        self.tree = fresh
        self._settled = True
        self.blind = set(blind)
        self.conditions = {}
        self.changed = {path: unit for path, unit in units.items() if self.differs(unit, running)}
        self._tell(None)


class Savepoint:
    """Remembers units of the candidate before an edit touches them, to take the edit back."""

    def __init__(self, candidate: Candidate) -> None:
        self._candidate = candidate
        self._saved: dict[str, tuple[Unit, Tree]] = {}
        # Of the rest of what is changed nothing is copied: an edit is to cost what it touches.
        self._changed_new: list[str] = []
        self._blind_new: set[str] = set()
        self._conditions_before = dict(candidate.conditions)
        self._nothing = Tree(candidate.schema)
        self._filled: set[str] = set()
        self._complete: set[str] = set()
        self._brought: dict[str, Node] = {}

    def touch(self, node: Node) -> None:
        """Save the unit that ``node`` (of any Tree) lies in, before it is changed.

        For a shell, every unit below ``node`` is saved."""
        schema = self._candidate.schema
        top = unit_node(schema, node)
        if top != NO_NODE:
            self.save([Unit(schema, top)])
            return
        self.save(units_below(schema, children(node)))

    def bring(
        self, patch: Tree, there: Sequence[tuple[Unit, Node]], *, filled: bool, complete: bool = False
    ) -> None:
        """Save all units that are in ``patch``, and move the entries among them to the candidate that it does
        not hold, where nothing else depends on these; the rest is to be merged.

        ``there``: these units, each with its node. ``filled``: no container is empty. ``complete``: entries
        have the defaults in use.
        """
        tree = self._candidate.tree
        self.save([unit for unit, _ in there], filled=filled)
        new = [one for one in there if one[0].is_entry and self._saved[one[0].path][1] is self._nothing]
        moved = move_entries(new, patch, tree)
        self._brought.update((unit.path, node) for unit, node in moved)
        if complete:
            self._complete.update(unit.path for unit, _ in moved)

    def touch_entries(self, parent: Node, entries: Iterable[tuple[Node, Node, str]], *, filled: bool) -> None:
        """Save what entries of one list lie in, before they are brought, and take out those that go.

        Args:
            parent: the node of the candidate that they stand in, or NO_NODE if it is not there.
            entries: each, of any Tree; that of the candidate, NO_NODE if it is not there; what is to be done.
            filled: no container is empty in those that are brought.
        """
        schema, tree = self._candidate.schema, self._candidate.tree
        room = _Room(tree, parent)
        for entry, own, operation in entries:
            goes = operation in ("delete", "remove")
            if not schema.node_of(entry.schema).is_outermost:
                self.touch(entry)
                if goes:
                    tree.remove(own)
                continue
            unit = Unit(schema, entry)
            if unit.path not in self._saved:
                self._add(unit, self._nothing if own == NO_NODE else room.keep(own, moved=goes))
                if filled and (own == NO_NODE or operation == "replace"):
                    self._filled.add(unit.path)
            elif goes:
                tree.remove(own)

    def take_entries(self, node: Node) -> None:
        """Save the entries in a shell of the candidate that nobody has saved, and take them out: nothing is
        copied of what is to go. ``node``: what goes; if it is no shell, nothing is taken out."""
        schema, tree = self._candidate.schema, self._candidate.tree
        schema_node = schema.node_of(node.schema)
        if not schema_node.shell or not schema_node.is_outermost:
            return
        room = _Room(tree, node)
        for child in children(node):
            if child.schema.nodetype == CONTAINER:
                self.take_entries(child)
            elif child.schema.nodetype == LIST:
                unit = Unit(schema, child)
                if unit.is_entry and unit.path not in self._saved:
                    self._add(unit, room.keep(child, moved=True))

    def save(self, units: Iterable[Unit], *, filled: bool = False) -> None:
        """Save ``units``, before they are changed; ``filled``: by what has no empty container in it."""
        new = [unit for unit in units if unit.path not in self._saved]
        found = locate_all(new, self._candidate.tree)
        for unit, nodes in zip(new, found, strict=True):
            self._add(unit, self._copy(unit, nodes))
            if filled and not nodes and unit.is_entry:
                self._filled.add(unit.path)

    def _copy(self, unit: Unit, nodes: list[Node]) -> Tree:
        if not nodes:
            return self._nothing
        if not unit.group:
            return self._candidate.tree.copy_of(nodes[0])
        copy = Tree(self._candidate.schema)
        unit.replace_in(copy, nodes)
        return copy

    def _add(self, unit: Unit, copy: Tree) -> None:
        self._saved[unit.path] = (unit, copy)
        if unit.path not in self._candidate.changed:
            self._changed_new.append(unit.path)

    def differences(
        self, may_be: Callable[[Unit, Sequence[str]], bool] | None = None
    ) -> Iterator[Difference]:
        """Yield every node that the edit has changed in the candidate.

        Args:
            may_be: says if all in a unit may be created, updated or deleted, whichever are given: then
                nothing is yielded of it.
        """
        for unit, copy in self._saved.values():
            changes = (CREATED,) if copy is self._nothing else CHANGES
            if may_be is None or not may_be(unit, changes):
                yield from unit_differences([unit], copy, self._candidate.tree)

    def take_back(self) -> None:
        """Put every touched unit back as it was; also after ``keep``, before any other edit."""
        for unit, copy in self._saved.values():
            unit.replace_in(self._candidate.tree, unit.locate(copy))
        self._candidate.unsettle(unit for unit, _ in self._saved.values())
        for path in self._changed_new:
            self._candidate.changed.pop(path, None)
        self._candidate.blind -= self._blind_new
        self._candidate.conditions = self._conditions_before

    def mark_blind(self) -> None:
        """Have every touched unit count as changed: the author of the edit may not read all that he wrote."""
        self._blind_new = self._saved.keys() - self._candidate.blind
        self._candidate.blind |= self._blind_new
        self._candidate.unsettle(unit for unit, _ in self._saved.values())

    def keep(self, *, open_empty: bool = False) -> None:
        """Let the edit stand: its units now count as changed, and get their defaults.

        ``open_empty``: the edit may have emptied containers, or have brought empty ones.
        """
        tree = self._candidate.tree
        units = [unit for unit, _ in self._saved.values()]
        self._candidate.changed.update((unit.path, unit) for unit in units)
        brought, self._brought = self._brought, {}
        others = iter(locate_all([unit for unit in units if unit.path not in brought], tree))
        for unit in units:
            nodes = [brought[unit.path]] if unit.path in brought else next(others)
            for node in nodes if unit.path not in self._complete else ():
                if unit.path in self._filled:  # it holds no default that could be in use no more
                    tree.add_defaults(node)
                else:
                    renew_defaults_of(tree, node, open_empty=open_empty)
            if not nodes and unit.schema_node.is_implicit:
                unit.give_default(tree)
        self._candidate.unsettle(units)


class _Room:
    """Where entries of one list are kept, inside copies of what they stand in."""

    def __init__(self, source: Tree, parent: Node) -> None:
        self._source, self._parent = source, parent
        self._tree: Tree | None = None
        self._inside = NO_NODE

    def keep(self, entry: Node, *, moved: bool) -> Tree:
        """Return the Tree with ``entry``, or with a copy of it."""
        if self._tree is None:
            self._tree = self._source.copy_of(self._parent, recursive=False)
            self._inside = self._tree.find_like(self._parent)
        if moved:
            self._tree.insert(self._inside, self._source.detach(entry))
        else:
            self._tree.copy_into(self._inside, entry)
        return self._tree
