"""docs/metrics.md has a row for each metric; the command of the README prints what it says."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from agent.measures import Kind, Metric, Table
from agent.metrics.scraping import Scraping
from agent.settings import from_file
from agent.tally import Commits, Outcome
from tests.agent.metrics.test_figures import FIGURES
from tests.agent_process import running_agent
from tests.requests import edit_candidate, tunnel
from tests.scrapes import metrics_port, scrape, serving_metrics
from tests.scripts.agents import COMMAND_LIMIT_S, ROOT
from tests.scripts.test_readme import README
from tests.wire.raw_client import raw_client
from translators.strongswan.status.measures import TABLES

PAGE = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
Row = tuple[str, str, str, str]
"""Name, type, labels, meaning."""


def rows_of_the_page() -> list[Row]:
    found = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) \| (.+) \|$", PAGE, re.MULTILINE)
    return [
        (name, kind, ", ".join(re.findall(r"`(\w+)`", labels)), what) for name, kind, labels, what in found
    ]


def rows_of_tables(tables: Iterable[Table]) -> Iterator[Row]:
    ends = {Kind.COUNTER: "_total", Kind.INFO: "_info"}
    for table in tables:
        for metric in table.metrics:
            name = metric.name + ends.get(metric.kind, "")
            kind = "counter" if metric.kind is Kind.COUNTER else "gauge"
            yield name, kind, ", ".join(labels_of(table, metric)), metric.help


def labels_of(table: Table, metric: Metric) -> list[str]:
    states = [metric.name] if metric.kind is Kind.STATES else []
    return [*table.labels, *metric.labels, *states]


def rows_of_text(text: str) -> Iterator[Row]:
    """Yield the rows of what stands in a scrape, with the labels of its samples."""
    helps = dict(re.findall(r"^# HELP (\S+) (.+)$", text, re.MULTILINE))
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE):
        sample = re.search(rf"^{name}(?:_bucket)?(?:{{(.*)}})? ", text, re.MULTILINE)
        assert sample is not None, name
        labels = re.findall(r'(\w+)="', sample[1] or "")
        yield name, kind, ", ".join(label for label in labels if label != "le"), helps[name]


class Nothing:
    name = "nothing"
    measures: tuple[Table, ...] = ()


async def test_the_page_has_a_row_for_each_metric_and_no_other() -> None:
    commits = Commits()
    commits.ended(Outcome.COMMITTED, 1.0)
    own = Scraping([Nothing()], figures=lambda: FIGURES, commits=commits)  # type: ignore[list-item]
    known = [*rows_of_text((await own.text()).decode()), *rows_of_tables(TABLES)]
    assert sorted(rows_of_the_page()) == sorted(known)


def test_the_settings_of_the_page_and_of_the_examples_are_one(tmp_path: Path) -> None:
    (shown,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    file = tmp_path / "agent.toml"
    file.write_text(shown)
    metrics = from_file(file).metrics
    assert metrics is not None
    examples = (ROOT / "examples" / "prometheus" / "prometheus.yml").read_text()
    assert f'targets: ["{metrics.host}:{metrics.port}"]' in examples
    for line in shown.splitlines():
        assert f"#     {line}" in examples.splitlines()


@pytest.mark.parametrize("place", ["page", "readme"])
async def test_the_command_prints_what_it_is_said_to(place: str, tmp_path: Path) -> None:
    if place == "readme":
        (command,) = (block.text for block in README if block.proof == "metrics")
    else:
        (command,) = re.findall(r"```sh\n(curl .*?)```", PAGE, re.DOTALL)
    with running_agent(tmp_path / "data", serving_metrics(tmp_path)) as agent:
        async with raw_client(agent, greet="1.1") as client:
            assert b"<ok/>" in await client.ask(edit_candidate(tunnel(7, "to the branch office")))
            assert b"<ok/>" in await client.ask("<commit/>")
        port = metrics_port(agent)
        assert "9830" in command
        done = await asyncio.to_thread(
            subprocess.run,
            ["bash", "-euo", "pipefail", "-c", command.replace("9830", str(port))],
            capture_output=True,
            text=True,
            timeout=COMMAND_LIMIT_S,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        line = 'yangswan_tunnel_up{description="to the branch office",id="7",peer="198.51.100.7"} 0.0'
        assert line in done.stdout.splitlines()
        assert line in scrape(port).splitlines()
