"""edit-config: an edit document applied to the candidate (RFC 6241 section 7.2, RFC 7950 section 8).

The walk goes only where operation or insert attributes stand; a subtree without any is parsed and
merged by libyang in one call. Whatever goes wrong, the candidate is put back as it was, and all errors
that can be known are reported.
"""

from __future__ import annotations

from itertools import groupby

from agent.datastore.candidate import Candidate, Savepoint
from agent.datastore.edit_attributes import EditAttributes
from agent.datastore.edit_beforehand import empty, look, refuse_costly
from agent.datastore.edit_check import check_cases, check_document
from agent.datastore.edit_conditions import conditions_of
from agent.datastore.edit_elements import key_elements, path_of_element, schema_of_element
from agent.datastore.edit_entries import FEW, Entries, Whole, is_taken_together, run_of
from agent.datastore.edit_pieces import Parsed
from agent.datastore.edit_removal import Removal
from agent.datastore.insertion import place_instance
from agent.datastore.skeleton import close_tag, open_tag, wrapped
from agent.errors import FIND_ERRORS, DataExists, DataMissing, RpcError, RpcErrors, raise_all
from agent.xml import Element, serialize
from agent.yang.merging import merge
from agent.yang.nodes import (
    NO_NODE,
    Node,
    first_child,
    instances,
    is_default,
    last_child,
    sibling_of_schema,
    siblings,
)
from agent.yang.repeated import repeated
from agent.yang.schema_node import Kind, SchemaNode
from agent.yang.tree import Tree
from agent.yang.units import empty_entry, nodes_below


def edit(candidate: Candidate, config: Element, default_operation: str = "merge") -> Savepoint:
    """Apply the children of ``config`` to ``candidate``.

    Returns:
        What takes the edit back, if it turns out later that it should not stand.

    Args:
        config: the ``<config>`` element; its operation attributes are removed from it, and all elements of a
            large one of which nothing more is needed.
        default_operation: merge, replace or none.

    Raises:
        RpcErrors: everything wrong with the edit; the candidate is unchanged.
    """
    schema = candidate.schema
    looked = look(candidate, config, instructed=default_operation == "none")
    attributes, instructed, whole = looked.attributes, looked.instructed, looked.whole
    if looked.parsed is not None:
        empty(config)
    elif whole is None:
        if instructed:  # of which nothing more would be looked at
            check_document(schema, config, attributes)
        else:
            raise_all(check_cases(schema, config, schema.roots, attributes))
        refuse_costly(schema, config, attributes, apart=attributes.hot)
    elif not instructed and not attributes.txids:
        empty(config)
    savepoint = Savepoint(candidate)
    walk = _Walk(candidate, savepoint, attributes, whole=whole)
    try:
        if default_operation == "replace":
            walk.clear()
        if looked.parsed is not None:
            walk.merge_pieces(looked.parsed)
        elif whole is not None and not instructed:
            walk.merge_whole(whole.tree)
        else:
            for element in config:
                walk.apply(element, "none" if default_operation == "none" else "merge")
        if not walk.errors:
            savepoint.keep(open_empty=attributes.empty or attributes.any)
            candidate.demand(conditions_of(schema, attributes.txids))
    except RpcErrors as problem:
        savepoint.take_back()
        if not attributes.any:
            check_document(schema, config, attributes)
        raise problem
    except BaseException:
        savepoint.take_back()
        raise
    if walk.errors:
        savepoint.take_back()
        raise RpcErrors(walk.errors)
    return savepoint


