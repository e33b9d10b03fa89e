"""What the examples of this folder share: the options of the command line, and the connection."""

import argparse
import logging
import sys
from pathlib import Path

from ncclient import NCClientError, manager
from ncclient.transport.errors import AuthenticationError, SSHUnknownHostError


def parser(description: str) -> argparse.ArgumentParser:
    """Return a parser that knows how to reach a gateway."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--host", default="127.0.0.1")
    made.add_argument("--port", type=int, default=8300)
    made.add_argument("--user", default="admin")
    made.add_argument("--key", default="var/client_key")
    made.add_argument("--host-key", help="the gateway's host_key.pub; without it, the one beside --key")
    return made


def connect(options: argparse.Namespace) -> manager.Manager:
    """Open a session with the gateway that has the host key."""
    file = options.host_key or Path(options.key).with_name("host_key.pub")
    try:
        host_key = Path(file).read_text(encoding="ascii").split()[1]
    except (OSError, ValueError, IndexError):
        needed = "give a copy of the gateway's host_key.pub with --host-key"
        print(f"{file} is no host key: {needed}", file=sys.stderr)
        sys.exit(2)
    # What ncclient would print by itself is said below, in a sentence.
    logging.getLogger("ncclient").addHandler(logging.NullHandler())
    try:
        return manager.connect(
            host=options.host,
            port=options.port,
            username=options.user,
            key_filename=options.key,
            hostkey_b64=host_key,
            allow_agent=False,
            look_for_keys=False,
        )
    except AuthenticationError:
        reason = f"it does not let {options.user} in with the key {options.key}"
    except SSHUnknownHostError:
        reason = f"it has not the host key in {file}"
    except (NCClientError, OSError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
    print(f"the gateway {options.host} port {options.port} cannot be used: {reason}", file=sys.stderr)
    sys.exit(1)
