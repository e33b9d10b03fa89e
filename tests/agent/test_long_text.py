"""What a client wrote is searched in a time that grows as it does: none of these would end otherwise."""

from __future__ import annotations

import tracemalloc
from types import SimpleNamespace

import pytest

from agent import xml
from agent.errors import KEY_CHARACTERS_MAX, short_path
from agent.netconf.messages import _LINE_END
from agent.operations.narrow import _single
from agent.yang import native
from agent.yang.paths import without_predicates
from agent.yang.prefixed import used_in

MANY = 2_000_000


@pytest.mark.parametrize("text", ["a" * MANY, "ab" * MANY + ":c", "a." * MANY + " :", "-" * MANY])
def test_prefixes_in_a_value(text: str) -> None:
    declared = {None: "urn:default", "a": "urn:a", "b": "urn:b"}
    assert used_in(text, declared) == {None: "urn:default"}


def test_prefixes_are_found_wherever_they_stand() -> None:
    declared: dict[str | None, str] = {name: f"urn:{name}" for name in ("a", "b-c", "d.e", "f", "g", "é")}
    text = "a:x/b-c:y[d.e:z='f:1'] xg:g é:"
    assert set(used_in(text, declared)) == {"a", "b-c", "d.e", "f", "é"}


MANY_DECLARED = " ".join(f"xmlns:p{number}='urn:{number}'" for number in range(20))


@pytest.mark.parametrize("text", ["a" * MANY, "ab" * MANY + ":c", "é" * MANY, "-" * MANY])
def test_prefixes_in_an_element_with_many_declarations(text: str) -> None:
    # In pieces, for libxml2 takes no longer text in one.
    body = "".join(f"<b>{text[at : at + 2**20]}</b>" for at in range(0, len(text), 2**20))
    element = xml.parse(f"<a {MANY_DECLARED}>{body}</a>".encode())
    assert xml.parse(xml.serialize(element)).nsmap == {}


def test_not_even_names_of_undeclared_prefixes_are_kept() -> None:
    text = " ".join(f"x{number}:y" for number in range(200_000))
    element = xml.parse(f"<a {MANY_DECLARED}>{text} p7:z</a>".encode())
    tracemalloc.start()
    try:
        written = xml.serialize(element)
        assert tracemalloc.get_traced_memory()[1] < 4 * len(text)
    finally:
        tracemalloc.stop()
    assert xml.parse(written).nsmap == {"p7": "urn:7"}


UNCLOSED = (
    "[" * MANY,
    "['" * MANY,
    "[a" * MANY,
    "[\"'" * MANY,
    "[k='" + "x" * MANY,
    "['\"'\"" + "[a=1" * MANY,
)


@pytest.mark.parametrize("rest", UNCLOSED)
def test_a_predicate_that_does_not_close(rest: str) -> None:
    path = f"/m:list[k='1']/leaf{rest}"
    assert short_path(path) == "/m:list[k='1']/leaf"
    assert native.above(path) == "/m:list[k='1']"
    assert without_predicates(path) is None


@pytest.mark.parametrize("step", ["/", "//", "/a", "[k='']", "]", "/a[k='/'][l=\"]\"]"])
def test_a_path_of_many_pieces(step: str) -> None:
    path = step * (MANY // len(step))
    assert len(short_path(path)) < 10 * KEY_CHARACTERS_MAX
    assert path.startswith(native.above(path))
    assert "[" not in (without_predicates(path) or "")


@pytest.mark.parametrize(
    ("path", "above"),
    [
        ("/m:a", ""),
        ("/m:a/b", "/m:a"),
        ("/m:a[k='/x']/b[c=\"[\"][d='1']", "/m:a[k='/x']"),
        ("/m:a/b[.='']", "/m:a"),
        ("", ""),
    ],
)
def test_a_path_without_its_last_step(path: str, above: str) -> None:
    assert native.above(path) == above
    assert (without_predicates(path) or "").startswith(without_predicates(above) or "")


def test_a_path_without_predicates() -> None:
    assert without_predicates("/m:a[k='/]['][l=\"[']\"][3]/b[.='']") == "/m:a/b"
    assert without_predicates("/m:a/b") == "/m:a/b"


SENTENCES = {
    "a newline": 'Data location "' + "\n" + 'Data location "' * (MANY // 10) + "x",
    "quotes": 'Data location "' + '"' * MANY + "x",
    "numbers": 'Data location "' + '", line number 1' * (MANY // 10) + "x",
    "a long number": 'Data location "/m:a", line number ' + "1" * MANY + "x",
}


@pytest.mark.parametrize("name", SENTENCES)
def test_where_an_error_is_in_what_libyang_2_says(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sentence = SENTENCES[name]
    monkeypatch.setattr(native, "ONE_SENTENCE", True)
    monkeypatch.setattr(native, "text", lambda found, *_: found)
    assert native.error_path(SimpleNamespace(path=sentence)) is None
    told = f'Schema location "/m:s", {sentence}'
    assert native.error_path(SimpleNamespace(path=told)) == "/m:s"


@pytest.mark.parametrize("plain", ["[" * 2_000_000, "[a" * 1_000_000, "[]" * 1_000_000])
def test_whether_a_path_leads_out_of_its_entry(plain: str) -> None:
    assert _single(plain)
    assert not _single(f"{plain}[a/")


def test_blanks_in_a_message() -> None:
    assert _LINE_END.sub(" ", " " * MANY + "x") == " " * MANY + "x"
    assert _LINE_END.sub(" ", "a \t\r\n \n b  c\n") == "a b  c "
