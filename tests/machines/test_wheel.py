"""The wheel in a fresh virtual environment on a fresh Debian: it works, and says what else is needed."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.machines.running import shown

pytestmark = pytest.mark.machine

COMPILER = ("--layer", "compiler", r"""# what pip needs to compile the binding
set -e
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends python3-venv python3-dev \
    gcc libc6-dev libyang2-dev ca-certificates
""")  # fmt: skip

SCRIPT = r"""
set -eu
settings=/tmp/settings.toml
export DEBIAN_FRONTEND=noninteractive
say() { while read -r line; do echo "$1: $line"; done; }
cp -r . /tmp/source
python3 -m venv /tmp/venv
cd /tmp
venv/bin/pip -q wheel --no-deps -w wheels ./source
rm -rf source
venv/bin/pip -q install "yangswan[debian12] @ file://$(ls /tmp/wheels/yangswan-*.whl)"
venv/bin/yangswand --version | say version

printf 'listen = "127.0.0.1:8300"\ndata-dir = "/tmp/data"\n' >$settings
venv/bin/yangswand --check --config $settings 2>&1 | say managed
(cat $settings; echo 'charon = "none"') >none.toml
venv/bin/yangswand --check --config none.toml 2>&1 | say none
venv/bin/yangswand --config none.toml >out 2>log &
agent=$!
for _ in $(seq 300); do grep -q '^ready ' out && break; sleep 0.2; done
tail -n 1 out | say started
kill $agent
wait $agent && echo "ended: 0"

apt-get purge -y -qq libyang2 >/dev/null
venv/bin/yangswand --version 2>&1 | say library || true
venv/bin/yangswand --config none.toml 2>/dev/null || echo "without it: $?"
"""


@pytest.fixture(scope="module")
def seen() -> Mapping[str, list[str]]:
    ended = shown("chroot", "12", *COMPILER, "--", "bash", "-c", SCRIPT)
    assert ended.status == 0
    said: dict[str, list[str]] = {}
    for line in ended.output.splitlines():
        key, colon, text = line.partition(": ")
        if colon:
            said.setdefault(key, []).append(text)
    return said


def test_it_is_installed_and_runs(seen: Mapping[str, list[str]]) -> None:
    (version,) = seen["version"]
    assert version.startswith("yangswand ")
    assert "none" not in seen
    assert seen["started"] == ["ready 127.0.0.1:8300"]
    assert seen["ended"] == ["0"]


def test_a_check_names_each_package_that_is_missing(seen: Mapping[str, list[str]]) -> None:
    charon, nft = seen["managed"]
    assert charon.startswith("yangswand: note: charon is not installed")
    assert charon.endswith("install the package strongswan-charon")
    assert nft.endswith("the program nft was not found: install the package nftables")


def test_without_libyang_there_is_a_sentence(seen: Mapping[str, list[str]]) -> None:
    (sentence,) = seen["library"]
    assert sentence.startswith("yangswand: the C library libyang.so.2 is not installed: install the package ")
    assert seen["without it"] == ["1"]
