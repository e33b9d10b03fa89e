"""What access control decides beyond the examples of RFC 8341: its sections 3.2 to 3.5, and settings."""

from __future__ import annotations

import pytest

from tests.agent.handlers import Lab, Remembering
from tests.agent.lab import top
from tests.agent.operations.guarded import (
    ACME,
    GUEST,
    INTERFACE,
    JOE,
    MODULE_RULES,
    NACM,
    NOBODY,
    acme,
    edit_refused,
    filled,
    interface,
    nacm,
    path,
    rule,
    rule_list,
    ruled,
    seen,
    xpath,
)
from tests.requests import edit_candidate


async def test_3_2_4_a_secret_is_seen_through_no_door(lab: Lab) -> None:
    await ruled(lab)
    await filled(lab)
    doors = [
        "<get/>",
        "<get-config><source><running/></source></get-config>",
        "<get-config><source><candidate/></source></get-config>",
        f"<get-config><source><running/></source>{xpath('//acme:password')}</get-config>",
        f"<get><filter>{acme('<interface><name>eth0</name><password/></interface>')}</filter></get>",
    ]
    for door in doors:
        reply = await lab.do(door, NOBODY)
        assert "hush" not in reply
        assert "hush" in await lab.do(door, 1)
    # Nor can it be guessed: a filter is applied to what may be read, not to what there is.
    guess = f"<filter>{acme('<interface><password>hush-eth</password><name/></interface>')}</filter>"
    assert await seen(lab, NOBODY, guess) == "<data/>"
    guess = xpath("//acme:interface[acme:password='hush-eth']/acme:name")
    assert await seen(lab, NOBODY, guess) == "<data/>"
    assert "eth0" in await seen(lab, 1, guess)


