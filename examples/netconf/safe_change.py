#!/usr/bin/env python3
"""Change a tunnel over the tunnel itself: what cuts you off is taken back.

The change is committed for a while only. If the gateway still answers on a new connection, it is confirmed;
if not, the gateway goes back by itself to what it was before, the tunnels with it.

    python3 examples/netconf/safe_change.py examples/site-to-site/alice.xml --seconds 60
"""

import secrets

from gateway import connect, parser

add = parser(__doc__.splitlines()[0])
add.add_argument("document", help="an edit-config document")
add.add_argument("--seconds", default="60", help="how long the gateway waits for the confirmation")
options = add.parse_args()

with open(options.document, encoding="utf-8") as file:
    config = file.read().split("?>", 1)[-1]

# Whoever knows the token may confirm, from any session; it need not be guessable.
token = secrets.token_hex(16)
with connect(options) as session:
    session.edit_config(target="candidate", config=config)
    session.commit(confirmed=True, timeout=options.seconds, persist=token)
print(f"committed, for {options.seconds} s unless confirmed")

with connect(options) as session:
    session.commit(persist_id=token)
print("the gateway is still reachable: confirmed")
