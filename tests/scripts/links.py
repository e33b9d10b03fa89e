"""Where links of Markdown pages lead."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

_FENCED = re.compile(r"(?ms)^ *(```|~~~).*?^ *\1 *$")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_ELSEWHERE = re.compile(r"[a-z]+:")


def dead_links(pages: Iterable[Path]) -> list[str]:
    """Return the links of ``pages`` that lead to no file or folder, or to no heading of a page.

    What leads to another host is not looked at.
    """
    return [
        f"{page}: {link}"
        for page in pages
        for link in _LINK.findall(_FENCED.sub("", page.read_text(encoding="utf-8")))
        if not _ELSEWHERE.match(link) and not _leads_somewhere(page, link)
    ]


def _leads_somewhere(page: Path, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = page.parent / name if name else page
    return target.exists() and (not anchor or anchor in anchors(target))


def anchors(page: Path) -> set[str]:
    """Return what the headings of ``page`` are called in links, as GitHub makes it of their words."""
    text = _FENCED.sub("", page.read_text(encoding="utf-8"))
    found: set[str] = set()
    for heading in re.findall(r"(?m)^#{1,6} +(.*?) *$", text):
        name = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        again = sum(one == name or re.fullmatch(rf"{re.escape(name)}-\d+", one) is not None for one in found)
        found.add(f"{name}-{again}" if again else name)
    return found
