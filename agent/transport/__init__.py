"""Transports: accept, authenticate, limit, and move bytes. What the bytes mean is not known here.

Each transport calls ``serve(stream, peer)`` for every NETCONF channel and owns nothing of the session.

- stream: what a session reads from and writes to, and who is at the other end
- limits: what a client may take; lockout: who failed too often waits
- doorway: who has not logged in yet, and who of them gives way; intake: what arrives is taken in turns
- users: who may log in, by name and public keys
- files: keys and other small files, written durably
- activation: sockets that systemd listens on, and passes
- address: the address that clients come to, taken before anything is begun
- ssh, ssh_channel: NETCONF over SSH, and one channel of it
"""
