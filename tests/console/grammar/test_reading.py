"""Commands, and names of YANG nodes: in which context, abbreviated how, and who goes first."""

from __future__ import annotations

import pytest

from console.grammar.command import Command, Where
from console.grammar.reading import Grammar
from console.grammar.values import Called, Changes, Mistake, Path, SecretMissing
from tests.console.grammar.lab import COMMANDS, context, grammar, in_tunnel, mistake, said
from tests.console.served import schema

COMMAND_LINES = [
    ("config", None, False, "config", {}),
    ("show ipsec", None, False, "show ipsec", {}),
    ("sh ips", None, False, "show ipsec", {}),
    ("show ipsec 7", None, False, "show ipsec", {"ID": "7"}),
    ("show ipsec 07", None, False, "show ipsec", {"ID": "7"}),
    ("show ipsec 7 log", None, True, "show ipsec", {"ID": "7", "log": "log"}),
    ("show ipsec 7 l", (), False, "show ipsec", {"ID": "7", "log": "log"}),
    ("show history", None, False, "show history", {}),
    ("show history 5 by alice", None, False, "show history", {"N": "5", "by": "by", "USER": "alice"}),
    ("show history since 2026-11-27", None, False, "show history", {"since": "since", "TIME": "2026-11-27"}),
    ("ipsec restart", None, False, "ipsec", {"restart": "restart"}),
    ("ipsec mon", None, True, "ipsec", {"monitor": "monitor"}),
    ("no ipsec log", None, True, "no", {}),
    ("no ipsec log file.txt", None, True, "no", {"FILE": "file.txt"}),
    ('ipsec log "a b"', None, True, "ipsec", {"FILE": "a b"}),
    ("commit", (), False, "commit", {}),
    ("commit check", (), False, "commit", {"check": "check"}),
    ("commit conf", (), False, "commit", {"confirmed": "confirmed"}),
    (
        "commit confirmed 60 verify",
        (),
        False,
        "commit",
        {"confirmed": "confirmed", "SEC": "60", "verify": "verify"},
    ),
    (
        "commit verify confirmed 60",
        (),
        False,
        "commit",
        {"confirmed": "confirmed", "SEC": "60", "verify": "verify"},
    ),
    ("commit comment as it  was # before", (), False, "commit", {"comment": "comment", "TEXT": "as it  was"}),
    ('commit comment "a # b"', (), False, "commit", {"comment": "comment", "TEXT": "a # b"}),
    ("do ping gateway", (), False, "ping", {"HOST": "gateway"}),
    ("ping gateway", (), False, "ping", {"HOST": "gateway"}),
    ("do no ipsec log", (), False, "no", {}),
    ("end", (), False, "end", {}),
]


@pytest.mark.parametrize(
    ("line", "at", "tunnel", "begins", "given"), COMMAND_LINES, ids=[line for line, *_ in COMMAND_LINES]
)
def test_a_command_is_found_with_what_was_given(
    line: str, at: Path | None, tunnel: bool, begins: str, given: dict[str, str]
) -> None:
    meaning = grammar().read(line, at, tunnel)
    assert isinstance(meaning, Called)
    assert meaning.negated is (begins == "no")
    assert begins == "no" or meaning.command.syntax.removeprefix("[no] ").startswith(begins)
    heading = {word for word in meaning.command.syntax.split() if word.islower()}
    assert {
        name: text for name, text in meaning.given.items() if name in given or name not in heading
    } == given


@pytest.mark.parametrize(
    ("line", "at", "said"),
    [
        ("ipsec 1", (), "this is for /config/tunnel: type tunnel before it"),
        ("no ipsec 1", (), "this is for /config/tunnel: type tunnel before it"),
        ("ipsec 1 peer 10.0.0.1", (), "this is for /config/tunnel: type tunnel before it"),
        ("rule-list x", (), "this is for /config/nacm: type nacm before it"),
        (
            "peer 10.0.0.1",
            ("tunnel", "ipsec 1", "ike"),
            "this is for /config/tunnel/ipsec-1: type end before it",
        ),
        ("nacm", ("tunnel",), "this is for /config: type end before it"),
        ("nacm", ("tunnel", "ipsec 1", "ike"), "this is for /config: type end 3 times before it"),
        ("nacm", ("tunnel", "ipsec 1"), "this is for /config: type end twice before it"),
    ],
)
def test_a_line_of_another_level_says_which(line: str, at: tuple[str, ...], said: str) -> None:
    assert mistake(line, context(*at))[0] == said


def test_a_word_that_is_ambiguous_here_is_not_looked_for_elsewhere() -> None:
    assert isinstance(grammar().read("do en", ()), Called)
    assert mistake("en", in_tunnel()) == ("'en' could be enable or end", "en")
    assert mistake("s", in_tunnel())[0] == "'s' could be secret or show"


