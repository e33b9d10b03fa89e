"""The web page of the program as it runs, with the tunnels of a gateway: logins, streams, and their ends."""

from __future__ import annotations

import base64
import http.client
import json
import re
import shutil
import signal
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from agent.page.files import FOLDER
from agent.restconf.passwords import hash_of
from tests.agent.http.door_lab import Authority
from tests.agent_process import AgentProcess, start_agent
from tests.wire.test_sessions import logged

WORD = "correct-horse"
HASH = hash_of(WORD.encode())
LIMIT_S = 60
TUNNELS = "/restconf/data/yangswan-ipsec:tunnels"
YANG = "application/yang-data+json"
UPDATE, PATCH = "ietf-yang-push:push-update", "ietf-yang-push:push-change-update"


def tunnel(number: int, description: str = "to bob") -> dict[str, Any]:
    return {
        "id": number, "description": description, "local-address": "192.0.2.1",
        "peer": f"198.51.100.{number}", "initiator": True, "secret": "correct-horse-battery",
    }  # fmt: skip


@dataclass
class Site:
    """An agent, and a browser that has been to its page."""

    process: AgentProcess
    folder: Path
    context: ssl.SSLContext | None
    port: int
    web: str = ""
    cookie: str = ""
    token: str = ""

    def connected(self) -> http.client.HTTPConnection:
        if self.context is None:
            return http.client.HTTPConnection("localhost", self.port, timeout=LIMIT_S)
        return http.client.HTTPSConnection("localhost", self.port, context=self.context, timeout=LIMIT_S)

    def ask(
        self, method: str, path: str, content: object = None, **fields: str
    ) -> tuple[int, dict[str, str], bytes]:
        connection = self.connected()
        given = {**self.fields, **fields}
        body = None if content is None else json.dumps(content).encode()
        try:
            connection.request(method, path, body, {"Content-Type": YANG, **given})
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    @property
    def fields(self) -> dict[str, str]:
        """What the page sends with each request, or else a program."""
        if not self.cookie and not self.token:
            return {"Authorization": "Basic " + base64.b64encode(f"admin:{WORD}".encode()).decode()}
        return {"Cookie": self.cookie, "X-CSRF-Token": self.token}

    def program(self) -> Site:
        """Return who asks without a page, with the password of the admin."""
        return replace(self, cookie="", token="")

    def log_in(self, user: str) -> None:
        content = {"user": user, "password": WORD}
        status, fields, body = self.ask("POST", "/session", content, **{"Content-Type": "application/json"})
        assert status == 200, body
        self.cookie = fields["set-cookie"].partition(";")[0]
        self.token = json.loads(body)["csrf-token"]

    def as_user(self, user: str) -> Site:
        other = Site(self.process, self.folder, self.context, self.port)
        other.log_in(user)
        return other

    @contextmanager
    def following(self, query: str = "") -> Iterator[Events]:
        connection = self.connected()
        try:
            connection.request("GET", f"/events{query}", headers={"Cookie": self.cookie})
            answer = connection.getresponse()
            assert answer.status == 200
            yield Events(answer)
        finally:
            connection.close()

    def write(self, *, passwords: str, web: str = "") -> None:
        web = web or self.web
        (self.folder / "settings.toml").write_text(f"{web}\n[web.passwords]\n{passwords}\n")


@dataclass
class Events:
    answer: http.client.HTTPResponse
    seen: list[str] = field(default_factory=list)

    def next(self) -> tuple[str, Any]:
        lines: list[bytes] = []
        while (line := self.answer.readline()) not in (b"\n", b""):
            lines.append(line.rstrip(b"\n"))
        if not lines:
            raise EOFError
        name, data = lines
        self.seen.append(name.removeprefix(b"event: ").decode())
        return self.seen[-1], json.loads(data.removeprefix(b"data: "))

    def until(self, name: str, that: Callable[[Any], bool] = lambda content: True) -> Any:
        while True:
            found, content = self.next()
            if found == name and that(content):
                return content

    def pushed(self, kind: str, id: int) -> Any:
        """Return the next push of that kind to the subscription ``id``."""

        def that(content: Any) -> bool:
            return bool(content["ietf-restconf:notification"].get(kind, {}).get("id") == id)

        return self.until("push", that)["ietf-restconf:notification"][kind]


