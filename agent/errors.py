"""Errors that are answered to a client as ``<rpc-error>`` (RFC 6241 section 4.3 and appendix A).

An error knows its wire form; the instance keeps the facts. A path is written the way RFC 7951
writes an instance-identifier (``/yangswan-ipsec:tunnels/ipsec[id='7']/secret``); agent.netconf
turns it into prefixed XML when it is sent.

Three kinds of failure exist: the client's fault is an RpcError and is answered; the peer's fault
on the wire is a ProtocolError (agent.netconf) and closes the session; a backend that refuses a
commit raises BackendError, which is undone and then answered. Anything else is our own fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from itertools import islice
from typing import TypedDict, Unpack

MAX_ERRORS = 100
"""Errors that one reply holds at most."""
FIND_ERRORS = MAX_ERRORS + 1
"""So many are looked for: then it is known whether any are left out."""
MORE = -1
"""Some errors, nobody knows how many."""
UNSEEN = -2
"""Nobody knows whether there are any: the rest was not looked at."""
MESSAGE_CHARACTERS_MAX = 2000
SHOWN_CHARACTERS_MAX = 500
"""Of what an error names or quotes: an element, a namespace, a value."""
KEY_CHARACTERS_MAX = 1000
PATH_CHARACTERS_MAX = 8000


def _restored(kind: type[Exception], arguments: tuple[object, ...], facts: dict[str, object]) -> Exception:
    error = kind.__new__(kind, *arguments)
    error.__dict__.update(facts)
    return error


class _Portable(Exception):
    """An error that survives pickling, whatever its class wants to be made of."""

    def __reduce__(self) -> tuple[object, ...]:
        return _restored, (type(self), self.args, self.__dict__)


class IdentityRef(str):
    """An identity in error-info, "module:name", which is written with a prefix that is declared there."""


class ErrorType(Enum):
    """The layer at which an error occurred (RFC 6241 section 4.3); at the transport none that is answered."""

    RPC = "rpc"
    PROTOCOL = "protocol"
    APPLICATION = "application"


class RpcError(_Portable):
    """One ``<rpc-error>``.

    Args:
        message: Sentence for a human; says what is wrong and, where known, what to change.
        path: RFC 7951 instance-identifier of the offending node, if there is one.
        app_tag: error-app-tag (RFC 7950 section 15, or the YANG module's own).
        type: overrides the class's ErrorType.
        info: error-info children of the base namespace, element name to text; a tuple of texts
            repeats the element.

    What comes from the client is cut, so that no error is longer than these limits say, however long his
    names and values are. ``path_cut``: a predicate is missing in the path because its value is that long.

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
        message = shortened(message, MESSAGE_CHARACTERS_MAX)
        super().__init__(message)
        self.message = message
        self.path_cut = False
        self.path = path
        self.app_tag = app_tag
        if type is not None:
            self.type = type
        self.info = dict(info or {})
        self.about: tuple[str, ...] = ()
        """Paths of list entries, of all of which something is told by the message."""
        self.is_named = False
        """True if its receiver named the path himself: that it is there, or what it holds, is not told."""
        self.spelled: dict[tuple[str, str], tuple[str, ...]] = {}
        self.left_out = 0
        """How many errors after this one are not told; or ``MORE``, or ``UNSEEN``."""

    @property
    def told(self) -> str:
        """The message, and that there are more errors than are told, or may be."""
        if not self.left_out:
            return self.message
        if self.left_out == UNSEEN:
            return f"{self.message} (the rest was not looked at)"
        if self.left_out == 1:
            return f"{self.message} (1 more error is left out)"
        many = "more" if self.left_out == MORE else f"{self.left_out} more"
        return f"{self.message} ({many} errors are left out)"

    @property
    def path(self) -> str | None:
        return self._path

    @path.setter
    def path(self, path: str | None) -> None:
        self._path = None if path is None else short_path(path)
        self.path_cut = self._path != path

    @property
    def info(self) -> dict[str, str | tuple[str, ...]]:
        return self._info

    @info.setter
    def info(self, info: Mapping[str, str | tuple[str, ...]]) -> None:
        self._info = {name: _short_info(value) for name, value in info.items()}

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.message!r}, tag={self.tag!r}, "
            f"path={self.path!r}, app_tag={self.app_tag!r})"
        )


