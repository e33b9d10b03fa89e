"""The command line itself: reads lines, has the grammar read them, carries out what they mean.

console: what a command gets to work with. output: a terminal, its pager, or a pipe.
offered: what the completion of a system's shell asks for.
"""