def begun(folder: Path, web: str, context: ssl.SSLContext | None) -> Site:
    site = Site(AgentProcess.__new__(AgentProcess), folder, context, 0, web=web)
    site.write(passwords=f'admin = "{HASH}"\nguest = "{HASH}"\nanna = "{HASH}"')
    process = start_agent(folder / "var", ["--config", str(folder / "settings.toml")])
    said = process.line_with("RESTCONF on http")
    found = re.search(r":(\d+)/restconf", said)
    assert found is not None
    site.process, site.port = process, int(found[1])
    return site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    authority = Authority(tmp_path)
    certificate, key = authority.issue_server()
    shutil.copy(certificate, tmp_path / "web.crt")
    shutil.copy(key, tmp_path / "web.key")
    web = '[web]\nlisten = "127.0.0.1:0"\ncertificate = "web.crt"\nkey = "web.key"\n'
    made = begun(tmp_path, web + f'client-authority = "{authority.file}"', authority.trusting())
    try:
        made.log_in("admin")
        content = {"yangswan-ipsec:tunnels": {"ipsec": [tunnel(1), tunnel(2)]}}
        assert made.ask("PUT", TUNNELS, content)[0] == 204
        readers = {"ietf-netconf-acm:group": [{"name": "reader", "user-name": ["guest"]}]}
        assert made.ask("PUT", "/restconf/data/ietf-netconf-acm:nacm/groups/group=reader", readers)[0] == 204
        yield made
    finally:
        if made.process.process.poll() is None:
            assert made.process.stop() == 0
    log = "".join(made.process.log)
    assert "Traceback" not in log
    for secret in (WORD, HASH, made.cookie.partition("=")[2], made.token):
        assert secret not in log


def test_a_tab_is_told_of_tunnels_as_they_change(site: Site) -> None:
    with site.following("?traffic-s=2") as events:
        name, hello = events.next()
        ids = hello["subscriptions"]
        assert (name, hello["user"], set(ids)) == ("hello", "admin", {"state", "traffic"})
        first = events.pushed(UPDATE, ids["state"])
        entries = first["datastore-contents"]["yangswan-ipsec:tunnels"]["ipsec"]
        assert [one["id"] for one in entries] == [1, 2]
        assert entries[0]["state"]["status"] == "down"
        assert set(entries[0]) == {
            "id", "enabled", "description", "initiator", "local-address", "peer", "state",
        }  # fmt: skip
        assert events.pushed(UPDATE, ids["traffic"])
        change = {"yangswan-ipsec:description": "to the branch"}
        assert site.ask("PUT", f"{TUNNELS}/ipsec=1/description", change)[0] == 204
        found: dict[str, Any] = {}
        while not {"push", "notification"} <= set(found):
            name, content = events.next()
            if name == "notification" or PATCH in content.get("ietf-restconf:notification", {}):
                found[name] = content["ietf-restconf:notification"]
        (edit,) = found["push"][PATCH]["datastore-changes"]["yang-patch"]["edit"]
        assert edit["value"] == {"yangswan-ipsec:description": "to the branch"}
        assert "ietf-netconf-notifications:netconf-config-change" in found["notification"]
        assert site.ask("DELETE", f"{TUNNELS}/ipsec=2")[0] == 204
        gone = events.pushed(PATCH, ids["state"])
        assert [one["operation"] for one in gone["datastore-changes"]["yang-patch"]["edit"]] == ["delete"]
        assert site.ask("DELETE", "/session")[0] == 204
        assert events.until("over") == {"reason": "logout"}
        with pytest.raises(EOFError):
            events.next()
    assert site.ask("GET", "/session")[0] == 204


