"""Of an edit that is refused nothing stays once it is answered, also where no collector of cycles comes."""

from __future__ import annotations

import gc

import pytest

from agent.restconf.editing import Edit
from tests.agent.lab import EC
from tests.agent.restconf.client import DATA, XML, Client
from tests.agent.subscribers import until


@pytest.mark.parametrize("method", ["PUT", "PATCH", "POST"])
@pytest.mark.parametrize("leaf", ["<number>no number</number>", "<unknown/>", "<refused>yes</refused>"])
async def test_nothing_stays_of_a_refused_edit(
    client: Client, no_collector: None, method: str, leaf: str
) -> None:
    entry = f'<entry xmlns="{EC}"><id>1</id>{leaf}</entry>'
    body = entry if method == "POST" else f'<top xmlns="{EC}">{entry}</top>'
    for _ in range(3):
        found = await client.ask(method, f"{DATA}/every-construct:top", body, Content_Type=XML)
        assert found.status == 400, found.body
    # The answer comes before what has written it ends.
    await until(lambda: not any(isinstance(one, Edit) for one in gc.get_objects()))
