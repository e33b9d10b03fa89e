"""Where the model has what this translator fills: names of YANG modules and RFC 7951 schema paths. Pure."""

from __future__ import annotations

from collections.abc import Mapping

Json = Mapping[str, object]
"""A node of the model as RFC 7951 JSON, to be read."""

IPSEC = "yangswan-ipsec"
LIST_PATH = f"/{IPSEC}:tunnels/ipsec"
STATE_PATH = f"{LIST_PATH}/state"
DAEMON_ROOT = f"/{IPSEC}:daemon"
CERTIFICATES_PATH = f"/{IPSEC}:certificates/certificate"
CERTIFICATE_STATE_ROOT = f"/{IPSEC}:certificate-state"


def entry_path(tunnel: str) -> str:
    """Return the instance-identifier of the entry of ``tunnel``."""
    return f"{LIST_PATH}[id='{tunnel}']"
