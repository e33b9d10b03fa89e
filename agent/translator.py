"""What a translator fulfils: the seam between the datastores and whatever makes them real.

A translator owns the entries of one configuration list (``config_list``), and those of further lists that
they refer to, and sees them as RFC 7951 JSON objects with the defaults filled in; it never sees a libyang
tree or XML. Its functions come in
two kinds. *prepare* may fail and changes nothing; *apply* carries out a ready plan and, if a step
fails, puts everything back before it raises.

Cost rule: everything except start and reconcile must cost in proportion to the changed entries,
never to all entries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

from agent.errors import RpcError
from agent.measures import Table

Json = dict[str, Any]
"""An RFC 7951 JSON object. 64-bit numbers are strings, empty leafs are ``[None]``."""

Keys = tuple[str, ...]
"""Canonical key values of one list entry, in the order of the YANG ``key`` statement."""


@dataclass(frozen=True, slots=True)
class EntryChange:
    """One entry of a translator's list that differs between running and the new configuration.

    ``before`` is None for a new entry, ``after`` is None for a deleted one. Both hold the keys,
    and the defaults that are in use. ``path`` is the entry's RFC 7951 instance-identifier, ``list_path``
    the schema path of its list; empty: the translator's ``config_list``. ``blind``: somebody wrote what he
    may not read of it, so that nothing may show whether that is what was there before. Nobody changes what is
    in it any more: what was made of an entry may be kept for as long as the entry is the same.
    """

    keys: Keys
    path: str
    before: Json | None
    after: Json | None
    list_path: str = ""
    blind: bool = False


Reader = Callable[[str], bool]
"""Says if who asks may read what is at an RFC 7951 instance-identifier."""


def reads_all(_path: str) -> bool:
    """Be the Reader of who may read everything."""
    return True


@dataclass(frozen=True, slots=True)
class Notification:
    """A YANG notification: event time is added by the agent. ``content`` is RFC 7951 JSON with one
    member, e.g. ``{"yangswan-ipsec:tunnel-state-changed": {...}}``. ``names``: each leaf or leaf-list of it
    that holds the key of an entry, with the entry's path, in which {} stands for the key: who may not read
    the entry is not told."""

    content: Json
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the agent gives every translator when it is made.

    ``charon``: "managed", "external" or "none". ``options``: the ``[translator.<name>]`` table of the
    settings file. ``data_dir`` is private to the agent (mode 0700); a translator keeps its files in
    a folder named after it. ``notify`` may be called from the event loop at any time; so may
    ``state_changed``, with the RFC 7951 instance-identifiers of state (``state_path`` of an entry, or one of
    ``state_roots``) below which something may have become another, so that whoever watches can look again.
    ``rollback_pending`` returns whether a commit is under way or waits to be confirmed, so that what was in
    force before may come back: nothing must be thrown away then that it needs. ``clients`` returns the IP
    addresses of other machines from which sessions are open. ``keep_on_stop``: what the translator runs goes
    on when the agent is stopped with SIGTERM.
    """

    data_dir: Path
    charon: str = "managed"
    options: Mapping[str, Any] | None = None
    notify: Callable[[Notification], None] = lambda _notification: None
    state_changed: Callable[[Sequence[str]], None] = lambda _paths: None
    rollback_pending: Callable[[], bool] = lambda: False
    clients: Callable[[], Sequence[str]] = tuple
    keep_on_stop: bool = False


@dataclass(frozen=True, slots=True)
class Move:
    """A node that a translator's YANG modules once had at ``old`` and have had at ``new`` since a revision.

    Data nodes, rpcs, actions and notifications are all meant: rules of access control name each of them.
    ``old`` and ``new`` are RFC 7951 schema paths, e.g. ``/acme:box/size``; ``since`` is the revision date of
    the model, and one date is one set of moves, applied at once. What is below moves along, its nodes of the
    old module into the new one.

    A list entry remains one: what is in an entry of the outermost list stays in that entry, though the list
    itself may move. Nor does anything leave a container outside of lists unless that holds lists. Containers
    that are missing on the new path are made, and those that are left empty go; so one with presence is moved
    as a whole.
    """

    since: str
    old: str
    new: str


SECRET = "<secret>"
"""Stands for every secret in what is foreseen."""


@dataclass(frozen=True, slots=True)
class Message:
    """A request that the backend would be sent. ``content`` holds ``SECRET`` in the place of each secret.

    ``path``: the entry that it is about; empty: it is for all of them. ``about``: paths of further entries of
    which ``content`` tells; ``tells_of_all``: it may tell of any.
    """

    command: str
    content: Json
    path: str = ""
    about: tuple[str, ...] = ()
    tells_of_all: bool = False


class Effect(Enum):
    """What becomes of something that lives; the values are those of the model."""

    LEFT_ALONE = "left-alone"
    REKEYED = "rekeyed"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Live:
    """What of one ``kind``, in the translator's words (``ike-sa``), lives for an entry, and how much of it
    would not any more."""

    kind: str
    now: int
    effect: Effect = Effect.LEFT_ALONE
    affected: int = 0


