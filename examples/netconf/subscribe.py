#!/usr/bin/env python3
"""Subscribe to events by RFC 8639, with an XPath filter that may be any condition, and print what comes.

python3 examples/netconf/subscribe.py --where '/ipsec:tunnel-down or /ipsec:tunnel-up'
"""

from xml.sax.saxutils import escape

from gateway import connect, parser
from ncclient.xml_ import to_ele

SUBSCRIBED = "urn:ietf:params:xml:ns:yang:ietf-subscribed-notifications"

add = parser(__doc__.splitlines()[0])
add.add_argument("--where", default="true()", help="of what the filter is true (default: everything)")
add.add_argument("--since", help="first what was recorded since this time")
add.add_argument("--count", type=int, default=0, help="end after so many messages (default: never)")
options = add.parse_args()

replay = f"<replay-start-time>{options.since}</replay-start-time>" if options.since else ""
request = (
    f'<establish-subscription xmlns="{SUBSCRIBED}"><stream>NETCONF</stream><stream-xpath-filter '
    f'xmlns:ipsec="urn:yangswan:params:xml:ns:yang:ipsec">{escape(options.where)}</stream-xpath-filter>'
    f"{replay}</establish-subscription>"
)

with connect(options) as session:
    print(session.dispatch(to_ele(request)).xml, flush=True)
    seen = 0
    while not options.count or seen < options.count:
        message = session.take_notification(timeout=5)
        if message is not None:
            print(message.notification_xml, flush=True)
            seen += 1
