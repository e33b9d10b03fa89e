"""What completion and ``?`` offer, at every place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from console.grammar import words
from console.grammar.completing import ENTER, MOST_SUGGESTED
from console.grammar.reading import Grammar
from console.grammar.values import Changes, Mistake, Path, SecretMissing, Step, Suggestion
from console.model.schema import Kind
from tests.console.grammar.lab import context, grammar, in_tunnel

FOREIGN = (
    "every-construct",
    "every-augment",
    "hostile",
    "acme",
    "zoo",
    "zoo-more",
    "choosing",
    "also-choosing",
)


def texts(suggestions: Sequence[Suggestion]) -> list[str]:
    return [one.text for one in suggestions if not one.placeholder]


def contexts(using: Grammar, at: Path = ()) -> Iterator[Path]:
    """Yield every context of a schema, with some key for each list."""
    yield at
    for node in using.names.below(at).values():
        if node.kind is Kind.CONTAINER:
            yield from contexts(using, (*at, Step(node)))
        elif node.kind is Kind.LIST:
            yield from contexts(using, (*at, Step(node, ("1",) * len(node.keys))))


@pytest.mark.parametrize("more", [(), FOREIGN], ids=["ours", "foreign"])
def test_at_every_node_each_child_is_offered_and_can_be_read(more: tuple[str, ...]) -> None:
    using = grammar(*more)
    seen = 0
    for at in contexts(using):
        offered = using.suggest("", at)
        for word, node in using.names.below(at).items():
            seen += 1
            if word == "tunnels":  # the manual has a word for them
                assert "tunnel" in texts(offered)
                assert "tunnels" not in texts(offered)
            else:
                assert word in texts(offered), using.prompt(at)
            assert word in texts(using.suggest(word if word == "tunnels" else word[:-1], at))
            line = " ".join((word, *("1" for _ in node.keys)))
            if node.kind in (Kind.CONTAINER, Kind.LIST):
                check_inner(using, line, at)
            else:
                check_leaf(using, word, at)
    assert seen > 100


def check_inner(using: Grammar, line: str, at: Path) -> None:
    """A container and an entry are entered, and removed."""
    try:
        meaning = using.read(line, at)
    except Mistake as other:  # a key of another type than a number
        if " 1" in line and "missing" not in other.message:
            return
        raise
    assert isinstance(meaning, Changes)
    assert isinstance(using.read(f"no {line}", at), Changes)


def check_leaf(using: Grammar, word: str, at: Path) -> None:
    """For a leaf something is offered, which can be read; it can be removed."""
    assert isinstance(using.read(f"no {word}", at), Changes)
    expected = using.expected(f"{word} ", at)
    assert expected
    if any(one.text == ENTER for one in expected):
        assert isinstance(using.read(word, at), Changes | SecretMissing)
        return
    with pytest.raises(Mistake, match="missing"):
        using.read(word, at)
    for choice in [one for one in texts(expected) if one != "add"][:3]:
        assert isinstance(using.read(f"{word} {choice}", at), Changes)


def test_each_word_that_is_offered_has_a_description_or_its_module_has_none() -> None:
    for at in contexts(grammar()):
        for suggestion in grammar().suggest("", at):
            assert suggestion.description or suggestion.text in ("show",), suggestion
            assert "\n" not in suggestion.description


def test_what_is_configured_here_comes_first() -> None:
    found = texts(grammar().suggest("", in_tunnel()))
    assert found[:3] == ["enable", "description", "initiator"]
    assert found.index("dpd-delay") < found.index("commit") < found.index("close-action")


OFFERS = [
    ("", (), {"tunnel", "certificates", "nacm", "no", "do", "commit", "end"}),
    ("tun", (), {"tunnel"}),
    ("tunnels", (), {"tunnels"}),
    ("", None, {"config", "tunnel", "show", "ipsec", "ping"}),
    ("p", None, {"ping"}),
    ("show ", None, {"ipsec", "history"}),
    ("do sh", (), {"show"}),
    ("do ", (), {"config", "tunnel", "show", "ipsec", "ping", "no", "end"}),
    ("no ", None, set()),
    ("commit ", (), {"check", "confirmed", "verify", "comment"}),
    ("commit verify ", (), {"check", "confirmed", "comment"}),
    ("commit comment ", (), set()),
    ("commit comment check ", (), set()),
    ("x ", (), set()),
    ("nothing # ", (), set()),
    ('"tun', (), set()),
    ('open "quote" "', (), set()),
]


@pytest.mark.parametrize(("text", "at", "expected"), OFFERS)
def test_words_are_offered(text: str, at: Path | None, expected: set[str]) -> None:
    found = set(texts(grammar().suggest(text, at)))
    assert found == expected if text.strip() else found >= expected


IN_TUNNEL = [
    ("dpd-action ", ["clear", "trap", "restart"]),
    ("dpd-action t", ["trap"]),
    ("no dpd-action ", ["clear", "trap", "restart"]),
    ("ike cipher aes128gcm", ["aes128gcm12", "aes128gcm16"]),
    ("ike cipher aes128 ", ["auth", "prf"]),
    ("ike cipher aes128 auth ", ["sha1", "sha256", "sha384", "sha512"]),
    ("ike cipher aes128 auth sha256 dh x", ["x25519"]),
    ("ike cipher aes128 auth sha256 dh x25519 ", ["ke"]),
    ("ike proposal 1 ", ["cipher", "auth", "prf", "dh", "ke"]),
    ("local-id ", ["inet", "name", "email", "key", "dn"]),
    ("local-id d", ["dn"]),
    ("loc", ["local-address", "local-id", "local-subnet"]),
    ("local-subnet ", ["add"]),
    ("dpd enabled ", ["true", "false"]),
    ("secret ", []),
    ("enable ", []),
    ("local-address ", []),
]


@pytest.mark.parametrize(("text", "expected"), IN_TUNNEL)
def test_words_of_the_manual_and_values_are_offered(text: str, expected: list[str]) -> None:
    assert texts(grammar().suggest(text, in_tunnel())) == expected


def test_values_have_the_descriptions_of_the_module_and_the_default_is_marked() -> None:
    found = {one.text: one.description for one in grammar().suggest("ike cipher ", in_tunnel())}
    assert found["aes128ctr"] == "AES in CTR mode with a 128 bit key."
    found = {one.text: one.description for one in grammar().suggest("ike version ", in_tunnel())}
    assert found["ikev2"] == "IKEv2. (default)"


PLACEHOLDERS = [
    (
        "dpd-delay ",
        "SEC",
        "How long nothing must have been received before the peer is asked whether it is there; "
        "a number 1..86400 (seconds); default 30",
    ),
    ("local-subnet ", "SUBNET", None),
    ("ike rekey-time ", "REKEY-TIME", None),
    ("secret ", "SECRET", "The pre-shared key; 8..63 characters"),
    ("description ", "TEXT", "What this tunnel is for, in words; 1..255 characters"),
    ("peer ", "ADDRESS", "The IP address of the other gateway; an IP address"),
]


@pytest.mark.parametrize(("text", "name", "description"), PLACEHOLDERS)
def test_a_value_that_is_no_word_is_described_once(text: str, name: str, description: str | None) -> None:
    offered = grammar().expected(text, in_tunnel())
    found = [one for one in offered if one.placeholder and one.text != ENTER]
    assert [one.text for one in found] == [name]
    assert description is None or found[0].description == description


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("enable ", True),
        ("enable", False),
        ("ike ", True),
        ("ike cipher ", False),
        ("no local-subnet ", True),
    ],
)
def test_a_question_mark_says_whether_the_line_may_end(text: str, ends: bool) -> None:
    assert any(one.text == "<cr>" for one in grammar().expected(text, in_tunnel())) is ends


def lookup(asked: list[tuple[object, str]], *known: str):
    def answer(source: object, prefix: str) -> Sequence[Suggestion]:
        asked.append((source if isinstance(source, str) else grammar().names.key(source), prefix))
        return [Suggestion(one, f"about {one}") for one in known if one.startswith(prefix)]

    return answer


def test_a_question_mark_is_answered_of_commands_of_the_level_outside_where_nothing_else_fits() -> None:
    assert texts(grammar().expected("ipsec", in_tunnel())) == ["ipsec"]
    assert texts(grammar().expected("ipsec ", in_tunnel())) == ["restart", "monitor", "log"]
    assert texts(grammar().expected("nonsense", in_tunnel())) == []


TEXTS = [
    ("secret what", True), ("secret ", False), ("secret wh x ", False), ("description to", True),
    ("description ", False), ("description to bob ", True), ("description to bob th", True), ("descr", False),
    ("commit comment why", True), ("commit comment why ", True), ("commit comment ", False), ("comm", False),
    ("peer 192", False), ("dpd-action t", False), ("dpd-delay 3", False), ("local-id name a", True),
    ("local-id dn CN=a, O", True), ("local-id dn CN=a ", True), ("description a ", True),
    ("nonsense x", False), ("# what", False), ("", False),
]  # fmt: skip


@pytest.mark.parametrize(("text", "within"), TEXTS)
def test_within_a_text_a_question_mark_is_a_character(text: str, within: bool) -> None:
    assert grammar().within_text(text, in_tunnel()) is within


@pytest.mark.parametrize(
    "text",
    ["description a ", "description what ", "description what s", "local-id dn CN=a ", "local-id dn CN=a d",
     "no description a ", "commit comment why ", "commit comment why c"],
)  # fmt: skip
def test_nothing_is_offered_behind_a_text_that_goes_to_the_end_of_the_line(text: str) -> None:
    assert list(grammar().suggest(text, in_tunnel())) == []
    assert {one.text for one in grammar().expected(text, in_tunnel())} <= {ENTER}


SOURCES = [
    ("ipsec 1", ("tunnel",), "yangswan-ipsec:tunnels/ipsec", "1"),
    ("no ipsec ", ("tunnel",), "yangswan-ipsec:tunnels/ipsec", ""),
    ("show ipsec ", None, "tunnel", ""),
    ("certificate own ", ("tunnel", "ipsec 1"), "yangswan-pki:certificates/certificate", ""),
    ("no local-subnet ", ("tunnel", "ipsec 1"), "yangswan-ipsec:tunnels/ipsec/local-subnet", ""),
    ("no bypass network ", ("tunnel", "ipsec 1"), "yangswan-ipsec:tunnels/ipsec/bypass/network", ""),
    ("nacm rule-list x rule ", (), "ietf-netconf-acm:nacm/rule-list/rule", ""),
]


@pytest.mark.parametrize(("text", "at", "source", "prefix"), SOURCES)
def test_what_is_there_is_looked_up_with_what_was_typed(
    text: str, at: tuple[str, ...] | None, source: str, prefix: str
) -> None:
    asked: list[tuple[object, str]] = []
    where = None if at is None else context(*at)
    found = grammar().suggest(text, where, lookup=lookup(asked, "1", "12", "2"))
    assert asked == [(source, prefix)]
    assert [one for one in texts(found) if one[0].isdigit()] == [
        one for one in ("1", "12", "2") if one.startswith(prefix)
    ]


def test_the_second_key_and_a_leafref_are_looked_up_where_they_are() -> None:
    other = grammar("every-construct", "every-augment")
    asked: list[tuple[Path | str, str]] = []

    def answer(source: Path | str, prefix: str) -> Sequence[Suggestion]:
        asked.append((source, prefix))
        return [Suggestion("a b")]

    assert texts(other.suggest("top entry e address 10.0.0.1 ", (), lookup=answer)) == ['"a b"']
    source = asked[0][0]
    assert not isinstance(source, str)
    assert source[-1].keys == ("10.0.0.1",)
    assert source[-2].keys == ("e",)
    assert texts(other.suggest("references chosen ", (), lookup=answer)) == ['"a b"']
    assert [step.node.name for step in asked[1][0] if not isinstance(step, str)] == ["top", "entry", "id"]


def test_secrets_are_never_looked_up() -> None:
    asked: list[tuple[object, str]] = []
    grammar().suggest("secret ", in_tunnel(), lookup=lookup(asked, "s3cr3t-of-1"))
    assert asked == []


def test_of_very_many_some_are_offered() -> None:
    numbers = [str(number) for number in range(1, 10_001)]
    found = grammar().suggest("ipsec ", context("tunnel"), lookup=lookup([], *numbers))
    assert len(found) == MOST_SUGGESTED


def test_in_quotes_values_are_offered_and_words_are_not() -> None:
    assert texts(grammar().suggest('ike cipher "aes128g', in_tunnel())) == ["aes128gcm12", "aes128gcm16"]
    assert texts(grammar().suggest('"dpd', in_tunnel())) == []


@pytest.mark.parametrize(
    ("text", "at", "pieces"),
    [
        (
            "dpd-delay",
            ("tunnel", "ipsec 1"),
            ["[no] dpd-delay SEC", "a number 1..86400 (seconds)", "default 30"],
        ),
        ("ike cipher", ("tunnel", "ipsec 1"), ["no ike cipher", "aes128ctr: AES in CTR mode"]),
        ("local-subnet", ("tunnel", "ipsec 1"), ["take the place of all", "ADDRESS NETMASK"]),
        ("leak-protection", ("tunnel", "ipsec 1"), ["leaf of yangswan-ipsec", "takes true or false"]),
        ("ipsec", ("tunnel",), ["list of yangswan-ipsec", "told apart by id"]),
        ("commit", (), ["Make it the configuration", "check: Only look", "TEXT: Why"]),
        ("peer", ("tunnel", "ipsec 1"), ["[no] peer ADDRESS", "A responder without it accepts any address."]),
    ],
)
def test_help_about_a_word_tells_all_of_it(text: str, at: tuple[str, ...], pieces: list[str]) -> None:
    told = grammar().about(text, context(*at))
    assert not [piece for piece in pieces if piece not in told], told


def test_help_about_what_is_no_word_is_a_mistake() -> None:
    with pytest.raises(Mistake):
        grammar().about("nonsense", ())


def test_a_suggestion_can_be_typed_as_it_stands() -> None:
    asked = grammar().suggest("nacm rule-list ", (), lookup=lookup([], "two words", "plain", 'q"', "\x1b[2J"))
    assert texts(asked) == ['"two words"', "plain", 'q"', '"\\u001b[2J"']
    assert [words.split(text)[0].text for text in texts(asked)] == ["two words", "plain", 'q"', "\x1b[2J"]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("DESC", ["description"]),
        ("NO Loc", ["local-address", "local-id", "local-subnet"]),
        ("IKE CIPHER AES128C", ["aes128ctr", "aes128ccm12", "aes128ccm16"]),
        ("local-id NA", ["name"]),
        ("description DESC", []),
        ('"DESC', []),
    ],
)
def test_a_word_in_capitals_is_completed(typed: str, offered: list[str]) -> None:
    assert texts(grammar().suggest(typed, in_tunnel())) == offered
    assert texts(grammar().expected(typed, in_tunnel())) == offered