class KnownFrom(Enum):
    """How it is known for how long traffic is interrupted; the values are those of the model."""

    NOTHING_ENDS = "nothing-ends"
    NOTHING_LIVE = "nothing-live"
    LAST_NEGOTIATION = "last-negotiation"
    ENTRY_GONE = "entry-gone"
    UP_TO_PEER = "up-to-peer"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Outlook:
    """What would become of one entry, also of one that is affected without being changed. ``live`` is None
    where nobody knows what lives, ``interruption_s`` where it is not known, or does not end. ``also``: what
    else would be done for it, in sentences."""

    path: str
    live: Sequence[Live] | None = None
    interruption_s: float | None = None
    known_from: KnownFrom = KnownFrom.UNKNOWN
    also: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Foresight:
    """What ``apply`` would do with the plan that ``prepare`` would make.

    ``refusals``: why it would make none; then there is nothing else. ``hindrances``: why it would be refused
    at this moment, whatever the changes are. ``messages`` are in the order in which they would be sent;
    ``also``: what else would be done, for all entries; ``unknown``: what nobody can say, in sentences.
    """

    refusals: Sequence[RpcError] = ()
    hindrances: Sequence[RpcError] = ()
    messages: Sequence[Message] = ()
    outlooks: Sequence[Outlook] = ()
    also: Sequence[str] = ()
    unknown: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """The addresses of a session: ours, at which its client came, and the client's. Plain IPv4 or IPv6."""

    local: str
    remote: str


@dataclass(frozen=True, slots=True)
class Captured:
    """A session whose packets would go another way, so that it may be lost.

    ``path`` is the RFC 7951 instance-identifier of the entry that is the reason, ``prefix`` which of its
    addresses those of the client are among. ``why`` is a clause for a human, without an end; ``instead`` what
    else could be configured, "" for nothing. ``tells``: paths of all that these three tell of, if somebody
    may not read one of them he is told none.
    """

    route: Route
    path: str
    prefix: str
    why: str
    instead: str = ""
    tells: Sequence[str] = ()


class Plan(Protocol):
    """A translator's own ready plan; the agent only carries it from prepare to apply."""

    def describe(self) -> Sequence[str]:
        """Return one line per step for the log, free of secrets."""

    @property
    def stays_inside(self) -> bool:
        """Whether to apply it changes nothing but what this process knows, and that is gone when it ends."""


