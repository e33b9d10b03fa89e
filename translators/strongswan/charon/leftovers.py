"""What a charon that did not end in order leaves in the kernel: its SAs and policies.

They would go on carrying traffic for up to the hard lifetime, of tunnels that have been deleted or have got
another secret too, and no charon would know of them: none rekeys, closes or shows them.
"""

from __future__ import annotations

import logging

from translators.strongswan.charon import command

log = logging.getLogger(__name__)

LIMIT_S = 60.0
# Of the network namespace that we run in. What blocks is not charon's.
_COMMANDS = (
    ("ip", "xfrm", "policy", "deleteall", "action", "allow"),
    ("ip", "xfrm", "state", "deleteall", "proto", "esp"),
)


async def remove() -> None:
    """Remove ESP SAs and the policies that use them from the kernel (needs root)."""
    for words in _COMMANDS:
        try:
            code, said = await command.run(words, LIMIT_S)
        except OSError as problem:  # TimeoutError is one
            log.warning("%s: %s", " ".join(words), problem)
        else:
            if code != 0:
                log.warning("%s: %s", " ".join(words), said.decode(errors="replace").strip())
