"""Requests of subscriptions to event streams, for the tests of them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from lxml import etree

from agent.errors import RpcError
from agent.netconf.messages import rpc_error
from agent.notifications import time_text
from agent.push.refusal import SN_NS
from agent.yang.schema import Schema
from tests.agent.handlers import Lab, Remembering

BASE_EVENTS = "urn:ietf:params:xml:ns:yang:ietf-netconf-notifications"
ALL = "<stream>NETCONF</stream>"
CHANGES = f'<stream-subtree-filter><netconf-config-change xmlns="{BASE_EVENTS}"/></stream-subtree-filter>'
STARTS = f'<stream-subtree-filter><netconf-session-start xmlns="{BASE_EVENTS}"/></stream-subtree-filter>'


def establish(body: str = ALL) -> str:
    return f'<establish-subscription xmlns="{SN_NS}">{body}</establish-subscription>'


def modify(id: int, body: str) -> str:
    return f'<modify-subscription xmlns="{SN_NS}"><id>{id}</id>{body}</modify-subscription>'


def delete(id: int | str) -> str:
    return f'<delete-subscription xmlns="{SN_NS}"><id>{id}</id></delete-subscription>'


def kill(id: int | str) -> str:
    return f'<kill-subscription xmlns="{SN_NS}"><id>{id}</id></kill-subscription>'


def xpath(expression: str, declared: str = f'xmlns:n="{BASE_EVENTS}"') -> str:
    return f"{ALL}<stream-xpath-filter {declared}>{expression}</stream-xpath-filter>"


def at(seconds: float) -> str:
    return time_text(datetime.now(UTC) + timedelta(seconds=seconds))


def id_of(reply: str) -> int:
    found = re.match(rf'<id xmlns="{SN_NS}">(\d+)</id>', reply)
    assert found is not None
    return int(found[1])


def kinds(caller: Remembering) -> list[str]:
    return [re.findall(rb"</eventTime><([\w-]+)", message)[0].decode() for message in caller.sent]


def identity_and_hint(error: RpcError, schema: Schema) -> tuple[str, str, str]:
    """Return the error-app-tag, and what the one structure of error-info says."""
    written = etree.fromstring(rpc_error(error, schema.namespaces(), {}))
    (structure,) = written.find("error-info")
    reason = structure.findtext("{*}reason")
    assert reason == f"sn:{(error.app_tag or '').partition(':')[2]}"
    return error.app_tag or "", etree.QName(structure).localname, structure.findtext("{*}filter-failure-hint")


async def subscriptions_of(lab: Lab, session_id: int) -> list[etree._Element]:
    reply = await lab.do(f'<get><filter><subscriptions xmlns="{SN_NS}"/></filter></get>', session_id)
    return list(etree.fromstring(reply).iter(f"{{{SN_NS}}}subscription"))
