"""Rules of access control for tests, and who they are about: RFC 8341 appendix A as it writes it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tests.agent.handlers import Lab, Remembering
from tests.agent.lab import EC
from tests.requests import edit_candidate

NACM = "urn:ietf:params:xml:ns:yang:ietf-netconf-acm"
MONITORING = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"
ACME = "http://example.com/ns/acme"
AGENT = "urn:yangswan:params:xml:ns:yang:agent"
USERS = {2: "sam", 3: "joe", 4: "terry", 5: "guesty"}
SAM, JOE, TERRY, GUEST, NOBODY = 2, 3, 4, 5, 9

# RFC 8341 appendix A.1: who is in which group. (joe is limited, guesty a guest; sam an admin.)
GROUPS = (
    "<groups><group><name>admin</name><user-name>sam</user-name><user-name>andy</user-name></group>"
    "<group><name>limited</name><user-name>joe</user-name><user-name>terry</user-name></group>"
    "<group><name>guest</name><user-name>guesty</user-name></group></groups>"
)


def rule(name: str, action: str, body: str = "") -> str:
    return f"<rule><name>{name}</name>{body}<action>{action}</action></rule>"


def rule_list(name: str, groups: Sequence[str], *rules: str) -> str:
    named = "".join(f"<group>{group}</group>" for group in groups)
    return f"<rule-list><name>{name}</name>{named}{''.join(rules)}</rule-list>"


def path(text: str, access: str = "*") -> str:
    return (
        f'<path xmlns:acme="{ACME}" xmlns:ec="{EC}" xmlns:n="{NACM}">{text}</path>'
        f"<access-operations>{access}</access-operations>"
    )


def nacm(*rule_lists: str, settings: str = "") -> str:
    return f'<nacm xmlns="{NACM}">{settings}{GROUPS}{"".join(rule_lists)}</nacm>'


async def ruled(lab: Lab, *rule_lists: str, settings: str = "") -> None:
    for session_id, user in USERS.items():
        lab.callers[session_id] = Remembering(session_id, user)
    lab.callers[NOBODY] = Remembering(NOBODY, "nobody")
    await lab.commit(nacm(*rule_lists, settings=settings))


def acme(body: str) -> str:
    return f'<interfaces xmlns="{ACME}">{body}</interfaces>'


def interface(name: str, body: str = "", attributes: str = "") -> str:
    return acme(f"<interface {attributes}><name>{name}</name>{body}</interface>")


def interfaces(**bodies: str) -> str:
    """Return several interfaces, by name, in their one container."""
    return acme("".join(f"<interface><name>{name}</name>{body}</interface>" for name, body in bodies.items()))


async def filled(lab: Lab) -> None:
    await lab.commit(
        f'<acme-netconf xmlns="{ACME}"><config-parameters><speed>1</speed></config-parameters>'
        "<other>x</other></acme-netconf>"
        + interfaces(
            dummy="<mtu>1500</mtu><password>hush-dummy</password><domain>d</domain>",
            eth0="<mtu>9000</mtu><password>hush-eth</password>",
        )
    )


def xpath(expression: str) -> str:
    return f'<filter type="xpath" select="{expression}" xmlns:acme="{ACME}"/>'


async def seen(lab: Lab, session_id: int, filter_: str = "") -> str:
    return await lab.do(f"<get-config><source><running/></source>{filter_}</get-config>", session_id)


def parts(xml: str) -> list[str]:
    """Return the tags and texts: entries of a list ordered by the system may come in any order."""
    return sorted(xml.split("<"))


async def edit_refused(lab: Lab, body: str, session_id: int) -> list[tuple[str, str | None]]:
    before = lab.candidate
    errors = await lab.refused(edit_candidate(body), session_id)
    assert parts(lab.candidate) == parts(before)
    return [(e.tag, e.path) for e in errors]


INTERFACE = "/acme:interfaces/acme:interface"
EVERYTHING = "<access-operations>*</access-operations>"
NCM = "<module-name>ietf-netconf-monitoring</module-name>"
MODULE_RULES = (
    rule_list("guest-acl", ["guest"], rule("deny-ncm", "deny", NCM)),
    rule_list(
        "limited-acl",
        ["limited"],
        rule("permit-ncm", "permit", f"{NCM}<access-operations>read</access-operations>"),
        rule("permit-exec", "permit", "<access-operations>exec</access-operations>"),
    ),
    rule_list("admin-acl", ["admin"], rule("permit-all", "permit", EVERYTHING)),
)

CONFIG_PARAMETERS = path("/acme:acme-netconf/acme:config-parameters", "read create update delete")
DUMMY = path(f"{INTERFACE}[acme:name='dummy']", "read update")


async def data_rules(lab: Lab) -> None:
    await ruled(
        lab,
        rule_list("guest-acl", ["guest"], rule("deny-nacm", "deny", path("/n:nacm"))),
        rule_list(
            "limited-acl",
            ["limited"],
            rule("permit-acme-config", "permit", CONFIG_PARAMETERS),
        ),
        rule_list(
            "guest-limited-acl",
            ["guest", "limited"],
            rule("permit-dummy-interface", "permit", DUMMY),
        ),
        rule_list(
            "admin-acl",
            ["admin"],
            rule("permit-interface", "permit", path(INTERFACE)),
        ),
    )
    await filled(lab)


def explain(body: str) -> str:
    return f'<explain-access xmlns="{AGENT}">{body}</explain-access>'


async def explained(lab: Lab, body: str, session_id: int = 1) -> dict[str, str]:
    reply = await lab.do(explain(body), session_id)
    return dict(re.findall(rf'<([\w-]+) xmlns="{AGENT}">([^<]*)<', reply))


ONE_ONLY = (
    rule("one", "permit", path("/ec:top/ec:entry[ec:id='1']", "read")),
    rule("no other", "deny", path("/ec:top/ec:entry", "read")),
)
