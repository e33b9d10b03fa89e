"""A copy of the process is made while nobody is inside libyang, and keeps nobody out for long."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event, get_ident

import pytest

from agent import threads
from agent.yang import lookup, prefixed
from agent.yang.gate import GATE, PAUSE_S, PAUSES, TURN_S, Gate, Pauses
from agent.yang.nodes import path_of, same_content, sibling_of_schema
from agent.yang.prefixed import read_value, split_value
from agent.yang.schema import Schema
from agent.yang.tree import Tree
from tests.agent.lab import top

PATIENCE_S = 60
COPY_S = 20
ROUNDS = 60
ENTRIES = 200


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(max_workers=4) as pool:
        yield pool


class Inside:
    """A call that goes on until it is let go."""

    def __init__(self) -> None:
        self.begun, self.end = Event(), Event()

    def __call__(self) -> str:
        self.begun.set()
        assert self.end.wait(PATIENCE_S)
        return "done"


def test_who_wants_to_be_alone_waits_for_who_is_inside(pool: ThreadPoolExecutor) -> None:
    gate, order, inside = Gate(), list[str](), Inside()

    def alone() -> None:
        with gate.alone():
            order.append("alone")

    within = pool.submit(gate.through(inside))
    assert inside.begun.wait(PATIENCE_S)
    waiting = pool.submit(alone)
    while not gate._wanted:
        Event().wait(0)
    gate.through(order.append)("another call")  # which he does not keep out meanwhile
    assert order == ["another call"]
    inside.end.set()
    waiting.result(PATIENCE_S)
    assert within.result(PATIENCE_S) == "done"
    assert order == ["another call", "alone"]


def test_nobody_goes_in_while_another_is_alone(pool: ThreadPoolExecutor) -> None:
    gate, order, comes = Gate(), list[str](), Event()

    def call() -> None:
        comes.set()
        gate.through(order.append)("late")

    with gate.alone():
        late = pool.submit(call)
        assert comes.wait(PATIENCE_S)
        order.append("alone")
    late.result(PATIENCE_S)
    assert order == ["alone", "late"]


def test_what_a_call_raises_leaves_the_gate(pool: ThreadPoolExecutor) -> None:
    gate = Gate()
    with pytest.raises(ValueError, match="invalid literal"):
        gate.through(int)("x")
    with gate.alone():
        pass
    assert gate.through(int)("1") == 1


def test_a_copy_waits_for_none_of_those_who_want_copies_too(pool: ThreadPoolExecutor) -> None:
    """Two wait for one that is inside; the copy of the first has none of the others, and works on."""
    gate, inside = Gate(), Inside()
    call = gate.through(os.getpid)

    def copy() -> bool:
        receives, sends = os.pipe()
        with gate.alone():
            pid = os.fork()
        if pid == 0:
            call()
            call()
            os.write(sends, b"done")
            os._exit(0)
        os.close(sends)
        done = bool(select.select([receives], [], [], COPY_S)[0])
        if not done:
            os.kill(pid, signal.SIGKILL)
        os.close(receives)
        os.waitpid(pid, 0)
        return done

    within = pool.submit(gate.through(inside))
    assert inside.begun.wait(PATIENCE_S)
    copies = [pool.submit(copy), pool.submit(copy)]
    while gate._wanted < len(copies):
        Event().wait(0)
    inside.end.set()
    assert [one.result(PATIENCE_S) for one in copies] == [True, True]
    assert within.result(PATIENCE_S) == "done"


def test_who_is_alone_goes_in_himself(pool: ThreadPoolExecutor) -> None:
    """As where Python looks for cycles while a copy is made, and frees a tree."""
    gate = Gate()

    def alone() -> str:
        with gate.alone():
            return gate.through(str)("freed")

    assert pool.submit(alone).result(PATIENCE_S) == "freed"
    assert gate.through(str)("later") == "later"


def test_copies_can_use_libyang_whatever_other_threads_did(schema: Schema, pool: ThreadPoolExecutor) -> None:
    """One thread puts words into libyang's dictionary and takes them out while copies are made that do."""
    stop = Event()

    def parse(round_: int) -> int:
        words = "".join(chr(97 + int(digit)) for digit in f"{round_:06}")
        body = "".join(f"<entry><id>{n}</id><word>{words}</word></entry>" for n in range(ENTRIES))
        return len(Tree.parse(schema, top(body).encode()).to_xml())

    def busy() -> int:
        rounds = 0
        while not stop.is_set():
            parse(rounds := rounds + 1)
        return rounds

    def copies() -> list[int]:
        codes = []
        for number in range(ROUNDS):
            with GATE.alone():
                pid = os.fork()
            if pid == 0:
                os._exit(0 if parse(number) else 1)
            codes.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        return codes

    other = pool.submit(busy)
    try:
        assert pool.submit(copies).result(PATIENCE_S) == [0] * ROUNDS
    finally:
        stop.set()
    assert other.result(PATIENCE_S) > 0


