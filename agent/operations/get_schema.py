"""get-schema (RFC 6022 section 3.1)."""

from __future__ import annotations

from xml.sax.saxutils import escape

from agent.errors import InvalidValue, OperationFailed
from agent.operations.context import Caller, Context
from agent.operations.parameters import parameter, text_of
from agent.xml import Element, namespace


async def get_schema(context: Context, _caller: Caller, operation: Element) -> bytes:
    identifier = text_of(operation, "identifier")
    version = text_of(operation, "version")
    if parameter(operation, "format") is not None:
        wanted = text_of(operation, "format").rpartition(":")[2]
        if wanted != "yang":
            raise InvalidValue(
                f"schemas are served as yang only, not as {wanted}", info={"bad-element": "format"}
            )
    known = {source for module in context.schema.modules for source in module.sources}
    revisions = sorted(revision for name, revision in known if name == identifier)
    if not revisions:
        raise InvalidValue(f"there is no schema '{identifier}'", info={"bad-element": "identifier"})
    if len(revisions) > 1 and not version:
        raise OperationFailed(
            f"'{identifier}' exists in the versions {', '.join(revisions)}: ask for one",
            app_tag="data-not-unique",
        )
    source = await context.reader(context.schema.source, identifier, version)
    if source is None:
        raise InvalidValue(
            f"there is no version '{version}' of '{identifier}'", info={"bad-element": "version"}
        )
    text: str = escape(source)
    return f'<data xmlns="{namespace(operation)}">{text}</data>'.encode()
