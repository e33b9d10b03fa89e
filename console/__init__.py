"""The operator's command ``yangswan``: what a network engineer types on a gateway, or beside one.

It is a NETCONF client like any other and knows nothing that NETCONF does not tell: it never imports ``agent``
or ``translators``. start is its beginning, interrupts what Ctrl-C does; command_line holds its words, one
function for each sub-command. What is done with the
files of an agent that does not run is done by the agent's own program, which ``stopped`` begins; subsystem is
the way from the sshd of this machine to the agent; passwd makes the hash of a password; harmless makes text
fit for a terminal; unread lets go of output that nobody reads. Rooms, from the ground up: ``model`` (the
YANG modules that the server serves, as a tree; pure but for its cache), ``grammar`` (lines to changes and
commands, and back; pure), ``client`` (sessions), ``show`` and ``live`` (what is looked at), ``shell`` (the
interactive command line, and one line after the other for scripts).
"""
