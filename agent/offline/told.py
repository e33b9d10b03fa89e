"""Errors as people read them: the file, the line if it is known, the node, the sentence, and the tags."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from agent.errors import RpcError, UnknownElement, UnknownNamespace
from agent.netconf.messages import rpc_error
from agent.offline.document import Document
from agent.visible import replaced
from agent.xml import NETCONF_NS, Element, line_of, local_name, namespace, parse
from agent.yang.paths import STEP, keys_in
from agent.yang.schema import Schema

_LINE_END = re.compile(r"\s*[\r\n]+\s*")


class Faults(Exception):
    """What a file holds cannot be used; a line for each reason."""

    def __init__(self, *sentences: str) -> None:
        super().__init__("; ".join(sentences))
        self.sentences = sentences


def printable(text: str) -> str:
    """Return ``text`` in one line, without what a terminal would obey."""
    return replaced(_LINE_END.sub(" ", text).strip())


def lines(
    schema: Schema, file: str, errors: Iterable[RpcError], document: Document | None = None
) -> Iterator[str]:
    """Yield a line for each of ``errors``, with tag, app-tag, path and message as NETCONF has them.

    Of a ``document`` in XML paths have its prefixes; in JSON they are as RFC 7951 writes them.
    """
    namespaces = schema.namespaces()
    shown: set[Element] = set()
    for error in errors:
        path, message = error.path or "", error.told
        place = file
        if document is not None and document.prefixes is not None:
            path, message = _in_xml(error, namespaces, document.prefixes)
            line = _line(document.config, error, namespaces, shown)
            place = f"{file}:{line}" if line else file
        tags = ", ".join(filter(None, (error.tag, error.app_tag)))
        where = f"{printable(path)}: " if path else ""
        yield f"{place}: {where}{printable(message)} ({tags})"


def _in_xml(
    error: RpcError, namespaces: Mapping[str, tuple[str, str]], prefixes: Mapping[str, str]
) -> tuple[str, str]:
    """Return path and message as a client is told them that sends the document."""
    sent = parse(
        b'<errors xmlns="%s">%s</errors>' % (NETCONF_NS.encode(), rpc_error(error, namespaces, prefixes))
    )
    found = {local_name(element): element.text or "" for element in sent[0]}
    return found.get("error-path", ""), found.get("error-message", "")


def _line(
    config: Element, error: RpcError, namespaces: Mapping[str, tuple[str, str]], shown: set[Element]
) -> int | None:
    """Return the line of what an error is about, or of the last step of its path that the document has.

    What is unknown is no step: the error has the path of what it is in, and its name. ``shown`` holds those
    that were found before.
    """
    element = _last_step(config, error.path or "", namespaces)
    if isinstance(error, UnknownElement | UnknownNamespace):
        name, uri = error.info.get("bad-element"), error.info.get("bad-namespace")
        for child in element:
            is_it = local_name(child) == name and uri in (None, namespace(child)) and child not in shown
            if is_it:
                shown.add(child)
                return line_of(child)
    return None if element is config else line_of(element)


def _last_step(config: Element, path: str, namespaces: Mapping[str, tuple[str, str]]) -> Element:
    element, module, position = config, "", 0
    while (step := STEP.match(path, position)) is not None:
        module, position = step[1] or module, step.end()
        keys = keys_in(step[3])
        uri = namespaces.get(module, ("", ""))[1]
        among = element.iterchildren(f"{{{uri}}}{step[2]}")
        below = next((child for child in among if _has(child, keys)), None)
        if below is None:
            break
        element = below
    return element


def _has(element: Element, keys: Mapping[str, str]) -> bool:
    for name, value in keys.items():
        found = next(element.iterchildren(f"{{{namespace(element)}}}{name}"), None)
        if found is None or (found.text or "").strip() != value:
            return False
    return True