class _Walk:
    """``whole``: all that is in a large document, of which nothing needs to be parsed, or looked for faults,
    again."""

    def __init__(
        self, candidate: Candidate, savepoint: Savepoint, attributes: EditAttributes, whole: Whole | None
    ) -> None:
        self.whole = whole
        self.candidate = candidate
        self.tree = candidate.tree
        self.schema = candidate.schema
        self.savepoint = savepoint
        self.attributes = attributes
        self.errors: list[RpcError] = []
        self.removal = Removal(candidate, savepoint)

    def clear(self) -> None:
        """Remove the whole configuration, for default-operation replace."""
        for node in list(self.tree.top_level()):
            self.removal.remove(node)

    def merge_whole(self, content: Tree) -> None:
        """Merge the whole of a document without any instructions."""
        there = list(nodes_below(self.schema, content.top_level()))
        self.savepoint.bring(content, there, filled=not self.attributes.empty)
        self._merge_rest(content)

    def merge_pieces(self, parsed: list[Parsed]) -> None:
        """Merge a document without any instructions, which has no empty container, piece by piece."""
        for piece in parsed:
            self.savepoint.bring(piece.tree, piece.units, filled=True, complete=piece.complete)
            self._merge_rest(piece.tree)

    def _merge_rest(self, content: Tree) -> None:
        for node in content.top_level():
            self.removal.drop_other_cases(node)
        merge(self.tree, content, spend=True)

    def apply(self, element: Element, inherited: str) -> None:
        """Apply ``element`` and what is below it, under the operation that it inherits."""
        if len(self.errors) >= FIND_ERRORS:
            return
        schema_node = schema_of_element(self.schema, element)
        operation = self.attributes.operation.get(element, inherited)
        hot = element in self.attributes.hot
        if operation == "merge" and not hot:
            self._merge(element)
        elif element in self.attributes.tagged and operation in ("merge", "replace", "create"):
            self._reset(element, schema_node, operation)
        elif operation in ("delete", "remove"):
            self._delete(element, schema_node, must_exist=operation == "delete")
        elif operation == "create":
            self._create(element, schema_node, hot)
        elif operation == "replace":
            self._replace(element, schema_node, hot)
        else:
            self._descend(element, schema_node, operation)

    # -- the operations --------------------------------------------------------------------

    def _merge(self, element: Element) -> None:
        patch, node = self._parse(element, whole=True)
        if self.whole is None:
            raise_all(repeated(self.schema, patch.first))
        self.savepoint.touch(node)
        self.removal.drop_other_cases(node)
        self.removal.drop_anydata(node)
        merge(self.tree, patch)
        self._place(element, node)

    def _delete(self, element: Element, schema_node: SchemaNode, *, must_exist: bool) -> None:
        existing = self._existing(element, schema_node)
        if not existing:
            if must_exist:
                self.errors.append(self._missing(element))
            return
        for node in existing:
            self.removal.remove(node)

    def _reset(self, element: Element, schema_node: SchemaNode, operation: str) -> None:
        """Give a leaf or leaf-list its defaults back, as its attribute says (RFC 6243 section 4.5.2)."""
        if operation == "create" and self._existing(element, schema_node):
            self.errors.append(self._exists(element))
        elif schema_node.kind is Kind.LEAF_LIST:
            for node in self._values(element, schema_node):
                self.removal.remove(node)
        else:
            self._delete(element, schema_node, must_exist=False)

    def _create(self, element: Element, schema_node: SchemaNode, hot: bool) -> None:
        if self._existing(element, schema_node):
            self.errors.append(self._exists(element))
            return
        self._put(element, schema_node, hot, "create")

    def _replace(self, element: Element, schema_node: SchemaNode, hot: bool) -> None:
        existing = self._existing(element, schema_node)
        if existing and schema_node.has_instances and not schema_node.user_ordered:
            self._replace_in_place(element, schema_node, hot, existing[0])
            return
        following = NO_NODE
        for node in existing:
            following = _next_instance(node) if schema_node.user_ordered else NO_NODE
            self.removal.remove(node)
        self._put(element, schema_node, hot, "replace")
        if following != NO_NODE and element not in self.attributes.insert:
            node = self._find(element)
            self.tree.place(node, before=following)

    def _replace_in_place(self, element: Element, schema_node: SchemaNode, hot: bool, node: Node) -> None:
        """Replace what is in a list or leaf-list that the system orders, where nothing else is to move."""
        if schema_node.kind is Kind.LIST:
            self.savepoint.touch(node)
            empty_entry(node)
            self._put(element, schema_node, hot, "replace")

    def _put(self, element: Element, schema_node: SchemaNode, hot: bool, operation: str) -> None:
        if hot and schema_node.is_interior:
            self._descend(element, schema_node, operation)
        else:
            self._merge(element)

    def _descend(self, element: Element, schema_node: SchemaNode, operation: str) -> None:
        created = next(filter(self._creates, key_elements(schema_node, element)), None)
        # A key exists if its entry does; one that is replaced has been emptied.
        if created is not None and operation != "replace" and self._existing(element, schema_node):
            self.errors.append(self._exists(created))
            return
        if operation == "none" and not schema_node.is_np_container:
            if not self._existing(element, schema_node):
                self.errors.append(self._missing(element))
                return
        elif schema_node.kind is Kind.LIST or (schema_node.kind is Kind.CONTAINER and schema_node.presence):
            self._ensure(element)
        if not schema_node.is_interior:
            if operation != "none":
                self._merge(element)
            return
        if self.whole is not None and len(element) > FEW:
            self._descend_at_once(self.whole, element, operation)
            return
        for child in element:
            child_schema = schema_of_element(self.schema, child)
            if not child_schema.is_key:
                self.apply(child, operation)

    def _descend_at_once(self, whole: Whole, element: Element, operation: str) -> None:
        """As ``_descend`` does, with entries side by side taken together where nothing is said below them."""
        schema_node = schema_of_element(self.schema, element)
        level = {f"{{{uri}}}{name}": node for (uri, name), node in schema_node.children.items()}

        def together(child: Element) -> SchemaNode | None:
            node = level[str(child.tag)]
            said = self.attributes.operation.get(child, operation)
            alone = said == "none" or child in self.attributes.above
            return None if alone or not is_taken_together(node) else node

        for node, group in groupby(element, together):
            if node is not None:
                operations = {child: self.attributes.operation.get(child, operation) for child in group}
                self._apply_run(node, whole.entries_in(element), operations)
                continue
            for child in group:
                if not level[str(child.tag)].is_key:
                    self.apply(child, operation)

    def _apply_run(self, node: SchemaNode, content: Entries, operations: dict[Element, str]) -> None:
        """Apply what is said of entries of the list ``node``, of which nothing is said below them."""
        parent = self.tree.find_like(content.parent)
        first = NO_NODE if parent == NO_NODE else first_child(parent)
        max_faults = FIND_ERRORS - len(self.errors)
        run = run_of(node, content, operations, first=first, max_faults=max_faults)
        for element in run.faults:
            exists = operations[element] == "create"
            self.errors.append(self._exists(element) if exists else self._missing(element))
        if self.errors:  # then all is taken back, and no other entry depends on these
            return
        self.savepoint.touch_entries(parent, run.touched, filled=not self.attributes.empty)
        for entry in run.replaced:
            empty_entry(entry)
        brought = [(e, own) for e, own, operation in run.touched if operation not in ("delete", "remove")]
        if brought:
            piece = content.taken_out([entry for entry, _ in brought])
            for entry, own in brought:
                if own != NO_NODE:
                    self.removal.drop_other_cases(entry)
            merge(self.tree, piece, spend=True)

    def _creates(self, element: Element) -> bool:
        return self.attributes.operation.get(element) == "create"

    # -- primitives ------------------------------------------------------------------------

    def _ensure(self, element: Element) -> None:
        patch, node = self._parse(element, whole=False)
        if self.tree.find_like(node) == NO_NODE:
            self.savepoint.touch(node)
            self.removal.drop_other_cases(node)
            merge(self.tree, patch)
        self._place(element, node)

    def _place(self, element: Element, node: Node) -> None:
        """Honour insert, key and value on an entry of a list or leaf-list ordered by user."""
        request = self.attributes.insert.get(element)
        if request is None:
            return
        self.savepoint.touch(node)
        own = self.tree.find_like(node)
        try:
            place_instance(self.tree, own, request)
        except RpcError as problem:
            problem.path = path_of_element(self.schema, element)
            self.errors.append(problem)

    def _existing(self, element: Element, schema_node: SchemaNode) -> list[Node]:
        """Return the candidate's explicit instance that ``element`` addresses, if it exists."""
        if schema_node.has_instances:
            node = self._find(element)
        else:
            node = self._find_by_schema(element, schema_node)
        return [] if node == NO_NODE or is_default(node) else [node]

    def _find(self, element: Element) -> Node:
        _patch, node = self._parse(element, whole=False)
        return self.tree.find_like(node)

    def _values(self, element: Element, schema_node: SchemaNode) -> list[Node]:
        """Return the candidate's explicit values of the leaf-list that ``element`` is of."""
        above = element.getparent()
        first = self.tree.first
        if schema_node.parent is not None and above is not None:
            in_list = schema_node.parent.kind is Kind.LIST
            parent = self._find(above) if in_list else self._find_by_schema(above, schema_node.parent)
            first = NO_NODE if parent == NO_NODE else first_child(parent)
        return [node for node in instances(first, schema_node) if not is_default(node)]

    def _find_by_schema(self, element: Element, schema_node: SchemaNode) -> Node:
        """Find a container or leaf without reading its content, which a delete may leave out."""
        above = element.getparent()
        if above is None or schema_node.parent is None:
            return sibling_of_schema(self.tree.first, schema_node)
        parent = (
            self._find(above)
            if schema_node.parent.kind is Kind.LIST
            else self._find_by_schema(above, schema_node.parent)
        )
        if parent == NO_NODE:
            return NO_NODE
        return sibling_of_schema(first_child(parent), schema_node)

    def _parse(self, element: Element, *, whole: bool) -> tuple[Tree, Node]:
        """Parse ``element`` (or only its tag and keys) inside its ancestors.

        Returns:
            The tree, which owns it, and the node that stands for ``element``.
        """
        if self.whole is not None:
            return self.whole.copied(element, recursive=whole)
        schema_node = schema_of_element(self.schema, element)
        if whole or schema_node.is_leafy:
            body = serialize(element)
        else:
            body = open_tag(element, schema_node) + close_tag(element)
        document, depth = wrapped(self.schema, element, body)
        tree = Tree.parse(self.schema, document, state=False)
        node = tree.first
        for _ in range(depth):
            node = last_child(node)
        return tree, node

    def _exists(self, element: Element) -> RpcError:
        name = schema_of_element(self.schema, element).name
        path = path_of_element(self.schema, element)
        return DataExists(f"'{name}' exists already and cannot be created", path=path)

    def _missing(self, element: Element) -> RpcError:
        name = schema_of_element(self.schema, element).name
        path = path_of_element(self.schema, element)
        return DataMissing(f"'{name}' does not exist in the datastore", path=path)


def _next_instance(node: Node) -> Node:
    return next((n for n in siblings(node.next) if n.schema == node.schema), NO_NODE)
