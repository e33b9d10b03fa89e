"""Entity-tags and times of configuration (RFC 8040 section 3.4.1 and 3.5.1), of its transaction ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from agent.datastore.txids import Mechanism, View
from agent.restconf.problems import Problem
from agent.restconf.uris import Place

_CONDITIONS = frozenset({"if-match", "if-none-match", "if-unmodified-since"})


@dataclass(frozen=True, slots=True)
class Validators:
    """Of what is configured at a place; ``etag`` with its quotes."""

    etag: str
    modified: datetime

    @property
    def headers(self) -> dict[str, str]:
        return {"ETag": self.etag, "Last-Modified": format_datetime(self.modified, usegmt=True)}

    def are_known(self, fields: Mapping[str, str]) -> bool:
        """Return whether a client says that it has what is there (RFC 9110 sections 13.1.2 and 13.1.3)."""
        if (tags := fields.get("if-none-match")) is not None:
            return _holds(tags, self.etag)
        moment = _moment(fields.get("if-modified-since"))
        return moment is not None and self.modified <= moment


def refuse_changed(fields: Mapping[str, str], known: Validators | None) -> None:
    """Refuse an edit of something that is not as its client knows it (RFC 9110 section 13.1).

    Args:
        known: of what is there for this client; None if there is nothing, or nothing that he may read.

    Raises:
        Problem: it has changed, or is there or not against what was expected (412).
    """
    tags, unwanted = fields.get("if-match"), fields.get("if-none-match")
    if known is None:
        changed = tags is not None
    else:
        moment = _moment(fields.get("if-unmodified-since")) if tags is None else None
        changed = (
            (tags is not None and not _holds(tags, known.etag))
            or (moment is not None and known.modified > moment)
            or (unwanted is not None and _holds(unwanted, known.etag))
        )
    if changed:
        headers = {} if known is None else known.headers
        raise Problem(412, "operation-failed", "it is not as you know it: read it again", headers=headers)


def has_conditions(fields: Mapping[str, str]) -> bool:
    """Return whether an edit has conditions at all."""
    return not _CONDITIONS.isdisjoint(fields)


def validators_of(view: View, place: Place) -> Validators:
    """Return those of a place, which are of the unit or shell that it lies in."""
    versioned = place.versioned
    commit_id: int | None = view.root
    if versioned is not None:
        path, is_shell = versioned
        commit_id = view.of_shell(path) if is_shell else view.of_unit(path)
    etag = view.written(Mechanism.ETAG, commit_id)
    moment = datetime.fromisoformat(view.written(Mechanism.LAST_MODIFIED, commit_id))
    return Validators(f'"{etag}"', moment.astimezone(UTC).replace(microsecond=0))


def _holds(tags: str, etag: str) -> bool:
    if tags.strip() == "*":
        return True
    return etag in (one.strip().removeprefix("W/") for one in tags.split(","))


def _moment(text: str | None) -> datetime | None:
    """Return the time in a field; one that is none is as if it were not there (RFC 9110 section 13.1.3)."""
    try:
        found = None if text is None else parsedate_to_datetime(text)
        return None if found is None else found.replace(tzinfo=found.tzinfo or UTC)
    except (ValueError, OverflowError):
        return None
