"""Certificates and private keys over NETCONF: how a gateway comes by them, and what is never told."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from tests.agent_process import AgentProcess, running_agent
from tests.requests import IPSEC, edit_candidate
from tests.translators.authority import Authority, key_pem, new_key
from tests.wire.raw_client import RawClient, raw_client

PKI = "urn:yangswan:params:xml:ns:yang:pki"
ROOT = Authority()
DELETE = 'xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" nc:operation="delete"'
STATE = f'<get><filter><certificate-state xmlns="{PKI}"/></filter></get>'
RUNNING = "<get-config><source><running/></source></get-config>"


def call(rpc: str, **inputs: str) -> str:
    body = "".join(
        f"<{name.replace('_', '-')}>{value}</{name.replace('_', '-')}>" for name, value in inputs.items()
    )
    return f'<{rpc} xmlns="{PKI}">{body}</{rpc}>'


def certificates(**pems: str) -> str:
    entries = "".join(
        f"<certificate><name>{name}</name><pem>{pem}</pem></certificate>" for name, pem in pems.items()
    )
    return edit_candidate(f'<certificates xmlns="{PKI}">{entries}</certificates>')


def tunnel(local_id: str = "") -> str:
    return edit_candidate(
        f'<tunnels xmlns="{IPSEC}"><ipsec><id>1</id>'
        f"<certificate><own>gateway</own><trusted-ca>root</trusted-ca></certificate><local-address>192.0.2.1</local-address>{local_id}</ipsec></tunnels>"
    )


async def output(client: RawClient, body: str, leaf: str) -> str:
    reply = await client.ask(body)
    text = etree.fromstring(reply).findtext(f"{{{PKI}}}{leaf}")
    assert text is not None, reply
    return text


async def done(client: RawClient, *bodies: str) -> None:
    for body in bodies:
        reply = await client.ask(body)
        assert b"<ok/>" in reply, reply.decode()


async def refused(client: RawClient, body: str) -> tuple[str | None, ...]:
    """Return tag, app-tag and path (without prefixes) of the one error."""
    (error,) = etree.fromstring(await client.ask(body)).iterfind("{*}rpc-error")
    tag, app_tag, path = (error.findtext(f"{{*}}error-{leaf}") for leaf in ("tag", "app-tag", "path"))
    return tag, app_tag, path and path.replace("ipsec:", "").replace("pki:", "")


async def enrol(client: RawClient, key: str = "gw1") -> None:
    """Make a key on the gateway, have it certified, and commit a tunnel with the certificate."""
    assert "BEGIN PUBLIC KEY" in await output(client, call("generate-key-pair", name=key), "public-key")
    names = "<subject-alt-name><name>gw1.example.com</name></subject-alt-name>"
    names += "<subject-alt-name><inet>192.0.2.1</inet></subject-alt-name>"
    request = call("generate-signing-request", private_key=key, subject="O=ACME, CN=gw1")
    request = request.replace("</generate", f"{names}</generate")
    pem = ROOT.sign(await output(client, request, "pem"))
    await done(client, certificates(gateway=pem, root=ROOT.pem), tunnel(), "<commit/>")


async def test_a_gateway_makes_its_key_and_gets_a_certificate_for_it(tmp_path: Path) -> None:
    with running_agent(tmp_path / "data") as agent:
        async with raw_client(agent, greet="1.1") as client:
            await enrol(client)
            state = etree.fromstring(await client.ask(STATE)).find(".//{*}certificate")
            assert state.findtext("{*}subject") == "O=ACME, CN=gw1"
            assert [one.text for one in state.iterfind("{*}subject-alt-name")] == [
                "gw1.example.com",
                "192.0.2.1",
            ]
            assert state.findtext("{*}private-key") == "gw1"
            assert state.findtext("{*}tunnel") == "1"
            await done(client, tunnel("<local-id><name>gw1.example.com</name></local-id>"), "<commit/>")
            wrong = tunnel("<local-id><name>gw2.example.com</name></local-id>")
            await done(client, wrong)
            assert await refused(client, "<validate><source><candidate/></source></validate>") == (
                "invalid-value", "identity-not-in-certificate", "/tunnels/ipsec[id='1']/local-id",
            )  # fmt: skip
    # Another agent on the same folder knows the key, and nobody sees it.
    with running_agent(tmp_path / "data") as again:
        async with raw_client(again, greet="1.1") as client:
            assert b"<private-key>gw1</private-key>" in await client.ask(STATE)
            everything = await client.ask("<get/>") + await client.ask(RUNNING)
            assert b"PRIVATE KEY" not in everything
        kept = (tmp_path / "data" / "strongswan" / "private-keys" / "gw1.pem").read_text()
        told = "".join([*again.log, *agent.log])
        assert not any(line in told or line in everything.decode() for line in kept.splitlines()[1:-1])


async def test_a_key_from_elsewhere_and_its_passphrase_are_nowhere_to_be_seen(agent: AgentProcess) -> None:
    pem = key_pem(new_key())
    async with raw_client(agent, greet="1.1") as client:
        await done(client, call("import-private-key", name="brought", pem=pem))
        refusal = await refused(client, call("import-private-key", name="again", pem=pem))
        assert refusal == ("data-exists", "private-key-exists", "/import-private-key/pem")
        reply = await client.ask(
            call("import-private-key", name="x", pem=pem[:-60], passphrase="open-sesame")
        )
        assert b"private-key-malformed" in reply
        reply += await client.ask(call("import-private-key", name="x", pem=f"{pem}{'A' * 65536}"))
        assert b"a private key in PEM has 1 to 65535 characters" in reply
        reply += await client.ask(
            call("import-private-key", name="x", pem=pem, passphrase="open-sesame" * 100)
        )
        assert b"a passphrase has 1 to 1023 characters" in reply
        told = reply.decode() + "".join(agent.log) + (await client.ask("<get/>")).decode()
        assert not any(line in told for line in pem.splitlines()[1:-1])
        assert "open-sesame" not in told


async def test_a_key_that_a_rollback_may_need_stays(agent: AgentProcess) -> None:
    async with raw_client(agent, greet="1.1") as client:
        await enrol(client, "old")
        await output(client, call("generate-key-pair", name="new"), "public-key")
        request = call("generate-signing-request", private_key="new", subject="O=ACME, CN=gw1")
        pem = ROOT.sign(await output(client, request, "pem"))
        await done(client, certificates(gateway=pem), "<commit><confirmed/></commit>")
        delete = call("delete-private-key", name="old")
        refusal = await refused(client, delete)
        assert refusal == ("operation-failed", "private-key-in-use", "/delete-private-key/name")
        await done(client, "<cancel-commit/>")
        assert b"<private-key>old</private-key>" in await client.ask(STATE)
        await done(client, certificates(gateway=pem), "<commit><confirmed/></commit>", "<commit/>", delete)


async def test_a_private_key_beside_a_certificate_does_not_get_into_the_configuration(
    agent: AgentProcess,
) -> None:
    pem, key = ROOT.pem, key_pem(new_key())
    candidate = "<get-config><source><candidate/></source></get-config>"
    async with raw_client(agent, greet="1.1") as client:
        reply = await client.ask(certificates(both=pem + key))
        assert b"<error-app-tag>certificate-characters</error-app-tag>" in reply
        told = reply.decode() + "".join(agent.log) + (await client.ask(candidate)).decode()
        assert not any(line in told for line in key.splitlines()[1:-1])
        large = pem.replace("\n-----END", "\n" + "A" * (65535 - len(pem) - 1) + "\n-----END")
        await done(client, certificates(large=large))
        reply = await client.ask("<validate><source><candidate/></source></validate>")
        assert b"<error-app-tag>certificate-malformed</error-app-tag>" in reply


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (
            call("delete-private-key", name="none"),
            ("data-missing", "private-key-missing", "/delete-private-key/name"),
        ),
        (
            call("generate-signing-request", private_key="none", subject="CN=x"),
            ("data-missing", "private-key-missing", "/generate-signing-request/private-key"),
        ),
        (
            call("import-private-key", name="x", pem="hello"),
            ("invalid-value", "private-key-malformed", "/import-private-key/pem"),
        ),
    ],
)
async def test_what_cannot_be_done_is_refused(
    body: str, answer: tuple[str | None, ...], agent: AgentProcess
) -> None:
    async with raw_client(agent, greet="1.1") as client:
        assert await refused(client, body) == answer


async def test_a_name_that_no_certificate_can_hold_is_refused(agent: AgentProcess) -> None:
    async with raw_client(agent, greet="1.1") as client:
        await output(client, call("generate-key-pair", name="odd", algorithm="ecdsa-p384"), "public-key")
        for subject, names, app_tag, leaf, words in (
            ("CN=x", "<key>opaque</key>", "bad-subject", "subject-alt-name", "is an address (inet)"),
            ("C=SWE", "", "bad-subject", "subject", "C is the two letters of a country, not 'SWE'"),
            ("C=\u00c5\u00c5", "", "bad-subject", "subject", "C is the two letters of a country"),
            ("CN=x, E=a@\u00e9", "", "bad-subject", "subject", "E takes ASCII characters alone"),
            (f"CN={'x' * 65}", "", "bad-subject", "subject", "CN cannot be 'xxx"),
            ("CN=x", "<email>a@\u00e9</email>", "identity-characters", "subject-alt-name[1]/email", "ASCII"),
        ):
            alt = f"<subject-alt-name>{names}</subject-alt-name>" if names else ""
            body = call("generate-signing-request", private_key="odd", subject=subject)
            body = body.replace("</generate", f"{alt}</generate")
            path = f"/generate-signing-request/{leaf}"
            assert await refused(client, body) == ("invalid-value", app_tag, path)
            assert words in (await client.ask(body)).decode()


async def test_a_certificate_that_a_tunnel_needs_stays_and_one_that_nobody_needs_goes(tmp_path: Path) -> None:
    with running_agent(tmp_path / "data") as agent:
        async with raw_client(agent, greet="1.1") as client:
            await enrol(client)
            refusal = await refused(client, call("delete-private-key", name="gw1"))
            assert refusal == ("operation-failed", "private-key-in-use", "/delete-private-key/name")
            gone = edit_candidate(
                f'<certificates xmlns="{PKI}"><certificate {DELETE}><name>root</name></certificate>'
                "</certificates>"
            )
            await done(client, gone)
            path = "/tunnels/ipsec[id='1']/certificate/trusted-ca[.='root']"
            assert await refused(client, "<commit/>") == ("invalid-value", "certificate-missing", path)
            no_tunnel = edit_candidate(f'<tunnels xmlns="{IPSEC}" {DELETE}/>')
            await done(client, no_tunnel, "<commit/>", call("delete-private-key", name="gw1"))
            state = await client.ask(STATE)
            assert b"<private-key>" not in state
            assert b"<name>gateway</name>" in state
            assert b"<name>root</name>" not in state


async def test_a_certificate_that_expires_is_told(tmp_path: Path) -> None:
    with running_agent(tmp_path / "data") as agent:
        async with raw_client(agent, greet="1.1") as watcher, raw_client(agent, greet="1.1") as client:
            await done(
                watcher,
                '<create-subscription xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0"/>',
            )
            soon = ROOT.certify(new_key(), "CN=soon,O=ACME", days=6.5)
            await done(client, certificates(soon=soon, later=ROOT.pem), "<commit/>")
            notice = await watcher.until_message(b"<certificate-expiring")
            assert b"<name>soon</name>" in notice
            assert b"<expired>false</expired>" in notice


def revocation(*inner: str) -> str:
    return edit_candidate(f'<certificates xmlns="{PKI}">{"".join(inner)}</certificates>')


def crl(pem: str, operation: str = "") -> str:
    return f"<crl {operation}><name>root</name><pem>{pem}</pem></crl>"


async def test_what_is_done_about_revoked_certificates_is_configuration_and_stays(tmp_path: Path) -> None:
    strict = "<revocation>strict</revocation><fetch><timeout>9</timeout></fetch>"
    with running_agent(tmp_path / "data") as agent:
        async with raw_client(agent, greet="1.1") as watcher, raw_client(agent, greet="1.1") as client:
            await done(
                watcher,
                '<create-subscription xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0"/>',
            )
            old = ROOT.revoke(days=-1, age_days=8)
            await done(client, certificates(root=ROOT.pem), revocation(strict, crl(old)), "<commit/>")
            notice = await watcher.until_message(b"<crl-expiring")
            assert b"<expired>true</expired>" in notice
            impostor = revocation(crl(Authority().revoke()))
            await done(client, impostor)
            path = "/certificates/crl[name='root']/pem"
            assert await refused(client, "<commit/>") == ("invalid-value", "crl-signature-invalid", path)
            await done(client, "<discard-changes/>", revocation(crl(ROOT.revoke(ROOT.pem, number=2))))
            await done(client, "<commit/>")
    with running_agent(tmp_path / "data") as agent:
        async with raw_client(agent, greet="1.1") as client:
            shown = etree.fromstring(await client.ask(STATE)).find(".//{*}crl")
            leaves = ("name", "number", "expired", "revoked")
            assert [shown.findtext(f"{{*}}{leaf}") for leaf in leaves] == ["root", "2", "false", "1"]
            running = etree.fromstring(await client.ask(RUNNING)).find(".//{*}certificates")
            assert running.findtext("{*}revocation") == "strict"
            assert running.findtext("{*}fetch/{*}timeout") == "9"
            nothing = f"<revocation {DELETE}/><fetch {DELETE}/><crl {DELETE}><name>root</name></crl>"
            await done(client, revocation(nothing), "<commit/>")
            assert b"<crl>" not in await client.ask(STATE)
