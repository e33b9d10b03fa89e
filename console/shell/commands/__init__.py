"""The commands that are no edit and show nothing of the gateway's state, one table each.

contexts: into the configuration and out of it. committing: commit, and what belongs to a confirmed one.
candidate: what is in it, back to an earlier commit, its lock. around: help, the terminal, the end. outcome:
what became of a commit whose answer did not come. requests: the rpcs that they send, and what is read of
replies.
"""
