#!/usr/bin/env python3
"""Give a gateway a private key of its own and a certificate for it, with ncclient.

    python3 examples/certificates/enrol.py request alice.example.com > alice.csr
    python3 examples/certificates/enrol.py install alice.pem root.pem

The first makes a key, which stays on the gateway, and prints a request for an authority to sign. The second
commits what the authority made of it, under the names "gateway" and "authority".
"""

import argparse
import sys
from pathlib import Path

from lxml import etree
from ncclient import NCClientError, manager
from ncclient.operations import RPCError

PKI = "urn:yangswan:params:xml:ns:yang:pki"
NETCONF = "urn:ietf:params:xml:ns:netconf:base:1.0"

parser = argparse.ArgumentParser(description="Give a gateway a certificate.")
parser.add_argument("--host", default="127.0.0.1")
parser.add_argument("--port", type=int, default=8300)
parser.add_argument("--user", default="admin")
parser.add_argument("--key", default="var/client_key", help="a file with your private key")
parser.add_argument("--host-key", help="the gateway's host_key.pub; without it, the one beside --key")
commands = parser.add_subparsers(dest="command", required=True)
request = commands.add_parser("request", help="make a key and print a request for a certificate")
request.add_argument("name", help="the domain name of the gateway")
install = commands.add_parser("install", help="commit the certificates of the gateway and of the authority")
install.add_argument("certificate")
install.add_argument("authority")
options = parser.parse_args()
host_key_file = options.host_key or Path(options.key).with_name("host_key.pub")
try:
    host_key = Path(host_key_file).read_text(encoding="ascii").split()[1]
except (OSError, ValueError, IndexError):
    parser.error(f"{host_key_file} is no host key: give a copy of the gateway's host_key.pub with --host-key")


def call(session: manager.Manager, rpc: str, **inputs: str) -> etree._Element:
    """Call an rpc of the module; underscores in the names of inputs stand for hyphens."""
    operation = etree.Element(f"{{{PKI}}}{rpc}")
    for name, value in inputs.items():
        etree.SubElement(operation, f"{{{PKI}}}{name.replace('_', '-')}").text = value
    return etree.fromstring(session.dispatch(operation).xml.encode())


def ask(session: manager.Manager, name: str) -> None:
    """Print a signing request for a new key that is called ``name`` too."""
    call(session, "generate-key-pair", name=name)
    operation = etree.Element(f"{{{PKI}}}generate-signing-request")
    etree.SubElement(operation, f"{{{PKI}}}private-key").text = name
    etree.SubElement(operation, f"{{{PKI}}}subject").text = f"O=ACME, CN={name}"
    alternative = etree.SubElement(operation, f"{{{PKI}}}subject-alt-name")
    etree.SubElement(alternative, f"{{{PKI}}}name").text = name
    reply = etree.fromstring(session.dispatch(operation).xml.encode())
    print(reply.findtext(f"{{{PKI}}}pem"), end="")


def commit(session: manager.Manager, **files: str) -> None:
    """Commit certificates by the names that tunnels use for them."""
    config = etree.Element(f"{{{NETCONF}}}config")
    certificates = etree.SubElement(config, f"{{{PKI}}}certificates")
    for name, file in files.items():
        entry = etree.SubElement(certificates, f"{{{PKI}}}certificate")
        etree.SubElement(entry, f"{{{PKI}}}name").text = name
        etree.SubElement(entry, f"{{{PKI}}}pem").text = Path(file).read_text(encoding="ascii")
    with session.locked("candidate"):
        session.edit_config(target="candidate", config=config)
        session.commit()
    print("the certificates are there")


try:
    with manager.connect(
        host=options.host,
        port=options.port,
        username=options.user,
        key_filename=options.key,
        hostkey_b64=host_key,
        allow_agent=False,
        look_for_keys=False,
    ) as gateway:
        if options.command == "request":
            ask(gateway, options.name)
        else:
            commit(gateway, gateway=options.certificate, authority=options.authority)
except RPCError as error:
    sys.exit(f"the gateway refused it: {error.message}")
except (NCClientError, OSError) as error:
    sys.exit(f"it could not be done: {error}")
