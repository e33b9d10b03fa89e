"""The command line itself: reads lines, has the grammar read them, carries out what they mean.

console: what a command gets to work with. output: a terminal, its pager, or a pipe, on which printing puts
what rich makes. opening: from the words of ``yangswan`` to one of interactive, which asks for lines on a
terminal, and script, which has them. gathering: lines that go on over several. shell: what becomes of a line,
and how far one is. editing: the candidate, its lock, whose edits are in it. waiting: how a confirmed commit
has ended. counting: how much goes away with what is removed. saying: errors in words. lookup: values for
completion; offered: what that of a system's shell asks for. recall: what was typed before, without secrets.
asking: yes or no. table: all commands; those of this room are in commands/.
"""