async def test_a_secret_is_in_no_refusal(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    await ruled(lab)
    await filled(lab)
    secret = "hush-new-secret"
    body = interface("eth0", f"<password>{secret}</password>")
    errors = await lab.refused(edit_candidate(body), NOBODY)
    assert [(e.tag, e.path) for e in errors] == [
        ("access-denied", "/acme:interfaces/interface[name='eth0']/password")
    ]
    assert secret not in errors[0].message + caplog.text
    assert "denied" in caplog.text


async def test_default_deny_write_is_readable_only(lab: Lab) -> None:
    await ruled(lab, settings="<write-default>permit</write-default>")
    await filled(lab)
    assert "<domain>d</domain>" in await seen(lab, NOBODY)
    assert await edit_refused(lab, interface("dummy", "<domain>e</domain>"), NOBODY) == [
        ("access-denied", "/acme:interfaces/interface[name='dummy']/domain")
    ]
    await lab.commit(interface("dummy", "<mtu>42</mtu>"), NOBODY)
    assert "<mtu>42</mtu>" in lab.running


async def test_read_default_deny_shows_nothing_without_a_rule(lab: Lab) -> None:
    await ruled(
        lab,
        rule_list("l", ["limited"], rule("p", "permit", path("/acme:interfaces", "read"))),
        settings="<read-default>deny</read-default>",
    )
    await filled(lab)
    assert await seen(lab, NOBODY) == "<data/>"
    reply = await seen(lab, JOE)
    assert "<acme-netconf" not in reply
    assert "hush-eth" in reply  # the rule covers all below its path, the protected too


async def test_a_denied_node_takes_all_below_it_along(lab: Lab) -> None:
    await ruled(
        lab,
        rule_list(
            "l",
            ["limited"],
            rule("no", "deny", path("/acme:interfaces", "read")),
            rule("yes", "permit", path("/acme:interfaces/acme:interface[acme:name='eth0']", "read")),
        ),
    )
    await filled(lab)
    assert "<interfaces" not in await seen(lab, JOE)


async def test_the_first_rule_that_matches_decides(lab: Lab) -> None:
    await ruled(
        lab,
        rule_list(
            "l",
            ["limited"],
            rule("yes", "permit", path("/acme:interfaces/acme:interface[acme:name='eth0']", "read")),
            rule("no", "deny", path("/acme:interfaces/acme:interface", "read")),
        ),
    )
    await filled(lab)
    reply = await seen(lab, JOE)
    assert "eth0" in reply
    assert "dummy" not in reply


async def test_a_denied_key_denies_the_entry(lab: Lab) -> None:
    await ruled(
        lab,
        rule_list("l", ["limited"], rule("no", "deny", path(f"{INTERFACE}/acme:name", "read"))),
    )
    await filled(lab)
    assert "<interface>" not in await seen(lab, JOE)


async def test_the_variable_user_stands_for_who_asks(lab: Lab) -> None:
    own = path(f"{INTERFACE}[acme:name=$USER]")
    await ruled(lab, rule_list("own", ["*"], rule("own", "permit", own)))
    await lab.commit(interface("joe", "<password>of-joe</password>"))
    await lab.commit(interface("terry", "<password>of-terry</password>"))
    reply = await seen(lab, JOE)
    assert "of-joe" in reply
    assert "of-terry" not in reply
    await lab.edit(interface("joe", "<mtu>1</mtu>"), JOE)
    assert await edit_refused(lab, interface("terry", "<mtu>1</mtu>"), JOE) != []
    assert "[acme:name='$USER']" in lab.running


async def test_state_is_pruned_like_configuration(lab: Lab) -> None:
    await ruled(
        lab, rule_list("l", ["limited"], rule("no", "deny", path("/ec:top/ec:entry/ec:state", "read")))
    )
    await lab.commit(top("<entry><id>1</id></entry>"))
    assert "<seen>" not in await lab.do("<get/>", JOE)
    assert "<seen>" in await lab.do("<get/>", GUEST)


async def test_a_rule_of_one_module_stops_where_another_module_begins(lab: Lab) -> None:
    """An augmenting module's nodes belong to it, wherever they stand."""
    await ruled(
        lab,
        rule_list("l", ["limited"], rule("no", "deny", "<module-name>every-augment</module-name>")),
    )
    await lab.commit(top("<entry><id>1</id><number>2</number></entry>"))
    await lab.commit('<outer xmlns="urn:yangswan:test:every-augment"/>')
    assert "<number>2</number>" in await seen(lab, JOE)
    assert "every-augment" not in await seen(lab, JOE)


async def test_3_2_8_a_commit_is_checked_against_running(lab: Lab) -> None:
    """Whoever commits the shared candidate commits what others wrote into it."""
    await ruled(lab)
    await filled(lab)
    await lab.edit(interface("eth0", "<mtu>1</mtu>"))
    errors = await lab.refused("<commit/>", NOBODY)
    assert [(e.tag, e.path) for e in errors] == [
        ("access-denied", "/acme:interfaces/interface[name='eth0']/mtu")
    ]
    assert "<mtu>9000</mtu>" in lab.running
    assert lab.context.nacm.denied_data_writes == 1
    await lab.do("<commit/>")
    await lab.do("<commit/>", NOBODY)  # nothing differs, nothing is denied


async def test_the_create_the_update_and_the_delete_are_told_apart(lab: Lab) -> None:
    await ruled(
        lab,
        rule_list("l", ["limited"], rule("c", "permit", path("/acme:interfaces", "create"))),
        rule_list("t", ["guest"], rule("d", "permit", path("/acme:interfaces", "delete update"))),
    )
    await filled(lab)
    await lab.edit(interface("new", "<mtu>1</mtu>"), JOE)
    assert await edit_refused(lab, interface("dummy", "<mtu>1</mtu>"), JOE) != []
    assert await edit_refused(lab, interface("dummy", "", 'nc:operation="delete"'), JOE) != []
    await lab.edit(interface("dummy", "<mtu>1</mtu>"), GUEST)
    await lab.edit(interface("eth0", "", 'nc:operation="delete"'), GUEST)
    assert await edit_refused(lab, interface("newer"), GUEST) != []


async def test_copy_config_needs_write_access_to_what_it_changes(lab: Lab) -> None:
    await ruled(lab)
    await filled(lab)
    copy = "<copy-config><target><candidate/></target><source><config/></source></copy-config>"
    before = lab.candidate
    assert {e.tag for e in await lab.refused(copy, NOBODY)} == {"access-denied"}
    assert lab.candidate == before
    await lab.do("<discard-changes/>", NOBODY)


async def test_discard_changes_needs_no_rights_on_what_is_discarded(lab: Lab) -> None:
    await ruled(lab, *MODULE_RULES)
    await lab.edit(interface("eth0"))
    await lab.do("<discard-changes/>", JOE)
    assert "eth0" not in lab.candidate


async def test_copying_running_over_an_edited_candidate_needs_write_access(lab: Lab) -> None:
    await ruled(lab)
    await filled(lab)
    await lab.edit(interface("eth0", "<mtu>1</mtu>"))
    copy = "<copy-config><target><candidate/></target><source><running/></source></copy-config>"
    assert {e.tag for e in await lab.refused(copy, NOBODY)} == {"access-denied"}
    assert "<mtu>1</mtu>" in lab.candidate


async def test_a_protected_rpc_needs_a_rule(lab: Lab) -> None:
    await ruled(lab, rule_list("l", ["limited"], rule("p", "permit", "<rpc-name>reboot</rpc-name>")))
    (error,) = await lab.refused(f'<reboot xmlns="{ACME}"/>', NOBODY)
    assert (error.tag, error.path) == ("access-denied", "/acme:reboot")
    (error,) = await lab.refused(f'<reboot xmlns="{ACME}"/>', JOE)
    assert error.tag == "operation-not-supported"  # access was granted; nothing carries it out here
    (error,) = await lab.refused(f'<ping xmlns="{ACME}"/>', NOBODY)
    assert error.tag == "operation-not-supported"


async def test_3_4_5_an_action_needs_exec_and_read_on_the_way(lab: Lab) -> None:
    reset = f'<action xmlns="urn:ietf:params:xml:ns:yang:1">{interface("eth0", "<reset/>")}</action>'
    await ruled(
        lab,
        rule_list("l", ["limited"], rule("x", "deny", path(f"{INTERFACE}/acme:reset", "exec"))),
        rule_list("g", ["guest"], rule("r", "deny", path("/acme:interfaces", "read"))),
    )
    await filled(lab)
    (error,) = await lab.refused(reset, JOE)
    assert (error.tag, error.path) == ("access-denied", "/acme:interfaces/interface[name='eth0']/reset")
    (error,) = await lab.refused(reset, GUEST)
    assert (error.tag, error.path) == ("access-denied", "/acme:interfaces")  # all that he may know of
    (error,) = await lab.refused(reset, NOBODY)
    assert error.tag == "operation-not-supported"


async def test_enable_nacm_false_opens_everything(lab: Lab) -> None:
    await ruled(lab, settings="<enable-nacm>false</enable-nacm>")
    await filled(lab)
    assert "hush-eth" in await seen(lab, NOBODY)
    await lab.commit(interface("eth0", "<mtu>1</mtu>"), NOBODY)


async def test_external_groups_count_only_when_enabled(lab: Lab) -> None:
    permit = rule_list("l", ["wheel"], rule("all", "permit"))
    await ruled(lab, permit)
    await filled(lab)
    lab.callers[NOBODY] = Remembering(NOBODY, "nobody", ("wheel",))
    assert "hush-eth" in await seen(lab, NOBODY)
    await lab.commit(f'<nacm xmlns="{NACM}"><enable-external-groups>false</enable-external-groups></nacm>')
    assert "hush-eth" not in await seen(lab, NOBODY)


async def test_a_rule_list_for_all_groups_is_not_for_who_is_in_none(lab: Lab) -> None:
    await ruled(lab, rule_list("l", ["*"], rule("all", "permit")))
    await filled(lab)
    assert "hush-eth" in await seen(lab, GUEST)
    assert "hush-eth" not in await seen(lab, NOBODY)


async def test_rules_take_effect_with_the_commit_that_brings_them(lab: Lab) -> None:
    await ruled(lab)
    await filled(lab)
    await lab.edit(nacm(rule_list("g", ["guest"], rule("all", "permit"))))
    assert "hush-eth" not in await seen(lab, GUEST)
    await lab.do("<commit/>")
    assert "hush-eth" in await seen(lab, GUEST)


async def test_the_counters_are_state(lab: Lab) -> None:
    await ruled(lab)
    await lab.refused(f'<reboot xmlns="{ACME}"/>', NOBODY)
    reply = await lab.do(f'<get><filter><nacm xmlns="{NACM}"><denied-operations/></nacm></filter></get>')
    assert "<denied-operations>1</denied-operations>" in reply


async def test_a_rule_about_a_path_that_does_not_exist_is_refused(lab: Lab) -> None:
    body = nacm(rule_list("g", ["guest"], rule("r", "deny", path("/acme:interfaces/acme:interfaec"))))
    (error,) = await lab.refused(edit_candidate(body))
    assert error.tag == "invalid-value"
    assert "interfaec" in error.message
