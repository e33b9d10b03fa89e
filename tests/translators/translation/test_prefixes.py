"""Addresses and prefixes are read as the library reads them, by the quick way too."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from translators.strongswan.translation.prefixes import canonical_address, canonical_prefix, prefix, written

TEXTS = st.one_of(
    st.ip_addresses().map(str),
    st.builds("{}/{}".format, st.ip_addresses(v=4), st.integers(0, 40)),
    st.builds("{}/{}".format, st.ip_addresses(v=6), st.integers(0, 140)),
    st.text("0123456789./:af", max_size=20),
    st.builds(".".join, st.lists(st.integers(0, 300).map(str), min_size=4, max_size=4)),
)


def outcome(function: Callable[[str], Any], text: str) -> Any:
    try:
        return function(text)
    except ValueError:
        return None


def by_library(text: str) -> Any:
    network = ipaddress.ip_network(text, strict=False)
    return network.version, int(network.network_address), network.prefixlen


@given(TEXTS)
@example("010.0.0.1")
@example("10.0.0.0/08")
@example("10.0.0.0/255.0.0.0")
@example("10.0.0.1/0")
@example("10.0.0.1/33")
@example("\uff11.0.0.1")
@example("10.0.0.1\n")
@example("2001:DB8::/32")
@example("fe80::1%eth0")
def test_the_quick_way_reads_what_the_library_reads(text: str) -> None:
    found = outcome(prefix, text)
    assert found == outcome(by_library, text)
    assert outcome(canonical_prefix, text) == outcome(
        lambda t: str(ipaddress.ip_network(t, strict=False)), text
    )
    assert outcome(canonical_address, text) == outcome(lambda t: str(ipaddress.ip_address(t)), text)
    if found is not None:
        assert prefix(written(found)) == found
