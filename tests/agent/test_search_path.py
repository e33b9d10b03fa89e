"""Programs of the system are found in every environment."""

from __future__ import annotations

import pytest

from agent.search_path import SYSTEM_FOLDERS, complete

ALL = ":".join(SYSTEM_FOLDERS)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, ALL),
        ({"PATH": ""}, ALL),
        ({"PATH": "/usr/bin:/bin"}, "/usr/bin:/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/sbin"),
        ({"PATH": ":/opt/x/bin::"}, f"/opt/x/bin:{ALL}"),
        ({"PATH": ALL}, ALL),
    ],
)
def test_the_folders_of_the_system_are_always_among_them(given: dict[str, str], wanted: str) -> None:
    complete(given)
    assert given == {"PATH": wanted}
