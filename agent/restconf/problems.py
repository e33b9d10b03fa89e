"""What is wrong with a request: its status and its report (RFC 8040 section 7)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from agent.errors import RpcError
from agent.netconf.messages import Namespaces, rpc_error
from agent.restconf.media import Media

NAMESPACE = "urn:ietf:params:xml:ns:yang:ietf-restconf"

STATUS = {
    "in-use": 409,
    "invalid-value": 400,
    "too-big": 413,
    "missing-attribute": 400,
    "bad-attribute": 400,
    "unknown-attribute": 400,
    "missing-element": 400,
    "bad-element": 400,
    "unknown-element": 400,
    "unknown-namespace": 400,
    "access-denied": 403,
    "lock-denied": 409,
    "resource-denied": 409,
    "rollback-failed": 500,
    "data-exists": 409,
    "data-missing": 409,
    "operation-not-supported": 501,
    "operation-failed": 412,
    "partial-operation": 500,
    "malformed-message": 400,
}
"""Section 7, where there are several the one that fits what this server means by a tag."""


class Problem(Exception):
    """A request is refused.

    Args:
        status: of HTTP; ``headers``: what goes with it.
        tag: the error-tag; without ``errors`` these words are all that there is.
    """

    def __init__(
        self,
        status: int,
        tag: str,
        message: str,
        *,
        errors: Sequence[RpcError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})
        self.errors = list(errors) or [_plain(tag, message)]


class _Told(RpcError):
    """An error with any tag."""


def _plain(tag: str, message: str) -> RpcError:
    error = _Told(message)
    error.tag = tag
    return error


def problem_of(errors: Sequence[RpcError]) -> Problem:
    """Return what handlers have refused; the first error says the status."""
    first = errors[0]
    failed_here = first.app_tag == "internal-error"
    return Problem(
        500 if failed_here else STATUS.get(first.tag, 500), first.tag, first.message, errors=errors
    )


def report(errors: Iterable[RpcError], media: Media, namespaces: Namespaces) -> bytes:
    """Return ``ietf-restconf:errors`` with all of ``errors``."""
    if media is Media.XML:
        return _xml(errors, namespaces)
    rows = []
    for error in errors:
        row = {"error-type": error.type.value, "error-tag": error.tag}
        if error.app_tag:
            row["error-app-tag"] = error.app_tag
        if error.path:
            row["error-path"] = error.path
        row["error-message"] = " ".join(error.told.split())
        rows.append(row)
    return json.dumps({"ietf-restconf:errors": {"error": rows}}, ensure_ascii=False).encode()


def _xml(errors: Iterable[RpcError], namespaces: Namespaces) -> bytes:
    """The elements are those of ``<rpc-error>``, but for its severity."""
    out = f'<errors xmlns="{NAMESPACE}">'.encode()
    for error in errors:
        printed = rpc_error(error, namespaces, {})
        printed = printed.replace(b"<error-severity>error</error-severity>", b"", 1)
        out += b"<error>" + printed.removeprefix(b"<rpc-error>").removesuffix(b"</rpc-error>") + b"</error>"
    return out + b"</errors>"
