"""Where the model has what this translator fills: names of YANG modules and RFC 7951 schema paths. Pure."""

from __future__ import annotations

from collections.abc import Mapping

Json = Mapping[str, object]
"""A node of the model as RFC 7951 JSON, to be read."""

IPSEC = "yangswan-ipsec"
PKI = "yangswan-pki"
DAEMON = "yangswan-daemon"
LIST_PATH = f"/{IPSEC}:tunnels/ipsec"
LEAK_PROTECTION_PATH = f"/{IPSEC}:tunnels/leak-protection"
BYPASS_PATH = f"/{IPSEC}:tunnels/bypass"
STATE_PATH = f"{LIST_PATH}/state"
DAEMON_ROOT = f"/{DAEMON}:daemon"
CERTIFICATES_PATH = f"/{PKI}:certificates/certificate"
CRLS_PATH = f"/{PKI}:certificates/crl"
REVOCATION_PATH = f"/{PKI}:certificates/revocation"
FETCH_PATH = f"/{PKI}:certificates/fetch"
CERTIFICATE_STATE_ROOT = f"/{PKI}:certificate-state"


def entry_path(tunnel: str) -> str:
    """Return the instance-identifier of the entry of ``tunnel``."""
    return f"{LIST_PATH}[id='{tunnel}']"


NAMES = {
    f"{STATE_PATH}/overlap/tunnel": entry_path("{}"),
    f"{CERTIFICATE_STATE_ROOT}/certificate/tunnel": entry_path("{}"),
}
"""What of our state holds the id of another tunnel."""


ALWAYS_CHANGING = (
    *(
        f"{STATE_PATH}/{name}"
        for name in (
            "leak-protection/dropped-packets-out",
            "leak-protection/dropped-bytes-out",
            "leak-protection/dropped-packets-in",
            "leak-protection/dropped-bytes-in",
            "time-since-rekey",
            "retransmission-tries",
            "supervision",
        )
    ),
    *(
        f"{STATE_PATH}/ike-sa/{name}"
        for name in ("established", "rekey-in", "reauth-in", "task-queued", "task-active", "task-passive")
    ),
    *(
        f"{STATE_PATH}/child-sa/{name}"
        for name in (
            *("bytes-in", "packets-in", "last-use-in", "bytes-out", "packets-out", "last-use-out"),
            *("installed", "rekey-in", "expires-in"),
        )
    ),
    f"{DAEMON_ROOT}/uptime-seconds",
    f"{DAEMON_ROOT}/ike-sas",
    f"{CERTIFICATE_STATE_ROOT}/certificate/expired",
    f"{CERTIFICATE_STATE_ROOT}/crl/expired",
    f"{CERTIFICATE_STATE_ROOT}/revocation",
)
"""Of our state: counters, ages, and what charon tells nobody of, or time alone changes."""
