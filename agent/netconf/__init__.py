"""NETCONF on the wire, without I/O: bytes and events in, actions out.

framing cuts the stream into messages (RFC 6242), messages reads and writes them (RFC 6241), known tells
requests that came before, session keeps the state of one client. A fault of the peer on the wire raises
ProtocolError and ends the session; a fault in a message is answered. No socket, clock or log is known here:
time limits are the adapter's.
"""