class Translator(Protocol):
    """One backend. All coroutines run on the agent's event loop and must not block it."""

    name: str
    yang_files: Sequence[Path]
    """The YANG modules that this translator serves, loaded by the agent at start. Their rpcs come to it. A
    module that they only import is not among them; it is found beside them."""
    disabled_features: Mapping[str, Sequence[str]]
    """Features of those modules that this version does not do, by module name."""
    moves: Sequence[Move]
    """All that ever moved in those modules, so that a history which an older version wrote can be read: its
    commits and the rules of access control are rewritten by them once, when it is loaded. None is ever taken
    out again."""
    config_list: str
    """Schema path of its list, e.g. ``/yangswan-ipsec:tunnels/ipsec``."""
    further_lists: Sequence[str]
    """Schema paths of the other lists that it owns, of what entries of ``config_list`` refer to or share.
    Their entries have no state and no actions. A leaf that is in no list may be named, too: it is as a list
    of one entry without keys, whose one member is the leaf."""
    names: Mapping[str, str]
    """Schema paths of its state leafs and leaf-lists that hold the key of an entry elsewhere, each with the
    path of that entry, in which {} stands for the key. Who may not read the entry does not see the value; if
    it is a key itself, nor the entry of the state that it is in."""
    state_path: str
    """Schema path of the one config-false container inside each entry that ``entry_state`` fills."""
    state_roots: Sequence[str]
    """Top-level config-false containers it fills, e.g. ``/yangswan-daemon:daemon``."""
    always_changing: Sequence[str]
    """Schema paths of nodes in ``state_path`` and ``state_roots`` of which it does not say when they become
    others (``Settings.state_changed``): counters, ages, what nothing is heard of."""
    measures: Sequence[Table]
    """What of its list and of these is measured for monitoring systems; no secret, and nothing that not
    everybody may read who sees metrics."""

    def unusable(self) -> Sequence[str]:
        """Return a sentence for each option that names what is not there, or not what it is taken for. Asked
        before start; a translator with such options is not started."""

    def lacking(self) -> Sequence[str]:
        """Return a sentence for each thing that this process may not do, or that is not there, without which
        less is done, or not yet. Asked for a check of the settings."""

    def look(self) -> Sequence[str]:
        """Learn without a start what lies in the data folder beside the history, so that ``check`` knows it;
        nothing is changed. Returns a sentence for each kind of thing there that is no configuration and that
        no backup of it holds, with what to copy."""

    def know(self, list_path: str, entries: Mapping[Keys, Json]) -> None:
        """Take all committed entries of a further list. Called for each before start and reconcile."""

    async def expect(self, entries: Mapping[Keys, Json]) -> None:
        """Hear of some entries that ``start`` will probably be called with, while others are still being
        read; what can be made of them may be made and kept. Nothing else comes of it: whether they are in
        force, only ``know`` and ``start`` tell. The event loop goes on meanwhile."""

    async def start(self, entries: Mapping[Keys, Json]) -> None:
        """Begin to work, with the committed ``entries``: connect, reconcile, supervise.

        Returns once the backend agrees with ``entries`` or, when it cannot be reached yet or takes long for
        all of them, once the translator goes on by itself."""

    async def protect(self, entries: Mapping[Keys, Json]) -> None:
        """Have in force what has to hold for the committed ``entries`` though nothing else runs yet, as at
        boot before the network is up. It stays in force when the program ends.

        Raises:
            BackendError: it cannot be done.
        """

    async def withdraw(self) -> None:
        """Take out of the system what ``protect`` and ``start`` leave there on purpose.

        Raises:
            BackendError: it cannot be done.
        """

    async def stop(self, *, keep: bool = False) -> None:
        """Stop cleanly and end every process that was started. Safe to call twice.

        With ``keep`` the backend goes on with all that it holds, for the next agent to take over: nothing of
        it is ended or taken out, as if this agent had crashed. What was started to be looked at ends."""

    def check(self, changes: Sequence[EntryChange], may_read: Reader = reads_all) -> Sequence[RpcError]:
        """Return every reason why ``changes`` cannot be applied. No side effects, no waiting.

        No answer depends on a secret that who asks may not read. What is said of other entries names them in
        ``RpcError.about``."""

    async def check_in_turns(
        self, changes: Sequence[EntryChange], may_read: Reader = reads_all
    ) -> Sequence[RpcError]:
        """Return what ``check`` does. However many they are, the event loop goes on meanwhile."""

    async def prepare(self, changes: Sequence[EntryChange]) -> Plan:
        """Plan ``changes``; nothing is changed.

        Raises:
            RpcErrors: ``check`` found something, or the backend cannot be reached.
        """

    async def foresee(self, changes: Sequence[EntryChange], may_read: Reader = reads_all) -> Foresight:
        """Return what a commit of ``changes`` would do; nothing is changed, nothing is waited for long, and
        the event loop is not held, however many they are.

        As with ``check``, no answer depends on a secret that who asks may not read: what he wrote himself
        without being able to read it (``EntryChange.blind``) is taken for different. Nothing holds a secret,
        whoever asks."""

    async def captured(self, changes: Sequence[EntryChange], routes: Sequence[Route]) -> Sequence[Captured]:
        """Return which of the sessions on ``routes``, all different, ``changes`` would cut off, each once. No
        side effects."""

    async def apply(self, plan: Plan) -> None:
        """Make the plan real.

        Raises:
            BackendError: a step was refused; everything done before it has been undone.
        """

    async def undo(self, plan: Plan) -> None:
        """Reverse a plan that was applied in full (something after it failed)."""

    async def reconcile(self, entries: Mapping[Keys, Json]) -> None:
        """Make the backend agree with exactly ``entries``, whatever it holds now."""

    async def entry_state(self, keys: Sequence[Keys]) -> Mapping[Keys, Json]:
        """Return the content of ``state_path`` (RFC 7951 object) for each of ``keys``."""

    async def root_state(self, root: str) -> Json:
        """Return the content of one of ``state_roots``."""

    async def measured(self, of: str) -> Sequence[Json]:
        """Return each thing that the table ``of`` is about (of a state root: its content), as much of it as
        that table looks at. An entry has its configuration and, as ``state_path`` says, its state."""

    def to_work(self, changes: Sequence[EntryChange]) -> Mapping[Keys, Json]:
        """Return the entries of ``config_list`` that ``changes`` touch and that are to work after them, as
        they are then; those too of which only something changes that they refer to. No waiting."""

    def cannot_tell(self, entry: Json) -> str | None:
        """Return why nobody can say whether ``entry`` works, None if ``not_working`` can; e.g. "it is not
        enabled". No waiting."""

    async def not_working(self, keys: Sequence[Keys]) -> Mapping[Keys, str]:
        """Return those of ``keys`` that do not work at the moment as they are configured now, each with the
        reason in words: its status and its last error. ``state_changed`` says when to ask again."""

    async def action(self, keys: Keys, name: str, input: Json) -> Json:
        """Invoke a YANG action on one entry; returns its output ({} for none).

        Raises:
            RpcError: it cannot be done, with the reason.
        """

    async def rpc(self, name: str, input: Json) -> Json:
        """Invoke an rpc of the translator's modules, of which no two have one of the same name; returns its
        output ({} for none). Where it raises or is cancelled, it has undone what it began."""

    async def take_back(self, rpc: str, input: Json, output: Json) -> None:
        """Undo what ``rpc`` has begun, as far as that can be: nobody will get its ``output``, and so nobody
        knows how to end it."""


TranslatorFactory = Callable[[Settings], Translator]
"""What an entry point of the group ``yangswan.translators`` names. It changes nothing and starts nothing. A
ValueError says that it cannot use its options, with a sentence for each that is wrong."""
