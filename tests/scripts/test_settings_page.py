"""docs/settings.md names every setting, with the default that it has."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from enum import Enum
from pathlib import Path

import pytest

from agent.settings import SETTINGS, Metrics, Settings
from agent.transport.limits import Limits
from agent.web_settings import KEYS
from translators.strongswan.options import Options

PAGE = (Path(__file__).parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")
GENERAL, LIMITS, METRICS, STRONGSWAN = (
    dict(re.findall(r"^\| `([^`]+)` \| (.+?) \|", part, re.MULTILINE)) for part in PAGE.split("\n## ")[:4]
)


def named(kind: type) -> dict[str, object]:
    """Return the settings that the fields of a dataclass stand for, with their defaults."""
    return {field.name.replace("_", "-"): field.default for field in dataclasses.fields(kind)}


def written(text: str) -> object:
    """Return the value of a default as the page writes it; None where it is words."""
    return tomllib.loads(f"x = {text[1:-1]}")["x"] if text.startswith("`") else None


def in_toml(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, Path) else value


def test_the_general_settings_are_all_there() -> None:
    tables = {"users", "limits", "metrics", "translator", "web"}
    assert set(GENERAL) == {*(SETTINGS - tables), "[users]", "[web]"}
    default = Settings()
    assert written(GENERAL["listen"]) == f"{default.host}:{default.port}"
    assert written(GENERAL["data-dir"]) == str(default.data_dir)
    assert (written(GENERAL["charon"]), written(GENERAL["log-level"])) == (default.charon, default.log_level)
    assert written(GENERAL["log-format"]) == default.log_format
    assert written(GENERAL["on-stop"]) == default.on_stop
    assert written(GENERAL["history-commits"]) == default.history_commits
    assert written(GENERAL["history-days"]) == default.history_days
    assert (written(GENERAL["socket"]), written(GENERAL["socket-group"])) == (
        default.socket,
        default.socket_group,
    )


def test_every_setting_of_the_web_is_there() -> None:
    (part,) = (part for part in PAGE.split("\n## ") if part.startswith("Web\n"))
    assert tuple(re.findall(r"^\| `([^`]+)` \|", part, re.MULTILINE)) == KEYS


def test_every_limit_is_there_with_its_default() -> None:
    assert {key: written(default) for key, default in LIMITS.items()} == named(Limits)


def test_every_setting_of_metrics_is_there_with_its_default() -> None:
    assert METRICS.pop("listen") == "none"
    fields = {name: default for name, default in named(Metrics).items() if name not in ("host", "port")}
    assert {key: written(default) for key, default in METRICS.items()} == {
        name: list(default) if isinstance(default, tuple) else default for name, default in fields.items()
    }


@pytest.mark.parametrize(("key", "default"), named(Options).items())
def test_every_option_of_strongswan_is_there_with_its_default(key: str, default: object) -> None:
    assert written(STRONGSWAN[key]) == in_toml(default)


def test_no_option_of_strongswan_is_there_that_is_none() -> None:
    assert set(STRONGSWAN) == set(named(Options))
