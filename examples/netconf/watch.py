#!/usr/bin/env python3
"""Print what happens on a gateway: who changes what, who comes and goes, how the tunnels fare.

python3 examples/netconf/watch.py --since 2026-11-23T00:00:00Z --count 10
"""

from gateway import connect, parser

add = parser(__doc__.splitlines()[0])
add.add_argument("--since", help="first what was recorded since this time")
add.add_argument("--count", type=int, default=0, help="end after so many events (default: never)")
options = add.parse_args()

with connect(options) as session:
    session.create_subscription(start_time=options.since)
    seen = 0
    while not options.count or seen < options.count:
        event = session.take_notification(timeout=5)
        if event is not None:
            print(event.notification_xml, flush=True)
            seen += 1
