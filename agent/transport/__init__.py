"""Transports: accept, authenticate, limit, and move bytes. What the bytes mean is not known here.

Each transport calls ``serve(stream, peer)`` for every NETCONF channel and owns nothing of the session.
Whoever comes, and through which, the sessions of all share the same places.

- stream: what a session reads from and writes to, and who is at the other end
- limits: what a client may take; lockout: who failed too often waits
- places: of all sessions, whoever has them, and through which transport
- doorway: who has not logged in yet, and who of them gives way; intake: what arrives is taken in turns
- users: who may log in, by name and public keys
- files: keys and other small files, written durably
- activation: sockets that systemd listens on, and passes
- address: the address that clients come to, taken before anything is begun
- accounts: what the system knows of a user: his number, his groups; looked up beside the event loop
- ssh, ssh_channel: NETCONF over SSH, and one channel of it; ssh_between: what asyncssh has no hooks for;
  key_exchanges: how keys are agreed on
- local_socket: the UNIX socket as a file, made and removed safely
- unix, unix_stream: NETCONF over it, and one connection of it; preamble: what comes before it from a sshd
"""
