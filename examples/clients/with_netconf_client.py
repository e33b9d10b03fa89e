#!/usr/bin/env python3
"""Configure a tunnel with netconf-client: edit the candidate, validate, commit, look at the result.

    python examples/clients/with_netconf_client.py examples/site-to-site/alice.xml
"""

import argparse
import sys
from pathlib import Path

from netconf_client.connect import connect_ssh
from netconf_client.ncclient import Manager

FILTER = '<filter type="subtree"><tunnels xmlns="urn:yangswan:params:xml:ns:yang:ipsec"/></filter>'

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
    config = file.read().split("?>", 1)[-1]

session = connect_ssh(
    host=options.host,
    port=options.port,
    username="admin",
    key_filename=options.key,
    hostkey_b64=host_key,
)
# As of its release 3.6 it reads the host key and does not compare it.
if session.sock.transport.get_remote_server_key().get_base64() != host_key:
    sys.exit("this is not the gateway: it has another host key")
with Manager(session, timeout=30) as gateway:
    gateway.edit_config(config=config, target="candidate")
    gateway.validate(source="candidate")
    gateway.commit()
    print(gateway.get(filter=FILTER).data_xml.decode())
