"""Whom is asked: the agent, and what is measured beside it in the same run.

- failed: what a peer says that cannot be measured; keys: a key to log in with
- agent: yangswan, in a process of its own, with limits that let one user have many sessions
- sync_counter: put before the agent's command, it has the kernel count how often the disk is waited for
- stub, stub_server: asyncssh alone, answering with what the agent answered before
- libyang_rows, libyang_alone: the binding alone, in a process of its own
- netconfd: yuma123's server, on the module bench-tunnels
- vici_loop: a charon and its socket, with nothing between; vici_events: what it tells by itself
"""
