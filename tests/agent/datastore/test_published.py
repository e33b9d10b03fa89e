"""Nobody changes running while it is held, and who holds it keeps few waiting."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event, get_ident
from typing import Any

import pytest

from agent.datastore.published import Published
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from tests.agent.datastore.lab import ONE, commit, started
from tests.agent.lab import empty_running, entry, make_schema, top

PATIENCE_S = 60


def tree_with(schema: Schema, word: str) -> Tree:
    return Tree.parse(schema, top(f"<entry><id>1</id><word>{word}</word></entry>").encode())


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(max_workers=4) as pool:
        yield pool


class Holder:
    """A thread that holds what is published until it is let go."""

    def __init__(self, pool: ThreadPoolExecutor, published: Published, *, briefly: bool = False) -> None:
        self._begun, self._end = Event(), Event()
        self.text: Future[bytes] = pool.submit(self._hold, published, briefly)

    def _hold(self, published: Published, briefly: bool) -> bytes:
        with published.held(briefly=briefly) as tree:
            self._begun.set()
            assert self._end.wait(PATIENCE_S)
            return tree.to_xml()

    def holds(self) -> Holder:
        assert self._begun.wait(PATIENCE_S)
        return self

    @property
    def begun(self) -> bool:
        return self._begun.is_set()

    def let_go(self) -> bytes:
        self._end.set()
        return self.text.result(PATIENCE_S)


def change(published: Published, schema: Schema) -> None:
    with published.changing() as tree:
        tree.remove(tree.first)
        tree.merge(tree_with(schema, "after"))


def until_awaited(published: Published) -> None:
    while not published.awaited:
        Event().wait(0)


def test_a_change_waits_for_who_holds_the_tree(schema: Schema, pool: ThreadPoolExecutor) -> None:
    published = Published(tree_with(schema, "before"))
    holder = Holder(pool, published).holds()
    changer = pool.submit(change, published, schema)
    until_awaited(published)
    assert b"before" in holder.let_go()
    changer.result(PATIENCE_S)
    with published.held() as tree:
        assert b"after" in tree.to_xml()
    assert not published.awaited


def test_a_change_that_waits_keeps_out_long_reads_only(schema: Schema, pool: ThreadPoolExecutor) -> None:
    published = Published(tree_with(schema, "before"))
    holder = Holder(pool, published).holds()
    changer = pool.submit(change, published, schema)
    until_awaited(published)
    late = Holder(pool, published)
    with published.held(briefly=True) as tree:  # this thread would wait for ever
        assert b"before" in tree.to_xml()
    assert not late.begun
    holder.let_go()
    changer.result(PATIENCE_S)
    assert b"after" in late.holds().let_go()


def test_who_holds_it_briefly_waits_for_the_change_itself(schema: Schema, pool: ThreadPoolExecutor) -> None:
    published = Published(tree_with(schema, "before"))
    with published.changing() as tree:
        late = Holder(pool, published, briefly=True)
        with published.held(briefly=True) as seen:  # the thread that changes it looks at it
            assert seen is tree
        assert not late.begun
        tree.remove(tree.first)
    assert late.holds().let_go() == b""


def test_a_new_tree_waits_for_nobody(schema: Schema, pool: ThreadPoolExecutor) -> None:
    published = Published(tree_with(schema, "before"))
    holder = Holder(pool, published).holds()
    published.publish(tree_with(schema, "after"))
    with published.changing() as tree:  # the old one is held, and not this
        assert b"after" in tree.to_xml()
    with published.held() as tree:
        assert b"after" in tree.to_xml()
    assert b"before" in holder.let_go()


def test_a_thread_that_holds_a_tree_gets_the_same_again(schema: Schema, pool: ThreadPoolExecutor) -> None:
    published = Published(tree_with(schema, "before"))
    with published.held() as outer:
        pool.submit(published.publish, tree_with(schema, "after")).result(PATIENCE_S)
        with published.held() as inner:
            assert inner is outer
    with published.held() as tree:
        assert tree is not outer


def test_who_waits_for_himself_is_refused(schema: Schema) -> None:
    published = Published(tree_with(schema, "before"))
    with published.held(), pytest.raises(RuntimeError, match="held"), published.changing():
        pass
    with published.held(), pytest.raises(RuntimeError, match="held"):
        published.publish(Tree(schema))
    with published.changing(), pytest.raises(RuntimeError, match="changes"), published.changing():
        pass
    with published.changing(), pytest.raises(RuntimeError, match="changes"):
        published.publish(Tree(schema))


def test_a_change_that_fails_lets_others_in(schema: Schema) -> None:
    published = Published(tree_with(schema, "before"))
    with pytest.raises(ValueError, match="half way"), published.changing():
        raise ValueError("half way")
    with published.held() as tree:
        assert not tree.empty


def test_the_old_tree_is_freed_with_its_last_reader(pool: ThreadPoolExecutor) -> None:
    schema = make_schema()
    freed: list[int] = []
    schema.free, free = (lambda pointer: (freed.append(get_ident()), free(pointer))), schema.free  # type: ignore[assignment,func-returns-value,method-assign]
    published = Published(empty_running(schema))
    freed.clear()
    holder = Holder(pool, published).holds()
    published.publish(empty_running(schema))
    assert freed == []
    holder.let_go()
    pool.submit(int).result(PATIENCE_S)
    assert len(freed) == 1
    assert freed[0] != get_ident()


def test_a_thread_that_frees_trees_frees_those_of_others(pool: ThreadPoolExecutor) -> None:
    schema = make_schema()
    elsewhere = ThreadPoolExecutor(max_workers=1)

    def make_and_drop() -> None:
        assert not empty_running(schema).empty

    def left() -> int:
        return len(schema._orphans)

    with elsewhere:
        elsewhere.submit(make_and_drop).result(PATIENCE_S)
        assert left() == 1
        elsewhere.submit(schema.frees_here).result(PATIENCE_S)
        elsewhere.submit(make_and_drop).result(PATIENCE_S)
    assert left() == 0


async def test_running_is_what_is_published(schema: Schema, tmp_path: Path) -> None:
    configuration = await started(schema, tmp_path)
    published: Any = configuration.published
    with published.held() as tree:
        assert tree is configuration.running
    with published.held(), pytest.raises(RuntimeError):
        await commit(configuration, entry("<number>3</number>"))


async def test_a_commit_changes_what_is_published(schema: Schema, tmp_path: Path) -> None:
    configuration = await started(schema, tmp_path)
    await commit(configuration, ONE)
    with configuration.published.held() as tree:
        assert b"<number>2</number>" in tree.to_xml()
