"""The rules of a server that has none yet: three groups, so that the first contact is no denial."""

from __future__ import annotations

from collections.abc import Iterable

from agent.translator import Json

READER_OPERATIONS = (
    "get",
    "get-config",
    "get-data",
    "get-schema",
    "create-subscription",
    "establish-subscription",
    "modify-subscription",
    "delete-subscription",
    "resync-subscription",
    "explain-access",
    "compare",
    "compare-commits",
)


def factory_rules(users: Iterable[str]) -> Json:
    """Return ``/nacm`` in RFC 7951 form.

    ``users`` are in the group admin, which may do everything. The group operator may do everything but
    touch access control, the group reader may only look, and at no secret; both are empty. Who is in no group
    may only look, too, and lock nothing.
    """
    return {
        "ietf-netconf-acm:nacm": {
            # A system's group that happens to be called operator is not ours.
            "enable-external-groups": False,
            "yangswan-agent:writers-only": True,
            "groups": {
                "group": [
                    {"name": "admin", "user-name": sorted(users)},
                    {"name": "operator"},
                    {"name": "reader"},
                ]
            },
            "rule-list": [
                _rule_list("admin", [_rule("everything", "permit", comment="May do everything.")]),
                _rule_list(
                    "operator",
                    [
                        # By its path: other modules have added to it.
                        _rule("not-the-rules", "deny", path="/ietf-netconf-acm:nacm"),
                        _rule("everything-else", "permit"),
                    ],
                ),
                _rule_list(
                    "reader",
                    [
                        *(_rule(name, "permit", **{"rpc-name": name}) for name in READER_OPERATIONS),
                        _rule("no-other-operation", "deny", **{"rpc-name": "*"}),
                        _rule("no-change", "deny", **{"access-operations": "create update delete exec"}),
                    ],
                ),
            ],
        }
    }


def _rule_list(group: str, rules: list[Json]) -> Json:
    return {"name": group, "group": [group], "rule": rules}


def _rule(name: str, action: str, **more: str) -> Json:
    return {"name": name, **more, "action": action}
