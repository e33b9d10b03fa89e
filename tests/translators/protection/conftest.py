"""Network namespaces of their own."""

from __future__ import annotations

from collections.abc import Iterator
from secrets import token_hex

import pytest

from tests.lab import Namespace
from tests.translators.protection.kernel_rules import NEAR, NEAR6


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    made = Namespace(f"ys-{token_hex(3)}-rules")
    yield made
    made.close()


@pytest.fixture
def beside() -> Iterator[Namespace]:
    """A second one."""
    made = Namespace(f"ys-{token_hex(3)}-beside")
    yield made
    made.close()


@pytest.fixture
def gateway(namespace: Namespace) -> Namespace:
    """A namespace with an address in the near network, and a route to the far one."""
    namespace.ip("link", "add", "near", "type", "veth", "peer", "name", "cable")
    namespace.ip("link", "set", "cable", "up")
    namespace.ip("address", "add", f"{NEAR}/16", "dev", "near")
    namespace.ip("address", "add", f"{NEAR6}/48", "dev", "near", "nodad")
    namespace.ip("link", "set", "near", "up")
    namespace.ip("link", "set", "lo", "up")
    namespace.ip("route", "add", "10.0.0.0/8", "dev", "near")
    namespace.ip("route", "add", "2001:db8::/32", "dev", "near")
    return namespace
