"""A command line without a server: answers that are given, and what was printed."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pyang
import rich.console
from lxml import etree

from console.client.session import Element
from console.model.compiled import compile_schema
from console.model.schema import Schema
from console.shell.console import Console

ROOT = Path(__file__).parents[2]
STANDARD = (
    "ietf-datastores", "ietf-inet-types", "ietf-netconf", "ietf-netconf-acm", "ietf-netconf-monitoring",
    "ietf-netconf-notifications", "ietf-restconf", "ietf-yang-library", "ietf-yang-patch", "ietf-yang-types",
)  # fmt: skip


@cache
def schema() -> Schema:
    """Return the tree of our modules, and of those standard ones that they and this room need."""
    texts = {path.stem: path.read_text() for path in sorted((ROOT / "yang").rglob("*.yang"))}
    folder = next(
        folder
        for parent in Path(pyang.__file__).parents
        if (folder := parent / "share/yang/modules/ietf").is_dir()
    )
    for name in STANDARD:
        found = sorted(folder.glob(f"{name}*.yang"))
        texts[name] = next(one for one in found if one.stem.partition("@")[0] == name).read_text()
    return compile_schema(texts)


def data(xml: str) -> Element:
    """Return <data> with ``xml`` in it."""
    return etree.fromstring(f'<data xmlns="urn:ietf:params:xml:ns:netconf:base:1.0">{xml}</data>')


@dataclass
class Printed:
    """An Output that keeps what it is given; ``width``: of a terminal, None for none."""

    width: int | None = None
    as_json: bool = False
    answers: str = ""
    texts: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    documents: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.file = io.StringIO()
        terminal = self.width is not None
        self.rich = rich.console.Console(
            file=self.file,
            width=self.width,
            height=24,
            force_terminal=terminal,
            _environ={"TERM": "xterm"},
        )

    @property
    def columns(self) -> int | None:
        return self.width

    def text(self, text: str) -> None:
        self.texts.append(text)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str = "") -> None:
        raise AssertionError("tables are laid out in console/show/layout.py")

    def json(self, value: Any) -> None:
        self.documents.append(json.loads(json.dumps(value)))

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def progress(self, text: str) -> AbstractContextManager[Callable[[str], None]]:
        return nullcontext(lambda text: None)


Answer = Callable[[Element], Element]


@dataclass
class Server:
    """A Client that answers from ``answers``: by "get", "running", "candidate", or the name of an rpc."""

    answers: Mapping[str, Element | Answer | Exception] = field(default_factory=dict)
    told: Sequence[Element | BaseException] = ()
    """Notifications; an exception is raised in their place."""
    asked: list[tuple[str, Element | None]] = field(default_factory=list)
    user: str = "admin"
    session_id: int = 4
    capabilities: frozenset[str] = frozenset()

    def rpc(self, request: Element) -> Element:
        return self._answer(etree.QName(request).localname, request)

    def get(self, subtree: Element | None = None) -> Element:
        return self._answer("get", subtree)

    def get_config(self, source: str, subtree: Element | None = None) -> Element:
        return self._answer(source, subtree)

    @contextmanager
    def events(self, subtree: Element | None = None) -> Iterator[Iterator[Element]]:
        self.asked.append(("events", subtree))
        try:
            yield self._events()
        finally:
            self.asked.append(("no more events", None))

    def _events(self) -> Iterator[Element]:
        for one in self.told:
            if isinstance(one, BaseException):
                raise one
            yield one

    def close(self) -> None:
        self.asked.append(("close", None))

    def _answer(self, what: str, asked: Element | None) -> Element:
        self.asked.append((what, asked))
        answer = self.answers.get(what)
        if answer is None:
            return data("")
        if isinstance(answer, Exception):
            raise answer
        if callable(answer):
            return answer(asked if asked is not None else data(""))
        return answer


def console(server: Server, out: Printed | None = None, *, interactive: bool = False) -> Console:
    return Console(server, schema(), out or Printed(), "gw1", interactive=interactive)
