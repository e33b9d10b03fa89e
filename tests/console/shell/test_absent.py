"""What a command names that is not there: said in the operator's words, under the place of its name."""

from __future__ import annotations

import pytest

from tests.console.shell.lines import CommandLine
from tests.console.shell.test_interactive import leave

NOT_THERE = (
    ("ipsec 7 initiate", "there is no tunnel 7", "7"),
    ("ipsec 7 restart", "there is no tunnel 7", "7"),
    ("ipsec 7 terminate", "there is no tunnel 7", "7"),
    ("show ipsec 7", "there is no tunnel 7", "7"),
    ("show ipsec 7 log", "there is no tunnel 7", "7"),
    ("show running-config ipsec 7", "there is no tunnel 7", "7"),
    ("show running-config tunnel ipsec 7", "nothing is configured at 'tunnel ipsec 7'", "tunnel ipsec 7"),
    ("show candidate-config ipsec 7", "there is no tunnel 7", "7"),
    ("show certificates nobodys", "there is no certificate nobodys", "nobodys"),
    ("show history 8888", "there is no commit 8888 in the history", "8888"),
    ("show history 1 8888", "there is no commit 8888;", "8888"),
    ("show history 8888 running", "there is no commit 8888;", "8888"),
    ("rollback 8888", "there is no commit 8888;", "8888"),
    ("kill-session 8888", "there is no session 8888", "8888"),
)


@pytest.mark.parametrize(("typed", "said", "place"), NOT_THERE)
def test_it_is_refused_and_not_a_mistake(line: CommandLine, typed: str, said: str, place: str) -> None:
    done = line.run(*typed.split())
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith(said)


def test_a_mark_stands_under_it_at_the_prompt(line: CommandLine) -> None:
    terminal = line.terminal()
    terminal.at("alice:/")
    for typed, said, place in NOT_THERE:
        *_, mark, told, _prompt = terminal.types(typed).at("alice:/").splitlines()
        assert told.startswith(said)
        assert mark.index("^") == len("alice:/#> ") + typed.rindex(place)
        assert mark.strip() == "^" * len(place)
    leave(terminal)


@pytest.mark.parametrize("what", ["initiate", "restart", "terminate"])
def test_a_tunnel_that_is_not_committed_yet_is_told_from_one_that_is_not_there(
    line: CommandLine, what: str
) -> None:
    edits = ("config", "tunnel", "ipsec 7", "local-address 192.0.2.1", "secret Zebra-Crossing-7")
    for typed in (f"do ipsec 7 {what}", "show ipsec 7", "do show running-config ipsec 7"):
        done = line.lines(*edits, typed)
        assert done.returncode == 1
        assert "line 6: tunnel 7 is not in force yet: 'commit' puts it in force\n" in done.stderr


def test_a_hint_about_a_second_peer_names_what_mends_it(line: CommandLine) -> None:
    """Two tunnels to whoever comes, with a secret each: what is typed as it is said makes it complete."""
    hub = (
        "config", "tunnel", "ipsec 1", "local-address 192.0.2.1", "secret Zebra-Crossing-7",
        "remote-subnet 10.2.0.0/16", "end", "ipsec 2", "local-address 192.0.2.1", "secret Zebra-Crossing-8",
        "remote-subnet 10.3.0.0/16",
    )  # fmt: skip
    done = line.lines(*hub, "commit check")
    assert done.returncode == 1
    apart, shadowed = done.stderr.splitlines()[:2]
    assert "(type 'peer ADDRESS', 'local-id ...' or 'remote-id ...')" in apart
    assert "Give each of the two a remote-id of its own" in shadowed
    assert "(type 'secret SECRET', 'peer ADDRESS', 'local-id ...' or 'remote-id ...')" in shadowed
    for mending in (
        ("remote-id inet 192.0.2.8", "end", "ipsec 1", "remote-id inet 192.0.2.9"),
        ("peer 192.0.2.8", "initiator", "end", "ipsec 1", "peer 192.0.2.9", "initiator"),
        ("local-id name hub2",),
        ("peer 192.0.2.8", "secret Zebra-Crossing-7"),
    ):
        done = line.lines(*hub, *mending, "commit check", "discard")
        assert (done.returncode, done.stderr) == (0, "")
