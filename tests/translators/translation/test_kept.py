"""What is kept of a translation is what a fresh one would be, whatever has changed since."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.translators import tunnels
from tests.translators.authority import Authority, new_key
from tests.translators.tunnels import Json, tunnel
from translators.strongswan.pieces import at_once
from translators.strongswan.translation import connections, fields, prefixes
from translators.strongswan.translation.alike import OneOfEach
from translators.strongswan.translation.around import Around
from translators.strongswan.translation.certificates import Certificate, of_entry
from translators.strongswan.translation.connections import Messages, messages
from translators.strongswan.translation.credentials import Claim
from translators.strongswan.translation.desired import Desired
from translators.strongswan.translation.kept import MANY
from translators.strongswan.translation.overlaps import Traffic
from translators.strongswan.translation.refusals import Refused
from translators.strongswan.translation.revocation import Mode, Revocation

PROPOSALS = [
    [{"priority": 1, "cipher": "aes128", "auth": "sha256", "dh": "x25519"}],
    [{"priority": 2, "cipher": "aes256gcm16", "prf": "prfsha384", "dh": "ecp384"}],
    [{"priority": 1, "cipher": "aes128"}],
]
SUBNETS = ["10.1.0.0/16", "10.2.0.1/24", "2001:db8::/32", "x"]
PPKS = [{"required": False}, {"id": "k", "key": "q" * 40}, {"id": "l", "key": "r" * 40}]
MEMBERS = st.fixed_dictionaries(
    {},
    optional={
        "enabled": st.booleans(),
        "initiator": st.booleans(),
        "description": st.sampled_from(["a", "b"]),
        "secret": st.sampled_from(["right-secret-0001", "wrong-secret-0002"]),
        "peer": st.sampled_from(["192.0.2.1", "2001:DB8::1", "192.0.2.300"]),
        "local_id": st.sampled_from([{"name": "Alice"}, {"email": "a@b"}, {"name": "*"}, {}]),
        "remote_id": st.sampled_from([{"name": "bob"}, {"inet": "192.0.2.1"}, {"dn": "CN=bob"}]),
        "local_subnet": st.lists(st.sampled_from(SUBNETS), max_size=3),
        "remote_subnet": st.lists(st.sampled_from(["10.3.0.0/16", "0.0.0.0/0", "10.4.0.0/08"]), max_size=2),
        "close_action": st.sampled_from(["clear", "trap", "restart"]),
        "no_such_leaf": st.just(1),
        "ike": st.fixed_dictionaries(
            {},
            optional={
                "version": st.sampled_from(["ikev1", "ikev2"]),
                "proposal": st.sampled_from(PROPOSALS),
                "childless": st.sampled_from(["never", "allow"]),
                "ppk": st.sampled_from(PPKS),
            },
        ),
        "esp": st.fixed_dictionaries(
            {},
            optional={
                "proposal": st.sampled_from([[{"priority": 1, "cipher": "aes128gcm16"}], PROPOSALS[0]]),
                "mark-out": st.sampled_from(["0x1", "0x2/0xff"]),
                "sa-per-subnet-pair": st.booleans(),
            },
        ),
    },
)  # fmt: skip
CBC = {"encryption": {"AES_CBC"}}
AVAILABLE = [
    None,
    {**CBC, "integrity": {"HMAC_SHA2_256_128"}, "prf": {"PRF_HMAC_SHA2_256"}, "dh": {"CURVE_25519"}},
    {**CBC, "aead": {"AES_GCM_16"}, "integrity": {"HMAC_SHA2_512_256"}, "prf": set(), "ke": {"ECP_256"}},
]


def outcome(entry: Json, around: Around) -> Any:
    """Return what is told of an entry with nothing kept, or why it is refused."""
    anew = replace(around)
    try:
        made = messages("1", entry, anew)
        return made.load_conn, made.secrets, Claim.of("1", entry, anew), Traffic.of("1", made)
    except Refused as error:
        return error.leaf, error.message, error.app_tag


def kept_outcome(made: Desired, entry: Json) -> Any:
    """Return the same of what may be kept."""
    try:
        found = made._kept.translated("1", entry, made.around(), whatever=False)
        return found.messages.load_conn, found.messages.secrets, found.claim, found.traffic
    except Refused as error:
        return error.leaf, error.message, error.app_tag


def in_order_of_the_table(entry: Json, around: Around) -> Any:
    """Return the first that the table refuses, with each row asked by itself; None if it refuses nothing."""
    try:
        for leaf in connections._leaves(entry):
            if leaf not in fields.LEAVES:
                raise connections.UnsupportedLeaf(leaf)
        for row in fields.FIELDS:
            if row.render is not None:
                row.render(entry, around)
    except Refused as error:
        return error.leaf, error.message, error.app_tag
    return None


@given(st.lists(st.tuples(MEMBERS, st.sampled_from(AVAILABLE)), min_size=1, max_size=6))
def test_what_is_kept_is_what_a_fresh_translation_is(looks: list[tuple[Json, Any]]) -> None:
    made = Desired()
    for members, available in looks:
        made.available = available
        entry = tunnel(1, **members)
        expected = outcome(entry, Around(available, keys=frozenset(), plugins=None))
        for _ in range(2):
            assert kept_outcome(made, entry) == expected


@given(MEMBERS, st.booleans())
def test_what_is_expected_changes_nothing_but_when_it_is_translated(members: Json, later: bool) -> None:
    expecting, alone = Desired(), Desired()
    entries = {"1": tunnel(1, **members), "2": tunnel(2)}
    at_once(expecting.expect_in_pieces(entries))
    assert (expecting.entries, expecting.messages, list(expecting.claims)) == ({}, {}, [])
    if later:  # nothing is known of charon when they are expected
        expecting.plugins = alone.plugins = frozenset()
    refused = [made.replace(entries) for made in (expecting, alone)]
    assert refused[0] == refused[1]
    for what in ("entries", "messages", "refused"):
        assert getattr(expecting, what) == getattr(alone, what)
    assert list(expecting.claims) == list(alone.claims)


def test_what_was_expected_is_not_translated_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made, entries = Desired(), {"1": tunnel(1), "2": tunnel(2, enabled=False)}
    at_once(made.expect_in_pieces(entries))
    translated: list[str] = []
    real = connections.messages

    def counted(name: str, entry: Json, around: Around) -> Messages:
        translated.append(name)
        return real(name, entry, around)

    monkeypatch.setattr(connections, "messages", counted)
    made.replace(entries)
    assert translated == []
    made.plugins = frozenset()
    made.replace(entries)
    assert translated == ["1"], "with other plugins it may be another"


@given(MEMBERS)
def test_the_first_in_the_table_is_told_of_several_reasons(members: Json) -> None:
    entry = tunnel(1, **members)
    if (expected := in_order_of_the_table(entry, Around())) is not None:
        assert outcome(entry, Around()) == expected


@given(MEMBERS)
def test_the_message_is_that_of_the_table_row_by_row(members: Json) -> None:
    entry = tunnel(1, **members)
    try:
        made = messages("1", entry)
    except Refused:
        return
    sections = {
        fields.Part.IKE: made.ike,
        fields.Part.LOCAL: made.ike["local"],
        fields.Part.REMOTE: made.ike["remote"],
        fields.Part.CHILD: next(iter(made.children.values())),
    }
    for row in fields.FIELDS:
        if row.render is None or (row.key in ("local_ts", "remote_ts") and len(made.children) > 1):
            continue
        section: Any = sections[row.part]
        assert section.get(row.key) == row.render(entry, Around()), row.key
    assert isinstance(made.load_conn["ipsec-1"], dict)


def certified() -> tuple[Json, Certificate, Certificate]:
    authority = Authority()
    named = {"own": "mine", "trusted-ca": ["root"]}
    entry = tunnel(1, secret=None, certificate=named, remote_id={"name": "b"})
    own = authority.certify(new_key(), "CN=gateway")
    return entry, of_entry({"name": "mine", "pem": own}), of_entry({"name": "root", "pem": authority.pem})


def kept_messages(made: Desired, entry: Json) -> Messages:
    return made._kept.translated("1", entry, made.around(), whatever=False).messages


def test_an_entry_that_is_looked_at_again_is_not_translated_again(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    real = connections.messages

    def counted(id: str, *arguments: Any) -> Messages:
        calls.append(id)
        return real(id, *arguments)

    monkeypatch.setattr(connections, "messages", counted)
    made, entry = Desired(), tunnel(1, ike={"proposal": PROPOSALS[0]}, esp={"proposal": PROPOSALS[0]})
    made.available = AVAILABLE[1]
    assert made.refusals([("1", entry)]) == []
    change = made.change("1", entry)
    made.fences({"1": entry}, [change])
    made.put("1", entry)
    assert calls == ["1"]
    # Once it is in force nothing is kept of it; a look at others forgets it, too.
    assert made._kept._entries == {}
    made.refusals([("1", entry)])
    made.refusals([("2", tunnels.tunnel(2, local_id={"name": "a"}))])
    assert made._kept._entries.keys() == {"2"}


class Anew(Desired):
    """Translates each entry anew."""

    def _in_force(self, *_: object, **_more: object) -> None:
        return None


def all_of(made: Desired, tunnel: str) -> Any:
    """Return what is in force of a tunnel, and what is made of it."""
    claim, found = made.claims.of(tunnel), made.messages.get(tunnel)
    loaded = None if found is None else (found.load_conn, found.secrets)
    traffic = made.overlaps._traffic.get(tunnel)
    return made.entries.get(tunnel), loaded, claim, traffic, made.version, made.fence


def answer(ask: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return ask(*arguments)
    except Refused as error:
        return error.leaf, error.message, error.app_tag


@given(st.lists(st.tuples(MEMBERS, st.sampled_from(AVAILABLE), st.booleans()), min_size=2, max_size=8))
def test_what_is_in_force_is_what_a_fresh_translation_is(steps: list[tuple[Json, Any, bool]]) -> None:
    both = Desired(), Anew()
    for members, available, is_described in steps:
        entry = tunnel(1, **members)
        described = {**entry, "description": "c"} if is_described else entry
        for made in both:
            made.available = available
            answer(made.put, "1", entry)
        looks = [
            (
                made.refusals([("1", described)]),
                answer(made.change, "1", described),
                answer(made.put, "1", described),
                all_of(made, "1"),
            )
            for made in both
        ]
        assert looks[0] == looks[1]


def test_what_is_in_force_is_not_translated_again_for_another_description(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[str] = []
    real = connections.messages

    def counted(id: str, *arguments: Any) -> Messages:
        calls.append(id)
        return real(id, *arguments)

    monkeypatch.setattr(connections, "messages", counted)
    made = Desired()
    made.available = AVAILABLE[1]
    for proposal in (PROPOSALS[0], None):  # one that the tunnel names, and what charon has
        named = {"proposal": proposal}
        settings: Json = {} if proposal is None else {"ike": named, "esp": named}
        made.put("1", tunnel(1, description="a", **settings))
        calls.clear()
        for text in ("b", None):
            entry = tunnel(1, description=text, **settings)
            made.refusals([("1", entry)])
            change = made.change("1", entry)
            made.fences({"1": entry}, [change])
            made.put("1", entry)
            assert (change.before, made.entries["1"]) == (change.after, entry)
        asked_as_if_charon_had_all = [] if proposal is not None else ["1", "1"]
        assert calls == asked_as_if_charon_had_all
        made.put("1", tunnel(1, secret="another-secret-0003", **settings))
        assert calls == [*asked_as_if_charon_had_all, "1"]


def test_what_is_in_force_is_made_anew_when_something_beside_the_entry_has_changed() -> None:
    entry, own, root = certified()
    keys: set[bytes] = {own.key_digest}
    made = Desired(lambda: keys)
    made.certificates = {"mine": own, "root": root}
    made.put("1", entry)
    made.certificates["mine"] = replace(own, pem="another")
    described = {**entry, "description": "b"}
    change = made.change("1", described)
    assert change.after is not None
    assert change.after.ike["local"]["certs"] == ["another"]  # type: ignore[index]
    made.put("1", described)
    assert made.messages["1"].ike["local"]["certs"] == ["another"]  # type: ignore[index]
    made.refuse("1")
    assert made.refusals([("1", entry)]) == []
    made.put("1", entry)
    assert "1" in made.messages
    assert "1" not in made.refused


def test_what_is_kept_is_made_anew_when_something_beside_the_entry_changes() -> None:
    entry, own, root = certified()
    keys: set[bytes] = {own.key_digest}
    made = Desired(lambda: keys)
    made.certificates = {"mine": own, "root": root}
    first = kept_messages(made, entry)
    assert kept_messages(made, entry) is first
    made.revocation = Revocation(Mode.STRICT)
    assert kept_messages(made, entry).ike["remote"] == {**first.ike["remote"], "revocation": "strict"}  # type: ignore[dict-item]
    made.plugins = ()
    with pytest.raises(Refused, match="revocation"):
        kept_messages(made, entry)
    made.revocation, made.plugins = Revocation(Mode.OFF), None
    # Changed in place, too: what it is compared with is a copy.
    made.certificates["mine"] = replace(own, pem="another")
    assert kept_messages(made, entry).ike["local"]["certs"] == ["another"]  # type: ignore[index]
    keys.clear()
    with pytest.raises(Refused, match="no private key"):
        kept_messages(made, entry)


def test_what_is_alike_is_shared_and_what_is_a_tunnels_own_is_not() -> None:
    around = Around()
    one = messages("1", tunnel(1, ike={"ppk": {"id": "k", "key": "q" * 40}}), around)
    other = messages("2", tunnel(2, ike={"ppk": {"id": "l", "key": "r" * 40}}), around)
    assert one.ike._common is other.ike._common  # type: ignore[attr-defined]
    assert [each.load_conn[each.name]["ppk_id"] for each in (one, other)] == ["k", "l"]  # type: ignore[index]
    assert "q" * 40 not in repr(around.settings._known)
    assert b"q" * 40 not in b"".join(around.settings._known)


@given(st.lists(MEMBERS, min_size=1, max_size=6))
def test_an_entry_that_shares_its_values_is_the_same_entry(several: list[Json]) -> None:
    values = OneOfEach()
    for members in several:
        entry = tunnel(1, **members)
        found = values.entry(entry)
        assert found == entry
        assert list(found) == list(entry)
        assert [*map(type, found.values())] == [*map(type, entry.values())]


def test_equal_settings_of_many_entries_are_held_once_and_no_key_beside_them() -> None:
    made = Desired()
    ike, key = {"proposal": PROPOSALS[0]}, {"ppk": {"id": "k", "key": "q" * 40}}
    for id, members in enumerate([{"ike": deepcopy(ike)}, {"ike": deepcopy(ike)}, {"ike": key}], 1):
        made.put(str(id), tunnel(id, local_id={"name": f"a{id}"}, **members))
    assert made.entries["1"]["ike"] is made.entries["2"]["ike"]
    assert "q" * 40 not in repr(vars(made._one_of_each))
    assert tunnels.SECRET not in repr(vars(made._one_of_each))


def texts_known() -> int:
    return sum(
        known.cache_info().currsize
        for known in (prefixes.prefix, prefixes.canonical_prefix, prefixes.canonical_address)
    )


def test_after_many_translations_nothing_is_kept_of_their_texts() -> None:
    desired = Desired()
    for number in range(MANY):
        desired.put(str(number), tunnel(number, local_subnet=[f"10.9.{number}.0/24"]))
    assert texts_known() == 0


def test_after_few_translations_their_texts_are_kept() -> None:
    prefixes.forget_texts()
    desired = Desired()
    for number in range(MANY - 1):
        desired.put(str(number), tunnel(number, local_subnet=[f"10.9.{number}.0/24"]))
    assert texts_known() >= MANY - 1
