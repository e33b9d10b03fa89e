"""The operations of NETCONF that a request becomes: a rule about one of them (RFC 8341 section 3.4.4) holds
here, too. It is asked before anything is read of a body."""

from __future__ import annotations

from collections.abc import Callable

from agent.nacm.rules import Step
from agent.notifications import NOTIFICATION_NS
from agent.operations import implicit
from agent.operations.context import Caller, Context
from agent.operations.dispatch import guarded
from agent.operations.parameters import NMDA_NS
from agent.restconf.uris import Place
from agent.yang.schema_node import Kind, QName, SchemaNode

READ: QName = (NMDA_NS, "get-data")
FOLLOW: QName = (NOTIFICATION_NS, "create-subscription")


async def refuse_operation(context: Context, caller: Caller, name: QName) -> None:
    """Raise RpcErrors if the caller may not carry out the operation ``name``."""
    node = context.schema.rpcs[name]
    await _asked(context, caller, node, lambda: context.nacm.refuse_operation(context.access(caller), node))


async def refuse_edit(context: Context, caller: Caller, place: Place) -> None:
    """Raise RpcErrors if the caller may change nothing at all; ``place``: what he names."""
    node = context.schema.rpcs[implicit.EDIT_CONFIG]
    await _asked(context, caller, node, lambda: implicit.refuse_edit(context, caller, place.path))


async def refuse_action(context: Context, caller: Caller, place: Place) -> None:
    """Raise RpcErrors if the caller may not invoke the action that ``place`` leads to."""
    nodes = [step.node for step in place.steps]
    steps = [Step(step.node.module, step.node.name, _keys(step.node, step.keys)) for step in place.steps]

    def ask() -> None:
        refusal = context.access(caller).action_refusal(steps, nodes)
        if refusal is not None:
            context.nacm.count_denied_operation(refusal)
            raise refusal

    await _asked(context, caller, nodes[-1], ask)


def _keys(node: SchemaNode, values: tuple[str, ...]) -> dict[str, str]:
    if not values:
        return {}
    return dict(zip(node.keys if node.kind is Kind.LIST else (".",), values, strict=True))


async def _asked(context: Context, caller: Caller, node: SchemaNode, ask: Callable[[], None]) -> None:
    async def work() -> bytes:
        ask()
        return b""

    await guarded(context, caller, node.name, work)
