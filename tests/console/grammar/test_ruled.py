"""What a line breaks of the rules of its entry is said as the server would say it, and nothing else is."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from console.grammar.reading import Grammar
from console.grammar.ruled import broken
from console.grammar.values import Changes
from console.model.schema import Must, Node, Schema
from tests.console.grammar.lab import grammar
from tests.console.served import schema
from tests.yang.conftest import Validate, context, validate
from tests.yang.documents import Content, tunnel
from tests.yang.test_proposals import AEAD, CLASSICAL

__all__ = ["context", "validate"]

SOUND = "ike cipher aes128 auth sha256 dh x25519"


def said(line: str, using: Grammar | None = None) -> list[tuple[str, str]]:
    """Return what is said of ``line``, typed at a tunnel, and the words of it that this is about."""
    line = f"tunnel ipsec 1 {line}"
    meaning = (using or grammar()).read(line, ())
    assert isinstance(meaning, Changes)
    return [(line[span.start : span.end], text) for span, text in broken(meaning)]


def test_an_aead_cipher_with_an_integrity_algorithm_is_said_at_that() -> None:
    assert ("sha256", "an AEAD cipher authenticates by itself: remove auth") in said(
        "ike cipher aes128gcm16 auth sha256 dh x25519"
    )
    assert said("esp cipher aes256 dh x25519") == [
        (
            "esp cipher aes256 dh x25519",
            "ESP without integrity is not possible: a classical cipher needs auth",
        )
    ]


def leafs(cipher: str, more: tuple[str, str] | None, dh: str | None, ke: str | None) -> dict[str, str]:
    found = {"cipher": cipher} | (dict([more]) if more else {})
    return found | ({"dh": dh} if dh else {}) | ({"ke": ke} if dh and ke else {})


@pytest.mark.parametrize("phase", ["ike", "esp"])
def test_it_is_said_where_the_server_refuses_it_and_nowhere_else(phase: str, validate: Validate) -> None:
    seen = set()
    auths = (("auth", "sha256"), ("prf", "prfsha256") if phase == "ike" else None)
    for cipher, more, dh, ke in product(
        AEAD | CLASSICAL, auths, ("x25519", None), ("x25519", "mlkem768", None)
    ):
        if phase == "ike" and dh is None:
            continue
        some = leafs(cipher, more, dh, ke)
        line = " ".join((phase, *(f"{name} {value}" for name, value in some.items())))
        proposal: Content = {"proposal": {"priority": "1", **some}}
        refused = validate(tunnel({phase: proposal}))
        found = said(line)
        assert bool(found) == (refused is not None), line
        if refused is not None:
            assert any(text in refused.message for _, text in found), line
        seen.add(bool(found))
    assert seen == {True, False}


CONDITIONS = {
    "cipher = 'x'": True,
    "not(cipher) or cipher = 'x'": True,
    "current()/cipher = 'x'": True,
    "cipher = 'aes128'": False,
    "starts-with(cipher, 'aes')": False,
    # Of more than the entry, or of what may take any time: the server's affair.
    "../../peer": False,
    "/t:tunnels": False,
    "//*": False,
    "cipher[cipher[cipher]]": False,
    "*": False,
    "descendant::x": False,
    "t:cipher = 'x'": False,
    "nothing = 'x'": False,
    "count(cipher) = 2": False,
    "re-match(cipher, 'x')": False,
    "cipher = ": False,
    f"cipher = '{'x' * 1000}'": False,
}


@pytest.mark.parametrize(("condition", "is_said"), CONDITIONS.items())
def test_only_what_speaks_of_the_entry_alone_is_looked_at(condition: str, is_said: bool) -> None:
    assert bool(said(SOUND, with_rule(condition))) is is_said


def with_rule(condition: str, **defaults: str) -> Grammar:
    """Return a grammar whose proposals of IKE have one rule, and leafs with ``defaults``."""

    def changed(node: Node, *names: str) -> Node:
        if not names:
            some = {name: replace(node.children[name], defaults=(one,)) for name, one in defaults.items()}
            children = {**node.children, **some}
            return replace(node, musts=(Must(condition, "it is not"),), children=children)
        child = changed(node.children[names[0]], *names[1:])
        return replace(node, children={**node.children, names[0]: child})

    whole: Schema = schema()
    name = "yangswan-ipsec:tunnels"
    root = changed(whole.roots[name], "ipsec", "ike", "proposal")
    return Grammar(replace(whole, roots={**whole.roots, name: root}), ())


def test_a_leaf_that_is_not_typed_counts_with_its_default() -> None:
    """RFC 7950 section 6.4.1."""
    assert said(SOUND, with_rule("prf = 'prfsha256'"))
    assert not said(SOUND, with_rule("prf = 'prfsha256'", prf="prfsha256"))
    assert said(SOUND, with_rule("auth = 'sha1'", auth="sha1"))