# A step, a predicate, or the bracket of one that does not close: what follows that is not looked at.
_STEP = re.compile(r"""/[^/\[\]]++|(\[(?:[^\]'"]|'[^']*+'|"[^"]*+")*+\])|\[""")


def shortened(text: str, characters: int = SHOWN_CHARACTERS_MAX) -> str:
    return text if len(text) <= characters else f"{text[:characters]}..."


def short_path(path: str) -> str:
    """Return ``path`` without predicates that are very long, and only its beginning if it still is."""
    if len(path) <= KEY_CHARACTERS_MAX:
        return path
    kept, octets = [], 0
    for match in _STEP.finditer(path):
        if match[0] == "[":
            break
        if match[1] and len(match[1]) > KEY_CHARACTERS_MAX:
            continue
        octets += len(match[0])
        if octets > PATH_CHARACTERS_MAX:
            break
        kept.append(match[0])
    return "".join(kept)


def _short_info(value: str | tuple[str, ...]) -> str | tuple[str, ...]:
    if not isinstance(value, str):
        return tuple(map(_short_text, value[:MAX_ERRORS]))
    return _short_text(value)


def _short_text(value: str) -> str:
    return short_path(value) if value.startswith("/") else shortened(value)


_MISMATCH = "{urn:ietf:params:xml:ns:yang:ietf-netconf-txid}txid-value-mismatch-error-info"


class RpcErrors(_Portable):
    """Several RpcError found by one operation, of which ``first_of`` are reported; ``all_known`` as there."""

    def __init__(self, errors: Iterable[RpcError], *, all_known: bool = False) -> None:
        self.errors = tuple(first_of(errors, all_known=all_known))
        if not self.errors:
            raise ValueError("RpcErrors needs at least one error")
        super().__init__("; ".join(error.message for error in self.errors))


def first_of(errors: Iterable[RpcError], *, all_known: bool = False) -> list[RpcError]:
    """Return the first MAX_ERRORS of ``errors``; no more than one after these is looked for. The last one
    says that more are left out: how many, if ``errors`` is a sequence of all. One of FIND_ERRORS is taken for
    what a search has found that stopped there, unless the caller says that it is ``all_known``.
    Who puts several searches together gives ``first_of`` each, which says where one was cut."""
    found = errors if isinstance(errors, Sequence) else list(islice(errors, FIND_ERRORS))
    said = {error.left_out for error in found}
    beyond = max(0, len(found) - MAX_ERRORS)
    if MORE in said or (len(found) == FIND_ERRORS and not all_known):
        left_out = MORE
    elif UNSEEN in said:
        left_out = MORE if beyond or max(said) > 0 else UNSEEN
    else:
        left_out = beyond + sum(error.left_out for error in found)
    first = list(found[:MAX_ERRORS])
    for error in first:
        error.left_out = 0
    if first:
        first[-1].left_out = left_out
    return first


def raise_all(errors: Iterable[RpcError]) -> None:
    """Raise RpcErrors with ``first_of(errors)``, if there are any."""
    if found := first_of(errors):
        raise RpcErrors(found)


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
        if not namespace:
            message = f"<{element}> is in no namespace, and nothing of this server is"
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


class TxidMismatch(OperationFailed):
    """Something has changed that its client expected to be as he knows it; ``value`` is the id that it has
    now (draft-ietf-netconf-transaction-id, section 3.6.1). ``path`` None: the datastore."""

    type = ErrorType.PROTOCOL

    def __init__(self, mechanism: str, value: str, *, path: str | None) -> None:
        super().__init__(
            f"{path or 'running'} is not as it was at the {mechanism} that an edit gave: read it again, edit "
            "it again with what you have read or discard the changes, and commit again",
            path=path,
        )
        paths = {} if path is None else {f"{_MISMATCH}/mismatch-path": path}
        self.info = {**paths, f"{_MISMATCH}/mismatch-{mechanism}-value": value}


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
