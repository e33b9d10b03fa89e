"""Two gateways with certificates, and who publishes what is revoked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab import Lab
from tests.translators.publisher import Publisher, published
from tests.translators.real.revoked import Both
from tests.translators.real.test_certificates import ROOT


@pytest.fixture
def both(lab: Lab) -> Both:
    return Both(lab)


@pytest.fixture
def publisher(lab: Lab) -> Iterator[Publisher]:
    with published(ROOT, lab.alice_ns, "192.168.0.1") as found:
        yield found
