"""How paths are read and written."""

from __future__ import annotations

from agent.yang.paths import keys_in, literal, steps_of


def test_a_step_is_of_the_module_that_was_named_last() -> None:
    assert list(steps_of("/m:a/b/n:c/d")) == [("m", "a"), ("m", "b"), ("n", "c"), ("n", "d")]


def test_keys_are_read_whatever_their_prefix_and_their_quotes() -> None:
    assert keys_in("""[m:id='1'][ name = "it's" ][.='x'][3]""") == {"id": "1", "name": "it's", ".": "x"}


def test_a_literal_takes_the_quotes_that_its_value_leaves() -> None:
    assert [literal(value) for value in ("a", "it's", 'a "b"')] == ["'a'", '"it\'s"', "'a \"b\"'"]
