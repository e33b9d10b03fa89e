"""Errors that are answered to a client as ``<rpc-error>`` (RFC 6241 section 4.3 and appendix A).

An error knows its wire form; the instance keeps the facts. A path is written the way RFC 7951
writes an instance-identifier (``/yangswan-ipsec:tunnels/ipsec[id='7']/secret``); agent.netconf
turns it into prefixed XML when it is sent.

Three kinds of failure exist: the client's fault is an RpcError and is answered; the peer's fault
on the wire is a ProtocolError (agent.netconf) and closes the session; a backend that refuses a
commit raises BackendError, which is undone and then answered. Anything else is our own fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import TypedDict, Unpack


class ErrorType(Enum):
    """The layer at which an error occurred (RFC 6241 section 4.3)."""

    TRANSPORT = "transport"
    RPC = "rpc"
    PROTOCOL = "protocol"
    APPLICATION = "application"


class RpcError(Exception):
    """One ``<rpc-error>``.

    Args:
        message: Sentence for a human; says what is wrong and, where known, what to change.
        path: RFC 7951 instance-identifier of the offending node, if there is one.
        app_tag: error-app-tag (RFC 7950 section 15, or the YANG module's own).
        type: overrides the class's ErrorType.
        info: error-info children of the base namespace, element name to text; a tuple of texts
            repeats the element.

    ``spelled``: values in the predicates of paths that hold names, by key and value: cut where XML has a
    prefix (text, module, text, ..., module, text), for XML declares other prefixes than RFC 7951.
    """

    tag = "operation-failed"
    type = ErrorType.APPLICATION
    severity = "error"

    def __init__(
        self,
        message: str,
        *,
        path: str | None = None,
        app_tag: str | None = None,
        type: ErrorType | None = None,
        info: Mapping[str, str | tuple[str, ...]] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.app_tag = app_tag
        if type is not None:
            self.type = type
        self.info: dict[str, str | tuple[str, ...]] = dict(info or {})
        self.about: tuple[str, ...] = ()
        """Paths of list entries other than that of ``path`` which the message tells of."""
        self.spelled: dict[tuple[str, str], tuple[str, ...]] = {}

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.message!r}, tag={self.tag!r}, "
            f"path={self.path!r}, app_tag={self.app_tag!r})"
        )


class RpcErrors(Exception):
    """Several RpcError found by one operation; all of them are reported."""

    def __init__(self, errors: Iterable[RpcError]) -> None:
        self.errors = tuple(errors)
        if not self.errors:
            raise ValueError("RpcErrors needs at least one error")
        super().__init__("; ".join(error.message for error in self.errors))


class OperationFailed(RpcError):
    """The operation failed for a reason no other tag describes."""


class InUse(RpcError):
    tag = "in-use"


class InvalidValue(RpcError):
    tag = "invalid-value"


class InvalidParameter(InvalidValue):
    """A parameter of an operation, ``element``, has a value that cannot be used."""

    type = ErrorType.PROTOCOL

    def __init__(self, element: str, message: str) -> None:
        super().__init__(message, info={"bad-element": element})


class TooBig(RpcError):
    tag = "too-big"


class _Where(TypedDict, total=False):
    """What every error may say besides its own facts; see RpcError."""

    path: str | None
    app_tag: str | None
    type: ErrorType | None


class BadAttribute(RpcError):
    tag = "bad-attribute"

    def __init__(self, attribute: str, element: str, message: str, **where: Unpack[_Where]) -> None:
        super().__init__(message, info={"bad-attribute": attribute, "bad-element": element}, **where)


class UnknownAttribute(BadAttribute):
    tag = "unknown-attribute"


class MissingAttribute(BadAttribute):
    tag = "missing-attribute"

    def __init__(self, attribute: str, element: str, **where: Unpack[_Where]) -> None:
        super().__init__(attribute, element, f"attribute '{attribute}' is missing on <{element}>", **where)


class BadElement(RpcError):
    tag = "bad-element"

    def __init__(self, element: str, message: str, **where: Unpack[_Where]) -> None:
        super().__init__(message, info={"bad-element": element}, **where)


class MissingElement(BadElement):
    tag = "missing-element"


class UnknownElement(BadElement):
    tag = "unknown-element"


class UnknownNamespace(RpcError):
    tag = "unknown-namespace"

    def __init__(self, element: str, namespace: str, **where: Unpack[_Where]) -> None:
        message = f"no module of this server has the namespace '{namespace}' of <{element}>"
        super().__init__(message, info={"bad-element": element, "bad-namespace": namespace}, **where)


class AccessDenied(RpcError):
    tag = "access-denied"


class LockDenied(RpcError):
    """The lock is held by another session (RFC 6241 section 7.5); session 0 is not NETCONF."""

    tag = "lock-denied"
    type = ErrorType.PROTOCOL

    def __init__(self, datastore: str, owner: int, *, message: str | None = None) -> None:
        holder = f"session {owner}" if owner else "another party"
        super().__init__(
            message or f"the {datastore} datastore is locked by {holder}",
            info={"session-id": str(owner)},
        )


class ResourceDenied(RpcError):
    tag = "resource-denied"


class RollbackFailed(RpcError):
    tag = "rollback-failed"


class DataExists(RpcError):
    tag = "data-exists"


class DataMissing(RpcError):
    tag = "data-missing"


class OperationNotSupported(RpcError):
    tag = "operation-not-supported"


class MalformedMessage(RpcError):
    """The XML is not well-formed or not acceptable; only with base:1.1 (RFC 6241 appendix A)."""

    tag = "malformed-message"
    type = ErrorType.RPC


class BackendError(Exception):
    """A backend refused a step of a commit and every step taken before it was undone."""


class BackendInconsistent(BackendError):
    """A backend refused a step, and undoing an earlier one failed too; it must be reconciled."""


def about_file(problem: OSError) -> str:
    """Return what the system says of a file, the file's name first, as people read it."""
    if problem.filename is None or not problem.strerror:
        return str(problem)
    name = problem.filename
    return f"{name.decode(errors='replace') if isinstance(name, bytes) else name}: {problem.strerror}"