def test_no_secret_comes_to_a_page_whatever_its_user_may_read(site: Site) -> None:
    secret = b"correct-horse-battery"
    compare = {"yangswan-agent:input": {"from": 1, "as": "text"}}
    asked: tuple[tuple[str, str, object], ...] = (
        ("GET", TUNNELS, None),
        ("GET", f"{TUNNELS}/ipsec=1", None),
        ("GET", "/restconf/data", None),
        ("GET", "/restconf/ds/ietf-datastores:running", None),
        ("GET", "/restconf/ds/ietf-datastores:operational/yangswan-ipsec:tunnels", None),
        ("POST", "/restconf/operations/yangswan-agent:compare-commits", compare),
    )
    for method, path, content in asked:
        status, _, body = site.ask(method, path, content)
        assert (status, b"198.51.100.1" in body, secret in body) == (200, True, False), (path, body)
        assert secret in site.program().ask(method, path, content)[2], path
    assert site.ask("GET", f"{TUNNELS}/ipsec=1/secret")[0] == 404
    assert secret not in site.ask("GET", f"{TUNNELS}/ipsec=1?fields=secret")[2]
    # It can be written all the same.
    other = [{**tunnel(number), "secret": "another-one-of-many"} for number in (1, 2)]
    assert site.ask("PUT", TUNNELS, {"yangswan-ipsec:tunnels": {"ipsec": other}})[0] == 204
    assert b"another-one-of-many" in site.program().ask("GET", TUNNELS)[2]


def test_a_reader_is_told_all_and_changes_nothing(site: Site) -> None:
    guest = site.as_user("guest")
    with guest.following() as events:
        _, hello = events.next()
        assert "refused" not in hello
        shown = events.pushed(UPDATE, hello["subscriptions"]["state"])
        assert len(shown["datastore-contents"]["yangswan-ipsec:tunnels"]["ipsec"]) == 2
        assert "secret" not in json.dumps(shown)
    status, _, body = guest.ask("DELETE", f"{TUNNELS}/ipsec=2")
    assert (status, b"access-denied" in body) == (403, True)


def test_a_user_without_a_group_is_told_what_he_lacks(site: Site) -> None:
    """The first rules let who is in no group read, and no operation is denied to him that only reads."""
    with site.as_user("anna").following() as events:
        _, hello = events.next()
        assert set(hello["subscriptions"]) | set(hello.get("refused", {})) >= {"state", "traffic"}
    deny = {
        "ietf-netconf-acm:rule-list": [
            {
                "name": "anna", "group": ["watchers"],
                "rule": [{"name": "no", "rpc-name": "establish-subscription", "action": "deny"}],
            }
        ]
    }  # fmt: skip
    group = {"ietf-netconf-acm:group": [{"name": "watchers", "user-name": ["anna"]}]}
    nacm = "/restconf/data/ietf-netconf-acm:nacm"
    assert site.ask("PUT", f"{nacm}/groups/group=watchers", group)[0] == 201
    assert site.ask("PUT", f"{nacm}/rule-list=anna", deny)[0] == 201
    with site.as_user("anna").following() as events:
        _, hello = events.next()
        assert (hello["subscriptions"], set(hello["refused"])) == ({}, {"state", "traffic"})
        events.until("alive")


def test_streams_and_sessions_end_when_settings_say_so(site: Site) -> None:
    anna, guest = site.as_user("anna"), site.as_user("guest")
    with anna.following() as hers, guest.following() as his:
        hers.next()
        his.next()
        site.write(passwords=f'admin = "{HASH}"\nguest = "{HASH}"')
        site.process.process.send_signal(signal.SIGHUP)
        assert hers.until("over") == {"reason": "changed"}
        assert anna.ask("GET", "/session")[0] == 204
        assert guest.ask("GET", "/session")[0] == 200
        assert site.process.stop() == 0
        assert his.until("over") == {"reason": "stopping"}


def test_what_is_shipped_is_served(site: Site) -> None:
    assert site.ask("GET", "/")[0] == 200
    for file in FOLDER.iterdir():
        status, fields, body = site.ask("GET", f"/static/{file.name}")
        assert (status, body) == (200, file.read_bytes())
        assert fields["x-content-type-options"] == "nosniff"
    assert site.program().ask("GET", "/restconf/data")[0] == 200


async def test_without_the_page_restconf_alone_is_there(tmp_path: Path) -> None:
    made = begun(tmp_path, '[web]\nlisten = "127.0.0.1:0"\npage = false', None)
    try:
        for path in ("/", "/session", "/events", "/static/index.html"):
            assert made.ask("GET", path)[0] == 404
        assert made.ask("GET", "/restconf/data", Authorization="")[0] == 401
        made.write(passwords=f'admin = "{HASH}"', web='[web]\nlisten = "127.0.0.1:0"\npage = true')
        made.process.process.send_signal(signal.SIGHUP)
        await logged(made.process, "the setting 'web.page' has changed and needs a restart")
        assert made.ask("GET", "/")[0] == 404
    finally:
        assert made.process.stop() == 0
