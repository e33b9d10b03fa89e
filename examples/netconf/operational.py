#!/usr/bin/env python3
"""Print what a tunnel really uses: values that were set, defaults and state, each with its origin (RFC 8342).

python3 examples/netconf/operational.py 1
"""

from gateway import connect, parser
from ncclient.xml_ import to_ele

add = parser(__doc__.splitlines()[0])
add.add_argument("tunnel", type=int)
options = add.parse_args()

GET_DATA = f"""
<get-data xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-nmda"
          xmlns:ds="urn:ietf:params:xml:ns:yang:ietf-datastores">
  <datastore>ds:operational</datastore>
  <subtree-filter>
    <tunnels xmlns="urn:yangswan:params:xml:ns:yang:ipsec"><ipsec><id>{options.tunnel}</id></ipsec></tunnels>
  </subtree-filter>
  <with-origin/>
</get-data>
"""

with connect(options) as session:
    print(session.dispatch(to_ele(GET_DATA)).xml)
