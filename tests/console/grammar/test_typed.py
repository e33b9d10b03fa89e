"""Words to values of a YANG type, and what is said about those that are none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from console.grammar import patterns, typed
from console.grammar.typed import Refused
from console.model.schema import Choice, Kind, Type
from tests.console.served import schema

INT8 = Type("int8", "int8")
PERCENT = Type("uint8", "percent", ranges=(("0", "0"), ("10", "100")), messages={"range": "0, or 10 to 100"})
PLAIN = Type("string", "string")
SHORT = Type("string", "short", lengths=(("1", "3"),))
WORD = Type("string", "word", patterns=("[a-z]+",), messages={"[a-z]+": "small letters only"})
COLOUR = Type("enumeration", "colour", choices=(Choice("red"), Choice("rose"), Choice("blue"), Choice("ros")))
SWITCH = Type("boolean", "boolean", choices=(Choice("true"), Choice("false")))
PET = Type("identityref", "pet", choices=(Choice("a:cat"), Choice("b:cat"), Choice("b:dog")))
BITS = Type("bits", "bits", choices=(Choice("read"), Choice("write")))
PRICE = Type("decimal64", "price", fraction_digits=2, ranges=(("-1.00", "99.99"),))
EITHER = Type("union", "either", members=(Type("uint8", "uint8"), COLOUR, WORD))
ADDRESS = Type("union", "inet:ip-address", members=(PLAIN,))
V4 = Type("string", "inet:ipv4-address-no-zone")
V6 = Type("string", "inet:ipv6-address")
PREFIX = Type(
    "union",
    "inet:ip-prefix",
    members=(Type("string", "inet:ipv4-prefix"), Type("string", "inet:ipv6-prefix")),
)
OCTETS = Type("binary", "binary", lengths=(("1", "4"),))
REFERENCE = Type("leafref", "leafref", members=(INT8,))
EMPTY = Type("empty", "empty")
PATH = Type("instance-identifier", "instance-identifier")

VALUES = [
    (INT8, "-128", "-128"),
    (INT8, "+5", "5"),
    (INT8, "010", "10"),
    (INT8, "0x1f", "31"),
    (PERCENT, "0", "0"),
    (PERCENT, "100", "100"),
    (PLAIN, "", ""),
    (PLAIN, "anything at all\n", "anything at all\n"),
    (SHORT, "日本", "日本"),
    (WORD, "abc", "abc"),
    (COLOUR, "red", "red"),
    (COLOUR, "b", "blue"),
    (COLOUR, "ros", "ros"),
    (SWITCH, "t", "true"),
    (SWITCH, "false", "false"),
    (PET, "dog", "b:dog"),
    (PET, "d", "b:dog"),
    (PET, "a:cat", "a:cat"),
    (PET, "a:", "a:cat"),
    (BITS, "write r", "write read"),
    (BITS, "", ""),
    (PRICE, "99.99", "99.99"),
    (PRICE, "-1", "-1"),
    (EITHER, "7", "7"),
    (EITHER, "blue", "blue"),
    (EITHER, "zebra", "zebra"),
    (V4, "192.0.2.1", "192.0.2.1"),
    (V6, "fe80::1%eth0", "fe80::1%eth0"),
    (PREFIX, "10.0.0.0/8", "10.0.0.0/8"),
    (PREFIX, "2001:db8::/32", "2001:db8::/32"),
    (OCTETS, "YWJj", "YWJj"),
    (REFERENCE, "5", "5"),
    (PATH, "/a:b/c", "/a:b/c"),
]


@pytest.mark.parametrize(("type_", "text", "value"), VALUES)
def test_a_word_means_a_value(type_: Type, text: str, value: str) -> None:
    assert typed.read(type_, text) == value


WRONG = [
    (INT8, "128", "takes a number -128..127"),
    (INT8, "", "takes a number -128..127"),
    (INT8, "1" * 50, "takes a number -128..127"),
    (INT8, "1.5", "takes a number -128..127"),
    (PERCENT, "5", "0, or 10 to 100"),
    (PERCENT, "many", "takes a number 0 or 10..100"),
    (SHORT, "", "takes 1..3 characters"),
    (SHORT, "abcd", "takes 1..3 characters"),
    (WORD, "ABC", "small letters only"),
    (replace(WORD, messages={}), "ABC", "takes what matches [a-z]+"),
    (COLOUR, "green", "takes red, rose, blue or ros"),
    (COLOUR, "r", "could be red, rose or ros"),
    (COLOUR, "", "takes red, rose, blue or ros"),
    (PET, "cat", "could be a:cat or b:cat"),
    (PET, "cow", "takes a:cat, b:cat or b:dog"),
    (BITS, "read erase", "takes read or write"),
    (PRICE, "1.234", "takes a number -1.00..99.99 with up to 2 decimals"),
    (PRICE, "100", "takes a number -1.00..99.99 with up to 2 decimals"),
    (PRICE, "1e1", "takes a number -1.00..99.99 with up to 2 decimals"),
    (EITHER, "NONE", "takes a number 0..255 or red, rose, blue or ros or a text"),
    (V4, "2001:db8::1", "takes an IPv4 address"),
    (V4, "10.0.0.1%eth0", "takes an IPv4 address"),
    (V6, "fe80::1%", "takes an IPv6 address"),
    (PREFIX, "10.0.0.0", "takes an IP prefix, ADDRESS/LENGTH"),
    (PREFIX, "10.0.0.0/33", "takes an IP prefix, ADDRESS/LENGTH"),
    (PREFIX, "10.0.0.0/255.0.0.0", "takes an IP prefix, ADDRESS/LENGTH"),
    (OCTETS, "%%%", "takes octets in base64"),
    (OCTETS, "YWJjZGU=", "takes 1..4 octets in base64"),
    (REFERENCE, "x", "takes a number -128..127"),
    (EMPTY, "x", "takes no value"),
    (PATH, "a", "takes a path, which begins with /"),
    (PLAIN, "a\x00b", "takes no control characters"),
    (PLAIN, "a\x1bb", "takes no control characters"),
    (OCTETS, "YW\x0bJj", "takes no control characters"),
    (Type("enumeration", "none"), "a", "has no value that is known"),
]


@pytest.mark.parametrize(("type_", "text", "said"), WRONG)
def test_what_is_no_value_is_refused_in_words(type_: Type, text: str, said: str) -> None:
    with pytest.raises(Refused) as refused:
        typed.read(type_, text)
    assert refused.value.said == said


def test_many_words_are_not_all_told() -> None:
    many = Type("enumeration", "many", choices=tuple(Choice(f"w{n}") for n in range(300)))
    with pytest.raises(Refused) as refused:
        typed.read(many, "x")
    assert refused.value.said.startswith("takes one of 300 words: w0, w1, ")
    assert len(refused.value.said) < 120


def test_a_leafref_to_what_is_not_known_takes_anything() -> None:
    assert typed.read(Type("leafref", "leafref"), "x") == "x"


PATTERNS = [
    ("[a-z]+", "abc", False),
    ("[a-z]+", "abC", True),
    ("a|b", "c", True),
    ("ab", "abc", True),
    ("[^a]", "a", True),
    ("[a-c\\-x]+", "a-x", False),
    ("[-a]+", "a-", False),
    ("a{2,3}", "aaaa", True),
    (r"\d{2}", "7x", True),
    (r"\s*x", "\u00a0x", True),
    (r"[^\p{Cc}]*", "a\nb", True),
    ("a.c", "a\nc", True),
    ("(ab)?c", "abc", False),
    ("a$b", "a$b", False),
    ("a\\.b", "axb", True),
]


@pytest.mark.parametrize(("pattern", "value", "wrong"), PATTERNS)
def test_a_pattern_is_tried_where_it_is_safe(pattern: str, value: str, wrong: bool) -> None:
    assert patterns.mismatch(pattern, value) is wrong


@pytest.mark.parametrize(
    "pattern",
    [
        *("(a+)+b", "(a*)*", "(a|a)*b", "(a?){30}a{30}", "((a{0,60}){0,60}){0,60}", "([ab]|c)+"),
        *(
            r"\p{L}+",
            r"\i\c*",
            r"\w+",
            "[a-z-[aeiou]]+",
            "a*+",
            "a??",
            "(?:a)",
            "[[a]",
            "(",
            "a)",
            "[",
            "a{x}",
            "\\",
        ),
        *("^a$", "^a", "a$", "a{2}{3}", "[]a]", "x" * 5000),
    ],
)
def test_a_pattern_that_is_not_safe_is_left_to_the_server(pattern: str) -> None:
    assert not patterns.mismatch(pattern, "whatever it is")


def test_a_long_value_meets_no_pattern_that_would_take_long() -> None:
    assert patterns.mismatch("[a]*[ab]*[abc]*x", "a" * 90)
    assert not patterns.mismatch("[a]*[ab]*[abc]*x", "a" * 50_000)
    assert patterns.mismatch("[a-z]*", "A" * 50_000)


def all_types() -> Iterator[Type]:
    waiting = [node.type for root in schema().roots.values() for node in root.walk() if node.type is not None]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += one.members


def test_each_type_of_our_modules_can_be_told() -> None:
    kinds = {type_.base for type_ in all_types()}
    assert {"union", "enumeration", "uint16", "string", "boolean", "bits"} <= kinds
    assert all(typed.expectation(type_) for type_ in all_types() if type_.base != "empty")


def test_each_default_of_our_modules_is_a_value() -> None:
    for root in schema().roots.values():
        for node in root.walk():
            for default in node.defaults if node.kind is Kind.LEAF and node.type is not None else ():
                assert typed.read(node.type, default, abbreviated=False) == default
