"""Which modules a server has, and their texts, from its YANG library or whatever else it tells of itself.

A server of another make may have none of it: what is there is taken, and what cannot be had is named.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl

from lxml import etree

from console.client.session import Client, ServerErrors
from console.model.cache import Cache, folder
from console.model.compiled import LONGEST_MODULE, MOST_MODULES, compile_schema
from console.model.schema import Schema
from console.model.visible import visible

Element = etree._Element

NETCONF = "urn:ietf:params:xml:ns:netconf:base:1.0"
LIBRARY = "urn:ietf:params:xml:ns:yang:ietf-yang-library"
MONITORING = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"
_MOST_CHARACTERS = 48 * 2**20
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,254}\Z")
_OPENING = re.compile(r"""\b(sub)?module\s+["']?([A-Za-z_][\w.-]*)""")


@dataclass(frozen=True, slots=True)
class Listed:
    """A module or submodule as the server lists it. ``features``: None where the server does not say."""

    name: str
    revision: str = ""
    implemented: bool = True
    features: tuple[str, ...] | None = None
    deviations: tuple[str, ...] = ()


def schema_of(client: Client, cache: Cache | None = None, progress: Callable[[str], object] = str) -> Schema:
    """Return what the server of ``client`` serves; ``progress`` is told what is being fetched.

    Raises:
        ServerErrors: the server does not tell which modules it has.
        Gone: there is no session any more.
    """
    cache = Cache(folder()) if cache is None else cache
    listed = listed_modules(client)
    said = _said(client, listed)
    texts = cache.load(said)
    left_out: dict[str, str] = {}
    if texts is None:
        texts = _fetch(client, listed, left_out, progress)
        if not left_out:  # what is missing today may be there tomorrow
            cache.save(said, texts)
    schema = compile_schema(
        texts,
        features={one.name: one.features for one in listed if one.features is not None},
        deviations={name for one in listed for name in one.deviations},
        implemented={one.name for one in listed if one.implemented},
    )
    return replace(schema, left_out={**schema.left_out, **left_out})


def _said(client: Client, listed: Iterable[Listed]) -> str:
    """Return all that the server says of itself and its modules, but for what is of this session only."""
    return "\n".join([*sorted(client.capabilities), *(repr(one) for one in sorted(listed, key=repr))])


def listed_modules(client: Client) -> tuple[Listed, ...]:
    """Return the modules of the server, each once, from the best list that it has."""
    for read in (_from_library, _from_modules_state, _from_schemas):
        try:
            found = list(read(client))
        except ServerErrors:
            continue
        if found:
            return _unique(found)
    return _unique(_from_capabilities(client.capabilities))


def _unique(found: Iterable[Listed]) -> tuple[Listed, ...]:
    """Return one of each name, the newest; what is implemented goes before what is only imported."""
    best: dict[str, Listed] = {}
    for one in found:
        other = best.get(one.name)
        if other is None or (one.implemented, one.revision) > (other.implemented, other.revision):
            best[one.name] = one
        if len(best) >= MOST_MODULES:
            break
    return tuple(best.values())


def _from_library(client: Client) -> Iterator[Listed]:
    """RFC 8525: all module sets; which of them a datastore has makes no difference to words."""
    if not any(":yang-library:1.1" in one for one in client.capabilities):
        return
    data = client.get(_filter(LIBRARY, "yang-library"))
    for row in data.iter(f"{{{LIBRARY}}}module", f"{{{LIBRARY}}}import-only-module"):
        yield from _listed(row, etree.QName(row).localname == "module")


def _from_modules_state(client: Client) -> Iterator[Listed]:
    """RFC 7895."""
    if not any("yang-library" in one for one in client.capabilities):
        return
    data = client.get(_filter(LIBRARY, "modules-state"))
    for row in data.iter(f"{{{LIBRARY}}}module"):
        yield from _listed(row, row.findtext(f"{{{LIBRARY}}}conformance-type") != "import")


