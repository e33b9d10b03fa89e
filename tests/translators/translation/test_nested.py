"""Prefixes that contain an address, found without going through all."""

from __future__ import annotations

from random import Random

import pytest

from translators.strongswan.translation import nested
from translators.strongswan.translation.nested import Addresses, Nested
from translators.strongswan.translation.overlaps import Pair, Prefix, prefix, within


def some(random: Random, count: int) -> list[Pair]:
    def one() -> Prefix:
        return prefix(f"10.{random.randrange(3)}.{random.randrange(3)}.0/{random.choice((0, 8, 15, 16, 24))}")

    return [(one(), one()) for _ in range(count)]


def test_it_finds_what_a_look_at_each_finds_the_narrowest_first() -> None:
    random = Random(1)
    pairs = [*some(random, 300), (prefix("::/0"), prefix("2001:db8::/32"))]
    held = Nested((pair, number) for number, pair in enumerate(pairs))
    for _ in range(50):
        near, far = (prefix(f"10.{random.randrange(3)}.{random.randrange(3)}.9") for _ in range(2))
        found = [(pair, one) for pair, ones in held.around(near, far) for one in ones]
        expected = [(p, n) for n, p in enumerate(pairs) if within(near, p[0]) and within(far, p[1])]
        assert sorted(found) == sorted(expected)
        lengths = [(pair[0][2] + pair[1][2], pair[1][2]) for pair, _one in found]
        assert lengths == sorted(lengths, reverse=True)
        assert held.has(near, far) is bool(expected)
    v6 = prefix("2001:db8::1")
    assert [ones for _pair, ones in held.around(v6, v6)] == [[300]]
    assert not held.has(prefix("10.0.0.9"), v6)


def test_a_look_costs_no_more_with_many(monkeypatch: pytest.MonkeyPatch) -> None:
    held = Nested(((prefix("10.0.0.0/8"), prefix(f"10.1.{n}.0/24")), n) for n in range(256))
    cuts = 0
    real = nested.cut

    def counted(one: Prefix, length: int) -> Prefix:
        nonlocal cuts
        cuts += 1
        return real(one, length)

    monkeypatch.setattr(nested, "cut", counted)
    assert [ones for _pair, ones in held.around(prefix("10.0.0.1"), prefix("10.1.7.1"))] == [[7]]
    assert cuts == 2


def test_addresses_by_the_prefixes_around_them() -> None:
    held = Addresses({"a": prefix("10.1.0.1"), "b": prefix("10.2.0.1"), "c": prefix("2001:db8::1")})
    assert held.within([prefix("10.1.0.0/16")]) == {"a"}
    assert held.within([prefix("0.0.0.0/0"), prefix("2001:db8::1")]) == {"a", "b", "c"}
    assert held.within([prefix("10.3.0.0/16")]) == set()
    assert held.is_any_within([prefix("10.3.0.0/16"), prefix("::/0")])
    assert not held.is_any_within([prefix("10.3.0.0/16")])
