"""The translator without a charon: none at all, or one that cannot be reached."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent.errors import BackendError, OperationNotSupported, RpcError, RpcErrors
from agent.translator import EntryChange, Settings
from tests.lab import change
from tests.translators.status.test_state import NO_COUNTS
from tests.translators.tunnels import tunnel
from translators.strongswan.assembly import make
from translators.strongswan.options import OptionError
from translators.strongswan.status.facts import Reason
from translators.strongswan.translator import StrongSwanTranslator, find_yang_files

KEY = ("1",)


def none(tmp_path: Path) -> StrongSwanTranslator:
    return make(Settings(tmp_path, "none"))


def unreachable(tmp_path: Path) -> StrongSwanTranslator:
    return make(Settings(tmp_path, "external", {"vici-socket": str(tmp_path / "vici.sock")}))


async def commit(translator: StrongSwanTranslator, *changes: EntryChange) -> Any:
    plan = await translator.prepare(changes)
    await translator.apply(plan)
    return plan


def test_the_yang_module_is_found_in_the_checkout(tmp_path: Path) -> None:
    names = [file.name for file in find_yang_files()]
    assert names == ["yangswan-ipsec.yang", "yangswan-pki.yang", "yangswan-daemon.yang"]
    assert none(tmp_path).yang_files == find_yang_files()


def test_a_mode_or_setting_that_is_not_known_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="managed, external or none"):
        make(Settings(tmp_path, "sometimes"))
    with pytest.raises(OptionError, match="no-such-key"):
        make(Settings(tmp_path, "none", {"no-such-key": 1}))


async def test_without_charon_configuration_is_kept_and_state_says_that_it_is_not_applied(
    tmp_path: Path,
) -> None:
    translator = none(tmp_path)
    await translator.start({})
    await commit(translator, change(None, tunnel(1)))
    assert await translator.entry_state([KEY, ("2",)]) == {
        KEY: {"status": "down", "applied": "not-applied", "counters": NO_COUNTS}
    }
    daemon = await translator.root_state("/yangswan-daemon:daemon")
    assert daemon == {"backend": "none", "connected": False}
    await translator.stop()
    await translator.stop()


async def test_without_charon_checks_that_need_none_are_made(tmp_path: Path) -> None:
    translator = none(tmp_path)
    await translator.start({KEY: tunnel(1, remote_id={"name": "b"})})
    second = change(None, tunnel(2, remote_id={"name": "b"}, secret="another-secret"))
    with pytest.raises(RpcErrors) as refused:
        await translator.prepare([second])
    assert {(error.app_tag, error.path) for error in refused.value.errors} == {
        ("identity-conflict", "/yangswan-ipsec:tunnels/ipsec[id='2']"),
        ("secret-shadowed", "/yangswan-ipsec:tunnels/ipsec[id='2']"),
    }
    assert translator.check([]) == []


async def test_an_error_points_to_the_leaf_and_never_shows_a_secret(tmp_path: Path) -> None:
    bad = tunnel(1, esp={"proposal": [{"priority": 4, "cipher": "aes128"}]}, secret="very-secret-0001")
    (error,) = none(tmp_path).check([change(None, bad)])
    assert error.path == "/yangswan-ipsec:tunnels/ipsec[id='1']/esp/proposal[priority='4']"
    assert error.app_tag == "integrity-missing"
    assert "very-secret-0001" not in f"{error!r}{error}"


async def test_undo_puts_back_what_was_in_force(tmp_path: Path) -> None:
    translator = none(tmp_path)
    await translator.start({})
    plan = await commit(translator, change(None, tunnel(1)))
    await translator.undo(plan)
    assert await translator.entry_state([KEY]) == {}


async def test_a_plan_is_described_without_secrets(tmp_path: Path) -> None:
    plan = await none(tmp_path).prepare([change(None, tunnel(1, secret="very-secret-0001"))])
    assert plan.describe() == ["ipsec-1: load the connection", "ipsec-1: load the secret"]
    assert "very-secret-0001" not in repr(plan)


async def test_an_unreachable_charon_keeps_nobody_waiting_at_start_and_refuses_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("translators.strongswan.translator.AVAILABLE_LIMIT_S", 0.01)
    translator = unreachable(tmp_path)
    await translator.start({KEY: tunnel(1)})
    assert (await translator.entry_state([KEY]))[KEY]["applied"] == "pending"
    with pytest.raises(RpcErrors) as refused:
        await translator.prepare([change(tunnel(1), None)])
    (error,) = refused.value.errors
    assert (error.tag, error.app_tag) == ("operation-failed", "daemon-unavailable")
    assert "vici.sock" in error.message
    with pytest.raises(RpcError, match="not available"):
        await translator.action(KEY, "restart", {})
    await translator.stop()


async def test_a_tunnel_says_why_there_is_no_charon_and_keeps_what_it_failed_for_itself(
    tmp_path: Path,
) -> None:
    told: list[str] = []
    vici = tmp_path / "vici.sock"
    settings = Settings(tmp_path, "external", {"vici-socket": str(vici)}, state_changed=told.extend)
    translator = make(settings)
    await translator.start({KEY: tunnel(1), ("2",): tunnel(2, enabled=False)})
    assert "/yangswan-ipsec:tunnels/ipsec[id='1']/state" in told
    translator.parts.live.fail("1", Reason.PEER_SILENT, "no answer")
    state = await translator.entry_state([KEY, ("2",)])
    trouble = (await translator.root_state("/yangswan-daemon:daemon"))["trouble"]
    error = state[KEY]["last-error"]
    assert (error["reason"], error["detail"]) == ("daemon-unavailable", trouble)
    assert error["time"].endswith("Z")
    assert "last-error" not in state[("2",)], "it is disabled"
    translator.parts.shared.trouble = ""  # as the keeper says once there is one
    translator.parts.live.daemon_changed()
    assert (await translator.entry_state([KEY]))[KEY]["last-error"]["reason"] == "peer-silent"
    await translator.stop()


async def test_a_charon_lost_between_prepare_and_apply_is_a_backend_error(tmp_path: Path) -> None:
    plan = await none(tmp_path).prepare([change(None, tunnel(1))])
    translator = unreachable(tmp_path)
    with pytest.raises(BackendError):
        await translator.apply(plan)


async def test_what_a_mode_cannot_do_is_not_supported(tmp_path: Path) -> None:
    for translator, name in (
        (none(tmp_path), "restart-daemon"),
        (none(tmp_path), "start-monitor"),
        (none(tmp_path), "stop-monitor"),
        (none(tmp_path), "start-log"),
        (none(tmp_path), "stop-log"),
        (unreachable(tmp_path), "no-such-rpc"),
    ):
        with pytest.raises(OperationNotSupported):
            await translator.rpc(name, {})
    with pytest.raises(OperationNotSupported):
        await none(tmp_path).action(KEY, "restart", {})


@pytest.mark.parametrize(
    ("mode", "disabled"),
    [
        ("managed", {}),
        ("external", {}),
        (
            "none",
            {
                "yangswan-ipsec": {"tunnel-notifications"},
                "yangswan-daemon": {"daemon-notifications", "monitor", "restart-daemon", "tunnel-log"},
            },
        ),
    ],
)
def test_what_a_mode_cannot_do_is_not_announced(
    tmp_path: Path, mode: str, disabled: dict[str, set[str]]
) -> None:
    features = make(Settings(tmp_path, mode)).disabled_features
    assert {module: set(names) for module, names in features.items()} == disabled


async def test_which_tunnels_a_change_has_to_bring_up(tmp_path: Path) -> None:
    translator = unreachable(tmp_path)
    changes = [
        change(None, tunnel(1)),
        change(None, tunnel(2, enabled=False)),
        change(tunnel(3), None),
        change(tunnel(4), tunnel(4, description="new")),
    ]
    assert translator.to_work(changes) == {("1",): tunnel(1), ("4",): tunnel(4, description="new")}
    assert translator.cannot_tell(tunnel(1)) is None
    assert translator.cannot_tell(tunnel(2, enabled=False)) == "it is not enabled"


async def test_without_charon_nobody_can_tell_whether_a_tunnel_works(tmp_path: Path) -> None:
    assert none(tmp_path).cannot_tell(tunnel(1)) == "this agent runs without charon"


async def test_while_charon_cannot_be_reached_no_tunnel_works(tmp_path: Path) -> None:
    translator = unreachable(tmp_path)
    try:
        await translator.start({KEY: tunnel(1)})
        found = await translator.not_working([KEY, ("2",)])
        assert found[KEY].startswith("daemon-unavailable: ")
        assert found["2",] == "it is not configured, or not enabled"
    finally:
        await translator.stop()


async def test_only_what_charon_and_the_kernel_do_not_hear_of_stays_inside(tmp_path: Path) -> None:
    translator = none(tmp_path)
    await translator.start({})
    before = tunnel(1, peer="192.0.2.1", local_subnet=["10.1.0.0/16"], remote_subnet=["10.2.0.0/16"])
    plan = await commit(translator, change(None, before))
    assert not plan.stays_inside, "its secret and its connection go to charon"
    described = {**before, "description": "another"}
    plan = await commit(translator, change(before, described))
    assert plan.stays_inside
    plan = await commit(translator, change(described, {**described, "peer": "192.0.2.77"}))
    assert not plan.stays_inside


async def test_what_the_kernel_alone_hears_of_does_not_stay_inside(tmp_path: Path) -> None:
    translator = none(tmp_path)
    before = tunnel(1, peer="192.0.2.1", local_subnet=["10.1.0.0/16"], remote_subnet=["10.2.0.0/16"])
    await commit(translator, change(None, before))
    protection = translator.parts.protection
    protection._is_used = True
    protection.guards.put(protection.wanted({"1": before}, protection.guards.for_all))
    plan = await translator.prepare([change(before, {**before, "description": "another"})])
    assert (plan.steps, plan.stays_inside) == ((), True)
    plan = await translator.prepare([change(before, {**before, "leak-protection": False})])
    assert (plan.steps, plan.stays_inside) == ((), False)
