"""What the agent knows of itself -> families of samples. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.core import Metric as Family

from agent.tally import Commits, Figures

COUNTERS = (
    ("yangswan_sessions_begun", "Sessions that have begun.", "in_sessions"),
    ("yangswan_sessions_dropped", "Sessions that ended without having been closed.", "dropped_sessions"),
    ("yangswan_bad_hellos", "Sessions that ended without a hello that could be used.", "bad_hellos"),
    ("yangswan_bad_rpcs", "Messages that were no request that could be understood.", "bad_rpcs"),
    ("yangswan_notifications_sent", "Notifications that were sent to subscribers.", "notifications"),
    ("yangswan_logins_rejected", "Tries to log in that failed, over SSH and HTTPS.", "rejected_logins"),
    ("yangswan_connections_refused", "Connections and sessions that a limit refused.", "refused_connections"),
)
LABELLED = (
    ("yangswan_rpcs", "Requests of NETCONF that were carried out or refused.", "operation", "operations"),
    ("yangswan_rpc_errors", "Errors in replies of NETCONF, by their error-tag.", "tag", "errors"),
)
GAUGES = (
    ("yangswan_sessions", "Sessions that are open.", "sessions"),
    ("yangswan_confirmed_commit_pending", "Whether a commit waits to be confirmed.", "confirmed_pending"),
    ("yangswan_history_read_only", "Whether the history takes no commits.", "history_read_only"),
)


def families(figures: Figures, commits: Commits, version: str) -> Iterator[Family]:
    """Yield the families of what the agent itself does."""
    yield InfoMetricFamily("yangswan_build", "Which agent it is.", {"version": version})
    for name, what, attribute in COUNTERS:
        yield CounterMetricFamily(name, what, getattr(figures, attribute))
    for name, what, label, attribute in LABELLED:
        family = CounterMetricFamily(name, what, labels=(label,))
        for value, number in sorted(getattr(figures, attribute).items()):
            family.add_metric((value,), number)
        yield family
    for name, what, attribute in GAUGES:
        yield GaugeMetricFamily(name, what, getattr(figures, attribute))
    durations = HistogramMetricFamily(
        "yangswan_commit_duration_seconds",
        "How long commits took, by what became of them.",
        labels=("outcome",),
    )
    for outcome, histogram in commits.durations.items():
        durations.add_metric((outcome.value,), histogram.buckets(), histogram.sum_s)
    yield durations