def test_values_go_through_the_gate(schema: Schema, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a plugin does with a value uses the dictionary of libyang, too."""
    inside: list[bool] = []
    plugin = prefixed._plugin

    class Watched:
        def __init__(self, kind: object) -> None:
            self._plugin = plugin(kind)

        def __getattr__(self, name: str) -> Callable[..., object]:
            function = getattr(self._plugin, name)

            def call(*arguments: object) -> object:
                inside.append(get_ident() in GATE._inside)
                return function(*arguments)

            return call

    monkeypatch.setattr(prefixed, "_plugin", Watched)
    node = schema.find("/every-construct:top/entry/number")
    assert read_value(schema.ctx, node.pointer, "+7", {}) == "7"
    assert split_value(schema.ctx, node.pointer, "7") == ("7",)
    assert inside == [True] * 5  # stored twice, printed once, freed twice


class Clock:
    """Seconds that pass when somebody says so, or pauses."""

    def __init__(self) -> None:
        self.now_s, self.pauses = 0.0, list[int]()

    def now(self) -> float:
        return self.now_s

    def pause(self, seconds: float) -> None:
        self.pauses.append(get_ident())
        self.now_s += seconds


def test_a_thread_that_calls_often_pauses_once_in_a_turn_between_two_calls() -> None:
    clock, done = Clock(), list[int]()
    pauses = Pauses(clock.now, clock.pause)
    call = Gate(pauses).through(done.append)
    pauses.begin()
    call(1)
    assert not clock.pauses
    clock.now_s += TURN_S
    call(2)
    call(3)
    pauses.take()
    assert (done, len(clock.pauses)) == ([1, 2, 3], 1)
    clock.now_s += TURN_S
    pauses.take()
    assert len(clock.pauses) == 2


def test_a_thread_pauses_behind_a_call_that_fails() -> None:
    clock = Clock()
    pauses = Pauses(clock.now, clock.pause)

    def late() -> None:
        clock.now_s += TURN_S
        raise BrokenPipeError

    pauses.begin()
    with pytest.raises(BrokenPipeError):
        Gate(pauses).through(late)()
    assert clock.pauses == [get_ident()]


def test_a_thread_that_had_nothing_to_do_has_paused_already() -> None:
    clock = Clock()
    pauses = Pauses(clock.now, clock.pause)
    pauses.begin()
    pauses.rest()
    clock.now_s += TURN_S
    pauses.resume()
    pauses.take()
    assert not clock.pauses
    clock.now_s += TURN_S
    pauses.rest()
    clock.now_s += PAUSE_S / 2  # too short for others to have had their turn
    pauses.resume()
    pauses.take()
    assert len(clock.pauses) == 1


def test_a_thread_that_never_pauses_does_not_begin_to_when_it_has_work() -> None:
    clock = Clock()
    pauses = Pauses(clock.now, clock.pause)
    pauses.rest()
    clock.now_s += TURN_S
    pauses.resume()
    clock.now_s += TURN_S
    pauses.take()
    assert not clock.pauses


def test_who_is_waited_for_never_pauses(pool: ThreadPoolExecutor) -> None:
    clock = Clock()
    pauses = Pauses(clock.now, clock.pause)
    call = Gate(pauses).through(lambda: None)
    pool.submit(pauses.begin).result(PATIENCE_S)
    clock.now_s += 10 * TURN_S
    call()  # this thread has not begun
    pauses.take()
    assert not clock.pauses


def test_looking_nodes_up_is_paused_between(schema: Schema, monkeypatch: pytest.MonkeyPatch) -> None:
    """They keep the GIL, but what is called between them gives it up for a moment."""
    tree = Tree.parse(schema, top("<entry><id>a</id></entry>").encode())
    clock = Clock()
    pauses = Pauses(clock.now, clock.pause)
    monkeypatch.setattr(lookup, "PAUSES", pauses)
    pauses.begin()
    looks: list[Callable[[], object]] = [
        lambda: tree.find_like(tree.first),
        lambda: sibling_of_schema(tree.first, schema.node_of(tree.first.schema)),
        lambda: tree.find(path_of(tree.first)),
        lambda: same_content(tree.first, tree.first),
    ]
    for count, look in enumerate(looks, start=1):
        clock.now_s += TURN_S
        look()
        assert len(clock.pauses) == count


def test_the_threads_of_the_agent_that_call_libyang_pause() -> None:
    with threads.thread("libyang") as one:
        me = one.submit(get_ident).result(PATIENCE_S)
    assert me in PAUSES.due_s
    assert get_ident() not in PAUSES.due_s
