"""strongSwan 6 under the tests that depend on it: that of Debian 13, and that of Debian's next release."""

from __future__ import annotations

import pytest

from tests.machines.running import PYTEST, SETUP, machine

pytestmark = pytest.mark.machine

# With ML-KEM, which needs 6.0.2 and OpenSSL 3.5, and with alerts, which need 6.0.3.
NEXT = (
    "--layer", "next",
    "set -e; cd /etc/apt; sed -n 's/ trixie main/ testing main/p' sources.list >sources.list.d/next.list; "
    r"printf 'Package: *\nPin: release a=testing\nPin-Priority: 50\n' >preferences.d/next; "
    "apt-get update -qq; export DEBIAN_FRONTEND=noninteractive; "
    "apt-get install -y -qq --no-install-recommends -t testing strongswan-charon strongswan-swanctl "
    "libstrongswan-standard-plugins libstrongswan-extra-plugins libcharon-extra-plugins",
)  # fmt: skip
REAL = "tests/translators/real"
TESTS = " ".join(
    f"{REAL}/test_{name}.py" for name in ("algorithms", "tunnel", "tunnel_changed", "tunnel_restarts")
)


@pytest.mark.parametrize(
    ("layers", "lacks"), [((), "algorithm-not-loaded"), (NEXT, None)], ids=["of-debian-13", "next"]
)
def test_key_exchanges_and_changes_of_tunnels_on_strongswan_6(
    layers: tuple[str, ...], lacks: str | None
) -> None:
    run = f".venv/bin/python -m pytest -q -rP -m real {TESTS}"
    ended = machine("chroot", "13", *SETUP, *PYTEST, *layers, "--", "bash", "-c", run)
    print(ended.output)
    assert ended.status == 0
    assert ("lacks them" in ended.output) == (lacks is not None)
    assert "ke-not-supported" not in ended.output
