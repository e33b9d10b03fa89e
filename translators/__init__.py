"""Translators make YANG data real: each maps a configuration list, and those it refers to, to a live backend.

The agent finds them through the entry-point group ``yangswan.translators`` and speaks to them
through the Protocol in ``agent.translator``; it never imports this package by name.
"""
