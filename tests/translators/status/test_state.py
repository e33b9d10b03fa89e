"""list-sas and facts to status and operational data."""

from __future__ import annotations

import json
from typing import Any

import libyang
import pytest

from agent.served import standard_modules
from tests.translators.recorded import CONNECTING, INSTALLED, STATS, sa
from translators.strongswan.backoff import Attempts
from translators.strongswan.options import Options
from translators.strongswan.status import operational, state
from translators.strongswan.status.events import Source
from translators.strongswan.status.facts import Counters, Entry, Facts, Kind, LastError, Reason
from translators.strongswan.status.ledger import NO_FACTS
from translators.strongswan.status.operational import Applied
from translators.strongswan.status.state import Status
from translators.strongswan.translator import find_yang_files

NOTHING = Facts()
SILENT = Facts(retransmitting=True)


@pytest.mark.parametrize(
    ("sas", "facts", "retrying", "expected"),
    [
        ([], NOTHING, False, Status.DOWN),
        ([], NOTHING, True, Status.CONNECTING),
        ([sa("CREATED")], NOTHING, False, Status.CONNECTING),
        ([sa("CONNECTING")], NOTHING, False, Status.CONNECTING),
        ([sa("CONNECTING")], SILENT, True, Status.CONNECTING),
        ([sa("ESTABLISHED")], NOTHING, True, Status.IKE_ESTABLISHED),
        ([sa("ESTABLISHED", "CREATED")], NOTHING, False, Status.IKE_ESTABLISHED),
        ([sa("ESTABLISHED", "INSTALLING")], NOTHING, False, Status.IKE_ESTABLISHED),
        ([sa("ESTABLISHED", "DELETED")], NOTHING, False, Status.IKE_ESTABLISHED),
        ([sa("ESTABLISHED", "INSTALLED")], NOTHING, True, Status.INSTALLED),
        ([sa("REKEYING", "INSTALLED")], NOTHING, False, Status.INSTALLED),
        ([sa("ESTABLISHED", "REKEYING")], NOTHING, False, Status.INSTALLED),
        ([sa("ESTABLISHED", "UPDATING")], NOTHING, False, Status.INSTALLED),
        ([sa("ESTABLISHED", "DELETED", "INSTALLED")], NOTHING, False, Status.INSTALLED),
        ([sa("ESTABLISHED", "INSTALLED")], SILENT, False, Status.RETRANSMISSION),
        ([sa("ESTABLISHED")], SILENT, False, Status.RETRANSMISSION),
        # An old SA still being deleted towards a dead peer is asking in vain, not the new one.
        ([sa("DELETING"), sa("ESTABLISHED", "INSTALLED")], SILENT, False, Status.INSTALLED),
        (
            [sa("DELETING"), sa("ESTABLISHED", "INSTALLED", tasks_active=["IKE_DPD"])],
            SILENT,
            False,
            Status.RETRANSMISSION,
        ),
        ([sa("DELETING", "INSTALLED")], NOTHING, False, Status.DOWN),
        ([sa("DELETING", "INSTALLED")], NOTHING, True, Status.CONNECTING),
        ([sa("REKEYED", "INSTALLED")], NOTHING, False, Status.DOWN),
        # An old SA still being deleted towards a dead peer, beside the new one.
        ([sa("DELETING", "DELETING"), sa("ESTABLISHED", "INSTALLED")], NOTHING, False, Status.INSTALLED),
    ],
)
def test_status_follows_the_rules(sas: Any, facts: Facts, retrying: bool, expected: Status) -> None:
    assert state.status(sas, facts, retrying) is expected


def test_the_newest_installed_child_is_the_one_in_use() -> None:
    child = state.installed_child([sa("ESTABLISHED", "INSTALLED", "DELETED", "INSTALLED", "REKEYED")])
    assert child is not None
    assert child["uniqueid"] == "3"
    assert state.installed_child([sa("ESTABLISHED", "DELETED")]) is None


@pytest.mark.parametrize(
    ("sas", "expected"),
    [
        ([], False),
        ([sa("CONNECTING")], True),
        ([sa("ESTABLISHED")], False),
        ([sa("ESTABLISHED", tasks_active=["CHILD_CREATE"])], True),
        ([sa("ESTABLISHED", tasks_queued=["CHILD_CREATE"])], True),
        ([sa("ESTABLISHED", tasks_active=["IKE_DPD"])], False),
        ([sa("DELETING")], False),
    ],
)
def test_nothing_is_initiated_while_charon_is_at_it(sas: Any, expected: bool) -> None:
    assert state.is_under_way(sas) is expected


SILENCE = LastError(Reason.PEER_SILENT, "no answer", 1_000_000.0)


