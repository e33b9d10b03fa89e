"""Any configuration, written as lines and typed into an empty one, gives the same configuration."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from console.grammar import edits
from console.grammar.lines import lines
from tests.console.grammar.configurations import configuration, normal
from tests.console.grammar.lab import grammar, read_all

FOREIGN = ("every-construct", "every-augment", "hostile", "acme", "zoo", "zoo-more", "choosing", "pointing")


def check(seed: int, *more: str) -> int:
    using = grammar(*more)
    data = configuration(using.schema, Random(seed))
    written = list(lines(data, using.schema))
    config = edits.edit_config(read_all(written, using), using.schema)
    assert normal(config, using.schema) == normal(data, using.schema), "\n".join(written)
    return len(written)


@settings(max_examples=1000)
@given(st.integers(0, 2**32))
def test_a_configuration_of_our_modules_comes_back(seed: int) -> None:
    check(seed)


@settings(max_examples=200)
@given(st.integers(0, 2**32))
def test_a_configuration_of_any_module_comes_back(seed: int) -> None:
    check(seed, *FOREIGN)


def test_the_configurations_have_something_in_them() -> None:
    assert sum(check(seed) for seed in range(20)) > 400
