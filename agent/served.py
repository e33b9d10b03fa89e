"""Which standard modules the agent serves, and where the files of all standard modules are."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from agent.yang.schema import SchemaError

SERVED: tuple[tuple[str, Sequence[str] | None], ...] = (
    ("ietf-netconf", ("candidate", "rollback-on-error", "validate", "xpath")),
    ("ietf-netconf-with-defaults", None),
    ("ietf-netconf-monitoring", None),
    ("ietf-yang-library", None),
    ("ietf-datastores", None),
)
"""(module, features); None is all of them."""


def standard_modules() -> list[Path]:
    """Return the folders of the standard modules, which the pyang package installs.

    Raises:
        SchemaError: they are not installed.
    """
    for prefix in (Path(sys.prefix), Path(sys.base_prefix), Path("/usr"), Path("/usr/local")):
        folder = prefix / "share" / "yang" / "modules"
        if (folder / "ietf" / "ietf-netconf.yang").is_file():
            return [folder / "ietf", folder / "iana"]
    raise SchemaError("the standard YANG modules are missing: install the Python package pyang")
