"""Policies and filters of a subscription to the module ``changing``, and what a patch of it edits."""

from __future__ import annotations

from lxml import etree

from tests.agent.push.links import SN, YP
from tests.agent.push.states import CH


def periodic(period: int = 100, anchor: str = "") -> str:
    anchor = anchor and f"<yp:anchor-time>{anchor}</yp:anchor-time>"
    return f"<yp:periodic><yp:period>{period}</yp:period>{anchor}</yp:periodic>"


def subtree(body: str) -> str:
    return f"<yp:datastore-subtree-filter>{body}</yp:datastore-subtree-filter>"


def xpath(expression: str) -> str:
    return f'<yp:datastore-xpath-filter xmlns:ch="{CH}">{expression}</yp:datastore-xpath-filter>'


def edits(message: bytes) -> list[str]:
    found = etree.fromstring(message).iter("{*}edit")
    return [f"{edit.findtext('{*}operation')} {edit.findtext('{*}target')}" for edit in found]


# -- modify and resync ---------------------------------------------------------------------


def modify(number: int, body: str) -> str:
    return (
        f'<modify-subscription xmlns="{SN}" xmlns:yp="{YP}" '
        f'xmlns:ds="urn:ietf:params:xml:ns:yang:ietf-datastores"><id>{number}</id>{body}</modify-subscription>'
    )


def resync(number: int) -> str:
    return f'<resync-subscription xmlns="{YP}"><id>{number}</id></resync-subscription>'
