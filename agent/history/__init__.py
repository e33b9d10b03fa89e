"""What commits were, and what one would do, as clients see it. Pure: what is recorded or foreseen comes in,
RFC 7951 content comes out.

- commits: a commit as an entry of /yangswan-agent:agent/history
- foresight: what translators foresee, as the answer of a dry run

Who may see what is decided before: agent.operations.history, agent.operations.dry_run.
"""
