#!/usr/bin/env python3
"""Print which tunnels have changed since this was asked last; if none has, the gateway answers in one line.

python3 examples/netconf/what_changed.py --known known.json
"""

import json
from pathlib import Path

from gateway import connect, parser
from ncclient.xml_ import to_ele

add = parser(__doc__.splitlines()[0])
add.add_argument("--known", type=Path, required=True, help="file that keeps what is known")
options = add.parse_args()

IPSEC = "{urn:yangswan:params:xml:ns:yang:ipsec}"
TXID = "urn:ietf:params:xml:ns:netconf:txid:1.0"
ETAG = f"{{{TXID}}}etag"

known = json.loads(options.known.read_text()) if options.known.exists() else {"etag": "?", "tunnels": []}
GET_CONFIG = f"""
<get-config xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" xmlns:txid="{TXID}" txid:etag="{known["etag"]}">
  <source><running/></source>
  <filter><tunnels xmlns="{IPSEC[1:-1]}"/></filter>
</get-config>
"""

with connect(options) as session:
    data = to_ele(session.dispatch(to_ele(GET_CONFIG)).xml)[0]

tunnels = data.find(f"{IPSEC}tunnels")
if data.get(ETAG) == "=":
    print("nothing has changed")
elif tunnels is not None and tunnels.get(ETAG) == "=":
    print("something has changed, but no tunnel")
    known["etag"] = data.get(ETAG)
else:
    entries = {} if tunnels is None else {e.findtext(f"{IPSEC}id"): e.get(ETAG) for e in tunnels}
    for name, etag in entries.items():
        if etag != "=":
            print(f"tunnel {name} {'has changed' if name in known['tunnels'] else 'is new'}")
    for name in set(known["tunnels"]) - set(entries):
        print(f"tunnel {name} is gone")
    known = {"etag": data.get(ETAG), "tunnels": list(entries)}
options.known.write_text(json.dumps(known))
