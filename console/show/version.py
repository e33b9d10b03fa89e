"""``show version``: of this program, of the server's YANG modules, and of the daemon behind it."""

from __future__ import annotations

from collections.abc import Mapping

from console.client.session import ServerErrors
from console.grammar.command import Command
from console.shell.console import Console
from console.show.data import DAEMON, LIBRARY, every, subtree, text, top, tree
from console.show.layout import fields
from console.show.screen import width_of

OUR_MODULES = "yangswan-"


def show_version(console: Console, given: Mapping[str, str]) -> None:
    """Show what is at work here."""
    from importlib.metadata import version  # a tenth of a start, which all other commands do without

    own = version("yangswan")
    modules = revisions(console)
    daemon = _daemon(console)
    if console.out.as_json:
        console.out.json({"yangswan": own, "gateway": console.gateway, "daemon": daemon, "modules": modules})
        return
    ours = [f"{name}@{revision}" for name, revision in modules.items() if name.startswith(OUR_MODULES)]
    served = f"{', '.join(ours)}{' and ' if ours else ''}{len(modules) - len(ours)} more"
    pairs = [("yangswan", own), ("Gateway", console.gateway), ("Daemon", daemon), ("Modules", served)]
    console.out.text(fields(pairs, width_of(console)))


def revisions(console: Console) -> dict[str, str]:
    """Return the modules that the server implements, with their revisions (RFC 8525)."""
    module = {"name": None, "revision": None}
    library = tree(LIBRARY, "yang-library", {"module-set": {"name": None, "module": module}})
    found = top(console.client.get(subtree(library)), LIBRARY, "yang-library")
    return {text(one, "name"): text(one, "revision") for one in every(found, "module-set/module")}


def _daemon(console: Console) -> str:
    """Return the daemon's name and version, "" where nothing is known of it."""
    try:
        data = console.client.get(subtree(tree(DAEMON, "daemon", {"version": None})))
    except ServerErrors:  # a server without that module
        return ""
    return text(top(data, DAEMON, "daemon"), "version")


COMMANDS = (
    Command(
        "show version",
        "the versions of this program, the server's YANG modules and its daemon",
        show_version,
        words={"version": "what is at work here"},
        json=True,
    ),
)
