"""Which standard modules the agent serves, and where the files of all standard modules are."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from agent.yang.modules import SchemaError

AGENT_MODULES = (
    "notifications",
    "nc-notifications",
    "ietf-netconf-txid",
    "ietf-nmda-compare",
    "yangswan-agent",
    "yangswan-subscriptions",
)
SERVED: tuple[tuple[str, Sequence[str] | None], ...] = (
    ("ietf-netconf", ("candidate", "confirmed-commit", "rollback-on-error", "validate", "xpath")),
    ("ietf-netconf-with-defaults", None),
    ("ietf-netconf-monitoring", None),
    ("ietf-yang-library", None),
    ("ietf-datastores", None),
    ("ietf-netconf-acm", None),
    ("ietf-netconf-nmda", None),
    ("ietf-origin", None),
    ("ietf-netconf-notifications", None),
    ("ietf-subscribed-notifications", ("encode-xml", "replay", "subtree", "xpath")),
    ("ietf-yang-push", ("on-change",)),
    *((name, None) for name in AGENT_MODULES),
)
"""(module, features); None is all of them."""


def standard_modules() -> list[Path]:
    """Return the folders of the standard modules, which the pyang package installs, and of our own.

    Raises:
        SchemaError: they are not installed.
    """
    for prefix in (Path(sys.prefix), Path(sys.base_prefix), Path("/usr"), Path("/usr/local")):
        folder = prefix / "share" / "yang" / "modules"
        if (folder / "ietf" / "ietf-netconf.yang").is_file():
            return [folder / "ietf", folder / "iana", agent_modules()]
    raise SchemaError("the standard YANG modules are missing: install the Python package pyang")


def agent_modules() -> Path:
    """Return the folder of the agent's own YANG modules, in the installed package or in the checkout.

    Raises:
        SchemaError: it is in neither.
    """
    here = Path(__file__).resolve()
    for folder in (here.parent / "modules", here.parents[1] / "yang" / "agent"):
        if (folder / "yangswan-agent.yang").is_file():
            return folder
    raise SchemaError("the YANG modules of the agent itself are missing: install it again")
