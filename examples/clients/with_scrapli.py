#!/usr/bin/env python3
"""Configure a tunnel with scrapli-netconf: edit the candidate, validate, commit, look at the result.

    python examples/clients/with_scrapli.py examples/site-to-site/alice.xml
"""

import argparse
from pathlib import Path

from scrapli_netconf.driver import NetconfDriver

SUBTREE = '<tunnels xmlns="urn:yangswan:params:xml:ns:yang:ipsec"/>'

parser = argparse.ArgumentParser()
parser.add_argument("document", help="an edit-config document")
parser.add_argument("--host", default="127.0.0.1")
parser.add_argument("--port", type=int, default=8300)
parser.add_argument("--key", default="var/client_key")
parser.add_argument("--known-hosts", help="with the gateway's host key; without it, the file beside --key")
options = parser.parse_args()

with open(options.document, encoding="utf-8") as file:
    config = file.read().split("?>", 1)[-1]

with NetconfDriver(
    host=options.host,
    port=options.port,
    auth_username="admin",
    auth_private_key=options.key,
    auth_strict_key=True,
    ssh_known_hosts_file=options.known_hosts or str(Path(options.key).with_name("known_hosts")),
    ssh_config_file=False,
) as gateway:
    for response in (
        gateway.edit_config(config=config, target="candidate"),
        gateway.validate(source="candidate"),
        gateway.commit(),
    ):
        response.raise_for_status()
    print(gateway.get(filter_=SUBTREE, filter_type="subtree").result)
