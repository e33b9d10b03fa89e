#!/usr/bin/env python3
"""Put a user into a group of the access control: admin, operator or reader.

python3 examples/netconf/grant.py reader rita
"""

from gateway import connect, parser

add = parser(__doc__.splitlines()[0])
add.add_argument("group", choices=("admin", "operator", "reader"))
add.add_argument("member")
options = add.parse_args()

CONFIG = f"""
<config xmlns="urn:ietf:params:xml:ns:netconf:base:1.0">
  <nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm">
    <groups><group><name>{options.group}</name><user-name>{options.member}</user-name></group></groups>
  </nacm>
</config>
"""

with connect(options) as session:
    session.edit_config(target="candidate", config=CONFIG)
    session.commit()
print(f"{options.member} is in the group {options.group}")
