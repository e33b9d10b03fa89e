"""Who may ask, and what becomes of who guesses; access control holds for what is answered."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from agent.http.tls import Tls
from agent.restconf import passwords as room
from agent.restconf.passwords import Passwords, TooManyTries, fault_of, hash_of, is_right
from agent.settings import Settings
from agent.transport.limits import Limits
from agent.web_settings import Web
from tests.agent.handlers import Lab
from tests.agent.http.door_lab import PATIENCE_S, Authority
from tests.agent.lab import top
from tests.agent.restconf.client import BOUNDS, DATA, HASH, WORD, Client, basic, serving

AT = "/every-construct:top/entry"
NACM = "urn:ietf:params:xml:ns:yang:ietf-netconf-acm"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        basic("tester", "wrong"),
        basic("nobody"),
        basic("tester", ""),
        basic("tester", WORD * 100),
        basic("tester", WORD * 500),
        {"Authorization": "Basic"},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic dGVzdGVy"},
        {"Authorization": "Basic /w=="},
        {"Authorization": "Bearer abc"},
    ],
)
async def test_who_cannot_say_who_he_is_hears_nothing(client: Client, fields: dict[str, str]) -> None:
    stranger = replace(client, fields=fields)
    for method, target in (("GET", DATA), ("GET", "/restconf/nothing"), ("POST", "/restconf/operations/a:b")):
        found = await stranger.ask(method, target)
        assert found.status == 401
        assert found.fields["www-authenticate"].startswith("Basic realm=")
        assert found.error["error-tag"] == "access-denied"


async def test_nothing_of_a_body_is_read_of_who_is_nobody(client: Client) -> None:
    """He is answered though his body never comes."""
    stranger = replace(client, fields={})
    reader, writer = await stranger.send("POST", DATA, Content_Length="5000")
    async with asyncio.timeout(PATIENCE_S):
        assert b" 401 " in await reader.readline()
    writer.transport.abort()


async def test_who_guesses_is_locked_out_and_comes_back_to_no_work(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(lab, tmp_path, tries=3) as client:
        guessing = client.as_user("tester", "wrong")
        assert [(await guessing.ask("GET", DATA)).status for _ in range(3)] == [401] * 3
        monkeypatch.setattr(room, "is_right", None)  # nobody works out anything any more
        for one in (guessing, client, client.as_user("nobody")):
            found = await one.ask("GET", DATA)
            assert found.status == 429
            assert int(found.fields["retry-after"]) > 0
    assert "127.0.0.1" in (tmp_path / "lockout.json").read_text()


async def test_a_login_forgives_the_tries_before(lab: Lab, tmp_path: Path) -> None:
    async with serving(lab, tmp_path, tries=3) as client:
        for _ in range(2):
            for password in ("wrong", "wrong too"):
                await client.as_user("bob", password).ask("GET", DATA)
            found = await client.as_user("bob").ask("GET", "/restconf")
            client.passwords._right.clear()
            assert found.status == 200


async def test_no_login_under_another_name_forgives_tries(lab: Lab, tmp_path: Path) -> None:
    """Who has an account, for SSH or here, guesses the passwords of others no longer than who has none."""
    async with serving(lab, tmp_path, tries=3) as client:
        for _ in range(3):
            assert (await client.as_user("reader", "wrong").ask("GET", DATA)).status == 401
            client.passwords._right.clear()
            client.lockout.succeeded("127.0.0.1")  # as by SSH
            assert (await client.as_user("bob").ask("GET", "/restconf")).status == 200
        for password in ("wrong", WORD):
            found = await client.as_user("reader", password).ask("GET", DATA)
            assert found.status == 429
            assert int(found.fields["retry-after"]) > 0
        for other in ("bob", "tester"):
            assert (await client.as_user(other).ask("GET", "/restconf")).status == 200
    assert "'reader' from 127.0.0.1" in (tmp_path / "lockout-names.json").read_text()


async def test_names_that_nobody_has_wait_as_others_do(lab: Lab, tmp_path: Path) -> None:
    async with serving(lab, tmp_path, tries=2) as client:
        for name in ("reader", "nobody", "n" * 300):
            found = []
            for _ in range(3):
                client.lockout.succeeded("127.0.0.1")
                found.append((await client.as_user(name, "wrong").ask("GET", DATA)).status)
            assert found == [401, 401, 429]


async def test_an_address_of_a_recovery_user_guesses_no_longer_than_others(lab: Lab, tmp_path: Path) -> None:
    """By SSH he gets in from there all the same: a key is not guessed."""
    async with serving(lab, tmp_path, tries=3) as client:
        favoured = client.logins._favoured
        favoured.begin(any_users=True)
        favoured.logged_in("127.0.0.1")
        guesses = [(await client.as_user("bob", f"{one}").ask("GET", DATA)).status for one in range(5)]
        assert guesses == [401, 401, 401, 429, 429]
        await favoured.kept.written()


async def test_other_limits_hold_for_tries_of_a_name(client: Client) -> None:
    now = Settings(web=Web("127.0.0.1", 0, passwords={"bob": HASH}))
    client.web_door().take_over(now, replace(Limits(), lockout_tries=1))
    found = [(await client.as_user("bob", "wrong").ask("GET", DATA)).status for _ in range(2)]
    assert found == [401, 429]
    assert client.lockout.remaining_s("127.0.0.1") == 0


async def test_who_has_logged_in_is_known_for_a_while(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await client.ask("GET", "/restconf")).status == 200
    monkeypatch.setattr(room, "is_right", None)
    assert (await client.ask("GET", "/restconf")).status == 200


async def test_a_certificate_says_who_somebody_is(lab: Lab, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    tls = Tls(*authority.issue_server(), clients=authority.file)
    async with serving(lab, tmp_path, tls=tls) as client:
        bob, eve = authority.issue("bob"), authority.issue("eve")
        for shown, status in ((bob, 200), (eve, 401), (None, 401)):
            one = replace(client, fields={}, tls=authority.trusting(shown))
            assert (await one.ask("GET", "/restconf")).status == status
        both = replace(client, tls=authority.trusting(eve))
        assert (await both.ask("GET", "/restconf")).status == 200
        by_password = replace(client, tls=authority.trusting())
        made = await by_password.put(f"{AT}=1", {"every-construct:entry": [{"id": "1"}]})
        assert made.fields["location"].startswith("https://")


RULES = (
    f'<nacm xmlns="{NACM}"><groups><group><name>readers</name><user-name>reader</user-name></group></groups>'
    "<rule-list><name>readers</name><group>readers</group>"
    "<rule><name>get</name><rpc-name>get-data</rpc-name><action>permit</action></rule>"
    '<rule><name>hidden</name><path xmlns:ec="urn:yangswan:test:every-construct">'
    "/ec:top/ec:entry/ec:hidden</path>"
    "<access-operations>*</access-operations><action>deny</action></rule>"
    "<rule><name>read</name><module-name>*</module-name><access-operations>read</access-operations>"
    "<action>permit</action></rule>"
    "<rule><name>rest</name><module-name>*</module-name><access-operations>*</access-operations>"
    "<action>deny</action></rule></rule-list></nacm>"
)


async def test_access_control_holds(client: Client) -> None:
    await client.lab.commit(RULES + top("<entry><id>1</id><number>1</number><hidden>s3cret</hidden></entry>"))
    reader = client.as_user("reader")
    assert "s3cret" in (await client.get(f"{AT}=1")).text
    for path in ("", AT, f"{AT}=1", f"{AT}=1?fields=hidden", f"{AT}=1/hidden"):
        assert "s3cret" not in (await reader.get(path)).text
    assert (await reader.get(f"{AT}=1/number?content=config")).status == 200
    for found in (
        await reader.put(f"{AT}=1/number", {"every-construct:number": 2}),
        await reader.ask("DELETE", f"{DATA}{AT}=1"),
        await reader.post("/every-construct:top", {"every-construct:entry": [{"id": "2"}]}),
        await reader.ask("POST", "/restconf/operations/every-construct:sum"),
        await reader.ask("POST", f"{DATA}{AT}=1/poke", '{"every-construct:input": {"strength": 1}}'),
    ):
        assert (found.status, found.error["error-tag"]) == (403, "access-denied"), found.text
    assert client.lab.candidate == client.lab.running
    assert client.lab.translator.log.count("rpc sum") == 0


ALL_MAY_WRITE = f'<nacm xmlns="{NACM}"><write-default>permit</write-default></nacm>'


async def test_bodies_at_once_have_a_bound(client: Client) -> None:
    await client.lab.commit(ALL_MAY_WRITE)
    half = BOUNDS.bodies_octets // 2
    waiting = [
        await client.as_user(user).send("PUT", f"{DATA}{AT}=1", b"x" * half, Content_Length=str(half + 1))
        for user in ("tester", "bob")
    ]
    async with asyncio.timeout(PATIENCE_S):
        while client.app._bodies.held < 2 * half:  # noqa: ASYNC110 - there is no event of it
            await asyncio.sleep(0)
    found = await client.put(f"{AT}=1", {"every-construct:entry": [{"id": "1"}]})
    assert (found.status, found.error["error-tag"]) == (503, "resource-denied")
    for _, writer in waiting:
        writer.transport.abort()
    await asyncio.wait_for(client.door.hall.empty.wait(), PATIENCE_S)
    async with asyncio.timeout(PATIENCE_S):
        while client.app._bodies.held:  # noqa: ASYNC110 - there is no event of it
            await asyncio.sleep(0)
    assert (await client.put(f"{AT}=1", {"every-construct:entry": [{"id": "1"}]})).status == 201


async def test_bodies_of_one_user_leave_room_for_others(client: Client) -> None:
    await client.lab.commit(ALL_MAY_WRITE)
    entry, body = f"{DATA}{AT}=1", b"x" * (BOUNDS.body_octets - 10)
    _, writer = await client.send("PUT", entry, body, Content_Length=str(len(body) + 1))
    async with asyncio.timeout(PATIENCE_S):
        while client.app._bodies.held < len(body):  # noqa: ASYNC110 - there is no event of it
            await asyncio.sleep(0)
    content = {"every-construct:entry": [{"id": "1"}]}
    found = await client.put(f"{AT}=1", content)
    assert (found.status, found.error["error-tag"], found.fields["retry-after"]) == (
        503,
        "resource-denied",
        "1",
    )
    assert "this user" in found.error["error-message"]
    assert (await client.as_user("bob").put(f"{AT}=1", content)).status == 201
    writer.transport.abort()
    await asyncio.wait_for(client.door.hall.empty.wait(), PATIENCE_S)
    async with asyncio.timeout(PATIENCE_S):
        while client.app._bodies.held:  # noqa: ASYNC110 - there is no event of it
            await asyncio.sleep(0)
    assert not client.app._bodies.of_users
    assert (await client.put(f"{AT}=1", content)).status == 204


# -- passwords -----------------------------------------------------------------------------


def test_a_hash_is_of_its_password_alone() -> None:
    assert is_right(WORD.encode(), HASH)
    assert not is_right(b"wrong", HASH)
    assert hash_of(b"same") != hash_of(b"same")
    assert fault_of(HASH) is None


@pytest.mark.parametrize(
    "written",
    [
        "",
        "secret",
        "$argon2i$v=19$m=19456,t=2,p=1$0lMiy70JjtS70fPGV63U2w$waRExSDQ3nucFPYdx5Qqm9LDJa5MUa7RCuV1xYFI6Xc",
        HASH.replace("m=19456", "m=99999999"),
        HASH.replace("t=2", "t=9999"),
        HASH.replace("p=1", "p=0"),
        HASH.replace("m=19456", "m=1"),
        HASH + "\n",
    ],
)
def test_what_is_no_hash_or_costs_too_much_is_refused(written: str) -> None:
    assert fault_of(written) is not None


async def test_who_is_not_there_costs_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []

    def look(password: bytes, written: str) -> bool:
        looked.append(written)
        return is_right(password, written)

    monkeypatch.setattr(room, "is_right", look)
    made = Passwords({"ann": HASH})
    assert not await made.is_right("eve", WORD.encode())
    assert not await made.is_right("ann", b"wrong")
    assert looked[0].rpartition("$")[0] == looked[1].rpartition("$")[0]
    assert fault_of(looked[0]) is None
    made.close()
    nobody = Passwords({})
    assert not await nobody.is_right("eve", b"x")
    nobody.close()
    assert fault_of(looked[-1]) is None
    assert looked[-1].startswith(hash_of(b"any").rpartition("$")[0].rpartition("$")[0])


async def test_who_is_not_there_costs_what_one_of_those_does_who_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """For hashes of different costs, too, and for those that come later: no time tells of a user."""
    looked: list[str] = []

    def look(_password: bytes, written: str) -> bool:
        looked.append(written.split("$")[3])
        return False

    async def costs_of(made: Passwords) -> list[str]:
        looked.clear()
        for number in range(64):
            await made.is_right(f"nobody {number}", b"x")
        return list(looked)

    monkeypatch.setattr(room, "is_right", look)
    hashes = {"ann": HASH, "bob": HASH.replace("t=2", "t=3"), "cid": HASH.replace("t=2", "t=4")}
    made, restarted = Passwords({"ann": HASH}), Passwords(hashes)
    assert set(await costs_of(made)) == {"m=19456,t=2,p=1"}
    made.take_over(hashes)
    costs = await costs_of(made)
    assert set(costs) == {f"m=19456,t={t},p=1" for t in (2, 3, 4)}
    assert await costs_of(made) == costs == await costs_of(restarted)
    made.take_over({"bob": hashes["bob"]})
    assert set(await costs_of(made)) == {"m=19456,t=3,p=1"}
    made.close()
    restarted.close()


async def test_no_more_wait_than_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Passwords({"ann": HASH})
    monkeypatch.setattr(room, "WAITING_MAX", 2)
    tries = [asyncio.create_task(made.is_right("ann", b"%d" % number)) for number in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(TooManyTries):
        await made.is_right("ann", b"x")
    assert await asyncio.gather(*tries) == [False, False]
    made.close()


async def test_what_is_known_is_forgotten_after_a_while() -> None:
    now = [0.0]
    made = Passwords({"ann": HASH}, now=lambda: now[0])
    assert await made.is_right("ann", WORD.encode())
    assert made.is_known("ann", WORD.encode())
    assert not made.is_known("ann", b"wrong")
    now[0] = room.REMEMBERED_S + 1
    assert not made.is_known("ann", WORD.encode())
    made.close()


async def test_so_many_right_passwords_are_remembered_the_latest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "REMEMBERED", 2)
    users = ("ann", "bob", "eve")
    made = Passwords(dict.fromkeys(users, HASH))
    for user in users:
        assert await made.is_right(user, WORD.encode())
    assert [made.is_known(user, WORD.encode()) for user in users] == [False, True, True]
    assert await made.is_right("ann", WORD.encode())
    assert [made.is_known(user, WORD.encode()) for user in users] == [True, False, True]
    made.close()


async def test_what_was_right_is_worth_nothing_with_another_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.restconf.passwords.is_right", lambda _password, written: written == HASH)
    made = Passwords({"ann": HASH, "bob": HASH})
    for user in ("ann", "bob"):
        assert await made.is_right(user, b"a password")
        assert made.is_known(user, b"a password")
    made.take_over({"ann": HASH.replace("t=2", "t=3"), "bob": HASH})
    assert not made.is_known("ann", b"a password")
    assert not await made.is_right("ann", b"a password")
    assert made.is_known("bob", b"a password")
    made.take_over({"ann": HASH})
    assert not made.is_known("bob", b"a password")
    assert not await made.is_right("bob", b"a password")
    made.close()
