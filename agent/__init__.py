"""A NETCONF server for any YANG module.

Rooms, and what each may import, are listed in docs/architecture.md and enforced by
tests/test_imports.py. Nothing here knows of IPsec: whatever makes YANG data real is a
translator (agent.translator), found through the entry-point group ``yangswan.translators``.
"""
