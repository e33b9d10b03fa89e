"""``show ipsec`` and ``show ipsec N``, for each status and width, from what a server answers."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from lxml import etree
from rich.cells import cell_len

from console.client.session import Element
from console.show import tunnels
from console.show.data import IPSEC
from console.show.tunnel import page, show_log, show_tunnel, tunnel_in
from console.show.tunnels import PAGE, WHOLE, Overview, show_tunnels, tunnels_in
from tests.console.fakes import Printed, Server, console, data, schema
from tests.console.golden import WIDTHS, at_each_width, is_golden

CASES = Path(__file__).parent / "cases"
NOW = datetime(2026, 11, 27, 12, 0, 0, tzinfo=UTC)
MANUAL = (Path(__file__).parent / "manual.txt").read_text(encoding="utf-8")


def case(name: str) -> Element:
    return data((CASES / f"{name}.xml").read_text(encoding="utf-8"))


def overview(name: str, width: int | None, only: str = "") -> str:
    shown = Overview(schema(), only)
    for tunnel in tunnels_in(case(name)):
        shown.add(tunnel)
    return "\n".join(shown.lines(width))


def detail(name: str, width: int | None) -> str:
    tunnel = tunnel_in(case(name))
    assert tunnel is not None
    return page(tunnel, schema(), NOW, width=width, zone=UTC)


@pytest.mark.parametrize("name", ["manual", "states"])
def test_the_table_is_as_it_was_at_each_width(name: str) -> None:
    is_golden(
        CASES / f"{name}.table.txt", at_each_width([(width, overview(name, width)) for width in WIDTHS])
    )


@pytest.mark.parametrize("name", ["manual", "down"])
def test_the_page_of_a_tunnel_is_as_it_was_at_each_width(name: str) -> None:
    is_golden(CASES / f"{name}.page.txt", at_each_width([(width, detail(name, width)) for width in WIDTHS]))


def test_the_table_has_the_columns_and_words_of_the_manual() -> None:
    shown = overview("manual", 80)
    assert " ".join(shown.split()) == " ".join(MANUAL.partition("---")[0].split())
    assert re.split(r" {2,}", shown.splitlines()[0]) == [
        "ID",
        "DESCRIPTION",
        "STATUS",
        "TIME (since last rekey)",
    ]


def test_the_page_begins_with_the_lines_of_the_manual() -> None:
    lines = detail("manual", 100).splitlines()
    wanted = MANUAL.partition("---\n")[2].splitlines()
    assert lines[: len(wanted)] == wanted


@pytest.mark.parametrize("width", [*range(20, 100, 7), None])
@pytest.mark.parametrize("name", ["manual", "states"])
def test_no_line_of_a_table_is_wider_than_the_terminal(name: str, width: int | None) -> None:
    lines = overview(name, width).splitlines()
    assert width is None or max(map(cell_len, lines)) <= width
    assert sum(line.startswith(f"{one} ") for line in lines for one in ("1", "10", "65535")) >= 1


@pytest.mark.parametrize("width", range(20, 100, 7))
@pytest.mark.parametrize("name", ["manual", "down"])
def test_no_line_of_a_page_is_wider_than_the_terminal(name: str, width: int) -> None:
    assert max(map(cell_len, detail(name, width).splitlines())) <= width


@pytest.mark.parametrize("width", WIDTHS)
def test_what_a_peer_or_a_user_chose_does_nothing_to_a_terminal(width: int | None) -> None:
    for shown in (overview("states", width), detail("down", width)):
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", shown)
    assert r"\u202e" in detail("down", width)


def page_of(inside: str) -> str:
    tunnel = tunnel_in(data(f'<tunnels xmlns="{IPSEC}"><ipsec><id>1</id>{inside}</ipsec></tunnels>'))
    assert tunnel is not None
    return page(tunnel, schema(), NOW, width=None, zone=UTC)


@pytest.mark.parametrize(
    ("configured", "applied", "said"),
    [
        ("", "applied", "Down: waits for the peer to call; one of the two gateways needs 'initiator'"),
        ("<initiator>true</initiator>", "applied", "Down: nothing is being done about the tunnel"),
        ("", "refused", "Down: nothing is being done about the tunnel"),
        ("<enabled>false</enabled>", "dormant", "Down: it is disabled ('enable' and 'commit' begin it)"),
    ],
)
def test_a_tunnel_that_is_down_says_why_nothing_happens(configured: str, applied: str, said: str) -> None:
    state = f"<state><status>down</status><applied>{applied}</applied></state>"
    assert re.search(rf"^Status +{re.escape(said)}$", page_of(configured + state), re.MULTILINE)


@pytest.mark.parametrize(
    ("conditions", "said"),
    [
        ("local any", "this gateway is behind one"),
        ("remote any", "the peer is behind one, or pretends to be, to have ESP in UDP"),
        ("any", "none; this gateway pretends one, to have ESP in UDP"),
        ("", ""),
    ],
)
def test_a_nat_that_may_be_pretended_is_not_said_to_be_one(conditions: str, said: str) -> None:
    leafs = "".join(f"<nat-{one}>true</nat-{one}>" for one in conditions.split())
    sa = f"<ike-sa><unique-id>1</unique-id>{leafs}</ike-sa>"
    shown = page_of(f"<state><status>installed</status>{sa}</state>")
    found = re.search(r"^NAT +(.*)$", shown, re.MULTILINE)
    assert (found[1] if found else "") == said


def test_only_what_is_up_or_down_is_shown() -> None:
    assert [line.split()[0] for line in overview("states", None, "up").splitlines()[1:4]] == ["1", "9", "10"]
    ids = [line.split()[0] for line in overview("states", None, "down").splitlines()[1:9]]
    assert ids == ["2", "3", "4", "5", "6", "7", "8", "65535"]
    assert overview("manual", None, "down") == "No tunnel is down."


def test_where_there_is_no_tunnel_it_is_said_how_one_begins() -> None:
    out = Printed()
    assert not show_tunnels(console(Server(), out), {})
    assert out.texts == ["There is no tunnel: 'config', 'tunnel', 'ipsec 1' begin one."]


def many(asked: Element, there: int = 0) -> Element:
    """Answer as a server with tunnels 1 to ``there``: those that are asked for by their ids, or all."""
    ids = [one.text for one in asked.iter(f"{{{IPSEC}}}id")]
    if ids == [None]:
        ids = [str(one) for one in range(1, there + 1)]
    row = "<ipsec><id>{}</id><state><status>{}</status></state></ipsec>"
    rows = (row.format(one, "installed" if int(one or 0) % 2 else "down") for one in ids)
    return data(f'<tunnels xmlns="{IPSEC}">{"".join(rows)}</tunnels>')


def all_ids(count: int) -> Element:
    rows = "".join(f"<ipsec><id>{one}</id></ipsec>" for one in range(1, count + 1))
    return data(f'<tunnels xmlns="{IPSEC}">{rows}</tunnels>')


def test_thousands_of_tunnels_are_asked_for_at_once_by_what_the_table_needs() -> None:
    server = Server({"running": all_ids(WHOLE), "get": partial(many, there=WHOLE)})
    out = Printed()
    show_tunnels(console(server, out), {})
    (asked,) = [asked for what, asked in server.asked if what == "get" and asked is not None]
    assert not list(asked.iter(f"{{{IPSEC}}}ike-sa"))
    assert len(out.texts[0].splitlines()) == WHOLE + 1


def test_more_of_them_are_asked_for_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tunnels, "WHOLE", 3 * PAGE)
    server = Server({"running": all_ids(3 * PAGE + 1), "get": many})
    out = Printed()
    show_tunnels(console(server, out), {})
    pages = [asked for what, asked in server.asked if what == "get" and asked is not None]
    assert [len(list(asked.iter(f"{{{IPSEC}}}id"))) for asked in pages] == [PAGE, PAGE, PAGE, 1]
    assert all(len(list(asked.iter())) < 10_000 for asked in pages)  # what the server takes
    assert not any(list(asked.iter(f"{{{IPSEC}}}ike-sa")) for asked in pages)
    assert len(out.texts[0].splitlines()) == 3 * PAGE + 2


def test_as_json_it_is_the_data_itself() -> None:
    out = Printed(as_json=True)
    show_tunnels(console(Server({"running": all_ids(3), "get": partial(many, there=3)}), out), {"up": "up"})
    assert out.documents == [
        {
            "yangswan-ipsec:tunnels": {
                "ipsec": [
                    {"id": 1, "state": {"status": "installed"}},
                    {"id": 3, "state": {"status": "installed"}},
                ]
            }
        }
    ]


def test_a_tunnel_that_is_not_there_is_an_error() -> None:
    for show in (show_tunnel, show_log):
        out = Printed()
        assert show(console(Server(), out), {"ID": "9"}) == 1
        assert (out.texts, out.warnings) == ([], ["there is no tunnel 9"])


def test_all_events_of_a_tunnel_are_in_its_log() -> None:
    out = Printed(80)
    assert show_log(console(Server({"get": case("down")}), out), {"ID": "7"}) == 0
    lines = out.texts[0].splitlines()
    assert sum(line.startswith("2026-11-2") for line in lines) == 6
    assert "failed 17 times: A secret or an identity was not accepted" in out.texts[0]


def test_a_page_as_json_has_the_types_of_the_model() -> None:
    out = Printed(as_json=True)
    assert show_tunnel(console(Server({"get": case("down")}), out), {"ID": "7"}) == 0
    (tunnel,) = out.documents[0]["yangswan-ipsec:tunnels"]["ipsec"]
    state = tunnel["state"]
    assert (tunnel["id"], tunnel["initiator"], state["sas-unknown"]) == (7, True, [None])
    assert state["child-sa"][0]["bytes-in"] == "18446744073709551615"
    assert state["child-sa"][0]["local-ts"] == ["10.1.0.0/16", "10.3.0.0/16"]
    assert state["ike-sa"][0]["version"] == 2


def test_the_page_asks_for_no_secret() -> None:
    server = Server({"get": case("manual")})
    show_tunnel(console(server), {"ID": "1"})
    (asked,) = [one for what, one in server.asked if what == "get"]
    assert asked is not None
    names = {etree.QName(one).localname for one in asked.iter()}
    assert not names & {"authentication", "psk", "secret", "ppk"}
