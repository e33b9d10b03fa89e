"""Entity-tags and times of configuration (RFC 8040 sections 3.4.1, 3.5.1 and 3.5.2), of its transaction ids.

A tag is the transaction id with what its reader is shown of that: the representation, and a digest of the
rules about him. It is strong wherever an answer is configuration alone. State is no part of it, as RFC 8040
section 3.4.1.2 has it: where an answer holds state, the tag is for If-Match of a later edit, and for no 304.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

from agent.datastore.txids import Mechanism, View
from agent.restconf.media import Media
from agent.restconf.problems import Problem
from agent.restconf.uris import Place
from agent.yang.schema_node import NACM_MODULE

_CONDITIONS = frozenset({"if-match", "if-none-match", "if-unmodified-since"})
_RULES = f"/{NACM_MODULE}:nacm"
_LETTERS = {Media.JSON: "j", Media.XML: "x"}


@dataclass(frozen=True, slots=True)
class Validators:
    """Of what is configured at a place.

    ``version``: its transaction id. ``shown``: says what a reader is shown of it, and by which schema.
    ``media``: the representation that is spoken of. ``shown_since``: he is known to be shown the same since
    then, and no rule of access control has changed.
    """

    version: str
    shown: str
    media: Media
    modified: datetime
    shown_since: datetime

    @property
    def etag(self) -> str:
        """The tag with its quotes."""
        return self._tag(self.media)

    @property
    def all_tags(self) -> frozenset[str]:
        """Those of all representations: an edit may come in another than what its client has read."""
        return frozenset(map(self._tag, Media))

    def _tag(self, media: Media) -> str:
        return f'"{self.version}.{_LETTERS[media]}{self.shown}"'

    @property
    def headers(self) -> dict[str, str]:
        return {"ETag": self.etag, "Last-Modified": format_datetime(self.modified, usegmt=True)}

    def are_known(self, fields: Mapping[str, str]) -> bool:
        """Return whether a client says that it has what is there (RFC 9110 sections 13.1.2 and 13.1.3)."""
        if (tags := fields.get("if-none-match")) is not None:
            return names_tag(tags, self.etag)
        moment = _moment(fields.get("if-modified-since"))
        return moment is not None and max(self.modified, self.shown_since) <= moment

    def have_changed(self, fields: Mapping[str, str]) -> bool:
        """Return whether this is not what a client has said that it must be (sections 13.1.1 and 13.1.4)."""
        if (tags := fields.get("if-match")) is not None:
            return not (_any(tags) or self.all_tags & _listed(tags))
        moment = _moment(fields.get("if-unmodified-since"))
        return moment is not None and self.modified > moment


def refuse_changed(fields: Mapping[str, str], known: Validators | None) -> None:
    """Refuse an edit of something that is not as its client knows it (RFC 9110 section 13.1).

    Args:
        known: of what is there for this client; None if there is nothing, or nothing that he may read.

    Raises:
        Problem: it has changed, or is there or not against what was expected (412).
    """
    unwanted = fields.get("if-none-match")
    if known is None:
        changed = "if-match" in fields
    else:
        changed = known.have_changed(fields) or (
            unwanted is not None and (_any(unwanted) or bool(known.all_tags & _weakly(unwanted)))
        )
    if changed:
        raise _changed(known)


def refuse_another(fields: Mapping[str, str], known: Validators | None) -> None:
    """Refuse to show something else than its client asks for (RFC 9110 section 13.2.2, steps 1 and 2).

    Args:
        known: of what is there; None if that has neither tag nor time, as state.

    Raises:
        Problem: it is something else (412).
    """
    if known is None:
        if not _any(fields.get("if-match", "*")):
            raise _changed(known)
    elif known.have_changed(fields):
        raise _changed(known)


def _changed(known: Validators | None) -> Problem:
    headers = {} if known is None else known.headers
    return Problem(412, "operation-failed", "it is not as you know it: read it again", headers=headers)


def has_conditions(fields: Mapping[str, str]) -> bool:
    """Return whether an edit has conditions at all."""
    return not _CONDITIONS.isdisjoint(fields)


def validators_of(view: View, place: Place, *, shown: str, since: datetime, media: Media) -> Validators:
    """Return those of a place, which are of the unit or shell that it lies in.

    Args:
        shown: as in Validators; to this reader, ``since``.
    """
    versioned = place.versioned
    commit_id: int | None = view.root
    if versioned is not None:
        path, is_shell = versioned
        commit_id = view.of_shell(path) if is_shell else view.of_unit(path)
    return Validators(
        view.written(Mechanism.ETAG, commit_id),
        shown,
        media,
        modified=_time_of(view, commit_id),
        # A time of that second may be of before.
        shown_since=max(since, _time_of(view, view.of_shell(_RULES)) + timedelta(seconds=1)),
    )


def _time_of(view: View, commit_id: int | None) -> datetime:
    moment = datetime.fromisoformat(view.written(Mechanism.LAST_MODIFIED, commit_id))
    return moment.astimezone(UTC).replace(microsecond=0)


def names_tag(tags: str, etag: str) -> bool:
    """Return whether ``tags`` of If-None-Match name ``etag``, or whatever is there (RFC 9110, 13.1.2)."""
    return _any(tags) or etag in _weakly(tags)


def _any(tags: str) -> bool:
    return tags.strip() == "*"


def _listed(tags: str) -> frozenset[str]:
    """Return what a field names; a weak tag is none of ours, and matches strongly with nothing."""
    return frozenset(one.strip() for one in tags.split(","))


def _weakly(tags: str) -> frozenset[str]:
    return frozenset(one.removeprefix("W/") for one in _listed(tags))


def _moment(text: str | None) -> datetime | None:
    """Return the time in a field; one that is none is as if it were not there (RFC 9110 section 13.1.3)."""
    try:
        found = None if text is None else parsedate_to_datetime(text)
        return None if found is None else found.replace(tzinfo=found.tzinfo or UTC)
    except (ValueError, OverflowError):
        return None
