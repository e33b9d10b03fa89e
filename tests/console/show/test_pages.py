"""Pages about everything but tunnels, at each width, from what a server answers."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from lxml import etree
from rich.cells import cell_len

from console.client.session import Element, ServerError, ServerErrors
from console.show import certificates, daemon, history, sessions
from console.show.access import show_access
from console.show.data import AGENT, DAEMON, IPSEC, MONITORING, PKI, top
from console.show.differences import difference_json, difference_lines
from console.show.pending import Pending, pending_of
from console.show.version import show_version
from tests.console.fakes import Printed, Server, console, data, schema
from tests.console.golden import WIDTHS, at_each_width, is_golden

CASES = Path(__file__).parent / "cases"
LEAF = "/yangswan-ipsec:tunnels/ipsec[id='1']"
NOW = datetime(2026, 11, 27, 12, 0, 0, tzinfo=UTC)


def case(name: str) -> Element:
    return data((CASES / f"{name}.xml").read_text(encoding="utf-8"))


def of_certificates(width: int | None) -> str:
    return certificates.page(top(case("certificates"), PKI, "certificate-state"), schema(), NOW, width=width)


def of_the_daemon(width: int | None) -> str:
    found = top(case("daemon"), DAEMON, "daemon")
    assert found is not None
    return daemon.page(found, schema(), NOW, width=width, zone=UTC)


def of_sessions(width: int | None) -> str:
    return sessions.page(case("sessions"), 4, NOW, width=width)


def of_the_history(width: int | None) -> str:
    return history.page(commits(), schema(), NOW, width=width, zone=UTC)


def commits() -> list[Element]:
    return list(case("history").iter(f"{{{AGENT}}}commit"))


def of_a_commit(width: int | None) -> str:
    return history.commit_page(commits()[0], schema(), NOW, width=width, zone=UTC)


def of_what_waits(width: int | None) -> str:
    found = list(case("waiting").iter(f"{{{AGENT}}}commit"))
    waits = pending_of(top(case("waiting"), AGENT, "agent"), NOW)
    shown = [history.page(found, schema(), NOW, waits, width=width, zone=UTC)]
    shown += [history.commit_page(one, schema(), NOW, waits, width=width, zone=UTC) for one in found]
    return "\n\n".join(shown)


PAGES: dict[str, Callable[[int | None], str]] = {
    "certificates": of_certificates,
    "daemon": of_the_daemon,
    "sessions": of_sessions,
    "history": of_the_history,
    "commit": of_a_commit,
    "waiting": of_what_waits,
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_as_it_was_at_each_width(name: str) -> None:
    is_golden(CASES / f"{name}.page.txt", at_each_width([(width, PAGES[name](width)) for width in WIDTHS]))


@pytest.mark.parametrize("width", [30, 45, 60, 72])
@pytest.mark.parametrize("name", PAGES)
def test_no_line_is_wider_than_the_terminal_or_does_anything_to_it(name: str, width: int) -> None:
    shown = PAGES[name](width)
    assert max(map(cell_len, shown.splitlines())) <= width
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", shown)


def test_a_certificate_is_shown_in_detail_or_it_is_an_error() -> None:
    out = Printed(80)
    at = console(Server({"get": case("certificates")}), out)
    assert certificates.show_certificates(at, {"NAME": "alice"}) == 0
    assert "alice.example.com, 192.168.0.1" in out.texts[0]
    at.client = Server()
    assert certificates.show_certificates(at, {"NAME": "none"}) == 1
    assert out.warnings == ["there is no certificate none"]


def test_a_daemon_that_is_away_is_an_exit_status() -> None:
    away = Server({"get": case("daemon")})
    assert daemon.show_daemon(console(away), {}) == 1
    none = data(f'<daemon xmlns="{DAEMON}"><backend>none</backend><connected>false</connected></daemon>')
    assert daemon.show_daemon(console(Server({"get": none})), {}) == 0
    out = Printed()
    assert daemon.show_daemon(console(Server(), out), {}) == 1
    assert out.warnings == ["the server tells nothing of its daemon, or you may not read it"]


def test_the_session_of_this_command_line_is_marked() -> None:
    out = Printed(80)
    sessions.show_sessions(console(Server({"get": case("sessions")}), out), {})
    (marked,) = [line for line in out.texts[0].splitlines() if "admin" in line]
    assert marked.startswith("4*")


def test_as_json_sessions_are_the_data_of_the_server() -> None:
    out = Printed(as_json=True)
    sessions.show_sessions(console(Server({"get": case("sessions")}), out), {})
    state = out.documents[0]["ietf-netconf-monitoring:netconf-state"]
    assert [one["session-id"] for one in state["sessions"]["session"]] == [10, 4, 9]
    assert state["datastores"]["datastore"][0]["locks"]["global-lock"]["locked-by-session"] == 9
    assert MONITORING


def test_the_newest_commits_are_asked_for_by_their_ids_in_pages() -> None:
    def answer(asked: Element) -> Element:
        ids = [int(one.text or 0) for one in asked.iter(f"{{{AGENT}}}id")]
        known = "<oldest-commit>100</oldest-commit><newest-commit>3000</newest-commit>" if not ids else ""
        rows = "".join(f"<commit><id>{one}</id></commit>" for one in ids)
        return data(f'<agent xmlns="{AGENT}"><history>{known}{rows}</history></agent>')

    server = Server({"get": answer})
    found = [one.findtext(f"{{{AGENT}}}id") for one in history.newest(server, 1200)]
    assert found == [str(one) for one in range(3000, 1800, -1)]
    asked = [len(list(one.iter(f"{{{AGENT}}}id"))) for _what, one in server.asked[1:] if one is not None]
    assert asked == [500, 500, 200]
    assert len(list(history.newest(server, 10_000))) == 2901


def test_a_history_as_json_has_names_of_modules_in_its_paths() -> None:
    out = Printed(as_json=True)
    assert history.show_commit(console(Server({"get": case("history")}), out), {"COMMIT": "4"}) == 0
    commit = out.documents[0]["yangswan-agent:agent"]["history"]["commit"][0]
    assert [one["target"] for one in commit["change"]] == [
        "/yangswan-ipsec:tunnels/ipsec[id='7']",
        "/ietf-netconf-acm:nacm/yangswan-agent:writers-only",
    ]


def test_an_empty_history_and_a_commit_that_is_not_there() -> None:
    out = Printed()
    history.show_history(console(Server(), out), {})
    assert out.texts == ["Nothing has been committed, or you may not read the history."]
    assert history.show_commit(console(Server(), out), {"COMMIT": "9"}) == 1
    out = Printed(as_json=True)
    history.show_history(console(Server(), out), {})
    assert out.documents == [{"yangswan-agent:agent": {"history": {"commit": []}}}]


LATER = NOW + timedelta(days=1)


@pytest.mark.parametrize(
    ("waits", "cell", "said"),
    [
        (
            Pending(1, NOW + timedelta(seconds=90), "7"),
            "to be confirmed by 12:01:30",
            "to be confirmed by 2026-11-27 12:01:30 (in 90 seconds); else it is taken back then, or when "
            "session 7 ends",
        ),
        (
            Pending(1, LATER),
            "to be confirmed by 2026-11-28 12:00:00",
            "to be confirmed by 2026-11-28 12:00:00 (in 24 hours); else it is taken back then",
        ),
        (Pending(1, None), "to be confirmed", "to be confirmed; else it is taken back"),
        (
            Pending(1, NOW, "7", verified=True),
            "being verified, until 12:00:00",
            "until everything works that it is about, 2026-11-27 12:00:00 (now) at the latest; else it is "
            "taken back, or when session 7 ends",
        ),
        (
            Pending(1, None, verified=True),
            "being verified",
            "until everything works that it is about; else it is taken back",
        ),
    ],
)
def test_until_when_a_commit_waits_is_said_as_far_as_it_is_known(
    waits: Pending, cell: str, said: str
) -> None:
    assert (waits.cell(NOW, UTC), waits.in_words(NOW, UTC)) == (cell, said)


def test_who_may_not_read_which_commits_wait_is_told_of_none() -> None:
    agent = top(case("waiting"), AGENT, "agent")
    assert agent is not None
    assert pending_of(agent, NOW) is not None
    assert pending_of(None, NOW) is None
    for leaf in list(agent.iter(f"{{{AGENT}}}rollback-to")):
        leaf.getparent().remove(leaf)
    assert pending_of(agent, NOW) is None


def test_as_json_what_waits_to_be_confirmed_is_beside_the_history() -> None:
    out = Printed(as_json=True)
    history.show_history(console(Server({"get": case("waiting")}), out), {})
    assert out.documents[0]["yangswan-agent:agent"]["confirmed-commit"] == {
        "session-id": 9, "user": "bob", "persistent": False, "rollback-to": 3, "remaining-s": 595,
    }  # fmt: skip


def test_differences_are_lines_as_the_server_writes_them() -> None:
    text = f"- {LEAF}/description = a\n+ {LEAF}/description = b&#x9b;2J"
    server = Server({"compare-commits": data(f'<text xmlns="{AGENT}">{text}</text>')})
    out = Printed(40)
    history.show_differences(console(server, out), {"FROM": "1", "TO": "running"})
    assert out.texts[0].splitlines() == [
        "- /yangswan-ipsec:tunnels/ipsec[id='1']/description = a",
        r"+ /yangswan-ipsec:tunnels/ipsec[id='1']/description = b\x9b2J",
    ]
    ((_what, request),) = server.asked
    assert request is not None
    asked = [(etree.QName(one).localname, one.text) for one in request]
    assert asked == [("from", "1"), ("to", "running"), ("as", "text")]


def test_no_difference_is_said() -> None:
    out = Printed()
    server = Server({"compare-commits": data(f'<text xmlns="{AGENT}"/>')})
    history.show_differences(console(server, out), {"FROM": "1", "TO": "1"})
    assert out.texts == ["There is no difference."]


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ({"OPERATION": "kill-session"}, [("operation", "kill-session")]),
        ({"NOTIFICATION": "m:n", "USER": "bob"}, [("user", "bob"), ("notification", "m:n")]),
        ({"PATH": "/a:b", "update": "update"}, [("path", "/a:b"), ("access", "update")]),
    ],
)
@pytest.mark.parametrize(("action", "status"), [("permit", 0), ("deny", 1)])
def test_access_is_explained_and_a_denial_is_an_exit_status(
    given: dict[str, str], asked: list[tuple[str, str]], action: str, status: int
) -> None:
    said = (
        f"<action>{action}</action><reason>so</reason><rule-list>l</rule-list><rule>r</rule><group>g</group>"
    )
    reply = data(re.sub("<([a-z-]+)>", rf'<\1 xmlns="{AGENT}">', said))
    server = Server({"explain-access": reply})
    out = Printed(80)
    assert show_access(console(server, out), given) == status
    assert server.asked[0][1] is not None
    assert [(etree.QName(one).localname, one.text) for one in server.asked[0][1]] == asked
    assert "r of the list l" in out.texts[0]
    out = Printed(as_json=True)
    show_access(console(server, out), given)
    assert out.documents[0] == {
        "yangswan-agent:action": action, "yangswan-agent:reason": "so", "yangswan-agent:rule-list": "l",
        "yangswan-agent:rule": "r", "yangswan-agent:group": ["g"],
    }  # fmt: skip


def test_versions_of_a_server_without_our_modules_are_shown_as_far_as_they_are_known() -> None:
    server = Server({"get": ServerErrors((ServerError("access-denied", "no"),))})
    out = Printed()
    with pytest.raises(ServerErrors):
        show_version(console(server, out), {})
    show_version(console(Server(), out), {})
    assert out.texts[0].splitlines()[1].split() == ["Gateway", "gw1"]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (f"+ {LEAF}/secret = abc = def", f"+ {LEAF}/secret = (not shown)"),
        (f"- {LEAF}/ike/ppk/key = abc", f"- {LEAF}/ike/ppk/key = (not shown)"),
        (f"+ {LEAF}/local-id/key = abc", f"+ {LEAF}/local-id/key = abc"),
        (f"+ {LEAF}/description = a/secret = b", f"+ {LEAF}/description = a/secret = b"),
        (f'+ {LEAF}/description = "two\\nlines"', f'+ {LEAF}/description = "two\\nlines"'),
        (
            rf'+ {LEAF}/description = "Z\u00fc\u2192\u00a0\u2800\u007f\ud83d\ude00\udb80\udc00\"x\\u00fc"',
            rf'+ {LEAF}/description = "Zü→\u00a0\u2800\u007f😀\udb80\udc00\"x\\u00fc"',
        ),
        (rf'+ {LEAF}/description = "\u00fc', rf'+ {LEAF}/description = "\u00fc'),
        (rf"+ {LEAF}/description = \u00fc", rf"+ {LEAF}/description = \u00fc"),
        (rf'+ {LEAF}/secret = "\u00fc\u007f"', f"+ {LEAF}/secret = (not shown)"),
        ("+ /m:unknown/x = abc", "+ /m:unknown/x = (not shown)"),
        ("+ what is not a path = abc", "+ what is not a path = (not shown)"),
        (f"+ {LEAF}", f"+ {LEAF}"),
        (
            "+ /yangswan-pki:certificates/certificate[name='a/b = ]']/crl-uri = http://x",
            "+ /yangswan-pki:certificates/certificate[name='a/b = ]']/crl-uri = http://x",
        ),
        (
            r"""+ /yangswan-ipsec:tunnels/ipsec[id="1\"] = "]/secret = abc""",
            r"""+ /yangswan-ipsec:tunnels/ipsec[id="1\"] = "]/secret = (not shown)""",
        ),
        (
            "~ /ietf-netconf-acm:nacm/rule-list[name='a'] first",
            "~ /ietf-netconf-acm:nacm/rule-list[name='a'] first",
        ),
    ],
)
def test_a_difference_is_shown_without_a_secret(line: str, shown: str) -> None:
    reply = data("")
    etree.SubElement(reply, f"{{{AGENT}}}text").text = line
    assert list(difference_lines(reply, schema())) == [shown]


@pytest.mark.parametrize(
    ("target", "value", "shown"),
    [
        ("/yangswan-ipsec:tunnels/ipsec=1/secret", "<secret>abc</secret>", {}),
        (
            "/yangswan-ipsec:tunnels/ipsec=1/ike/ppk",
            "<ppk><id>q</id><key>abc</key></ppk>",
            {"yangswan-ipsec:ppk": {"id": "q"}},
        ),
        (
            "/yangswan-ipsec:tunnels/ipsec=1/local-id",
            "<local-id><key>k</key></local-id>",
            {"yangswan-ipsec:local-id": {"key": "k"}},
        ),
        (
            "/",
            "<tunnels><ipsec><id>1</id><secret>abc</secret></ipsec></tunnels>",
            {"yangswan-ipsec:tunnels": {"ipsec": [{"id": 1}]}},
        ),
        ("/m:unknown/x", "<x>abc</x>", {}),
    ],
)
def test_a_patch_is_shown_without_a_secret(target: str, value: str, shown: object) -> None:
    value = value.replace(">", f' xmlns="{IPSEC}">', 1)
    reply = data(
        f'<differences xmlns="{AGENT}"><yang-patch><edit><edit-id>1</edit-id><operation>replace</operation>'
        f"<target>{target}</target><value>{value}</value></edit></yang-patch></differences>"
    )
    found = difference_json(reply, schema())
    (edit,) = found["yangswan-agent:differences"]["yang-patch"]["edit"]
    assert edit["value"] == shown
