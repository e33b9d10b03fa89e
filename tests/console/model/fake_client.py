"""A server as a client of the command line sees it: what it says of itself, and modules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lxml import etree

from console.client.session import Element, ServerError, ServerErrors
from console.model.modules import LIBRARY, MONITORING

NC = "urn:ietf:params:xml:ns:netconf:base:1.0"
LIBRARY_1_1 = "urn:ietf:params:netconf:capability:yang-library:1.1?revision=2019-01-04&content-id=1"
LIBRARY_1_0 = "urn:ietf:params:netconf:capability:yang-library:1.0?revision=2016-06-21&module-set-id=1"
MONITORED = f"{MONITORING}?module=ietf-netconf-monitoring&revision=2010-10-04"


@dataclass
class FakeClient:
    """``answers``: the content of <data> by the name of what is asked for; without one it is an error."""

    modules: Mapping[str, str] = field(default_factory=dict)
    capabilities: frozenset[str] = frozenset({LIBRARY_1_1})
    answers: Mapping[str, str] = field(default_factory=dict)
    fetched: list[tuple[str, str]] = field(default_factory=list)
    user: str = "admin"
    session_id: int = 1

    def get(self, subtree: Element | None = None) -> Element:
        assert subtree is not None
        name = etree.QName(subtree[0]).localname
        if name not in self.answers:
            raise ServerErrors((ServerError("operation-not-supported", "not here"),))
        return etree.fromstring(f'<data xmlns="{NC}">{self.answers[name]}</data>')

    def rpc(self, request: Element) -> Element:
        name = request.findtext(f"{{{MONITORING}}}identifier") or ""
        self.fetched.append((name, request.findtext(f"{{{MONITORING}}}version") or ""))
        if name not in self.modules:
            raise ServerErrors((ServerError("invalid-value", f"there is no \x1b[31m{name}"),))
        reply = etree.Element(f"{{{NC}}}rpc-reply")
        etree.SubElement(reply, f"{{{MONITORING}}}data").text = self.modules[name]
        return reply


def library(*rows: str) -> dict[str, str]:
    """Return the YANG library of RFC 8525; a row is "name revision feature,..." or "-name" for imports."""
    found = []
    for row in rows:
        name, revision, features = [*row.split(), "", "", ""][:3]
        tag = "import-only-module" if name.startswith("-") else "module"
        inner = "".join(f"<feature>{one}</feature>" for one in features.split(",") if one)
        dated = f"<revision>{revision}</revision>" if revision else ""
        found.append(f"<{tag}><name>{name.lstrip('-')}</name>{dated}{inner}</{tag}>")
    content = f"<module-set><name>all</name>{''.join(found)}</module-set>"
    return {"yang-library": f'<yang-library xmlns="{LIBRARY}">{content}</yang-library>'}
