"""What tunnels that are configured alike are told alike: made once, and shared by all of them. Pure.

Of a thousand tunnels most differ in addresses, identities, subnets and secrets alone. The rest of what charon
is told of them, the settings of IKE and ESP, is one section for all that have the same.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from sys import intern

from translators.strongswan.model import Json

OWN = frozenset({
    "id", "enabled", "description", "secret", "leak-protection",
    "local-address", "peer", "local-id", "remote-id", "local-subnet", "remote-subnet",
})  # fmt: skip
"""The members of an entry in which tunnels that are configured alike differ."""
OF_PPK = frozenset({"id", "key"})
SETTINGS_MAX = 256


class Section(Mapping[str, object]):
    """A section of a message: ``common``, which it shares with those of other tunnels, with ``values`` of its
    own in the place of what stands there under ``names``."""

    __slots__ = ("_common", "_names", "_values")

    def __init__(
        self, common: Mapping[str, object], names: tuple[str, ...], values: tuple[object, ...]
    ) -> None:
        self._common = common
        self._names = names
        self._values = values

    def __getitem__(self, key: str) -> object:
        found = self.inner(key)
        return found.whole() if type(found) is Section else found

    def inner(self, key: str) -> object:
        """Return what stands under ``key``, a section as it is."""
        return self._values[self._names.index(key)] if key in self._names else self._common[key]

    def get(self, key: str, default: object = None) -> object:
        """Return what stands under ``key``, ``default`` where nothing does."""
        return self[key] if key in self._common else default

    def __iter__(self) -> Iterator[str]:
        return iter(self._common)

    def __len__(self) -> int:
        return len(self._common)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Section):
            if self._common is other._common and self._names is other._names:
                return self._values == other._values
            return self.whole() == other.whole()
        return self.whole() == other if isinstance(other, Mapping) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self.whole())

    def whole(self) -> dict[str, object]:
        """Return it as a dict of its own, to be sent."""
        found = dict(self._common)
        for name, value in zip(self._names, self._values, strict=True):
            found[name] = value.whole() if type(value) is Section else value
        return found


def whole(section: Mapping[str, object]) -> dict[str, object]:
    """Return a section as a dict of its own, to be sent."""
    return section.whole() if isinstance(section, Section) else dict(section)


def alike(entry: Json) -> dict[str, object]:
    """Return the members by which tunnels are configured alike. What is told of a postquantum preshared key
    is of the tunnel: its id and its key are empty there."""
    members: dict[str, object] = {name: value for name, value in entry.items() if name not in OWN}
    ike = members.get("ike")
    ppk = ike.get("ppk") if isinstance(ike, Mapping) else None
    if isinstance(ike, Mapping) and isinstance(ppk, Mapping) and not OF_PPK.isdisjoint(ppk):
        members["ike"] = {**ike, "ppk": {**ppk, **dict.fromkeys(OF_PPK & ppk.keys(), "")}}
    return members


@dataclass(frozen=True, slots=True)
class Settings:
    """What the tunnels with the same ``members`` are told alike, by part of the message. The places of
    what each tunnel has of its own hold an empty text. ``is_split``: there is a child
    for each pair of subnets."""

    members: Json = field(repr=False)
    ike: Mapping[str, object]
    local: Mapping[str, object]
    remote: Mapping[str, object]
    child: Mapping[str, object]
    is_split: bool


class KnownSettings:
    """The settings made lately, found by the members of an entry that they are of; a bounded number."""

    def __init__(self) -> None:
        self._last: Settings | None = None
        self._known: dict[bytes, Settings] = {}

    def of(self, entry: Json, make: Callable[[Json], Settings]) -> Settings:
        """Return those of ``entry``, made by ``make`` of its members unless they are known.

        Raises: as ``make``; nothing is kept then.
        """
        members = alike(entry)
        if (last := self._last) is not None and last.members == members:
            return last
        try:
            key = marshal.dumps(members, 2)  # equal bytes, equal members; the reverse may miss
        except ValueError:
            return make(members)
        if (found := self._known.get(key)) is None:
            found = make(members)
            if len(self._known) >= SETTINGS_MAX:
                self._known.clear()
            self._known[key] = found
        self._last = found
        return found


class OneOfEach:
    """Values that many entries have, so that what is kept of these holds each once. Nobody changes them."""

    def __init__(self) -> None:
        self._last: dict[str, object] = {}
        self._known: dict[bytes, object] = {}

    def entry(self, entry: Json) -> Json:
        """Return an equal entry with the values that others have."""
        found: dict[str, object] = {}
        get = self._last.get
        for name, value in entry.items():
            last = get(name)
            # Without a call for those that are as in the entry before, and that is most of them.
            is_last = type(last) is type(value) and last == value
            found[intern(name)] = last if is_last else self._other(name, value)
        return found

    def _other(self, name: str, value: object) -> object:
        kind = type(value)
        if kind is str:  # as most that differ: to ask an abstract class takes longer than all else here
            if name != "secret":
                self._last[name] = value
            return value
        if isinstance(value, Mapping) and not _holds_key(value):
            try:
                key = marshal.dumps(dict(value), 2)
            except ValueError:
                return value
            if len(self._known) >= SETTINGS_MAX:
                self._known.clear()
            value = self._known.setdefault(key, value)
        elif name == "secret" or isinstance(value, Mapping):
            return value
        self._last[name] = value
        return value


def _holds_key(value: Mapping[str, object]) -> bool:
    ppk = value.get("ppk")
    return isinstance(ppk, Mapping) and "key" in ppk
