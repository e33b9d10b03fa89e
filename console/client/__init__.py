"""NETCONF sessions of the command line, on ncclient: over the agent's UNIX socket, or over SSH.

session: one session; what fails becomes ServerErrors or Gone, never a traceback and never raw XML.
"""
