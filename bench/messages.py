"""Tunnels and requests. All are made before anything is timed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
IPSEC = "urn:yangswan:params:xml:ns:yang:ipsec"
AGENT = "urn:yangswan:params:xml:ns:yang:agent"
EVENTS = "urn:ietf:params:xml:ns:netconf:notification:1.0"
SUBSCRIBED = "urn:ietf:params:xml:ns:yang:ietf-subscribed-notifications"
PUSH = "urn:ietf:params:xml:ns:yang:ietf-yang-push"
DATASTORES = "urn:ietf:params:xml:ns:yang:ietf-datastores"
END = b"\n##\n"

HELLO = (
    f'<hello xmlns="{BASE}"><capabilities><capability>urn:ietf:params:netconf:base:1.1</capability>'
    "</capabilities></hello>]]>]]>"
).encode()
PROPOSALS = (
    "<ike><proposal><priority>1</priority><cipher>aes128</cipher><auth>sha256</auth><dh>x25519</dh></proposal></ike>"
    "<esp><proposal><priority>1</priority><cipher>aes128gcm16</cipher><dh>x25519</dh></proposal></esp>"
)
COMMIT_BODY = "<commit/>"
DRY_RUN_BODY = f'<dry-run xmlns="{AGENT}"/>'


def framed(body: str, message_id: str) -> bytes:
    """Return an rpc as one chunk (RFC 6242 section 4.2)."""
    message = f'<rpc xmlns="{BASE}" message-id="{message_id}">{body}</rpc>'.encode()
    return b"\n#%d\n" % len(message) + message + END


def tunnel(number: int) -> str:
    """Return a tunnel of a pre-shared key and one subnet on either side; each number has its own."""
    high, low = divmod(number, 250)
    return (
        f"<ipsec><id>{number}</id><description>tunnel {number}</description>"
        f"<secret>secret-of-{number:05d}</secret>"
        f"<local-address>192.168.0.1</local-address><peer>172.16.{high}.{low + 1}</peer>"
        f"<remote-id><name>peer-{number}</name></remote-id><local-subnet>10.1.0.0/16</local-subnet>"
        f"<remote-subnet>10.{100 + high}.{low}.0/24</remote-subnet>"
        f"{PROPOSALS}</ipsec>"
    )


def end_of(number: int, *, initiator: bool, begins: bool | None = None) -> str:
    """Return one end of a tunnel that can come up: 192.168.0.2 is the initiator, 192.168.0.1 the other.

    Args:
        begins: it does so by itself; without a word the initiator does.
    """
    begins = initiator if begins is None else begins
    high, low = divmod(number, 250)
    nets = "10.1.0.0/16", f"10.{100 + high}.{low}.0/24"
    (own, host, net), (other, peer, far) = (("a", 1, nets[0]), ("b", 2, nets[1]))[:: -1 if initiator else 1]
    return (
        f"<ipsec><id>{number}</id><initiator>{str(begins).lower()}</initiator>"
        f"<secret>secret-of-{number:05d}</secret>"
        f"<local-address>192.168.0.{host}</local-address><peer>192.168.0.{peer}</peer>"
        f"<local-id><name>{own}-{number}</name></local-id><remote-id><name>{other}-{number}</name></remote-id>"
        f"<local-subnet>{net}</local-subnet><remote-subnet>{far}</remote-subnet>{PROPOSALS}</ipsec>"
    )


def far_address(number: int) -> str:
    """Return an address in the network that the initiator of ``end_of`` protects, with its length."""
    high, low = divmod(number, 250)
    return f"10.{100 + high}.{low}.1/24"


@dataclass(frozen=True, slots=True)
class Words:
    """What a peer is asked in. ``message_id`` tells a peer with canned replies which one is wanted."""

    namespace: str = IPSEC

    def document(self, numbers: Iterable[int]) -> str:
        return self._tunnels("".join(tunnel(number) for number in numbers))

    def load(self, numbers: Iterable[int]) -> bytes:
        return self._edit(self.document(numbers))

    def load_ends(self, numbers: Iterable[int], *, initiator: bool, begins: bool | None = None) -> bytes:
        ends = (end_of(number, initiator=initiator, begins=begins) for number in numbers)
        return self._edit(self._tunnels("".join(ends)))

    def leaf(self, number: int, round_number: int) -> bytes:
        return self.change(number, f"<description>round {round_number}</description>")

    def change(self, number: int, body: str) -> bytes:
        return self._edit(self._tunnels(f"<ipsec><id>{number}</id>{body}</ipsec>"))

    def change_all(self, numbers: Iterable[int], body: str) -> bytes:
        """Return an edit that changes the same of each."""
        return self._edit(self._tunnels("".join(f"<ipsec><id>{n}</id>{body}</ipsec>" for n in numbers)))

    def delete(self) -> bytes:
        """Return an edit after which there are no tunnels."""
        return self._edit(f'<tunnels xmlns="{self.namespace}" xmlns:nc="{BASE}" nc:operation="remove"/>')

    def commit(self) -> bytes:
        return framed(COMMIT_BODY, "ok")

    def discard(self) -> bytes:
        return framed("<discard-changes/>", "ok")

    def dry_run(self) -> bytes:
        return framed(DRY_RUN_BODY, "dry-run")

    def whole(self) -> bytes:
        """Return a get-config of running without a filter."""
        return framed("<get-config><source><running/></source></get-config>", "whole")

    def tunnels(self) -> bytes:
        """Return a get-config of running, with a filter on all tunnels."""
        wanted = self._tunnels("")
        body = f'<get-config><source><running/></source><filter type="subtree">{wanted}</filter></get-config>'
        return framed(body, "tunnels")

    def state(self) -> bytes:
        """Return a get of all tunnels, with their state."""
        return framed(f'<get><filter type="subtree">{self._tunnels("")}</filter></get>', "state")

    def one(self, number: int) -> bytes:
        """Return a get-config of one tunnel."""
        wanted = self._tunnels(f"<ipsec><id>{number}</id></ipsec>")
        body = f'<get-config><source><running/></source><filter type="subtree">{wanted}</filter></get-config>'
        return framed(body, "one")

    def one_state(self, number: int) -> bytes:
        """Return a get of one tunnel, with its state."""
        wanted = self._tunnels(f"<ipsec><id>{number}</id></ipsec>")
        return framed(f'<get><filter type="subtree">{wanted}</filter></get>', "one-state")

    def events(self) -> bytes:
        """Return a create-subscription (RFC 5277)."""
        return framed(f'<create-subscription xmlns="{EVENTS}"/>', "ok")

    def stream(self) -> bytes:
        """Return an establish-subscription to the stream of events (RFC 8639)."""
        body = "<stream>NETCONF</stream>"
        return framed(
            f'<establish-subscription xmlns="{SUBSCRIBED}">{body}</establish-subscription>', "stream"
        )

    def on_change(self, number: int | None = None, dampening_cs: int = 0) -> bytes:
        """Return a subscription to the changes of operational (RFC 8641), of all tunnels or of one."""
        wanted = self._tunnels("" if number is None else f"<ipsec><id>{number}</id></ipsec>")
        body = (
            # Names of namespaces that a filter has no need of are kept with it, and count.
            f'<establish-subscription xmlns="{SUBSCRIBED}">'
            f'<datastore xmlns="{PUSH}" xmlns:ds="{DATASTORES}">ds:operational</datastore>'
            f'<datastore-subtree-filter xmlns="{PUSH}">{wanted}</datastore-subtree-filter>'
            f'<on-change xmlns="{PUSH}"><dampening-period>{dampening_cs}</dampening-period></on-change>'
            f"</establish-subscription>"
        )
        return framed(body, "on-change")

    def subscriptions(self) -> bytes:
        """Return a get of the state of all subscriptions (RFC 8639 section 2.8)."""
        return framed(
            f'<get><filter type="subtree"><subscriptions xmlns="{SUBSCRIBED}"/></filter></get>', "subs"
        )

    def _tunnels(self, body: str) -> str:
        return f'<tunnels xmlns="{self.namespace}">{body}</tunnels>'

    def _edit(self, body: str) -> bytes:
        return framed(
            f"<edit-config><target><candidate/></target><config>{body}</config></edit-config>", "ok"
        )
