"""From an operation element to its handler."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable

from agent.errors import (
    ErrorType,
    OperationFailed,
    OperationNotSupported,
    ResourceDenied,
    RpcError,
    RpcErrors,
    UnknownElement,
    UnknownNamespace,
)
from agent.notifications import NOTIFICATION_NS
from agent.operations import (
    commit,
    compare,
    compare_commits,
    dry_run,
    explain,
    get_schema,
    invoke,
    load_commit,
    locking,
    nmda,
    read,
    resync,
    session,
    subscribe,
    subscriptions,
    write,
)
from agent.operations.context import Caller, Context
from agent.operations.disclosure import count_hidden, disclosed
from agent.operations.parameters import AGENT_NS, NMDA_NS, check_input
from agent.operations.same_rules import by_the_same_rules
from agent.push.refusal import SN_NS
from agent.push.updates import PUSH_NS
from agent.xml import (
    MONITORING_NS,
    NETCONF_NS,
    YANG_NS,
    Element,
    copy_of,
    has_more_elements,
    local_name,
    namespace,
)
from agent.yang.worker import Worker

log = logging.getLogger(__name__)

Handler = Callable[[Context, Caller, Element], Awaitable[bytes]]

COMPARE_NS = "urn:ietf:params:xml:ns:yang:ietf-nmda-compare"

HANDLERS: dict[tuple[str, str], Handler] = {
    (NETCONF_NS, "get"): read.get,
    (NETCONF_NS, "get-config"): read.get_config,
    (NETCONF_NS, "edit-config"): write.edit_config,
    (NETCONF_NS, "copy-config"): write.copy_config,
    (NETCONF_NS, "delete-config"): write.delete_config,
    (NETCONF_NS, "lock"): locking.lock,
    (NETCONF_NS, "unlock"): locking.unlock,
    (NETCONF_NS, "commit"): commit.commit,
    (NETCONF_NS, "cancel-commit"): commit.cancel_commit,
    (NETCONF_NS, "discard-changes"): commit.discard_changes,
    (NETCONF_NS, "validate"): commit.validate,
    (NETCONF_NS, "close-session"): session.close_session,
    (NETCONF_NS, "kill-session"): session.kill_session,
    (NMDA_NS, "get-data"): nmda.get_data,
    (NMDA_NS, "edit-data"): nmda.edit_data,
    (NOTIFICATION_NS, "create-subscription"): subscribe.create_subscription,
    (SN_NS, "establish-subscription"): subscriptions.establish_subscription,
    (SN_NS, "modify-subscription"): subscriptions.modify_subscription,
    (SN_NS, "delete-subscription"): subscriptions.delete_subscription,
    (SN_NS, "kill-subscription"): subscriptions.kill_subscription,
    (PUSH_NS, "resync-subscription"): resync.resync_subscription,
    (MONITORING_NS, "get-schema"): get_schema.get_schema,
    (AGENT_NS, "explain-access"): explain.explain_access,
    (COMPARE_NS, "compare"): compare.compare,
    (AGENT_NS, "compare-commits"): compare_commits.compare_commits,
    (AGENT_NS, "load-commit"): load_commit.load_commit,
    (AGENT_NS, "dry-run"): dry_run.dry_run,
    (YANG_NS, "action"): invoke.invoke_action,
}


READS = frozenset(
    {
        (NETCONF_NS, "get"),
        (NETCONF_NS, "get-config"),
        (NMDA_NS, "get-data"),
        (MONITORING_NS, "get-schema"),
        (AGENT_NS, "explain-access"),
        (COMPARE_NS, "compare"),
        (AGENT_NS, "compare-commits"),
        (AGENT_NS, "dry-run"),
    }
)
"""What changes nothing, not even what is asked, and of which nothing is left when it is broken off, or done
again."""
SPENT = frozenset({(AGENT_NS, "dry-run")})
"""Those of them that use up what is asked, for a configuration stands in it that is taken apart."""


def only_reads(operation: Element) -> bool:
    """Return whether ``operation`` may be broken off at any time."""
    return (namespace(operation), local_name(operation)) in READS


CHECKED_HERE = frozenset(
    {
        (NETCONF_NS, "get"),
        (NETCONF_NS, "get-config"),
        (NETCONF_NS, "edit-config"),
        (NETCONF_NS, "lock"),
        (NETCONF_NS, "unlock"),
        (NMDA_NS, "get-data"),
        (NMDA_NS, "edit-data"),
    }
)
"""What is asked for most. No parameter of these has a type with a pattern, which could take long to match."""
AGAIN_ELEMENTS = 1000
"""One that is spent, and has more, is refused, and not done again, where rules of access control change
meanwhile."""
SMALL_OCTETS = 2048
"""In a message that is no larger, the parameters of these, and that there are none, are checked without a hop
to the thread of libyang."""


async def dispatch(context: Context, caller: Caller, operation: Element, octets: int | None = None) -> bytes:
    """Carry out one operation, of a message of ``octets`` if that is known; returns the reply's body, b"" for
    ``<ok/>``.

    Raises:
        RpcErrors: what the client is to be told. A failure of our own becomes operation-failed, is
            logged with its traceback, and leaves the server running.
    """
    qname = namespace(operation), local_name(operation)
    again = Again(operation) if qname in SPENT else None

    async def work() -> bytes:
        return await carry_out(operation if again is None else again.take())

    async def carry_out(operation: Element) -> bytes:
        node = context.schema.rpcs.get(qname)
        if node is not None:
            context.nacm.refuse_operation(context.access(caller), node)
        if node is not None and qname in HANDLERS:
            is_small = octets is not None and octets <= SMALL_OCTETS
            if is_small and (qname in CHECKED_HERE or not len(operation)):
                check_input(context.schema, node, operation)
            else:
                check = subscriptions.check_input if qname[0] == SN_NS else check_input
                # Of the schema alone: what only reads waits for no write.
                thread = context.reader if qname in READS else context.worker
                await thread(check, context.schema, node, operation)
        elif node is None and qname != (YANG_NS, "action"):
            raise _unknown(context, *qname)
        return await HANDLERS.get(qname, invoke.invoke_rpc)(context, caller, operation)

    return await guarded(context, caller, qname[1], work, reads=qname in READS)


class Again:
    """A small ``operation`` as it came, for each time that it is carried out, and spent. Of a large one no
    copy is made."""

    def __init__(self, operation: Element) -> None:
        self._next: Element | None = operation
        self._kept = None if has_more_elements(operation, AGAIN_ELEMENTS) else copy_of(operation)

    def take(self) -> Element:
        """Return the operation. Raises: ResourceDenied: it is large, and was taken already."""
        taken, self._next = self._next, None
        if taken is not None:
            return taken
        if self._kept is None:
            raise ResourceDenied(
                "the rules of access control have changed while this was worked on: try again"
            )
        return copy_of(self._kept)


async def guarded(
    context: Context,
    caller: Caller,
    name: str,
    work: Callable[[], Awaitable[bytes]],
    *,
    reads: bool = False,
) -> bytes:
    """Return what ``work`` returns, which carries out the operation ``name``; ``reads``: and changes nothing,
    so it is done again if the rules of access control change meanwhile.

    Raises:
        RpcErrors: as ``dispatch``.
    """
    thread = context.reader if reads else context.worker
    try:
        return await (by_the_same_rules(context, caller, work) if reads else work())
    except RpcError as problem:
        raise await _disclosed(context, caller, [problem], thread=thread) from problem
    except RpcErrors as problem:
        raise await _disclosed(context, caller, problem.errors, thread=thread) from problem
    except Exception as problem:
        log.error("<%s> failed by a fault of this server", name, exc_info=problem)
        raise RpcErrors(
            [
                OperationFailed(
                    "the server failed to carry this out; its log says why", app_tag="internal-error"
                )
            ]
        ) from None


async def _disclosed(
    context: Context, caller: Caller, errors: Iterable[RpcError], *, thread: Worker
) -> RpcErrors:
    access, schema = context.access(caller), context.schema
    found = list(errors)
    await count_hidden(context, caller, found, thread=thread)
    return RpcErrors([await thread(disclosed, schema, access, error) for error in found])


def _unknown(context: Context, uri: str, name: str) -> RpcError:
    if uri not in context.schema.by_namespace:
        return UnknownNamespace(name, uri, type=ErrorType.PROTOCOL)
    if hint := context.schema.hints.get((uri, name)):
        message = f"<{name}> is not in this namespace: {hint}"
        return UnknownElement(name, message, type=ErrorType.PROTOCOL)
    return OperationNotSupported(f"this server has no operation <{name}>", type=ErrorType.PROTOCOL)
