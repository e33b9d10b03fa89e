#!/usr/bin/env python3
"""Configure a gateway of an example with ncclient: lock, edit the candidate, validate, commit.

    python3 examples/ipv6/configure.py alice
    python3 examples/ipv6/configure.py bob --host 192.0.2.2 --port 830 --key ~/.ssh/id_ed25519 \\
        --host-key host_key.pub

The last is a copy of the gateway's own, which is in its data-dir: by that it is known.

Each folder of examples that has a file like this has the same: it takes the document from its own folder.
"""

import argparse
import sys
from pathlib import Path

from ncclient import NCClientError, manager
from ncclient.operations import RPCError

folder = Path(__file__).parent  # not resolved: the folder of the example, which has a link to this file
gateways = sorted(path.stem for path in folder.glob("*.xml"))

parser = argparse.ArgumentParser(description="Configure a gateway of an example.")
parser.add_argument("gateway", choices=gateways, help="which one this is")
parser.add_argument("--host", default="127.0.0.1")
parser.add_argument("--port", type=int, default=8300)
parser.add_argument("--user", default="admin")
parser.add_argument("--key", default="var/client_key", help="a file with your private key")
parser.add_argument("--host-key", help="the gateway's host_key.pub; without it, the one beside --key")
options = parser.parse_args()
host_key_file = options.host_key or Path(options.key).with_name("host_key.pub")
try:
    host_key = Path(host_key_file).read_text(encoding="ascii").split()[1]
except (OSError, ValueError, IndexError):
    parser.error(f"{host_key_file} is no host key: give a copy of the gateway's host_key.pub with --host-key")

# ncclient wants text without an XML declaration.
document = (folder / f"{options.gateway}.xml").read_text(encoding="utf-8").split("?>", 1)[-1]

try:
    with manager.connect(
        host=options.host,
        port=options.port,
        username=options.user,
        key_filename=options.key,
        hostkey_b64=host_key,
        allow_agent=False,
        look_for_keys=False,
    ) as session, session.locked("candidate"):
        session.edit_config(target="candidate", config=document)
        session.validate(source="candidate")
        session.commit()
except RPCError as error:
    sys.exit(f"{options.gateway} refused it: {error.message} ({error.path or error.tag})")
except (NCClientError, OSError) as error:
    sys.exit(f"{options.gateway} could not be configured: {error}")
print(f"{options.gateway} is configured")
