"""Where ``yangswand`` begins: a library that is not there is named in a sentence."""

from __future__ import annotations

import gc
import re
import sys

PROGRAM = "yangswand"
_LIBRARY = re.compile(r"libyang\.so\.(\d+)")
_RELEASES = {"2": "Debian 12, Ubuntu 24.04", "3": "Debian 13"}


def main() -> None:
    """Run the program; exits 1 with a sentence if a library is missing: it may be about to be installed."""
    # The collector would look again and again at what is imported, a tenth of a second, and all of it stays.
    gc.disable()
    try:
        from agent.program import main as run
    except ImportError as problem:
        print(f"{PROGRAM}: {what_is_missing(problem)}", file=sys.stderr)
        raise SystemExit(1) from None
    finally:
        gc.freeze()
        gc.enable()
    run()


def what_is_missing(problem: ImportError) -> str:
    """Return, in words, which library was not found, and what to install."""
    text = str(problem)
    if isinstance(problem, ModuleNotFoundError):
        return (
            f"the Python library {problem.name} is not installed: install yangswan anew with pip, in the "
            "environment that it is in"
        )
    if found := _LIBRARY.search(text):
        series = found[1]
        where = f" ({_RELEASES[series]})" if series in _RELEASES else ""
        return (
            f"the C library libyang.so.{series} is not installed: install the package libyang{series}{where},"
            " or the Python library libyang anew, which is made for the C library that is there"
        )
    return f"a library cannot be used ({text}): install yangswan anew with pip"
