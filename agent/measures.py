"""What a translator's YANG data says in numbers: tables from paths to metrics, for whoever collects these.

Names, units and labels follow the rules of Prometheus: base units, the unit at the end, ``_total`` added by
the collector to what only grows. A path is made of the names of data nodes, relative to the thing that is
measured: an entry of a translator's list with its state in it, or the content of one of its state roots.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Kind(Enum):
    """What the values of a metric do."""

    GAUGE = "gauge"
    COUNTER = "counter"
    INFO = "info"
    """Always 1: its labels are what it says."""
    STATES = "stateset"


class Reading(Enum):
    """How the value of a leaf becomes a number."""

    NUMBER = "number"
    """A number, or a boolean: 1 and 0."""
    MOMENT = "moment"
    """yang:date-and-time becomes seconds since the epoch."""
    AGO = "ago"
    """So many seconds ago: seconds since the epoch, too, which stay what they are while the clock goes on."""
    IS = "is"
    """1 if it is what ``Metric.means`` says, else 0."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One row: ``name`` without ``_total`` or ``_info``, what it means, the ``path`` of its leaf.

    ``each``: the path of a list; there is a sample for each entry of it, with ``labels`` from there (label to
    path), and ``path`` is relative to the entry. With ``marks``, the leafs that tell its entries apart, there
    is but one sample: how much the leaf has grown in all entries together that were ever seen, also in those
    that are gone. ``states``: all values that a leaf of STATES can have.
    """

    name: str
    help: str
    path: str = ""
    kind: Kind = Kind.GAUGE
    reading: Reading = Reading.NUMBER
    means: str = ""
    each: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    marks: tuple[str, ...] = ()
    states: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """What can be measured of each thing ``of`` a schema path: a translator's list, or a state root.

    ``labels``: what every sample of a thing has (label to path), enough to tell it from all others.
    """

    of: str
    metrics: tuple[Metric, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
