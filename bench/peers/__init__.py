"""Whom is asked: the agent, and what is measured beside it in the same run.

- agent: yangswan, in a process of its own, with limits that let one user have many sessions
- stub, stub_server: asyncssh alone, answering with what the agent answered before
"""
