"""An agent that serves metrics, and what a scrape of it holds."""

from __future__ import annotations

import http.client
import re
import urllib.request
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.agent_process import AgentProcess

LIMIT_S = 60
Sample = tuple[str, frozenset[tuple[str, str]]]


def serving_metrics(folder: Path, more: str = "") -> list[str]:
    """Return the options of an agent that serves metrics on a free port of loopback."""
    file = folder / "agent.toml"
    file.write_text(f'{more}\n[metrics]\nlisten = "127.0.0.1:0"\n')
    return ["--config", str(file)]


def metrics_port(agent: AgentProcess) -> int:
    """Return the port on which a running agent serves metrics; its log says it before it is ready."""
    for _ in range(LIMIT_S * 20):
        found = re.search(r"metrics on http://127\.0\.0\.1:(\d+)/metrics", "".join(agent.log))
        if found:
            return int(found[1])
        agent.readers[0].join(0.05)
    raise AssertionError("no word of metrics:\n" + "".join(agent.log))


def scrape(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=LIMIT_S) as answer:
        assert answer.headers["content-type"].startswith("text/plain; version=")
        return str(answer.read().decode())


def asked(port: int, method: str, path: str, host: str) -> tuple[int, str]:
    """Return status and body of the answer to a request for ``host``."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)
    try:
        connection.putrequest(method, path, skip_host=True)
        connection.putheader("Host", host)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def samples(text: str) -> dict[Sample, float]:
    """Return the value of each sample, by name and labels; each is there once."""
    found: dict[Sample, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = sample.name, frozenset(sample.labels.items())
            assert key not in found, key
            found[key] = sample.value
    return found


def value(text: str, name: str, /, **labels: str) -> float:
    return samples(text)[name, frozenset(labels.items())]


def names(text: str) -> set[str]:
    """Return the names of all families, as HELP has them."""
    return set(re.findall(r"^# HELP (\S+)", text, re.MULTILINE))