def peer_of(spi: str, ours: bool, *children: str, uniqueid: str, status: str = "ESTABLISHED") -> Any:
    initiator = {"initiator": "yes"} if ours else {}
    return sa(status, *children, uniqueid=uniqueid, initiator_spi=spi, **initiator)


@pytest.mark.parametrize(
    ("sas", "expected"),
    [
        ([], []),
        ([peer_of("b", True, "INSTALLED", uniqueid="1")], []),
        # Ours goes if the other has the smaller SPI, and the other end keeps its own then.
        (
            [peer_of("b", True, "INSTALLED", uniqueid="1"), peer_of("a", False, "INSTALLED", uniqueid="2")],
            ["1"],
        ),
        ([peer_of("a", True, "INSTALLED", uniqueid="1"), peer_of("b", False, "INSTALLED", uniqueid="2")], []),
        # Two of one end: one replaces the other.
        ([peer_of("a", True, "INSTALLED", uniqueid="1"), peer_of("b", True, "INSTALLED", uniqueid="2")], []),
        (
            [peer_of("b", False, "INSTALLED", uniqueid="1"), peer_of("a", False, "INSTALLED", uniqueid="2")],
            [],
        ),
        # One that carries nothing, or is going, is no second.
        ([peer_of("b", True, uniqueid="1"), peer_of("a", False, "INSTALLED", uniqueid="2")], []),
        (
            [
                peer_of("b", True, "INSTALLED", uniqueid="1", status="DELETING"),
                peer_of("a", False, "INSTALLED", uniqueid="2"),
            ],
            [],
        ),
    ],
)
def test_of_two_ike_sas_that_both_ends_began_one_goes(sas: Any, expected: list[str]) -> None:
    assert state.surplus(sas) == expected


def test_what_is_only_being_negotiated_is_half_open_if_we_began_it() -> None:
    sas = [
        sa("CONNECTING", uniqueid="1", initiator="yes"),
        sa("ESTABLISHED", uniqueid="2", initiator="yes"),
        sa("CREATED", uniqueid="3", initiator="yes"),
        # The peer has come to life meanwhile, and begins one itself.
        sa("CONNECTING", uniqueid="4"),
        sa("CONNECTING", uniqueid="5", initiator="no"),
    ]
    assert state.half_open([*sas, CONNECTING]) == ["1", "3", "7"]


FACTS = Facts(
    last_error=SILENCE,
    last_down=LastError(Reason.UNKNOWN, "", 1_000_000.0),
    since=1_000_100.5,
    counters=Counters(ups=2, downs=1, failures=3, rekeys=4, retransmissions=5),
    history=(
        Entry(8, 1_000_000.0, Kind.FAILED, Reason.PEER_SILENT, "no answer", times=3),
        Entry(9, 1_000_100.5, Kind.UP),
    ),
)


def state_of(sas: Any, facts: Facts, applied: Applied, attempts: Attempts | None) -> Any:
    return operational.tunnel_state(sas, facts, applied, attempts, True, 1_000_200.0)


def test_the_state_of_an_installed_tunnel_golden() -> None:
    assert state_of([INSTALLED], FACTS, Applied.APPLIED, None) == {
        "status": "installed",
        "applied": "applied",
        "since": "1970-01-12T13:48:20.500Z",
        "time-since-rekey": 2,
        "remote-address-in-use": "192.168.0.1",
        "last-error": {"reason": "peer-silent", "detail": "no answer", "time": "1970-01-12T13:46:40.000Z"},
        "last-down": {"reason": "unknown", "time": "1970-01-12T13:46:40.000Z"},
        "counters": {"ups": 2, "downs": 1, "failures": 3, "rekeys": 4, "retransmissions": 5},
        "event": [
            {
                "index": 8,
                "time": "1970-01-12T13:46:40.000Z",
                "what": "failed",
                "reason": "peer-silent",
                "detail": "no answer",
                "times": 3,
            },
            {"index": 9, "time": "1970-01-12T13:48:20.500Z", "what": "up"},
        ],
        "local-address-present": True,
        "ike-sa": [
            {
                "unique-id": 6,
                "version": 2,
                "state": "established",
                "initiator": True,
                "initiator-spi": "76347598f0038d0c",
                "responder-spi": "c6cc9b7fa8510c07",
                "local-host": "192.168.0.2",
                "local-port": 4500,
                "local-id": "bob",
                "remote-host": "192.168.0.1",
                "remote-port": 4500,
                "remote-id": "alice",
                "cipher": "aes256",
                "cipher-name": "AES_CBC",
                "key-bits": 256,
                "auth": "sha256",
                "auth-name": "HMAC_SHA2_256_128",
                "prf": "prfsha256",
                "prf-name": "PRF_HMAC_SHA2_256",
                "dh": "x25519",
                "dh-name": "CURVE_25519",
                "established": 2,
                "rekey-in": 12980,
                "nat-local": False,
                "nat-remote": True,
                "nat-any": True,
            }
        ],
        "child-sa": [
            {
                "unique-id": 4,
                "ike-sa": 6,
                "name": "ipsec-1",
                "state": "installed",
                "reqid": 1,
                "mode": "tunnel",
                "protocol": "esp",
                "encap": True,
                "spi-in": "bcf21fee",
                "spi-out": "ddcd326d",
                "cipher": "aes128gcm16",
                "cipher-name": "AES_GCM_16",
                "key-bits": 128,
                "esn": False,
                "bytes-in": "46",
                "packets-in": "1",
                "last-use-in": 0,
                "bytes-out": "92",
                "packets-out": "2",
                "last-use-out": 5,
                "rekey-in": 3300,
                "expires-in": 3958,
                "installed": 2,
                "local-ts": ["10.2.0.0/16"],
                "remote-ts": ["10.1.0.0/16"],
            }
        ],
    }


