"""list-sas replies of strongSwan 5.9.8, as they were received."""

from __future__ import annotations

from typing import Any

INSTALLED: dict[str, Any] = {
    "name": "ipsec-1",
    "uniqueid": "6",
    "version": "2",
    "state": "ESTABLISHED",
    "local-host": "192.168.0.2",
    "local-port": "4500",
    "local-id": "bob",
    "remote-host": "192.168.0.1",
    "remote-port": "4500",
    "remote-id": "alice",
    "initiator": "yes",
    "initiator-spi": "76347598f0038d0c",
    "responder-spi": "c6cc9b7fa8510c07",
    "nat-remote": "yes",
    "nat-any": "yes",
    "encr-alg": "AES_CBC",
    "encr-keysize": "256",
    "integ-alg": "HMAC_SHA2_256_128",
    "prf-alg": "PRF_HMAC_SHA2_256",
    "dh-group": "CURVE_25519",
    "established": "2",
    "rekey-time": "12980",
    "child-sas": {
        "ipsec-1-4": {
            "name": "ipsec-1",
            "uniqueid": "4",
            "reqid": "1",
            "state": "INSTALLED",
            "mode": "TUNNEL",
            "protocol": "ESP",
            "encap": "yes",
            "spi-in": "bcf21fee",
            "spi-out": "ddcd326d",
            "encr-alg": "AES_GCM_16",
            "encr-keysize": "128",
            "bytes-in": "46",
            "packets-in": "1",
            "use-in": "0",
            "bytes-out": "92",
            "packets-out": "2",
            "use-out": "5",
            "rekey-time": "3300",
            "life-time": "3958",
            "install-time": "2",
            "local-ts": ["10.2.0.0/16"],
            "remote-ts": ["10.1.0.0/16"],
        }
    },
}

CONNECTING: dict[str, Any] = {
    "name": "ipsec-1",
    "uniqueid": "7",
    "version": "2",
    "state": "CONNECTING",
    "local-host": "192.168.0.2",
    "local-port": "500",
    "local-id": "%any",
    "remote-host": "192.168.0.1",
    "remote-port": "500",
    "remote-id": "%any",
    "initiator": "yes",
    "initiator-spi": "f8dc149195f1fab2",
    "responder-spi": "0000000000000000",
    "tasks-queued": ["CHILD_CREATE"],
    "tasks-active": ["IKE_VENDOR", "IKE_INIT", "IKE_NATD"],
}

STATS: dict[str, Any] = {
    "uptime": {"running": "4 minutes", "since": "Nov 23 13:26:43 2026"},
    "workers": {"total": "16", "idle": "7"},
    "ikesas": {"total": "3", "half-open": "1"},
    "plugins": ["charon", "aes", "vici"],
}


def sa(state: str = "ESTABLISHED", *children: str, uniqueid: str = "1", **members: Any) -> dict[str, Any]:
    """Return an IKE_SA in ``state`` with a child in each of the states ``children``."""
    return {
        "name": "ipsec-1",
        "uniqueid": uniqueid,
        "state": state,
        "child-sas": {
            f"ipsec-1-{n}": {"name": "ipsec-1", "uniqueid": str(n), "state": child, "install-time": str(n)}
            for n, child in enumerate(children, 1)
        },
        **{name.replace("_", "-"): value for name, value in members.items()},
    }