def test_a_command_outside_is_found_although_the_configuration_knows_its_first_words() -> None:
    command = Command("ipsec ID restart", "Anew", print, Where.EXEC)
    one = Grammar(schema(), [command])
    assert isinstance(one.read("ipsec 1 restart", context("tunnel")), Called)
    assert isinstance(one.read("ipsec 1", context("tunnel")), Changes)


COMMAND_MISTAKES = [
    ("commit", None, False, "'commit' is not known here", "commit"),
    ("ping a", None, True, "'ping' is not known here", "ping"),
    (
        "tunnels", None, False, "'tunnels' is not known here; to configure it, type config first", "tunnels",
    ),
    ("show", None, False, "ipsec or history is missing", ""),
    ("s", (), False, None, None),
    ("show ipsec 0", None, False, "ID takes a number 1..65535", "0"),
    ("show ipsec x", None, False, "ID takes a number 1..65535", "x"),
    ("commit confirmed 0", (), False, "SEC takes a number 1..86400", "0"),
    ("commit check check", (), False, "'check' is not known here", "check"),
    ("commit c", (), False, "'c' could be check, comment or confirmed", "c"),
    ('"commit"', (), False, "'commit' is not known here", '"commit"'),
    ("commit \x1b[31m", (), False, "'\ufffd[31m' is not known here", "\x1b[31m"),
    ("commit 'a\u00a0b\u3000cü'", (), False, "'a\u00a0b\u3000cü' is not known here", "'a\u00a0b\u3000cü'"),
    ("commit\u00a0foo", (), False, "'foo' is not known here", "foo"),
    ("commit " + "x" * 100, (), False, f"'{'x' * 60}...' is not known here", "x" * 100),
    ("ping", (), False, "HOST is missing", ""),
    ("no", None, True, "ipsec is missing", ""),
    ("do", (), False, None, None),
    ("do commit", (), False, "'commit' is not known here", "commit"),
    ("no show", None, False, "'no' is not known here", "no"),
]


@pytest.mark.parametrize(
    ("line", "at", "tunnel", "message", "piece"),
    COMMAND_MISTAKES,
    ids=[ascii(row[0]) for row in COMMAND_MISTAKES],
)
def test_what_is_no_command_is_told(
    line: str, at: Path | None, tunnel: bool, message: str | None, piece: str | None
) -> None:
    with pytest.raises(Mistake) as refused:
        grammar().read(line, at, tunnel)
    if message is None or piece is None:
        return
    found = refused.value
    start = found.span.start if piece != "check" else line.rindex(piece)
    assert (found.message, line[start : found.span.end]) == (message, piece)


@pytest.mark.parametrize(
    ("line", "tunnel", "said"),
    [
        ("tunnel ipsec 1 peer 192.0.2.1", False, "to configure it, type config first"),
        ("ipsec 1", True, "to configure it, type config and tunnel first"),
        ("ipsec 1", False, "to configure it, type config and tunnel first"),
        ("no ipsec 1", True, "to configure it, type config and tunnel first"),
        ("ipsec 1 description to Bern", True, "to configure it, type config and tunnel first"),
        ("nacm enable-nacm false", True, "to configure it, type config first"),
        ("foo", True, None),
        ("ipsec x", True, None),
        ("ipsec 1 foo", True, None),
    ],
)
def test_who_configures_outside_of_the_configuration_is_told_the_way(
    line: str, tunnel: bool, said: str | None
) -> None:
    with pytest.raises(Mistake) as refused:
        grammar().read(line, None, tunnel)
    assert refused.value.message.partition("; ")[2] == (said or "")


NAMES = [
    ("nacm enable-nacm false", [("merge", "nacm/enable-nacm", "false")]),
    ("nacm enable-n f", [("merge", "nacm/enable-nacm", "false")]),
    ("ietf-netconf-acm:nacm enable-nacm f", [("merge", "nacm/enable-nacm", "false")]),
    ("nacm ietf-netconf-acm:enable-nacm f", [("merge", "nacm/enable-nacm", "false")]),
    (
        "nacm rule-list a rule b action permit access-operations *",
        [
            ("merge", "nacm/rule-list[a]/rule[b]/action", "permit"),
            ("merge", "nacm/rule-list[a]/rule[b]/access-operations", "*"),
        ],
    ),
    ("no nacm rule-list a rule b", [("remove", "nacm/rule-list[a]/rule[b]", None)]),
    ("no nacm rule-list a rule b comment", [("remove", "nacm/rule-list[a]/rule[b]/comment", None)]),
    ("no nacm", [("remove", "nacm", None)]),
    ("nacm groups group admins user-name alice", [("merge", "nacm/groups/group[admins]/user-name", "alice")]),
    (
        "no nacm groups group admins user-name alice",
        [
            ("expect", "nacm/groups/group[admins]/user-name", "alice"),
            ("remove", "nacm/groups/group[admins]/user-name", "alice"),
        ],
    ),
    ("no nacm groups group admins user-name", [("remove", "nacm/groups/group[admins]/user-name", None)]),
    ("certificates revocation s", [("merge", "certificates/revocation", "strict")]),
    ("tunnel leak-protection f", [("merge", "tunnels/leak-protection", "false")]),
    ('nacm rule-list "a b/\\"c\\" é" group *', [("merge", 'nacm/rule-list[a b/"c" é]/group', "*")]),
]


