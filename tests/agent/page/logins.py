"""Settings with passwords of the page, what a page edits in a test, and what a refusal says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from agent.settings import Settings
from agent.web_settings import Web
from tests.agent.restconf.client import Answer

AT = "/every-construct:top/entry"
ENTRY = json.dumps({"every-construct:entry": [{"id": "1", "number": 1}]})


def error(answer: Answer) -> Any:
    assert answer.fields["content-type"] == "application/json"
    found = json.loads(answer.body)
    assert list(found) == ["error"]
    assert "www-authenticate" not in answer.fields
    return found["error"]


def settings(passwords: dict[str, str], *users: str) -> Settings:
    return Settings(
        users={user: Path(f"{user}.pub") for user in users},
        web=Web("127.0.0.1", 0, passwords=passwords),
    )