def test_the_key_exchanges_that_followed_the_first_are_shown_in_order() -> None:
    sa = {**INSTALLED, "ake2": "ML_KEM_768", "ake1": "ECP_384", "ake3": "FRODO_SHAKE_L3"}
    found = operational.tunnel_state([sa], NOTHING, Applied.APPLIED, None, None, 0.0)
    (ike_sa,) = found["ike-sa"]  # type: ignore[misc]
    assert ike_sa["ke-name"] == ["ECP_384", "ML_KEM_768", "FRODO_SHAKE_L3"]
    assert ike_sa["ke"] == ["ecp384", "mlkem768"]
    (child,) = found["child-sa"]  # type: ignore[misc]
    assert not child.keys() & {"ke", "ke-name"}


def test_a_tunnel_of_which_nothing_is_known_is_down_and_has_nothing_else() -> None:
    found = operational.tunnel_state([], NOTHING, Applied.DORMANT, None, None, 0.0)
    assert found == {"status": "down", "applied": "dormant", "counters": NO_COUNTS}


NO_COUNTS = dict.fromkeys(("ups", "downs", "failures", "rekeys", "retransmissions"), 0)


def test_attempts_so_far_and_the_next_one_are_shown_until_the_tunnel_is_up() -> None:
    waiting = state_of([], NOTHING, Applied.APPLIED, Attempts(3, 2.5))
    assert waiting["status"] == "connecting"
    assert waiting["supervision"] == {"attempts": 3, "next-attempt": "1970-01-12T13:50:02.500Z"}
    assert state_of([CONNECTING], NOTHING, Applied.APPLIED, Attempts(4, None))["supervision"] == {
        "attempts": 4
    }
    assert "supervision" not in state_of([INSTALLED], NOTHING, Applied.APPLIED, Attempts(4, None))


def test_the_tries_of_an_unanswered_request_are_shown() -> None:
    found = state_of([INSTALLED], Facts(retransmitting=True, tries=2), Applied.APPLIED, None)
    assert (found["status"], found["retransmission-tries"]) == ("retransmission", 2)


def test_what_the_model_has_no_place_for_is_left_out() -> None:
    odd = {
        **INSTALLED,
        "state": "NOVEL",
        "remote-host": "%any",
        "established": "-1",
        "encr-alg": "NOVEL_CIPHER",
    }
    (found,) = state_of([odd], NOTHING, Applied.APPLIED, None)["ike-sa"]
    assert not {"state", "remote-host", "established", "cipher"} & found.keys()
    assert found["cipher-name"] == "NOVEL_CIPHER"


@pytest.fixture(scope="module")
def context() -> Any:
    folders = {str(path.parent) for path in standard_modules()}
    files = find_yang_files()
    with libyang.Context(":".join([*folders, str(files[0].parent)])) as made:
        for file in files:
            made.load_module(file.stem).feature_enable_all()
        yield made


def assert_valid(context: Any, data: Any) -> None:
    text = json.dumps(data)
    tree = context.parse_data_mem(text, "json", strict=True, validate_present=True, parse_only=False)
    assert tree is not None
    tree.free()


@pytest.mark.parametrize(
    ("sas", "facts"),
    [
        ([], NOTHING),
        ([INSTALLED], FACTS),
        ([CONNECTING], NOTHING),
        ([INSTALLED, CONNECTING], SILENT),
        ([sa("ESTABLISHED", "INSTALLED", "DELETED")], FACTS),
        *[([], Facts(last_error=LastError(reason, "x", 0.0))) for reason in Reason],
        *[([], Facts(history=(Entry(1, 0.0, kind, Reason.OTHER, "x"),))) for kind in Kind],
    ],
)
def test_every_state_is_valid_data_of_the_model(context: Any, sas: Any, facts: Facts) -> None:
    found = state_of(sas, facts, Applied.APPLIED, Attempts(2, 7.0))
    entry = {"id": 1, "secret": "right-secret-0001", "local-address": "192.0.2.1", "state": found}
    assert_valid(context, {"yangswan-ipsec:tunnels": {"ipsec": [entry]}})


