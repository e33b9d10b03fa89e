"""What this server can do, and its streams (ietf-restconf-monitoring, RFC 8040 section 9)."""

from __future__ import annotations

from agent.notifications import STREAM, Stream, time_text
from agent.translator import Json

MODULE = "ietf-restconf-monitoring"
STATE_PATH = f"/{MODULE}:restconf-state"
_BASE = "urn:ietf:params:restconf:capability"
CAPABILITIES = (
    f"{_BASE}:defaults:1.0?basic-mode=explicit",
    *(
        f"{_BASE}:{name}:1.0"
        for name in (
            "depth",
            "fields",
            "filter",
            "replay",
            "with-defaults",
            "with-operational-defaults",
            "with-origin",
        )
    ),
)


def restconf_state(stream: Stream, base: str) -> Json:
    """Return the content of ``/restconf-state``; ``base``: scheme and host, as clients write them."""
    places = [
        {"encoding": encoding, "location": f"{base}/restconf/streams/{STREAM}/{encoding}"}
        for encoding in ("json", "xml")
    ]
    return {
        "capabilities": {"capability": list(CAPABILITIES)},
        "streams": {
            "stream": [
                {
                    "name": STREAM,
                    "description": "All events of this server",
                    "replay-support": True,
                    "replay-log-creation-time": time_text(stream.created),
                    "access": places,
                }
            ]
        },
    }
