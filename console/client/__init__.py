"""NETCONF sessions of the command line: over the agent's UNIX socket, or over SSH.

session: the interface that the rooms above see; what fails becomes ServerErrors or Gone, never a traceback
and never raw XML. connection: what fulfils it. netconf: one session over a stream, with framing (RFC 6242)
and documents (what came, parsed). stream: the interface of unix, the socket of this machine, and of ssh, to
which known_hosts tells the keys of a server, and ssh_config what ~/.ssh/config says of a host.
"""
