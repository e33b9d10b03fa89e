"""What is looked at once: tables and pages of tunnels, daemon, certificates, sessions, commits, and the rest.

Each command asks for what it shows and no more, of thousands of entries in pages, and shows it as text or,
with --json, as the data of the server (RFC 7951). Pure are layout (text that fits a terminal, and does
nothing to it), times (in words), data (what is asked for, and read), rfc7951 (data as JSON), differences
(of two commits), pending (a confirmed commit that waits), status (a tunnel's state in the words of the
router's manual) and sas (its SAs, as that has them). The commands: tunnels and tunnel (``show ipsec``),
daemon, certificates, sessions, configuration, history, access, version; commands joins them. screen: how
wide the terminal is, and one thing shown there. No secret is shown. None is asked for but with the
configuration as a whole, out of which it is taken here.
"""
