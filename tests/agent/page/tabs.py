"""What a tab subscribes to where a test wants less, or more, than the page does."""

from __future__ import annotations

from collections.abc import Mapping

from tests.agent.page.client import CHANGES

NACM = "urn:ietf:params:xml:ns:yang:ietf-netconf-acm"
UPDATE, PATCH = "ietf-yang-push:push-update", "ietf-yang-push:push-change-update"
STATE_ONLY = {"state": CHANGES}


def state_only(_seconds: int) -> Mapping[str, bytes]:
    return STATE_ONLY
