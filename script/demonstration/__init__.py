"""The demonstration behind script/demo.

Two gateways stand in network namespaces, each with an agent and a charon of its own; the topology is
that of the manual. Everything that is made is noted down before it is made (``Laboratory``), so that
it can be removed whenever the demonstration ends; signals are held back while something is being made
(``Interrupts``). The tunnel is configured and observed as any client would do it: over NETCONF.
"""
