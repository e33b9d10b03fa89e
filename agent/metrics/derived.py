"""Tables and what they are about -> families of samples. Pure: the clock comes in.

Values and labels that are not there leave their sample out. Whatever a label holds, it is one line, no longer
than LABEL_CHARACTERS_MAX and what tells values that were cut apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zlib import crc32

from prometheus_client.core import Metric as Family

from agent.measures import Kind, Metric, Reading, Table
from agent.translator import Json
from agent.visible import escaped

LABEL_CHARACTERS_MAX = 256
AGO_STANDS_S = 2.0
"""Two clocks that count whole seconds may differ by so much without anything new having happened."""

Labels = dict[str, str]
Mark = tuple[object, ...]


@dataclass(slots=True)
class Grown:
    """How much a leaf has grown in all entries of a list, and what those that were seen last had."""

    total: int = 0
    seen: dict[Mark, int] = field(default_factory=dict)


@dataclass(slots=True)
class Memory:
    """What has to be known of earlier looks, by metric and thing; of things that are gone nothing is kept."""

    grown: dict[str, dict[str, Grown]] = field(default_factory=dict)
    moments: dict[str, dict[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Thing:
    """One that is measured; ``key`` tells it from all others of its table."""

    content: Json
    labels: Labels
    key: str


def families(table: Table, contents: Iterable[Json], memory: Memory, now: float) -> Iterator[Family]:
    """Yield the families of ``table``, one after the other; ``now`` is in seconds since the epoch."""
    things = []
    for content in contents:
        labels = _labels(content, table.labels)
        things.append(_Thing(content, labels, "\0".join(labels.values())))
    for metric in table.metrics:
        family = Family(metric.name, metric.help, metric.kind.value)
        if metric.marks:
            _add_grown(family, metric, things=things, memory=memory)
        elif metric.each:
            _add_entries(family, metric, things)
        else:
            _add_values(family, metric, things=things, memory=memory, now=now)
        yield family


def _add_values(
    family: Family, metric: Metric, *, things: Sequence[_Thing], memory: Memory, now: float
) -> None:
    name, reading = _sample_name(metric), metric.reading
    moments: dict[str, float] = {}
    before = memory.moments.get(metric.name, {})
    for thing in things:
        labels = thing.labels
        if metric.labels:
            labels = {**labels, **_labels(thing.content, metric.labels)}
        if metric.kind is Kind.INFO:
            family.add_sample(name, labels, 1)
            continue
        found = at(thing.content, metric.path)
        if metric.kind is Kind.STATES:
            for state in metric.states if found is not None else ():
                family.add_sample(name, {**labels, name: state}, 1 if state == found else 0)
            continue
        value = _number(found, metric)
        if value is None:
            continue
        if reading is Reading.AGO:
            value, earlier = now - value, before.get(thing.key)
            if earlier is not None and abs(value - earlier) <= AGO_STANDS_S:
                value = earlier
            moments[thing.key] = value
        family.add_sample(name, labels, value)
    if reading is Reading.AGO:
        memory.moments[metric.name] = moments


def _add_entries(family: Family, metric: Metric, things: Sequence[_Thing]) -> None:
    name = _sample_name(metric)
    for thing in things:
        for entry in _entries(thing.content, metric.each) or ():
            value = _number(at(entry, metric.path), metric)
            if value is not None:
                family.add_sample(name, {**thing.labels, **_labels(entry, metric.labels)}, value)


def _add_grown(family: Family, metric: Metric, *, things: Sequence[_Thing], memory: Memory) -> None:
    name, before = _sample_name(metric), memory.grown.get(metric.name, {})
    kept: dict[str, Grown] = {}
    for thing in things:
        kept[thing.key] = grown = before.get(thing.key) or Grown()
        entries = _entries(thing.content, metric.each)
        if entries is not None:  # None: nobody knows which there are, so those seen last may still be there
            _grow(grown, metric, entries)
        family.add_sample(name, thing.labels, grown.total)
    memory.grown[metric.name] = kept


def _grow(grown: Grown, metric: Metric, entries: Iterable[Json]) -> None:
    seen: dict[Mark, int] = {}
    for entry in entries:
        value = _number(at(entry, metric.path), metric)
        if value is not None:
            mark = tuple(entry.get(leaf) for leaf in metric.marks)
            last = grown.seen.get(mark, 0)
            # What has shrunk was begun anew under the same marks.
            grown.total += int(value) - last if value >= last else int(value)
            seen[mark] = int(value)
    grown.seen = seen


def _sample_name(metric: Metric) -> str:
    ends = {Kind.COUNTER: "_total", Kind.INFO: "_info"}
    return metric.name + ends.get(metric.kind, "")


def at(content: Json, path: str) -> object | None:
    """Return what is at ``path`` below ``content``, None if nothing is."""
    found: object = content
    for name in path.split("/"):
        if not isinstance(found, Mapping):
            return None
        found = found.get(name)
    return found


def _entries(content: Json, path: str) -> Sequence[Json] | None:
    found = at(content, path)
    return found if isinstance(found, list) else None


def _number(found: object, metric: Metric) -> float | None:
    """Return the value of a sample; RFC 7951 writes numbers of 64 bits as strings."""
    if found is None:
        return None
    if metric.reading is Reading.IS:
        return 1 if found == metric.means else 0
    try:
        if metric.reading is Reading.MOMENT:
            return datetime.fromisoformat(str(found)).timestamp()
        return float(found) if not isinstance(found, str) else int(found)  # type: ignore[arg-type]
    except (ValueError, TypeError, OverflowError):
        return None


def _labels(content: Json, labels: Mapping[str, str]) -> Labels:
    return {label: label_value(at(content, path)) for label, path in labels.items()}


def label_value(found: object) -> str:
    """Return the value of a label, "" where nothing is found."""
    if found is None:
        return ""
    text = str(found)
    if len(text) > LABEL_CHARACTERS_MAX:
        whole = crc32(text.encode("utf-8", "replace"))
        text = f"{text[:LABEL_CHARACTERS_MAX]}...{whole:08x}"
    return escaped(text)
