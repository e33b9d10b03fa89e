"""A copy of the process has none of the other threads: it waits for none of them, and says so."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

import pytest

from agent.datastore.published import Published
from agent.yang.beside import Beside, Given
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from tests.agent.lab import empty_running

SENTENCE = b"a copy of the process would wait for a thread that it has not"


def said_in_a_copy(work: Callable[[], object]) -> bytes:
    """Return what ``work`` says in a copy of this process, which is ended when it takes too long."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        said = b"a fault"
        try:
            threading.Timer(30, os._exit, [1]).start()
            work()
            said = b"done"
        except RuntimeError as problem:
            said = str(problem).encode()
        finally:
            os.write(writing, said)
            os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    return said


def held(published: Published) -> None:
    with published.held():
        pass


def held_briefly(published: Published) -> None:
    with published.held(briefly=True):
        pass


def changed(published: Published) -> None:
    with published.changing():
        pass


def replaced(published: Published) -> None:
    published.publish(published.tree)


@pytest.mark.parametrize("work", [held, held_briefly, changed, replaced])
def test_a_copy_does_not_come_to_what_is_published(schema: Schema, work: Callable[[Published], None]) -> None:
    published = Published(empty_running(schema))
    assert said_in_a_copy(lambda: work(published)) == SENTENCE
    work(published)  # where it was made it is as it was


def test_a_copy_reads_the_tree_that_was_held_for_it(schema: Schema) -> None:
    published = Published(empty_running(schema))
    with published.held() as tree:
        assert said_in_a_copy(tree.to_xml) == b"done"
    assert isinstance(published.tree, Tree)


@pytest.mark.parametrize("wait", [Given.awaited, Given.result, Given.end])
def test_a_copy_does_not_wait_for_a_call_of_another_thread(wait: Callable[[Given[int]], object]) -> None:
    beside, begun, goes_on = Beside("copied"), threading.Event(), threading.Event()

    def call() -> int:
        begun.set()
        goes_on.wait()
        return 7

    given = beside.give(call)
    begun.wait()
    assert said_in_a_copy(lambda: wait(given)) == SENTENCE
    goes_on.set()
    wait(given)
    assert given.awaited() == 7
    beside.pool.shutdown()


def test_what_it_is_given_in_a_copy_is_made_there(schema: Schema) -> None:
    beside = Beside("copied")
    beside.give(int).awaited()
    assert said_in_a_copy(lambda: beside.give(int).result()) == b"done"
    assert said_in_a_copy(lambda: beside.give(int).awaited()) == SENTENCE
    beside.pool.shutdown()
