"""Prometheus itself: its rules for metrics, the examples for it, and a scrape of an agent that runs."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.agent_process import running_agent
from tests.clients.test_clients import ncclient
from tests.requests import tunnel
from tests.scrapes import metrics_port, names, scrape, serving_metrics

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "prometheus"
DASHBOARD = ROOT / "examples" / "grafana" / "yangswan.json"
HOSTILE = 'to "Bob" \\ {id="9"} 東京'
LIMIT_S = 120
PAUSE_S = 0.1

pytestmark = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="prometheus is not installed (script/setup --tests installs it)"
)


def promtool(*words: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["promtool", *words],
        input=given,
        cwd=EXAMPLES,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


@pytest.mark.parametrize(
    "words",
    [
        ("check", "config", "prometheus.yml"),
        ("check", "rules", "yangswan.rules.yml"),
        ("test", "rules", "yangswan.tests.yml"),
    ],
)
def test_the_examples_are_as_promtool_wants_them(words: tuple[str, ...]) -> None:
    done = promtool(*words)
    assert (done.returncode, "SUCCESS" in done.stdout) == (0, True), done.stdout + done.stderr


def test_each_rule_has_a_test_in_which_it_speaks() -> None:
    rules = re.findall(r"- alert: (\w+)", (EXAMPLES / "yangswan.rules.yml").read_text())
    tested = re.split(r"alertname: ", (EXAMPLES / "yangswan.tests.yml").read_text())[1:]
    speaking = {part.split()[0] for part in tested if "exp_labels" in part.partition("eval_time")[0]}
    assert speaking == set(rules)


@dataclass(frozen=True, slots=True)
class Prometheus:
    """One that runs, on ``port``."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def asked(self, path: str, **parameters: str) -> Any:
        """Return the data of an answer; a refusal has its text."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=LIMIT_S) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as refused:
            raise AssertionError(f"{parameters}: {refused.read().decode()}") from None

    def values(self, query: str) -> list[tuple[dict[str, str], float]]:
        found = self.asked("query", query=query)["result"]
        return [(one["metric"], float(one["value"][1])) for one in found]

    def until(self, what: Callable[[], Any]) -> Any:
        """Return what ``what`` returns once that is something."""
        end_s = time.monotonic() + LIMIT_S
        while not (found := what()):
            assert time.monotonic() < end_s, self.log.read_text()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(PAUSE_S)
                raise AssertionError(f"it has ended:\n{self.log.read_text()}")
        return found

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=LIMIT_S):
                return True
        except OSError:
            return False


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def running_prometheus(folder: Path, target: int) -> Iterator[Prometheus]:
    """One with the configuration of the examples, but for the port of the agent and its pauses."""
    folder.mkdir()
    text = (EXAMPLES / "prometheus.yml").read_text()
    assert "127.0.0.1:9830" in text
    text = text.replace('"127.0.0.1:9830"', f'"127.0.0.1:{target}"')
    text = re.sub(r"(_interval|_timeout): \d+s", r"\1: 1s", text)
    (folder / "prometheus.yml").write_text(text)
    shutil.copy(EXAMPLES / "yangswan.rules.yml", folder)
    port, log = free_port(), folder / "log"
    with log.open("wb") as opened:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdin=subprocess.DEVNULL,
            stdout=opened,
            stderr=subprocess.STDOUT,
        )
    made = Prometheus(process, port, log)
    try:
        made.until(made.is_ready)
        yield made
    finally:
        process.terminate()
        process.wait(LIMIT_S)


def without_variables(expression: str) -> str:
    """Return what Grafana makes of an expression of the dashboard."""
    replaced = expression.replace("$__rate_interval", "1m")
    return replaced.replace("$instance", ".*").replace("$tunnel", ".*")


def expressions() -> list[str]:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def test_a_real_prometheus_has_it_all(tmp_path: Path) -> None:
    with running_agent(tmp_path / "agent", serving_metrics(tmp_path)) as agent:
        with ncclient(agent) as client:
            for number, description in ((1, "to the office"), (2, HOSTILE)):
                client.edit_config(
                    target="candidate", config=f"<config>{tunnel(number, description)}</config>"
                )
            client.commit()
        port = metrics_port(agent)
        text = scrape(port)
        checked = promtool("check", "metrics", given=text)
        assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
        with running_prometheus(tmp_path / "prometheus", port) as prometheus:
            prometheus.until(lambda: prometheus.values('up{job="yangswan"} == 1'))
            tunnels = {
                one["id"]: (one["description"], value)
                for one, value in prometheus.values("yangswan_tunnel_up")
            }
            assert tunnels == {"1": ("to the office", 0), "2": (HOSTILE, 0)}
            ((_, count),) = prometheus.values("count(yangswan_tunnel_status)")
            assert count == 10
            look_at_the_rules(prometheus)
            look_at_the_dashboard(prometheus, names(text))
            agent.stop()
            prometheus.until(lambda: prometheus.values('up{job="yangswan"} == 0'))


def look_at_the_rules(prometheus: Prometheus) -> None:
    """All of them are evaluated, and without charon one has something to say."""

    def evaluated() -> Any:
        groups = prometheus.asked("rules")["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        assert all(rule["health"] in ("ok", "unknown") for rule in rules), rules
        return rules if rules and all(rule["health"] == "ok" for rule in rules) else None

    rules = prometheus.until(evaluated)
    assert len(rules) == len(re.findall("- alert:", (EXAMPLES / "yangswan.rules.yml").read_text()))

    def spoken() -> set[str]:
        return {one["labels"]["alertname"] for one in prometheus.asked("alerts")["alerts"]}

    assert prometheus.until(spoken) == {"YangswanDaemonUnreachable"}


def look_at_the_dashboard(prometheus: Prometheus, known: set[str]) -> None:
    """Each of its expressions can be evaluated, and is about metrics that there are."""
    used = set()
    for expression in expressions():
        prometheus.values(without_variables(expression))
        used |= set(re.findall(r"\b(?:yangswan|process)_\w+(?=[{\[ )=]|$)", expression))
    used = {name.removesuffix("_bucket") for name in used}
    assert used <= known, used - known
    assert "yangswan_tunnel_up" in used
    with pytest.raises(AssertionError, match="parse error"):
        prometheus.values(without_variables("rate(yangswan_rpcs_total[$interval])"))


def test_the_dashboard_asks_the_data_source_that_is_chosen() -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    for panel in dashboard["panels"]:
        assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}
    assert {one["name"] for one in dashboard["templating"]["list"]} == {"datasource", "instance", "tunnel"}
