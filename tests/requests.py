"""What clients in many tests ask for: an edit of the candidate, a tunnel."""

from __future__ import annotations

IPSEC = "urn:yangswan:params:xml:ns:yang:ipsec"


def edit_candidate(body: str) -> str:
    return f"<edit-config><target><candidate/></target><config>{body}</config></edit-config>"


def tunnel(number: int, description: str = "x") -> str:
    return (
        f'<tunnels xmlns="{IPSEC}"><ipsec><id>{number}</id><description>{description}</description>'
        f"<secret>not-a-real-secret</secret><local-address>192.0.2.1</local-address>"
        f"<peer>198.51.100.{number}</peer><remote-id><name>peer{number}</name></remote-id></ipsec></tunnels>"
    )
