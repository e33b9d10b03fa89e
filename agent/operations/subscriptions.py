"""The rpcs of RFC 8639: establish-, modify-, delete- and kill-subscription."""

from __future__ import annotations

from agent.operations.targets import Target

TARGETS: list[Target] = []
"""Every kind of what a subscription can be to."""
