"""Merging trees, however many siblings there are.

libyang 2 remembers each entry that it has merged beside others in an array, which it searches from end to end
for the next one: forty thousand entries take seconds, and three hundred thousand minutes. So many siblings
are merged some at a time.
"""

from __future__ import annotations

from agent.yang.leaf_lists import give_way
from agent.yang.native import NULL, lib
from agent.yang.nodes import Node, first_child, is_default, sibling_like, siblings
from agent.yang.tree import Tree

AT_ONCE = 256


def merge(target: Tree, patch: Tree, *, spend: bool = False) -> None:
    """Merge ``patch`` into ``target``; where both have a leaf, that of ``patch`` wins, and values of a
    leaf-list win over its defaults.

    Entries of ``patch`` beyond the first of many are taken out of it; ``spend``: all that is in it.
    """
    if patch.empty:
        return
    give_way(target, patch)
    _make_explicit(target.first, patch.first)
    surplus = _taken_off(patch, NULL, patch.first)
    target.merge(patch, spend=spend)
    for piece in surplus:
        _spend(target, piece)


def graft(target: Tree, patch: Tree) -> None:
    """As ``merge``, for state beside what is configured: it is moved, and ``patch`` is empty afterwards. It
    holds no default, so what is there needs no look."""
    if not patch.empty:
        _spend(target, patch)


def _make_explicit(target: Node, patch: Node) -> None:
    """Have the containers that ``patch`` sets something in count as set, at ``target`` and its siblings.

    libyang leaves them implicit where a leaf in them was a default, and an edit could not remove them then.
    """
    for node in siblings(patch):
        if not node.schema.nodetype & _INNER or first_child(node) == NULL:
            continue
        twin = sibling_like(target, node)
        if twin == NULL:
            continue
        if not is_default(node):
            twin.flags &= ~lib.LYD_DEFAULT
        _make_explicit(first_child(twin), first_child(node))


def _spend(target: Tree, patch: Tree) -> None:
    surplus = _taken_off(patch, NULL, patch.first)
    target.merge(patch, spend=True)
    for piece in surplus:
        _spend(target, piece)


def _taken_off(tree: Tree, parent: Node, first: Node) -> list[Tree]:
    """Take entries off until no ``AT_ONCE`` stand side by side; return them inside copies of their parents.

    Entries of one list stay in order, also among the pieces: it may be ordered by user.
    """
    pieces: list[Tree] = []
    below: list[Tree] = []
    piece, inside, count = tree, NULL, 0
    for node in siblings(first):
        kind = node.schema.nodetype
        if kind & _SEVERAL:
            count += 1
            if count > AT_ONCE and count % AT_ONCE == 1:
                piece = Tree(tree.schema) if parent == NULL else tree.copy_of(parent, recursive=False)
                inside = NULL if parent == NULL else piece.find_like(parent)
                pieces.append(piece)
            if count > AT_ONCE:
                piece.insert(inside, tree.detach(node))
                continue
        if kind & _INNER:
            below += _taken_off(tree, node, first_child(node))
    return pieces + below


_SEVERAL = lib.LYS_LIST | lib.LYS_LEAFLIST
_INNER = lib.LYS_LIST | lib.LYS_CONTAINER
