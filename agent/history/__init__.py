"""What commits were, as clients see them. Pure: what is recorded comes in, RFC 7951 content comes out.

- commits: a commit as an entry of /yangswan-agent:agent/history

Who may see what is decided before: agent.operations.history.
"""
