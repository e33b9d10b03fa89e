"""Which release of this program runs."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def release() -> str:
    """Return the version of the package, "unknown" where it runs from a checkout that is not installed."""
    try:
        return version("yangswan")
    except PackageNotFoundError:
        return "unknown"
