"""Which tests run where: those that need ESP in the kernel are left out elsewhere, and none of the others."""

from __future__ import annotations

from typing import Any

import pytest

from tests import conftest


class Item:
    """As much of a collected test as the hook looks at."""

    def __init__(self, *markers: str) -> None:
        self.markers = markers

    def get_closest_marker(self, name: str) -> str | None:
        return name if name in self.markers else None

    def add_marker(self, marker: Any) -> None:
        raise AssertionError(f"nothing is skipped for {marker}")


class Config:
    """Notes what is left out; it is its own list of hooks."""

    def __init__(self) -> None:
        self.hook = self
        self.left_out: list[Item] = []

    def pytest_deselected(self, items: list[Item]) -> None:
        self.left_out += items


@pytest.mark.parametrize("has_esp", [True, False])
def test_tests_of_kernel_esp_are_left_out_where_there_is_none(
    has_esp: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def kernel_has_esp() -> bool:
        return has_esp

    monkeypatch.setattr(conftest, "kernel_has_esp", kernel_has_esp)
    monkeypatch.setattr(conftest, "missing_for_real_tests", lambda: None)
    plain, real, in_kernel = Item(), Item("real"), Item("real", "kernel_esp")
    items, config = [plain, in_kernel, real], Config()
    conftest.pytest_collection_modifyitems(config, items)  # type: ignore[arg-type]
    assert items == ([plain, in_kernel, real] if has_esp else [plain, real])
    assert config.left_out == ([] if has_esp else [in_kernel])


def test_the_kernel_is_not_asked_where_no_test_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def kernel_has_esp() -> None:
        raise AssertionError("asked")

    monkeypatch.setattr(conftest, "kernel_has_esp", kernel_has_esp)
    conftest.pytest_collection_modifyitems(Config(), [Item()])  # type: ignore[arg-type,list-item]
