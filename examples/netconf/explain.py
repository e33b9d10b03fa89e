#!/usr/bin/env python3
"""Ask which rule of the access control decides, instead of guessing.

python3 examples/netconf/explain.py rita --operation edit-config
python3 examples/netconf/explain.py rita --path /yangswan-ipsec:tunnels/ipsec/secret --access read
"""

from gateway import connect, parser
from ncclient.xml_ import to_ele

add = parser(__doc__.splitlines()[0])
add.add_argument("about", help="the user whom the question is about")
add.add_argument("--operation", help="may he carry out this operation?")
add.add_argument("--path", help="may he reach this data node?")
add.add_argument("--access", default="read", help="in which way: read, create, update, delete or exec")
options = add.parse_args()

if options.operation:
    what = f"<operation>{options.operation}</operation>"
else:
    what = f"<path>{options.path}</path><access>{options.access}</access>"
EXPLAIN = (
    f'<explain-access xmlns="urn:yangswan:params:xml:ns:yang:agent"><user>{options.about}</user>{what}'
    "</explain-access>"
)

with connect(options) as session:
    reply = to_ele(session.dispatch(to_ele(EXPLAIN)).xml)
print(f"{reply.findtext('{*}action')}: {reply.findtext('{*}reason')}")
