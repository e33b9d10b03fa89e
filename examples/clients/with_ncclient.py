#!/usr/bin/env python3
"""Configure a tunnel with ncclient: lock, edit the candidate, validate, commit, look at the result.

    python examples/clients/with_ncclient.py examples/site-to-site/alice.xml
"""

import argparse
from pathlib import Path

from ncclient import manager

SUBTREE = '<tunnels xmlns="urn:yangswan:params:xml:ns:yang:ipsec"/>'

parser = argparse.ArgumentParser()
parser.add_argument("document", help="an edit-config document")
parser.add_argument("--host", default="127.0.0.1")
parser.add_argument("--port", type=int, default=8300)
parser.add_argument("--key", default="var/client_key")
parser.add_argument("--host-key", help="the gateway's host_key.pub; without it, the one beside --key")
options = parser.parse_args()
host_key_file = options.host_key or Path(options.key).with_name("host_key.pub")
try:
    host_key = Path(host_key_file).read_text(encoding="ascii").split()[1]
except (OSError, ValueError, IndexError):
    parser.error(f"{host_key_file} is no host key: give a copy of the gateway's host_key.pub with --host-key")

with open(options.document, encoding="utf-8") as file:
    # ncclient wants text without an XML declaration.
    config = file.read().split("?>", 1)[-1]

with manager.connect(
    host=options.host,
    port=options.port,
    username="admin",
    key_filename=options.key,
    hostkey_b64=host_key,
    allow_agent=False,
    look_for_keys=False,
) as gateway:
    with gateway.locked("candidate"):
        gateway.edit_config(target="candidate", config=config)
        gateway.validate(source="candidate")
        gateway.commit()
    print(gateway.get(filter=("subtree", SUBTREE)).data_xml)