def test_data_that_is_not_valid_is_seen_to_be_refused(context: Any) -> None:
    entry = {
        "id": 1,
        "secret": "right-secret-0001",
        "local-address": "192.0.2.1",
        "state": {"status": "novel"},
    }
    with pytest.raises(libyang.LibyangError):
        assert_valid(context, {"yangswan-ipsec:tunnels": {"ipsec": [entry]}})


ALGORITHMS = {
    "encryption": {"AES_CBC"},
    "aead": {"AES_GCM_16"},
    "integrity": {"HMAC_SHA2_256_128"},
    "prf": {"PRF_HMAC_SHA2_256"},
    "dh": {"MODP_2048", "CURVE_25519"},
    "hasher": {"HASH_SHA1"},
}


@pytest.mark.parametrize(
    ("backend", "version"), [("managed", "5.9.8"), ("external", "5.9.8"), ("none", None)]
)
def test_the_daemon_is_valid_data_of_the_model(context: Any, backend: str, version: str | None) -> None:
    for source in Source:
        found = daemon_of(backend, version, source)
        assert_valid(context, {"yangswan-daemon:daemon": found})


def daemon_of(backend: str, version: str | None, source: Source) -> Any:
    now = 2_000_000_000.0
    return operational.daemon_state(backend, version, ALGORITHMS, STATS, source, Options(), now)


def test_the_daemon_golden() -> None:
    found = daemon_of("managed", "5.9.8", Source.ERROR_NOTIFY)
    uptime_s = found.pop("uptime-seconds")
    assert uptime_s > 200_000_000
    assert found.pop("started-at").startswith("2026-11-2")
    assert found == {
        "backend": "managed",
        "connected": True,
        "version": "charon 5.9.8",
        "failure-source": "error-notify",
        "plugin": ["charon", "aes", "vici"],
        "algorithms": {
            "encryption": ["AES_CBC"],
            "aead": ["AES_GCM_16"],
            "integrity": ["HMAC_SHA2_256_128"],
            "prf": ["PRF_HMAC_SHA2_256"],
            "ke": ["CURVE_25519", "MODP_2048"],
        },
        "ike-sas": {"total": 3, "half-open": 1},
        "retransmission": {"tries": 5, "timeout": "4.000", "base": "1.800"},
    }


def test_an_unreachable_daemon_is_not_connected() -> None:
    assert operational.daemon_state("external", None, {}, {}, None, Options(), 0.0) == {
        "backend": "external",
        "connected": False,
    }


@pytest.mark.parametrize(
    ("traps", "version", "plugins", "limited"),
    [
        (["dpd/action"], "5.9.8", ["kernel-libipsec", "vici"], True),
        (["dpd/action", "close-action"], "5.9.10", ["kernel-libipsec"], True),
        (["dpd/action"], "5.9.11", ["kernel-libipsec"], False),
        (["dpd/action"], "6.0.1", ["kernel-libipsec"], False),
        (["dpd/action"], "5.9.8", ["kernel-netlink"], False),
        ([], "5.9.8", ["kernel-libipsec"], False),
        (["dpd/action"], "", ["kernel-libipsec"], False),
    ],
)
def test_a_trap_that_cannot_spring_is_said(
    traps: list[str], version: str, plugins: list[str], limited: bool
) -> None:
    said = operational.limitation(traps, version, plugins)
    assert (said is not None) is limited
    assert said is None or said.startswith(" and ".join(traps))


@pytest.mark.parametrize("applied", Applied)
@pytest.mark.parametrize("present", [True, False, None])
@pytest.mark.parametrize("sas", [[], [INSTALLED], [CONNECTING]])
@pytest.mark.parametrize("attempts", [None, Attempts(3, 2.5)])
def test_what_is_kept_of_a_tunnel_that_nothing_is_known_of_is_what_is_made(
    applied: Applied, present: bool | None, sas: Any, attempts: Attempts | None
) -> None:
    others = (applied, attempts, present, 1_000_200.0, ("a", "b"))
    made = operational.tunnel_state(sas, Facts(), *others)
    for _ in range(2):
        found = operational.tunnel_state(sas, NO_FACTS, *others)
        assert json.dumps(found) == json.dumps(made)
        found["counters"]["ups"] = 7  # whoever has it may change it
        found["status"] = "installed"
