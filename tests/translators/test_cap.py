"""How many tunnels there may be: the setting max-tunnels."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.errors import RpcError
from agent.translator import EntryChange, Settings
from tests.lab import change
from tests.translators.tunnels import Json, tunnel
from translators.strongswan.assembly import make
from translators.strongswan.options import OptionError, Options
from translators.strongswan.translator import StrongSwanTranslator


def named(number: int, **members: object) -> Json:
    return tunnel(number, remote_id={"name": f"peer-{number}"}, local_id={"name": "gateway"}, **members)


async def with_cap(folder: Path, cap: int, *numbers: int) -> StrongSwanTranslator:
    translator = make(Settings(folder, "none", {"max-tunnels": cap}))
    await translator.start({(str(number),): named(number) for number in numbers})
    return translator


def new(*numbers: int) -> list[EntryChange]:
    return [change(None, named(number)) for number in numbers]


def gone(*numbers: int) -> list[EntryChange]:
    return [change(named(number), None) for number in numbers]


async def test_one_too_many_is_refused_with_the_number_and_the_cap(tmp_path: Path) -> None:
    translator = await with_cap(tmp_path, 2, 1)
    assert translator.check(new(2)) == []
    (error,) = translator.check(new(2, 3, 4))
    assert (error.tag, error.app_tag) == ("operation-failed", "too-many-elements")
    assert error.path == "/yangswan-ipsec:tunnels/ipsec"
    assert "there would be 4 tunnels" in error.message
    assert "max-tunnels permits 2: delete 2" in error.message


async def test_a_tunnel_that_is_not_enabled_counts_too(tmp_path: Path) -> None:
    translator = await with_cap(tmp_path, 1, 1)
    assert len(translator.check([change(None, named(2, enabled=False))])) == 1


async def test_one_may_take_the_place_of_another_in_one_commit(tmp_path: Path) -> None:
    translator = await with_cap(tmp_path, 2, 1, 2)
    assert translator.check([*gone(1), *new(3)]) == []
    assert len(translator.check([*gone(1), *new(3, 4)])) == 1


async def test_what_is_there_when_the_cap_is_lowered_may_be_changed_and_deleted(tmp_path: Path) -> None:
    translator = await with_cap(tmp_path, 1, 1, 2, 3)
    assert translator.check([change(named(1), named(1, description="x"))]) == []
    assert translator.check(gone(1)) == []
    assert translator.check([*gone(1), *new(4)]) == []
    assert len(translator.check(new(4))) == 1


async def test_without_the_setting_there_is_no_cap(tmp_path: Path) -> None:
    translator = make(Settings(tmp_path, "none"))
    await translator.start({})
    assert translator.check(new(*range(1, 101))) == []


async def test_other_reasons_are_told_beside_it(tmp_path: Path) -> None:
    translator = await with_cap(tmp_path, 1, 1)
    errors: list[RpcError] = list(translator.check([change(None, named(2, no_such_leaf="x"))]))
    assert [error.app_tag for error in errors] == ["too-many-elements", "unsupported-leaf"]


@pytest.mark.parametrize("cap", [0, -1, 65536, 1.5, True, "10"])
def test_what_is_no_number_of_tunnels_is_refused(cap: object) -> None:
    with pytest.raises(OptionError, match="max-tunnels"):
        Options.parse({"max-tunnels": cap})