def _listed(row: Element, implemented: bool) -> Iterator[Listed]:
    name = (row.findtext(f"{{{LIBRARY}}}name") or "").strip()
    if not _NAME.match(name):
        return
    revision = (row.findtext(f"{{{LIBRARY}}}revision") or "").strip()
    features = tuple(feature.text or "" for feature in row.findall(f"{{{LIBRARY}}}feature"))
    deviations = [
        one.findtext(f"{{{LIBRARY}}}name") or one.text or "" for one in row.findall(f"{{{LIBRARY}}}deviation")
    ]
    # Features of a module that is only imported are not told, and mean nothing.
    yield Listed(
        name=name,
        revision=revision,
        implemented=implemented,
        features=features if implemented else None,
        deviations=tuple(d.strip() for d in deviations if d.strip()),
    )
    for submodule in row.findall(f"{{{LIBRARY}}}submodule"):
        inner = (submodule.findtext(f"{{{LIBRARY}}}name") or "").strip()
        if _NAME.match(inner):
            yield Listed(inner, (submodule.findtext(f"{{{LIBRARY}}}revision") or "").strip(), implemented)


def _from_schemas(client: Client) -> Iterator[Listed]:
    """RFC 6022: what get-schema has; which of it is served is not told."""
    if not any("ietf-netconf-monitoring" in one for one in client.capabilities):
        return
    request = _filter(MONITORING, "netconf-state")
    etree.SubElement(request[0], f"{{{MONITORING}}}schemas")
    data = client.get(request)
    for row in data.iter(f"{{{MONITORING}}}schema"):
        name = (row.findtext(f"{{{MONITORING}}}identifier") or "").strip()
        if _NAME.match(name):
            yield Listed(name, (row.findtext(f"{{{MONITORING}}}version") or "").strip())


def _from_capabilities(capabilities: Iterable[str]) -> Iterator[Listed]:
    """RFC 6020 section 5.6.4: a module in each <capability>."""
    for uri in capabilities:
        values = dict(parse_qsl(uri.partition("?")[2])) if len(uri) < 65536 else {}
        if _NAME.match(values.get("module", "")):
            features = values["features"].split(",") if "features" in values else ()
            deviations = values["deviations"].split(",") if "deviations" in values else ()
            yield Listed(
                name=values["module"],
                revision=values.get("revision", ""),
                implemented=True,
                features=tuple(features),
                deviations=tuple(deviations),
            )


def _filter(namespace: str, name: str) -> Element:
    found = etree.Element(f"{{{NETCONF}}}filter", {"type": "subtree"})
    etree.SubElement(found, f"{{{namespace}}}{name}")
    return found


def _fetch(
    client: Client, listed: Iterable[Listed], left_out: dict[str, str], progress: Callable[[str], object]
) -> Mapping[str, str]:
    """Return the texts, of what imports name too; put into ``left_out`` what cannot be had, and why."""
    texts: dict[str, str] = {}
    total = 0
    waiting = list(listed)
    announced = {one.name for one in waiting}
    known = set(announced)
    while waiting:
        one = waiting.pop(0)
        progress(one.name)
        text, why = _get_schema(client, one)
        total += len(text)
        if total > _MOST_CHARACTERS:
            left_out[one.name] = f"all modules together have more than {_MOST_CHARACTERS} characters"
            continue
        if why:
            if one.name in announced:  # of others it may be no name, but a word of a description
                left_out[visible(one.name)] = why
            continue
        texts[one.name] = text
        for name in _names_of_others(text):
            if name not in known and len(known) < MOST_MODULES:
                known.add(name)
                waiting.append(Listed(name, implemented=False))
    return texts


_OTHERS = re.compile(
    r"""(?:^|[;{}])[ \t]*(?:import|include)[ \t]+["']?([A-Za-z_][\w.-]{0,254})["']?[ \t\r\n]*[{;]""",
    re.MULTILINE,
)


def _names_of_others(text: str) -> list[str]:
    """Return the names that ``text`` seems to import and include; words in a comment may be among them."""
    return [match[1] for match in _OTHERS.finditer(text)]


def _get_schema(client: Client, one: Listed) -> tuple[str, str]:
    """Return the text of a module, or "" and why it cannot be had."""
    request = etree.Element(f"{{{MONITORING}}}get-schema")
    etree.SubElement(request, f"{{{MONITORING}}}identifier").text = one.name
    if one.revision:
        etree.SubElement(request, f"{{{MONITORING}}}version").text = one.revision
    try:
        reply = client.rpc(request)
    except ServerErrors as problem:
        first = problem.errors[0].message if problem.errors else "without a reason"
        return "", f"the server does not give it: {visible(first)[:200]}"
    data = reply.find(f"{{{MONITORING}}}data")
    text = "".join(str(part) for part in data.itertext()) if data is not None else ""
    if len(text) > LONGEST_MODULE:
        return "", f"it has more than {LONGEST_MODULE} characters"
    opening = _OPENING.search(text)
    if opening is None:
        return "", "what the server gives is no YANG"
    return text, ""
