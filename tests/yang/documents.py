"""Documents with one tunnel, built from a sound one by saying what is different, and their verdict."""

from __future__ import annotations

from collections.abc import Mapping
from xml.sax.saxutils import escape

from tests.yang.conftest import Validate

NAMESPACE = "urn:yangswan:params:xml:ns:yang:ipsec"
ENTRY = "/yangswan-ipsec:tunnels/ipsec[id='1']"

Content = str | Mapping[str, "Content"] | list["Content"] | None
"""Text, children, several instances, or None for nothing at all."""

SOUND: Mapping[str, Content] = {
    "id": "1",
    "secret": "correct-horse",
    "local-address": "192.0.2.1",
}


def tunnel(changes: Mapping[str, Content] | None = None) -> str:
    """Return a document with one tunnel: a sound one after ``changes``."""
    entry = {**SOUND, **(changes or {})}
    return f'<tunnels xmlns="{NAMESPACE}">{_element("ipsec", entry)}</tunnels>'


def _element(name: str, content: Content) -> str:
    if content is None:
        return ""
    if isinstance(content, list):
        return "".join(_element(name, one) for one in content)
    if isinstance(content, Mapping):
        return f"<{name}>{''.join(_element(*child) for child in content.items())}</{name}>"
    # A literal carriage return would be read as a line feed (XML 1.0 section 2.11).
    return f"<{name}>{escape(content, {chr(13): '&#13;'})}</{name}>"


def tag(validate: Validate, changes: dict[str, Content], leaf: str) -> str | None:
    """Return the app-tag of the refusal, None if the document is accepted; it is about ``leaf``."""
    refusal = validate(tunnel(changes))
    if refusal is None:
        return None
    assert refusal.path == (f"{ENTRY}/{leaf}" if leaf else ENTRY)
    return refusal.app_tag or refusal.message
