"""Which tunnels have their local address on this machine, and which wait for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from translators.strongswan.model import entry_path
from translators.strongswan.translation.desired import Desired
from translators.strongswan.translation.guards import Connected
from translators.strongswan.upkeep.addresses import AddressWatch, as_the_kernel_writes


class LocalAddresses(AddressWatch):
    """The addresses of this machine, and those of the tunnels in ``desired``.

    ``ours`` says whether the charon is our own, and so has the addresses that we have. ``state_changed``
    hears the paths of state that may be another.
    """

    def __init__(
        self,
        desired: Desired,
        *,
        ours: bool,
        changed: Callable[[frozenset[str]], None],
        networks_changed: Callable[[frozenset[Connected]], None],
        state_changed: Callable[[Sequence[str]], None],
    ) -> None:
        super().__init__(changed, networks_changed, self._tell)
        self._desired = desired
        self._state_changed = state_changed
        self._ours = ours

    def _tell(self, addresses: frozenset[str] | None) -> None:
        """Say that tunnels may show otherwise whether they have their local address; None: any of them."""
        with_address = ((tunnel, self.of(tunnel)) for tunnel in self._desired.entries)
        found = [t for t, own in with_address if own and (addresses is None or own in addresses)]
        if found:
            self._state_changed([f"{entry_path(tunnel)}/state" for tunnel in found])

    def of(self, tunnel: str) -> str | None:
        """Return the local address that the tunnel is configured with, None if it has none."""
        return as_the_kernel_writes(self._desired.entries.get(tunnel, {}).get("local-address"))

    def has_that_of(self, tunnel: str) -> bool | None:
        """Return whether the tunnel's local address is on an interface, None if that is not known."""
        if self.present is None:
            return None
        return self.is_there(self.of(tunnel))

    def keeps_waiting(self, entry: Mapping[str, object]) -> bool:
        """Return whether a tunnel that is configured so is not initiated until it has its local address."""
        address = as_the_kernel_writes(entry.get("local-address"))
        return self._ours and self.is_there(address) is False
