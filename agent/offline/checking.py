"""A whole configuration, looked at as an agent would: names, values, rules of YANG, what is refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import deepcopy

from agent.datastore.candidate import Candidate
from agent.datastore.preparation import Preparation, Prepared
from agent.errors import (
    MORE,
    BadElement,
    DataMissing,
    InvalidValue,
    RpcError,
    RpcErrors,
    UnknownElement,
    UnknownNamespace,
    first_of,
    raise_all,
)
from agent.offline.document import Document
from agent.offline.trimming import trim
from agent.operations.write import inline_config
from agent.translator import Translator
from agent.yang.schema import Schema
from agent.yang.tree import Tree


def content_of(schema: Schema, document: Document) -> Tree:
    """Return what ``document`` holds; the document is spent.

    Raises:
        RpcErrors: names or values that do not fit the schema.
    """
    raise_all(document.faults)
    return inline_config(schema, document.config)


def refuse_invalid(content: Tree, translators: Sequence[Translator]) -> None:
    """Refuse a configuration that could not be committed where nothing is configured.

    Raises:
        RpcErrors: all that is wrong with it.
    """
    _ask(translators, _prepared(content, translators))


def _prepared(content: Tree, translators: Sequence[Translator]) -> Prepared:
    nothing = Tree(content.schema)
    nothing.add_defaults()
    candidate = Candidate(nothing)
    candidate.replace_all(content, nothing)
    return Preparation(content.schema, translators).prepare(candidate, nothing)


def _ask(translators: Sequence[Translator], prepared: Prepared) -> None:
    if found := [error for t in translators for error in t.check(prepared.changes.get(t.name, []))]:
        raise RpcErrors(found, all_known=True)


def faults_of(
    schema: Schema, document: Document, translators: Sequence[Translator]
) -> tuple[list[RpcError], bool]:
    """Return what is wrong with ``document``, which is spent, and whether there may be more.

    Each stage of a commit looks at what the one before has taken. So what it has refused is left out, and
    what may be wrong for that reason alone is not said. Translators are asked if nothing is found before
    them: without what is left out it is another configuration.
    """
    found, content = _names_and_values(schema, document)
    if content is None:
        return first_of(found), True
    try:
        prepared = _prepared(content, translators)
    except RpcErrors as problem:
        # Whether something may be there can depend on a value that is left out.
        found += _further(problem.errors, found, but=UnknownElement if found else None)
        return first_of(found), True
    if found:
        return first_of(found), True
    try:
        _ask(translators, prepared)
    except RpcErrors as problem:
        return list(problem.errors), False
    return [], False


def _names_and_values(schema: Schema, document: Document) -> tuple[list[RpcError], Tree | None]:
    """Return what is wrong with names, values and repeated nodes; and what can be read of the rest."""
    found, config = first_of(document.faults), document.config
    for repeated in (None, False, True):
        if repeated is not None:
            config = deepcopy(config)  # the document has the lines
            trim(schema, config, repeated=repeated)
        try:
            return found, inline_config(schema, config)
        except RpcErrors as problem:
            found += _further(problem.errors, found)
    return found, None


def _further(
    errors: Sequence[RpcError], found: Sequence[RpcError], but: type[RpcError] | None = None
) -> list[RpcError]:
    """Return those of ``errors`` that are not said yet, and that do not follow from what was left out; none
    of the kind ``but``. Where ``errors`` were cut nobody knows how many of the rest are such."""
    wrong = [error.path for error in found if error.path and not _is_alone(error)]
    said = {(error.path, error.message) for error in found}
    further = [e for e in errors if (e.path, e.message) not in said and not _follows(e, wrong)]
    further = [e for e in further if but is None or not isinstance(e, but)]
    if further and len(further) < len(errors) and any(error.left_out for error in errors):
        further[-1].left_out = MORE
    return further


def _is_alone(error: RpcError) -> bool:
    """Whether nothing else is wrong for its reason: an unknown name, an entry that is there once more."""
    again = type(error) is BadElement and (error.path or "").endswith("]")
    return again or isinstance(error, UnknownElement | UnknownNamespace)


def _follows(error: RpcError, wrong: Iterable[str]) -> bool:
    if isinstance(error, UnknownElement | UnknownNamespace):
        return False
    path = error.path or "/"
    for other in wrong:
        if error.app_tag == "instance-required" or _is_within(path, other) or _is_within(other, path):
            return True
        entry = other.rpartition("]")[0]
        if entry and path.startswith(f"{entry}]") and not isinstance(error, DataMissing | InvalidValue):
            return True
    return False


def _is_within(path: str, other: str) -> bool:
    return path.startswith(other) and path[len(other) :][:1] in ("", "/", "[")