@pytest.mark.parametrize(("line", "changes"), NAMES, ids=[line for line, _ in NAMES])
def test_whatever_the_manual_does_not_name_has_its_yang_name(
    line: str, changes: list[tuple[str, str, str | None]]
) -> None:
    assert said(line) == changes


def test_each_construct_of_yang_is_reached() -> None:
    other = grammar("every-construct", "every-augment")
    entry = ("top", "entry e")
    lines = {
        "top entry e address 10.0.0.1 80 alias web": "address,10.0.0.1,80",
        "top entry e marker": "marker",
        "top entry e marker number 5": "marker",
        "top entry e switches 'a b'": "switches",
        "top entry e radius 1.5 colour r": "radius",
        "top entry e present needed x": "present",
        "order first": "order",
        "outer from-here x": "outer",
        "references chosen e": "chosen",
    }
    for line, name in lines.items():
        meaning = other.read(line, ())
        assert isinstance(meaning, Changes)
        assert any(name in ",".join((s.node.name, *s.keys)) for c in meaning.changes for s in c.path), line
    present = other.read(" ".join((*entry, "present")), ())
    assert isinstance(present, Changes)
    assert [len(change.path) for change in present.changes] == [3]
    for line in (
        "top entry e anything x",
        "top entry e state seen 1",
        "top entry e poke",
        "top entry e marker x",
    ):
        with pytest.raises(Mistake):
            other.read(line, ())


def test_a_name_that_two_modules_have_stands_with_its_module() -> None:
    both = grammar("choosing", "also-choosing")
    names = {suggestion.text for suggestion in both.suggest("", ())}
    twice = {name for name in names if ":" in name}
    for name in twice:
        assert name.partition(":")[2] not in names
        meaning = both.read(name, ())
        assert isinstance(meaning, Changes)
        assert meaning.enters is not None
        assert f"{meaning.enters[-1].node.module}:{meaning.enters[-1].node.name}" == name


def test_a_command_goes_before_the_beginning_of_a_name_of_yang() -> None:
    command = Command("certify", "It is no certificate", print, Where.CONFIG)
    one = Grammar(schema(), [command])
    assert isinstance(one.read("cert", ()), Called)
    assert isinstance(one.read("certificates", ()), Changes)


def test_a_command_and_a_node_of_one_name_are_told_apart_by_what_follows() -> None:
    command = Command("nacm show", "Tell", print, Where.CONFIG)
    one = Grammar(schema(), [command])
    assert isinstance(one.read("nacm show", ()), Called)
    assert isinstance(one.read("nacm enable-nacm true", ()), Changes)
    assert isinstance(one.read("nacm", ()), Changes)


def test_of_the_commands_outside_none_takes_what_the_configuration_means() -> None:
    meaning = grammar().read("tunnel", ())
    assert isinstance(meaning, Changes)
    assert isinstance(grammar().read("do tunnel", ()), Called)
    assert mistake("tunnel", in_tunnel())[0] == "this is for /config: type end twice before it"


def test_a_line_without_words_changes_nothing() -> None:
    for line in ("", "   ", "# only a comment"):
        for at in (None, (), in_tunnel()):
            assert grammar().read(line, at) == Changes(())


def test_a_secret_behind_other_changes_is_asked_for_alone() -> None:
    assert mistake("ike ppk id a key", in_tunnel()) == ("key is asked for on a line of its own", "key")
    assert isinstance(grammar().read("ike ppk key", in_tunnel()), SecretMissing)


@pytest.mark.parametrize(
    ("at", "tunnel", "prompt"),
    [(None, False, "/"), (None, True, "/tunnel"), ((), False, "/config")],
)
def test_the_prompt_says_where_one_is(at: Path | None, tunnel: bool, prompt: str) -> None:
    assert grammar().prompt(at, tunnel) == prompt


def test_the_prompt_does_nothing_to_a_terminal() -> None:
    meaning = grammar().read('nacm rule-list "a\\u202e[31m"', ())
    assert isinstance(meaning, Changes)
    assert grammar().prompt(meaning.enters) == '/config/nacm/rule-list-"a\\u202e[31m"'


def test_each_command_of_the_lab_can_be_read() -> None:
    assert {command.syntax.split()[0] for command in COMMANDS} >= {"config", "show", "commit"}
    assert context("tunnel")
