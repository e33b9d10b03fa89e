"""Why a subscription is refused, suspended or terminated, as identities (RFC 8639 section 2.4.6).

An identity is written "module:name", as RFC 7951 does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agent.errors import IdentityRef, OperationFailed

SN = "ietf-subscribed-notifications"
SN_NS = f"urn:ietf:params:xml:ns:yang:{SN}"

ENCODING_UNSUPPORTED = f"{SN}:encoding-unsupported"
FILTER_UNAVAILABLE = f"{SN}:filter-unavailable"
FILTER_UNSUPPORTED = f"{SN}:filter-unsupported"
INSUFFICIENT_RESOURCES = f"{SN}:insufficient-resources"
NO_SUCH_SUBSCRIPTION = f"{SN}:no-such-subscription"
SUSPENSION_TIMEOUT = f"{SN}:suspension-timeout"
UNSUPPORTABLE_VOLUME = f"{SN}:unsupportable-volume"


@dataclass(frozen=True, slots=True)
class Structure:
    """A structure of yang-data that stands in error-info, with a leaf ``reason`` and with hints."""

    namespace: str
    name: str


ESTABLISH_STREAM = Structure(SN_NS, "establish-subscription-stream-error-info")
MODIFY_STREAM = Structure(SN_NS, "modify-subscription-stream-error-info")
DELETE = Structure(SN_NS, "delete-subscription-error-info")


class Declined(OperationFailed):
    """An rpc about a subscription is refused; error-app-tag is the identity (RFC 8640 section 7).

    Args:
        hints: leafs of the structure beside ``reason``, e.g. filter-failure-hint, period-hint.
    """

    def __init__(self, identity: str, message: str, *, hints: Mapping[str, str] | None = None) -> None:
        super().__init__(message, app_tag=identity)
        self.identity = identity
        self.hints = dict(hints or {})

    def told_in(self, structure: Structure) -> Declined:
        """Have the reason and the hints told in ``structure``; returns the same error."""
        where = f"{{{structure.namespace}}}{structure.name}"
        hints = {f"{where}/{name}": value for name, value in self.hints.items()}
        self.info = {f"{where}/reason": IdentityRef(self.identity), **hints}
        return self


class Suspend(Exception):
    """A source cannot send for now; ``reason`` is derived from subscription-suspended-reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Terminate(Exception):
    """A subscription is to end; ``reason`` is derived from subscription-terminated-reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
