"""Transports: accept, authenticate, limit, and move bytes. What the bytes mean is not known here.

Each transport calls ``serve(stream, peer)`` for every NETCONF channel and owns nothing of the session.
"""
