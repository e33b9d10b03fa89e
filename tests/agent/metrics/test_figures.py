"""What the agent knows of itself, as samples; durations of commits."""

from __future__ import annotations

from prometheus_client import generate_latest

from agent.metrics.figures import families
from agent.metrics.scraping import _One
from agent.tally import BOUNDS_S, Commits, Figures, Histogram, Outcome

FIGURES = Figures(
    sessions=2,
    in_sessions=5,
    dropped_sessions=1,
    bad_hellos=3,
    operations={"get": 4, "commit": 2},
    bad_rpcs=6,
    errors={"in-use": 1},
    notifications=9,
    rejected_logins=7,
    refused_connections=8,
    confirmed_pending=True,
    history_read_only=False,
)


def text_of(figures: Figures, commits: Commits) -> str:
    return "".join(generate_latest(_One(family)).decode() for family in families(figures, commits, "1.2.3"))


def test_each_figure_is_a_sample() -> None:
    text = text_of(FIGURES, Commits())
    for line in (
        'yangswan_build_info{version="1.2.3"} 1.0',
        "yangswan_sessions 2.0",
        "yangswan_sessions_begun_total 5.0",
        "yangswan_sessions_dropped_total 1.0",
        "yangswan_bad_hellos_total 3.0",
        'yangswan_rpcs_total{operation="get"} 4.0',
        'yangswan_rpcs_total{operation="commit"} 2.0',
        "yangswan_bad_rpcs_total 6.0",
        'yangswan_rpc_errors_total{tag="in-use"} 1.0',
        "yangswan_notifications_sent_total 9.0",
        "yangswan_logins_rejected_total 7.0",
        "yangswan_connections_refused_total 8.0",
        "yangswan_confirmed_commit_pending 1.0",
        "yangswan_history_read_only 0.0",
    ):
        assert line in text.splitlines()


def test_commits_are_counted_by_outcome_and_duration() -> None:
    commits = Commits()
    for seconds in (0.004, 0.005, 0.2, 1000.0):
        commits.ended(Outcome.COMMITTED, seconds)
    commits.ended(Outcome.FAILED, 0.3)
    lines = text_of(FIGURES, commits).splitlines()
    name = "yangswan_commit_duration_seconds"
    for line in (
        f'{name}_bucket{{le="0.005",outcome="committed"}} 2.0',
        f'{name}_bucket{{le="0.25",outcome="committed"}} 3.0',
        f'{name}_bucket{{le="60.0",outcome="committed"}} 3.0',
        f'{name}_bucket{{le="+Inf",outcome="committed"}} 4.0',
        f'{name}_count{{outcome="committed"}} 4.0',
        f'{name}_sum{{outcome="committed"}} 1000.209',
        f'{name}_count{{outcome="unchanged"}} 0.0',
        f'{name}_count{{outcome="failed"}} 1.0',
    ):
        assert line in lines


def test_a_histogram_has_a_count_beyond_its_last_bound() -> None:
    histogram = Histogram()
    histogram.add(BOUNDS_S[-1] + 1)
    assert histogram.counts[-1] == 1
    assert histogram.buckets()[-1] == ("+Inf", 1.0)
    assert histogram.buckets()[-2][1] == 0.0
