"""State of the server itself: ietf-netconf-monitoring (RFC 6022) and the YANG library (RFC 8525, 7895)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from agent.datastore.changes import base_event, changed_by
from agent.datastore.locks import Locks
from agent.datastore.records import SERVER, address_of
from agent.operations.context import Caller
from agent.translator import Json, Notification
from agent.yang.modules import Module
from agent.yang.schema import Schema

LIBRARY_PATH = "/ietf-yang-library:yang-library"
MODULES_STATE_PATH = "/ietf-yang-library:modules-state"
NETCONF_STATE_PATH = "/ietf-netconf-monitoring:netconf-state"


def content_id(schema: Schema) -> str:
    """Return an id that changes with the set of modules, revisions and features (RFC 8525 section 2)."""
    text = repr(sorted((m.name, m.revision, m.implemented, m.features) for m in schema.modules))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def yang_library(schema: Schema) -> Json:
    """Return the content of ``/yang-library``: one schema for running, candidate and operational."""
    implemented = [m for m in schema.modules if m.implemented]
    imported = [m for m in schema.modules if not m.implemented]
    return {
        "module-set": [
            {
                "name": "complete",
                "module": [_library_module(m) for m in implemented],
                "import-only-module": [
                    {**_name(m), "revision": m.revision, **_submodules(m)} for m in imported
                ],
            }
        ],
        "schema": [{"name": "complete", "module-set": ["complete"]}],
        "datastore": [
            {"name": f"ietf-datastores:{name}", "schema": "complete"}
            for name in ("running", "candidate", "operational")
        ],
        "content-id": content_id(schema),
    }


def _name(module: Module) -> Json:
    return {"name": module.name, "namespace": module.namespace}


def _submodules(module: Module) -> Json:
    rows = [{"name": n, **({"revision": r} if r else {})} for n, r in module.submodules]
    return {"submodule": rows} if rows else {}


def _library_module(module: Module) -> Json:
    entry = {**_name(module), **_submodules(module)}
    if module.revision:
        entry["revision"] = module.revision
    if module.features:
        entry["feature"] = list(module.features)
    if module.deviated_by:
        entry["deviation"] = list(module.deviated_by)
    return entry


def modules_state(schema: Schema) -> Json:
    """Return the content of the older ``/modules-state`` (RFC 7895)."""
    rows = []
    for module in schema.modules:
        row = {
            **_name(module),
            "revision": module.revision,
            "conformance-type": "implement" if module.implemented else "import",
        }
        if module.features:
            row["feature"] = list(module.features)
        if module.deviated_by:
            row["deviation"] = [{"name": n, "revision": _revision(schema, n)} for n in module.deviated_by]
        if module.submodules:
            row["submodule"] = [{"name": n, "revision": r} for n, r in module.submodules]
        rows.append(row)
    return {"module-set-id": content_id(schema), "module": rows}


def _revision(schema: Schema, name: str) -> str:
    return schema.by_name[name].revision


def capabilities(schema: Schema) -> list[str]:
    """Return the capabilities for <hello>, as RFC 6241 section 10.4 and RFC 8525 section 4 want them.

    Modules of YANG 1.0 are announced one by one, for clients that read nothing else; those of YANG 1.1
    only through the YANG library.
    """
    base = "urn:ietf:params:netconf:"
    found = [f"{base}base:1.0", f"{base}base:1.1"]
    found += [
        f"{base}capability:{name}"
        for name in (
            "candidate:1.0",
            "confirmed-commit:1.0",
            "confirmed-commit:1.1",
            "interleave:1.0",
            "notification:1.0",
            "rollback-on-error:1.0",
            "txid:etag:1.0",
            "txid:last-modified:1.0",
            "validate:1.1",
            "with-defaults:1.0?basic-mode=explicit&also-supported=report-all,report-all-tagged,trim",
            "with-operational-defaults:1.0?basic-mode=report-all"
            "&also-supported=explicit,report-all-tagged,trim",
            "xpath:1.0",
        )
    ]
    library = schema.by_name["ietf-yang-library"]
    found.append(
        f"{base}capability:yang-library:1.1?revision={library.revision}&content-id={content_id(schema)}"
    )
    found.append(
        f"{base}capability:yang-library:1.0?revision={library.revision}&module-set-id={content_id(schema)}"
    )
    for module in schema.modules:
        if module.implemented and not module.yang_version_1_1:
            found.append(_module_capability(module))
    return found


def _module_capability(module: Module) -> str:
    text = f"{module.namespace}?module={module.name}"
    if module.revision:
        text += f"&revision={module.revision}"
    if module.features:
        text += "&features=" + ",".join(module.features)
    if module.deviated_by:
        text += "&deviations=" + ",".join(module.deviated_by)
    return text


def capability_change(before: Sequence[str], now: Sequence[str]) -> Notification | None:
    """Return netconf-capability-change (RFC 6470 section 2.2) for two lists of URIs, None if they agree.

    A URI with other parameters is the same capability, modified.
    """
    old, new = ({uri.partition("?")[0]: uri for uri in uris} for uris in (before, now))
    content = {
        "added-capability": [uri for base, uri in new.items() if base not in old],
        "deleted-capability": [uri for base, uri in old.items() if base not in new],
        "modified-capability": [uri for base, uri in new.items() if old.get(base, uri) != uri],
    }
    content = {name: uris for name, uris in content.items() if uris}
    if not content:
        return None
    return base_event("netconf-capability-change", {"changed-by": changed_by(SERVER), **content})


def netconf_state(
    schema: Schema, locks: Locks, callers: Iterable[Caller], statistics: Json, hello: Sequence[str]
) -> Json:
    """Return the content of ``/netconf-state`` (RFC 6022 section 2.1)."""
    return {
        "capabilities": {"capability": list(hello)},
        "datastores": {"datastore": [_datastore(name, locks) for name in ("running", "candidate")]},
        "schemas": {"schema": list(_schemas(schema))},
        "sessions": {"session": [_session(caller) for caller in callers]},
        "statistics": statistics,
    }


def _datastore(name: str, locks: Locks) -> Json:
    owner = locks.owner(name)
    if owner is None:
        return {"name": name}
    lock = {"locked-by-session": owner[0], "locked-time": owner[1]}
    return {"name": name, "locks": {"global-lock": lock}}


def _schemas(schema: Schema) -> Iterable[Json]:
    for module in schema.modules:
        for name, revision in module.sources:
            yield {
                "identifier": name,
                "version": revision,
                "format": "yang",
                "namespace": module.namespace,
                "location": ["NETCONF"],
            }


def _session(caller: Caller) -> Json:
    counters = caller.counters
    return {
        "session-id": caller.session_id,
        "transport": caller.transport,
        "username": caller.user,
        **({"source-host": address} if (address := address_of(caller.source)) else {}),
        "login-time": caller.login_time,
        "in-rpcs": counters.in_rpcs,
        "in-bad-rpcs": counters.in_bad_rpcs,
        "out-rpc-errors": counters.out_rpc_errors,
        "out-notifications": counters.out_notifications,
    }
